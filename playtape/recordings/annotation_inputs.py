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

from playtape.actions.names import INDEX, from_pixels2play
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
_SUMS = [INDEX[name] for field in ("mouse_delta_event", "wheel_event") for name in VECTORS[field]]

named = lru_cache(4096)(from_pixels2play)
"""(text, device) -> our name or None; the same few are asked for a million times."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """What hands did, as rows [R] in the order of the file. An event that moves both ways is two; one that moves none is none."""

    frame: np.ndarray  # int64, the number of the annotation that lists it
    time: np.ndarray  # int64, ns on the recorder's clock
    input: np.ndarray  # int16, as in Events
    value: np.ndarray  # float64
    kinds: Counter[str]  # events of each kind
    unknown: Counter[str]  # what our vocabulary lacks, in events or else in levels; it has no row

    @classmethod
    def of(cls, frames: Iterable[FrameAnnotation]) -> "Inputs":
        kinds: list[str | None] = []
        unknown, levels = Counter[str](), Counter[str]()
        number, stamp, code, one, other = array("q"), array("Q"), array("h"), array("d"), array("d")
        for i, frame in enumerate(frames):
            for event in frame.input_events:
                kind = event.WhichOneof("event")
                kinds.append(kind)
                index = _FIRST.get(kind)
                if index is not None:
                    vector = getattr(event, kind)
                    x, y = vector.x, vector.y
                else:
                    told = single(kind, event)
                    if isinstance(told, str):
                        unknown[told] += 1
                        continue
                    (index, x), y = told, 0
                number.append(i)
                stamp.append(event.time)
                code.append(index)
                one.append(x)
                other.append(y)
            levels.update(_strangers(frame))
        unknown.update({name: count for name, count in levels.items() if name not in unknown})
        counted = Counter({KINDS.get(kind or "", "unknown"): count for kind, count in Counter(kinds).items()})
        return cls(*_rows(number, stamp, code, one, other), counted, unknown)

    def warnings(self) -> list[str]:
        """One sentence, if there are inputs that we do not know."""
        if not self.unknown:
            return []
        listed = ", ".join(f"{name} ({count})" for name, count in self.unknown.most_common(LISTED))
        more = f" and {len(self.unknown) - LISTED} more" if len(self.unknown) > LISTED else ""
        return [f"{sum(self.unknown.values())} inputs have no name in Playtape and are left out: {listed}{more}"]


def _rows(number: array, stamp: array, code: array, one: array, other: array) -> tuple[np.ndarray, ...]:
    """(frame, time, input, value) [R] of events [E], vectors taken apart."""
    first = np.array(code, np.int16)
    second = np.full(int(max(INDEX.values())) + 1, -1, np.int16)
    second[list(_SECOND)] = list(_SECOND.values())
    event = np.repeat(np.arange(len(first)), np.where(second[first] >= 0, 2, 1))
    again = np.append(False, event[1:] == event[:-1])
    index = np.where(again, second[first[event]], first[event])
    value = np.where(again, np.array(other)[event], np.array(one)[event])
    keep = ~(np.isin(index, _SUMS) & (value == 0))
    event = event[keep]
    time = np.minimum(np.array(stamp, np.uint64), LATEST).astype(np.int64)
    return np.array(number, np.int64)[event], time[event], index[keep], value[keep]


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
    return f"{device} {text[:40]}" if name is None else (INDEX[name], float(pressed))


def _axis(text: str, value: float) -> tuple[int, float] | str:
    if text not in AXES:
        return f"pad {text[:40]}"
    name, sign = AXES[text]
    return (INDEX[name], sign * value) if math.isfinite(value) else f"pad {text} without a number"


def _strangers(frame: FrameAnnotation) -> list[str]:
    """Names in a frame's levels that our vocabulary lacks."""
    found = []
    for action in (frame.user_action, frame.system_action):
        found += [f"key {name[:40]}" for name in action.keyboard.keys if named(name, "key") is None]
        found += [f"mouse {name[:40]}" for name in action.mouse.buttons_down if named(name, "mouse") is None]
    return found
