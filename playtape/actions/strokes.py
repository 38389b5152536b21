"""Strokes: what hands did and when a screen was shown, as event_tokens.py words them, on a grid of `period` ticks a frame.

Row t is [t, t + 1) * period: times in strokes go by the grid and not by the recording's own stamps, so that rounding to ticks
never moves anything over a frame's edge. Motion is summed over an interval and belongs to it: the published resampler instead
sums from one greedy stamp to the next, loses what comes after the last, and lets motion before a click come out after it.
`spread` undoes the published stamps, which end the about 50 ms that they sum. Key repeats are the state that they repeat.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playtape.actions import names
from playtape.actions.events import PRESS, RELEASE, REPEAT, Events
from playtape.actions.space import Actions, ActionSpace

TICK_NS = 10_000_000
KEYBOARD, MOUSE, SCREEN = range(3)
WHEEL, HWHEEL = 0x400, 0x800  # flags; the buttons' are in strokes.py
NOTCH = 120  # what a wheel's notch counts

STROKE: Any = np.dtype(
    [
        ("tick", "i8"),
        ("kind", "i1"),
        ("vk", "i2"),
        ("down", "?"),
        ("dx", "i4"),
        ("dy", "i4"),
        ("flags", "i2"),
        ("wheel", "i4"),
    ]
)
"""One event: its time, and of a key the Windows code and whether it goes down, of a mouse counts, button flags and the wheel
in 120ths of a notch (signed). Of a screen there is only the time."""
LEAST_PERIOD = 4  # ticks a frame: a quarter and three of them lie strictly inside
FARTHEST, MOST_NOTCHES = 1999, 9  # of one event; what is more becomes several
BUTTONS = {"mouse.left": 0x1, "mouse.right": 0x4, "mouse.middle": 0x10, "mouse.x1": 0x40, "mouse.x2": 0x100}
"""The flag of going down; that of going up is twice it."""
WHEELS = {"mouse.wheel": WHEEL, "mouse.hwheel": HWHEEL}
WINDOW_TICKS = 5  # what a published motion event sums, at most


class Stroke(NamedTuple):
    """One row of STROKE, where events come one by one."""

    tick: int
    kind: int
    vk: int = 0
    down: bool = False
    dx: int = 0
    dy: int = 0
    flags: int = 0
    wheel: int = 0


def sayable(name: str) -> bool:
    """Has this input words? Keys and pad buttons with a Windows code have, mouse buttons, motion and wheels; sticks have not."""
    return name in names.VK or name in ("mouse.dx", "mouse.dy", *WHEELS)


def of_actions(actions: Actions, space: ActionSpace, period: int) -> NDArray:
    """Numpy actions of T rows, without batch, to strokes in order of time. The last row only says what was held then.

    A press stands at 1/4 of the first held interval, a release at 3/4 of the last, motion at 3/4 of its interval.
    """
    held, axes = actions.buttons, actions.axes
    quarter, late = period // 4, 3 * period // 4
    found = []
    before = np.concatenate([np.zeros((1, held.shape[1]), bool), held])[:-1]
    for column, name in enumerate(space.buttons):
        if sayable(name):
            pressed = np.flatnonzero(held[:-1, column] & ~before[:-1, column])
            released = np.flatnonzero(held[:-1, column] & ~held[1:, column])
            found.append(_button(name, pressed * period + quarter, True))
            found.append(_button(name, released * period + late, False))
    place = {axis.name: column for column, axis in enumerate(space.axes)}
    dx, dy = (
        np.rint(axes[:-1, place[name]]).astype(np.int64) if name in place else np.zeros(len(axes[:-1]), np.int64)
        for name in ("mouse.dx", "mouse.dy")
    )
    stamps = np.arange(len(axes[:-1])) * period + late
    found.append(_moved(stamps, dx, dy))
    for name, flag in WHEELS.items():
        if name in place:
            found.append(_turned(stamps, axes[:-1, place[name]], flag))
    return _sorted(found)


def of_events(events: Events, time_ns: ArrayLike, period: int) -> NDArray:
    """Raw events to strokes: row t of `time_ns` int64 [T] becomes the t-th of the grid; what is outside of all rows is left out.

    Keys and buttons keep their place within their interval. Motion is summed from one frame, or click, to the next; it stands
    before the click, else where it last moved.
    """
    time = np.asarray(time_ns, np.int64)
    row = np.searchsorted(time, events.time_ns, side="right") - 1
    repeated = (events.value == REPEAT) & np.array([names.is_button(name) for name in events.names], bool)[events.input]
    inside = (row >= 0) & (row < len(time) - 1) & ~repeated
    row, stamp = row[inside], events.time_ns[inside]
    share = (stamp - time[row]) / (time[row + 1] - time[row])
    tick = row * period + np.clip((share * period).astype(np.int64), 1, period - 1)  # never on an edge
    value, which = events.value[inside], np.array(events.names, object)[events.input[inside]]
    found = []
    for name in sorted({*which.tolist()}):
        of = which == name
        if names.is_button(name) and sayable(name):
            found += [
                _button(name, tick[of & (value == PRESS)], True),
                _button(name, tick[of & (value == RELEASE)], False),
            ]
        elif name in WHEELS:
            found.append(_turned(tick[of], value[of], WHEELS[name]))
    clicks = np.isin(which, list(BUTTONS))
    part = row * (len(which) + 1) + np.cumsum(clicks)  # one number from a frame or click to the next
    motion = np.isin(which, ("mouse.dx", "mouse.dy"))
    parts, number = np.unique(part[motion], return_inverse=True)
    dx, dy = (
        np.rint(np.bincount(number, value[motion] * (which[motion] == name), len(parts))).astype(np.int64)
        for name in ("mouse.dx", "mouse.dy")
    )
    last = np.zeros(len(parts), np.int64)
    np.maximum.at(last, number, tick[motion])
    return _sorted([_moved(last, dx, dy), *found])  # at one tick, motion comes first: it was before the click


def to_events(strokes: NDArray) -> Events:
    """Strokes to events, at their ticks. What no input is named by is left out."""
    time, name, value = [], [], []
    for stroke in strokes.tolist():
        tick, kind, vk, down, dx, dy, flags, wheel = stroke
        said: list[tuple[str | None, float]] = []
        if kind == KEYBOARD:
            said = [(names.from_vk(vk), PRESS if down else RELEASE)]
        elif kind == MOUSE:
            said = [("mouse.dx", dx), ("mouse.dy", dy)]
            said += [(button, PRESS) for button, flag in BUTTONS.items() if flags & flag]
            said += [(button, RELEASE) for button, flag in BUTTONS.items() if flags & 2 * flag]
            said += [(turn, wheel / NOTCH) for turn, flag in WHEELS.items() if flags & flag]
        for each, amount in said:
            if each is not None and (amount or names.is_button(each)):
                time.append(tick * TICK_NS)
                name.append(names.INDEX[each])
                value.append(amount)
    return Events(np.array(time, np.int64), np.array(name, np.int16), np.array(value, np.float32))


def spread(strokes: NDArray, period: int) -> Events:
    """As `to_events`, for motion stamped at the end of what it sums, as the published recordings are: it is laid evenly over the
    time since the last motion, at most 50 ms, and each frame's part stands in the middle of what it has of that."""
    motion = strokes["kind"] == MOUSE
    motion &= (strokes["dx"] != 0) | (strokes["dy"] != 0)
    end = strokes["tick"][motion].astype(np.float64)
    before = np.concatenate([[-np.inf], end[:-1]]) if len(end) else end
    begin = np.maximum(before, end - WINDOW_TICKS)
    begin = np.where(begin < end, begin, end - WINDOW_TICKS)  # several at one stamp sum the same time
    rows = []
    for first, last, stroke in zip(begin, end, strokes[motion], strict=True):
        edges = np.arange(np.floor(first / period) + 1, np.ceil(last / period)) * period
        cuts = np.concatenate([[first], edges, [last]])
        for start, stop in pairwise(cuts):
            part, middle = (stop - start) / (last - first), int((start + stop) / 2 * TICK_NS)
            rows += [
                (middle, axis, float(stroke[field]) * part) for axis, field in (("mouse.dx", "dx"), ("mouse.dy", "dy"))
            ]
    still = strokes.copy()
    still["dx"], still["dy"] = 0, 0
    return Events.concatenate(to_events(still), Events.from_rows([row for row in rows if row[2]]))


def _button(name: str, ticks: NDArray, down: bool) -> NDArray:
    rows = np.zeros(len(ticks), STROKE)
    rows["tick"], rows["kind"] = ticks, MOUSE if name in BUTTONS else KEYBOARD
    if name in BUTTONS:
        rows["flags"] = BUTTONS[name] * (1 if down else 2)
    else:
        rows["vk"], rows["down"] = names.VK[name], down
    return rows


def _moved(ticks: NDArray, dx: NDArray, dy: NDArray) -> NDArray:
    """Motion, in as many events as it takes; none where there is none."""
    count = -(-np.maximum(np.abs(dx), np.abs(dy)) // FARTHEST)
    which = np.repeat(np.arange(len(ticks)), count)
    nth = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    rows = np.zeros(len(which), STROKE)
    rows["tick"], rows["kind"] = ticks[which], MOUSE
    for field, whole in (("dx", dx[which]), ("dy", dy[which])):
        rows[field] = whole * (nth + 1) // count[which] - whole * nth // count[which]
    return rows


def _turned(ticks: NDArray, value: NDArray, flag: int) -> NDArray:
    """A wheel: whole notches, as soon as its fractions make one, in as many events as it takes."""
    total = np.rint(np.cumsum(value.astype(np.float64))).astype(np.int64)
    notches = np.diff(total, prepend=0)
    count = -(-np.abs(notches) // MOST_NOTCHES)
    which = np.repeat(np.arange(len(ticks)), count)
    nth = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    rows = np.zeros(len(which), STROKE)
    rows["tick"], rows["kind"], rows["flags"] = ticks[which], MOUSE, flag
    whole = notches[which]
    rows["wheel"] = NOTCH * (whole * (nth + 1) // count[which] - whole * nth // count[which])
    return rows


def _sorted(parts: Sequence[NDArray]) -> NDArray:
    rows = np.concatenate([np.zeros(0, STROKE), *parts])
    return rows[np.argsort(rows["tick"], kind="stable")]
