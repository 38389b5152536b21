"""A Pixels2Play annotation.proto: opened, checked, and counted. What it means in our nouns is formats/p2p.py.

A file that is cut within a frame is no message; one that is cut between two frames is one, of fewer frames.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from playtape.errors import BadInput
from playtape.recordings.annotation_inputs import Inputs
from playtape.recordings.proto.video_annotation_pb2 import FrameAnnotation, FrameTextAnnotation, VideoAnnotation

WIDTH = 768  # numbers of EmbeddingGemma, which published embeddings were made with


def load(path: Path) -> VideoAnnotation:
    """The annotation in a file. Raises BadInput for what is none, or has no frame."""
    return parse(path.read_bytes(), str(path))


def parse(data: bytes, name: str) -> VideoAnnotation:
    """The annotation in `data`, which `name` names. Raises BadInput for what is none, or has no frame."""
    try:
        message = VideoAnnotation.FromString(data)
        misfit = next(_misfits(message), None)
    except DecodeError:
        misfit = "it is cut or damaged"
    else:
        misfit = misfit or ("" if message.frame_annotations else "it has no frames")
    if misfit:
        raise BadInput(f"{name} is not a Pixels2Play annotation ({misfit}); give an annotation.proto with frames in it")
    return message


def strays(message: Message) -> dict[int, Any]:
    """{number: value} of fields that came as another kind of value than the .proto says; protobuf keeps such as unknown."""
    about: Any = message.DESCRIPTOR
    known = about.fields_by_number
    return {each.field_number: each.data for each in UnknownFieldSet(message) if each.field_number in known}


def _misfits(message: Message) -> Iterator[str]:
    """Where in a message there are such, one by one. Not within its lists: those of an annotation are long."""
    about: Any = message.DESCRIPTOR
    for number in strays(message):
        yield f"its {about.name}.{about.fields_by_number[number].name} is of another kind"
    for _, value in message.ListFields():
        if isinstance(value, Message):
            yield from _misfits(value)


@dataclass(frozen=True)
class Known:
    """Whose the action of each frame is, bool [N]; where both are, the label rule says the system's."""

    user: list[bool]
    system: list[bool]

    @classmethod
    def of(cls, frames: Iterable[FrameAnnotation]) -> "Known":
        pairs = [(frame.user_action.is_known, frame.system_action.is_known) for frame in frames]
        return cls([user for user, _ in pairs], [system for _, system in pairs])

    def warnings(self) -> list[str]:
        """What a trainer should know of it."""
        both = sum(user and system for user, system in zip(self.user, self.system))
        neither = sum(not (user or system) for user, system in zip(self.user, self.system))
        said = []
        if both:
            said.append(f"{both} frames are the user's and the system's at once; the system's action counts, unlearned")
        if neither:
            said.append(f"{neither} frames are neither the user's nor the system's; nothing is learned from them")
        if not any(user and not system for user, system in zip(self.user, self.system)):
            said.append("no frame is the user's, so that nothing can be learned from this recording")
        return said


def text_warnings(frames: Iterable[FrameAnnotation]) -> list[str]:
    """What is odd about instructions: embeddings of another size, durations that are none."""
    sizes: Counter[int] = Counter()
    wrong = torn = 0
    for said in (text for frame in frames for text in frame.frame_text_annotation):
        wrong += not (math.isfinite(said.duration) and said.duration >= 0)
        for values, shape in embeddings(said):
            sizes[values] += 1
            torn += math.prod(shape) != values
    other = {size: count for size, count in sizes.items() if size != WIDTH}
    found = []
    if other:
        listed = ", ".join(f"{count} of {size}" for size, count in other.items())
        found.append(f"embeddings are not of {WIDTH} numbers, as EmbeddingGemma's are: {listed}")
    if torn:
        found.append(f"{torn} embeddings have a shape that does not fit their numbers")
    if wrong:
        found.append(f"{wrong} instructions have a duration that is no length of time; they end where they begin")
    return found


def embeddings(said: FrameTextAnnotation) -> Iterator[tuple[int, list[int]]]:
    """(how many numbers, shape) of each embedding of an instruction."""
    for by_tokenizer in said.text_embedding_dict.values():
        for tensor in by_tokenizer.text_embeddings.values():
            yield len(tensor.values), list(tensor.shape)


def summary(path: Path) -> dict[str, Any]:
    """What `playtape info` tells of an annotation, all plain values. Raises BadInput if it is none."""
    message = load(path)
    frames = message.frame_annotations
    found, known = Inputs.of(frames), Known.of(frames)
    times = [frame.frame_time for frame in frames]
    falls = sum(after < before for before, after in pairwise(times))
    warnings = [f"{falls} frames are stamped earlier than the one before, so there is no duration"] if falls else []
    span = (times[-1] - times[0]) / 1e9 if len(times) > 1 else 0.0
    measured = (len(times) - 1) / span if span > 0 and not falls else None
    about = message.metadata
    declared = about.frames_per_second if 0 < about.frames_per_second < math.inf else None
    return {
        "frames": len(frames),
        "fps": declared or measured,
        "vfr": True,
        "duration_s": None if falls else span,
        "user_known": sum(known.user),
        "system_known": sum(known.system),
        "events": sum(found.kinds.values()),
        "inputs": dict(found.kinds),
        "unknown": dict(found.unknown.most_common()),
        "texts": sum(len(frame.frame_text_annotation) for frame in frames),
        "schema": f"elefant VideoAnnotation, version {message.version or None}",
        "version": message.version or None,
        "recorder": about.capture_device_specs.recap_version or None,
        "game": about.env.env,
        "variant": about.env.env_subtype,
        "player": about.user,
        "licence": "",
        "warnings": [*warnings, *known.warnings(), *found.warnings(), *text_warnings(frames)],
    }
