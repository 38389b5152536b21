"""A light look into Pixels2Play annotation files: how much is in them, not what. Reads protobuf's wire format directly.

Field numbers are those of elefant.training_data.video_annotation (proto3); unknown fields are passed over.
"""

import math
import struct
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from playtape.errors import BadInput

METADATA, FRAME, VERSION = 2, 3, 6  # fields of VideoAnnotation
USER, SYSTEM, FRAME_TIME, EVENT = 1, 6, 8, 9  # fields of FrameAnnotation
KNOWN = 3  # LowLevelAction.is_known
RATE, ENV, ENV_NAME = 5, 6, 1  # VideoAnnotationMetadata.frames_per_second, .env; VideoAnnotationEnv.env
EVENTS = {
    1: "mouse button",
    2: "key",
    3: "mouse position",
    4: "wheel",
    5: "mouse motion",
    7: "pad button",
    8: "pad axis",
    9: "pad trigger",
}


def summary(path: Path) -> dict[str, Any]:
    """Frames, rate, duration, events by kind, version and game. Raises BadInput if it is no annotation file."""
    frames, users, systems = 0, 0, 0
    times: list[int] = []
    events: Counter[str] = Counter()
    facts: dict[str, Any] = {"version": None, "fps": None, "game": ""}
    data = path.read_bytes()
    try:
        for number, value in fields(data):
            if number == FRAME:
                frames += 1
                inner = list(fields(value))
                times += [int(v) for n, v in inner if n == FRAME_TIME]
                users += any(dict(fields(v)).get(KNOWN) for n, v in inner if n == USER)
                systems += any(dict(fields(v)).get(KNOWN) for n, v in inner if n == SYSTEM)
                events.update(_kind(v) for n, v in inner if n == EVENT)
            elif number == METADATA:
                facts |= _metadata(value)
            elif number == VERSION:
                facts["version"] = int(value)
    except (IndexError, ValueError, TypeError, AttributeError):
        frames = 0
    if not frames:
        raise BadInput(f"{path} is not a Pixels2Play annotation; give an annotation.proto with frames in it")
    falls = sum(after < before for before, after in pairwise(times))
    warnings = [f"{falls} frames are stamped earlier than the one before, so there is no duration"] if falls else []
    span = (times[-1] - times[0]) / 1e9 if len(times) > 1 else 0.0
    measured = (len(times) - 1) / span if span > 0 and not falls else None
    return {
        "frames": frames,
        "fps": facts["fps"] or measured,
        "vfr": True,
        "duration_s": None if falls else span,
        "events": dict(events),
        "schema": f"elefant VideoAnnotation, version {facts['version']}",
        "version": facts["version"],
        "user_frames": users,
        "system_frames": systems,
        "game": facts["game"],
        "licence": "",
        "warnings": warnings,
    }


def _metadata(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, value in fields(data):
        if number == RATE:
            if not isinstance(value, bytes) or len(value) != 4:
                raise ValueError("frames_per_second is a float of 4 bytes")
            (rate,) = struct.unpack("<f", value)
            found["fps"] = rate if 0 < rate < math.inf else None
        elif number == ENV:
            found["game"] = dict(fields(value)).get(ENV_NAME, b"").decode()
    return found


def _kind(event: bytes) -> str:
    return next((EVENTS[number] for number, _ in fields(event) if number in EVENTS), "unknown")


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """(field number, value) of a protobuf message: int for varints, bytes for all else. ValueError if it is none."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("field 0")
        if wire == 0:
            value, position = _varint(data, position)
            yield number, value
            continue
        if wire == 2:
            length, position = _varint(data, position)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if position + length > len(data):
            raise ValueError("a field ends after the message")
        yield number, data[position : position + length]
        position += length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, position
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
