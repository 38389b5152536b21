"""Recordings of Pixels2Play (arXiv 2601.04575; elefant-ai/open-p2p, recorder elefant-ai/recap): a folder each, named by a UUID.

    dataset/UUID/{annotation.proto, video.mp4, 192x192.mp4}

Annotation i is written when frame i enters the encoder: motion is summed over (frame i - 1, frame i], keys and buttons are as
they are at frame i, events are all since frame i - 1. So `actions[t]` is annotation t + 1, made from its events: held at any
moment, which the levels do not tell. Where a device has no events at all, its levels and sums stand in.

- The recording's clock is the video's, 20 frames a second exactly; the recorder's own `frame_time` strays from it by up to 20 ms.
  An event keeps its place between the two frames that it lies between (docs/decisions/011-one-clock-a-recording.md).
- What happened before the first frame is only its result: what is held, and where the pointer is.
- `is_known` becomes spans "control" ("human", and "policy" for the system, which is the one where both are known) and "masked"
  where neither is: the system's intervals are inputs of a model, and never labels.
- [ and ] steer the recorder and are no actions. LeftShift is one, though the recorder leaves it out of its levels.
- The picture is video.mp4's, which models resize as they do what they play; 192x192.mp4's where there is no other.
- Inputs that our vocabulary lacks are counted and named in `warnings`.

The annotation itself stays with the recording as an attachment, and `write` gives it back, to the byte if nothing was changed.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from playtape.actions import Events
from playtape.errors import BadInput
from playtape.recordings.annotation import parse
from playtape.recordings.atomic import atomic
from playtape.recordings.convert import Resize
from playtape.recordings.formats import _video_files
from playtape.recordings.formats._p2p_frames import can_say
from playtape.recordings.formats._p2p_reading import recording_of
from playtape.recordings.formats._p2p_writing import fresh, merge
from playtape.recordings.nouns import Attachment, Info, Recording, Span
from playtape.recordings.timeline import check_unchanged
from playtape.recordings.video import Video, write_video

__all__ = ["example", "find", "read", "unsaid", "write"]

ANNOTATION, PICTURE, SMALL = "annotation.proto", "video.mp4", "192x192.mp4"
SIDE = 192
CRF = 12  # of the small video; the published ones have 6 to 17


def find(root: Path) -> list[Path]:
    """The folders of recordings at or below `root`, sorted."""
    root = Path(root)
    if root.is_file():
        if root.name != ANNOTATION:
            raise BadInput(f"{root} is no {ANNOTATION}; give its folder, or a folder of such folders")
        return [root.parent]
    found = sorted(path.parent for path in root.rglob(ANNOTATION))
    packed = [] if found else sorted(root.rglob("*.tar.gz"))
    if packed:
        raise BadInput(f"{root} holds {len(packed)} archives ({packed[0].name}, ...); unpack them first: tar -xzf")
    return found


def read(path: Path) -> Recording:
    """The recording in a folder. Raises BadInput for what is no annotation, and where its frames are not the video's."""
    folder = Path(path).parent if Path(path).name == ANNOTATION else Path(path)
    if not (folder / ANNOTATION).is_file():
        raise BadInput(f"{folder} has no {ANNOTATION}; give the folder of a recording")
    kept = Attachment.of(folder / ANNOTATION, "application/x-protobuf")
    video = next((folder / name for name in (PICTURE, SMALL) if (folder / name).is_file()), None)
    if video is None:
        raise BadInput(f"{folder} has no video; legal is {PICTURE} or {SMALL} beside its {ANNOTATION}")
    message = parse(kept.read(), str(folder / ANNOTATION))
    recording = recording_of(message, Video(video), folder.name)
    return replace(recording, attachments={ANNOTATION: kept})


def write(recording: Recording, path: Path, resize: Resize | None = None) -> Path:
    """Write the folder `path`. Each file is atomic; the annotation comes last, so that there is none without its video.

    What was read as this format is given back as it was, but for what was changed since. Anything else is written from nothing:
    `unsaid` tells what is lost. 192x192.mp4 is made by `resize`, or left out without one.
    """
    folder = Path(path)
    kept = recording.attachments.get(ANNOTATION)
    if kept is None:
        data = fresh(recording, folder.name).SerializeToString(deterministic=True)
    else:
        data = kept.read()
        message = parse(data, f"the {ANNOTATION} kept in {kept.path}")
        if merge(message, recording, folder.name):
            data = message.SerializeToString(deterministic=True)
    _write_videos(recording.video, folder, resize)
    with atomic(folder / ANNOTATION) as temporary:
        temporary.write_bytes(data)
    return folder


def unsaid(recording: Recording) -> list[str]:
    """What of a recording the format has no words for, one sentence each."""
    dumb = {name: count for name, count in recording.events.counts().items() if not can_say(name)}
    late = int((recording.events.value[recording.events.time_ns >= recording.time_ns[-1]] != 0).sum())
    found = []
    if dumb:
        listed = ", ".join(f"{name} ({count})" for name, count in dumb.items())
        found.append(f"the format has no name for {listed}; these events are left out")
    if late:
        found.append(f"{late} events after the last frame is shown have no annotation and are left out")
    if recording.confidence is not None:
        found.append("the format has no place for a labeller's confidence")
    return found


def _write_videos(video: Video, folder: Path, resize: Resize | None) -> None:
    """video.mp4, and the small one beside it; a video that is small already is that one alone."""
    check_unchanged(video.path, video.signature)
    small = (video.width, video.height) == (SIDE, SIDE)
    target = folder / (SMALL if small else PICTURE)
    _video_files.put(video, target)
    if resize is not None and not small:
        pictures = _video_files.sized(video.stream(), (SIDE, SIDE), resize)
        write_video(folder / SMALL, pictures, time_ns=video.time_ns, crf=CRF)


def example(tmp: Path) -> Path:
    """Two seconds in which a square follows the mouse: a person plays, then a policy, then the person again."""
    frames = np.zeros((40, 48, 64, 3), np.uint8)
    for t, frame in enumerate(frames):
        frame[20:28, t % 56 : t % 56 + 8] = (255, 160, 64)
    source = Path(tmp) / "example.mp4"
    video = Video(write_video(source, frames, fps=20))
    time = video.time_ns.tolist()
    motion = [(t + 30_000_000, name, value) for t in time[:-1] for name, value in (("mouse.dx", 5), ("mouse.dy", -1))]
    keys = [
        (110_000_000, "key.w", 1),
        (1_510_000_000, "key.w", 0),
        (705_000_000, "mouse.left", 1),
        (715_000_000, "mouse.left", 0),
        (900_000_000, "mouse.wheel", -1),
        (1_010_000_000, "pad.left_x", 0.25),
    ]
    spans = (
        Span(time[0], time[20], "control", "human"),
        Span(time[20], time[30], "control", "policy"),
        Span(time[30], time[39], "control", "human"),
        Span(time[5], time[25], "text", "follow the square"),
    )
    info = Info(game="example", source="made by Playtape", licence="Apache-2.0", screen=(64, 48), player="somebody")
    write(
        Recording(video, Events.from_rows(keys + motion), spans, info),
        Path(tmp) / "0198cca6-0000-7000-8000-000000000000",
    )
    source.unlink()
    return Path(tmp)
