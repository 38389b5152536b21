"""Small Pixels2Play annotations, made on the spot, in folders as they are published."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from playtape.recordings import Recording, write_video
from playtape.recordings.formats import p2p
from playtape.recordings.proto.video_annotation_pb2 import FrameAnnotation, InputEvent, VideoAnnotation
from tests.recordings.pictures import numbered

MS = 1_000_000
STARTED_MS = 1_755_780_112_941
STEPS = (50, 47, 61, 42, 50, 50, 38, 62)  # ms between frames: the recorder's clock wavers, the video's does not


def annotation(count: int, *, first_ms: int = 130, who: str = "") -> VideoAnnotation:
    """`count` frames without input. `who` is a letter a frame: u user, s system, b both, - neither; users if left out."""
    message = VideoAnnotation(version=5)
    meta = message.metadata
    meta.id, meta.user, meta.timestamp, meta.frames_per_second = "0198-id", "Sam", STARTED_MS, 20
    meta.env.env, meta.env.env_subtype = "msdos", "quake"
    meta.capture_device_specs.recap_version = 13
    time = first_ms * MS
    for i in range(count):
        frame = message.frame_annotations.add(frame_time=time)
        acting = (who or "u" * count)[i]
        frame.user_action.is_known, frame.system_action.is_known = acting in "ub", acting in "sb"
        frame.user_action.mouse.mouse_delta_px.SetInParent()
        frame.system_action.SetInParent()
        time += STEPS[i % len(STEPS)] * MS
    return message


def key(frame: FrameAnnotation, name: str, pressed: bool, time: int) -> InputEvent:
    """List a key's event."""
    event = frame.input_events.add(time=time)
    event.keyboard_event.key, event.keyboard_event.pressed = name, pressed
    return event


def motion(frame: FrameAnnotation, x: int, y: int, time: int) -> None:
    """List a motion, and add it to the sum."""
    event = frame.input_events.add(time=time).mouse_delta_event
    event.x, event.y = x, y
    frame.user_action.mouse.mouse_delta_px.x += x
    frame.user_action.mouse.mouse_delta_px.y += y


def instruct(frame: FrameAnnotation, text: str, seconds: float, vector: Iterable[float] = ()) -> Any:
    """An instruction from this frame on, with an embedding as published."""
    said = frame.frame_text_annotation.add(instruction=text, duration=seconds)
    said.frame_text_annotator.provider, said.frame_text_annotator.version = "google", "gemini-2.5-flash"
    if numbers := list(vector):
        tensor = said.text_embedding_dict["gemini-2.5-flash"].text_embeddings["gemma"]
        tensor.shape.extend([1, len(numbers)])
        tensor.values.extend(numbers)
    return said


def folder(path: Path, message: VideoAnnotation | bytes, frames: int | None = None) -> Path:
    """A published folder: the annotation, and a video of its length or of `frames`."""
    path.mkdir(parents=True, exist_ok=True)
    data = message if isinstance(message, bytes) else message.SerializeToString(deterministic=True)
    (path / "annotation.proto").write_bytes(data)
    if frames is None:
        frames = len(VideoAnnotation.FromString(data).frame_annotations)
    write_video(path / "video.mp4", numbered(frames, 32, 48), fps=20)
    return path


def read(path: Path, message: VideoAnnotation | bytes, frames: int | None = None) -> Recording:
    """The recording of such a folder."""
    return p2p.read(folder(path, message, frames))
