"""The input events of a Pixels2Play annotation as columns, in our names.

An hour is a million of them, so that this is the one place that looks at each; nothing here knows what they mean to a frame.
"""

import math
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from playtape.actions.names import INDEX, INPUTS, from_pixels2play
from playtape.recordings.proto.video_annotation_pb2 import FrameAnnotation

KINDS = {
    "mouse_event": "mouse button",
    "keyboard_event": "key",
    "mouse_move_event": "mouse position",
    "wheel_event": "wheel",
    "mouse_delta_event": "mouse motion",
    "game_pad_button_event": "pad button",
    "game_pad_axis_event": "pad axis",
    "game_pad_trigger_event": "pad trigger",
}
VECTORS = {  # events of two inputs each
    "mouse_move_event": ("mouse.x", "mouse.y"),
    "mouse_delta_event": ("mouse.dx", "mouse.dy"),
    "wheel_event": ("mouse.hwheel", "mouse.wheel"),
}
AXES = {
    "left_stick_x": ("pad.left_x", 1),
    "left_stick_y": ("pad.left_y", -1),  # up is positive there
    "right_stick_x": ("pad.right_x", 1),
    "right_stick_y": ("pad.right_y", -1),
    "left_trigger": ("pad.left_trigger", 1),
    "right_trigger": ("pad.right_trigger", 1),
}
"""The recorder's name of a pad's axis or trigger -> ours, and what to multiply by."""
LATEST = 1 << 62  # ns: what is stamped later has no sensible time, and sums of such must fit
LISTED = 12  # names in a warning
_FIRST = {field: INDEX[x] for field, (x, _) in VECTORS.items()}
_SECOND = {INDEX[x]: INDEX[y] for x, y in VECTORS.values()}
_FIELD_OF = {"key": "keyboard_event", "mouse": "mouse_event", "pad": "game_pad_button_event"}
_KIND_OF = {index: KINDS[field] for field, index in _FIRST.items()}
_KIND_OF |= {INDEX[name]: "pad trigger" if "trigger" in name else "pad axis" for name, _ in AXES.values()}
_SUMS = [INDEX[name] for field in ("mouse_delta_event", "wheel_event") for name in VECTORS[field]]

named = lru_cache(4096)(from_pixels2play)
"""(text, device) -> our name or None; the same few are asked for a million times."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """What hands did, as rows [R] in the order of the file. An event that moves both ways is two; one that moves none is none."""

    frame: np.ndarray  # int32, the number of the annotation that lists it
    time: np.ndarray  # int64, ns on the recorder's clock
    input: np.ndarray  # int16, as in Events
    value: np.ndarray  # float32
    kinds: Counter[str]  # events of each kind
    unknown: Counter[str]  # what our vocabulary lacks, in events or else in levels; it has no row

    @classmethod
    def of(cls, frames: Iterable[FrameAnnotation]) -> "Inputs":
        unknown, levels, strange = Counter[str](), Counter[str](), Counter[str]()
        counts, stamps, codes, ones, others = array("i"), array("Q"), array("h"), array("f"), array("f")
        stamp, code, one, other = stamps.append, codes.append, ones.append, others.append
        for frame in frames:
            before = len(codes)
            for event in frame.input_events:
                kind = event.WhichOneof("event")
                if kind in _FIRST:
                    vector = getattr(event, kind)
                    code(_FIRST[kind])
                    one(vector.x)
                    other(vector.y)
                else:
                    told = single(kind, event)
                    if isinstance(told, str):
                        unknown[told] += 1
                        strange[KINDS.get(kind or "", "unknown")] += 1
                        continue
                    code(told[0])
                    one(told[1])
                    other(0.0)
                stamp(event.time)
            counts.append(len(codes) - before)
            levels.update(_strangers(frame))
        unknown.update({name: count for name, count in levels.items() if name not in unknown})
        first = np.frombuffer(codes, np.int16)
        rows, index, value = _taken_apart(first, np.frombuffer(ones, np.float32), np.frombuffer(others, np.float32))
        frame_of = np.repeat(np.arange(len(counts), dtype=np.int32), np.frombuffer(counts, np.int32))
        time = np.minimum(np.frombuffer(stamps, np.uint64), LATEST).astype(np.int64)
        return cls(frame_of[rows], time[rows], index, value, _kinds(first) + strange, unknown)

    def warnings(self) -> list[str]:
        """One sentence, if there are inputs that we do not know."""
        if not self.unknown:
            return []
        listed = ", ".join(f"{name} ({count})" for name, count in self.unknown.most_common(LISTED))
        more = f" and {len(self.unknown) - LISTED} more" if len(self.unknown) > LISTED else ""
        return [f"{sum(self.unknown.values())} inputs have no name in Playtape and are left out: {listed}{more}"]


def _taken_apart(first: np.ndarray, one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(event, input, value) [R] of events [E] that are a vector or a single input."""
    second = np.full(len(INPUTS), -1, np.int16)
    second[list(_SECOND)] = list(_SECOND.values())
    event = np.repeat(np.arange(len(first), dtype=np.int32), np.where(second[first] >= 0, 2, 1))
    again = np.append(False, event[1:] == event[:-1])[: len(event)]
    index = np.where(again, second[first[event]], first[event])
    value = np.where(again, other[event], one[event])
    keep = ~(np.isin(index, _SUMS) & (value == 0))
    return event[keep], index[keep], value[keep]


def _kinds(first: np.ndarray) -> Counter[str]:
    """How many of each kind there are of events whose (first) input is this."""
    found = Counter[str]()
    for index, count in enumerate(np.bincount(first, minlength=1).tolist()):
        if count:
            found[_KIND_OF.get(index) or KINDS[_FIELD_OF[INPUTS[index].partition(".")[0]]]] += count
    return found


def single(kind: str | None, event: Any) -> tuple[int, float] | str:
    """(input, value) of an event of one input, or the name that we lack."""
    if kind == "keyboard_event":
        return _button("key", event.keyboard_event.key, event.keyboard_event.pressed)
    if kind == "mouse_event":
        return _button("mouse", event.mouse_event.button, event.mouse_event.pressed)
    if kind == "game_pad_button_event":
        return _button("pad", event.game_pad_button_event.button, event.game_pad_button_event.pressed)
    if kind == "game_pad_axis_event":
        return _axis(event.game_pad_axis_event.axis, event.game_pad_axis_event.value)
    if kind == "game_pad_trigger_event":
        return _axis(event.game_pad_trigger_event.trigger, event.game_pad_trigger_event.value)
    return "an event of an unknown kind"


def _button(device: Literal["key", "mouse", "pad"], text: str, pressed: bool) -> tuple[int, float] | str:
    name = named(text, device)
    return f"{device} {_shown(text)}" if name is None else (INDEX[name], float(pressed))


def _axis(text: str, value: float) -> tuple[int, float] | str:
    if text not in AXES:
        return f"pad {_shown(text)}"
    name, sign = AXES[text]
    return (INDEX[name], sign * value) if math.isfinite(value) else f"pad {text} without a number"


def _shown(text: str) -> str:
    """A stranger's name in one line."""
    return text[:40] if text.isprintable() else repr(text[:40])


def _strangers(frame: FrameAnnotation) -> list[str]:
    """Names in a frame's levels that our vocabulary lacks."""
    found = []
    for action in (frame.user_action, frame.system_action):
        found += [f"key {_shown(name)}" for name in action.keyboard.keys if named(name, "key") is None]
        found += [f"mouse {_shown(name)}" for name in action.mouse.buttons_down if named(name, "mouse") is None]
    return found
