"""Action spaces: what hands can do, and the two ways between raw events and one row of actions a frame.

The convention: row t is what was done in the half-open interval [time_ns[t], time_ns[t+1]). T frame times give T rows; the
last frame has no interval, so its row is zero. Knows no model and no game.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playtape.actions.events import PRESS, RELEASE, REPEAT, Events, integers
from playtape.actions.names import INDEX, SIDES, is_button, kind
from playtape.errors import BadInput

Where = tuple[NDArray[np.intp], ...]  # (rows, columns), as np.nonzero gives them


@dataclass(frozen=True)
class Axis:
    """One axis of a space.

    `kind`: "sum" adds up over an interval (mouse counts), "state" stays where it was put (sticks, pointer).
    `scale`: a typical magnitude in the axis' own unit, positive; models divide by it.
    """

    name: str
    kind: Literal["sum", "state"] = "sum"
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in ("sum", "state"):
            raise BadInput(f"axis {self.name} has kind {self.kind!r}; legal are sum and state")
        natural = kind(self.name)
        if natural == "button":
            raise BadInput(f"{self.name} is a button, not an axis")
        if natural not in ("any", self.kind):
            raise BadInput(f"{self.name} is a {natural} axis, but the space calls it {self.kind}")
        if isinstance(self.scale, bool) or not isinstance(self.scale, (int, float)):
            raise BadInput(f"axis {self.name} has scale {self.scale!r}; it must be a number")
        if not 0 < self.scale <= 1e30:  # float32's largest is 3e38, and models multiply it
            raise BadInput(f"axis {self.name} has scale {str(self.scale)[:60]}; it must be positive, and at most 1e30")


@dataclass(frozen=True, eq=False, repr=False)
class Actions:
    """What was done in each frame's interval. Numpy arrays or torch tensors alike; nothing is converted.

    Shapes (`*b` any leading batch, T frames, B buttons, A axes of the space):

    - `buttons` bool [*b, T, B]: held at any moment of the interval.
    - `axes` float32 [*b, T, A]: the sum over the interval, or for a state axis its value at the interval's end.
    """

    buttons: Any
    axes: Any

    def __post_init__(self) -> None:
        for field, dtype in (("buttons", "bool"), ("axes", "float32")):
            array = getattr(self, field)
            found = str(getattr(array, "dtype", type(array).__name__)).removeprefix("torch.")
            if found != dtype or len(array.shape) < 2:
                shape = getattr(array, "shape", ())
                raise BadInput(f"{field} must be {dtype} [*b, T, n], not {found} of shape {tuple(shape)}")
        if tuple(self.buttons.shape[:-1]) != tuple(self.axes.shape[:-1]):
            raise BadInput(
                f"buttons {tuple(self.buttons.shape)} and axes {tuple(self.axes.shape)} differ before their last dimension"
            )

    def __repr__(self) -> str:
        return f"Actions(buttons={_shape(self.buttons)}, axes={_shape(self.axes)})"


@dataclass(frozen=True)
class ActionSpace:
    """Two ordered lists of names: buttons are held or not, axes move.

    A generic modifier (`key.shift`) is held when the event's key is either side of it or the generic key itself; a sided one
    (`key.left_shift`) only when the recording says so. Raises BadInput for an unknown or repeated name, or one in the wrong list.
    """

    buttons: tuple[str, ...]
    axes: tuple[Axis, ...]

    def __post_init__(self) -> None:
        if isinstance(self.buttons, str):
            raise BadInput(f"buttons must be a list of names, not the one text {self.buttons!r}")
        object.__setattr__(self, "buttons", tuple(self.buttons))
        object.__setattr__(self, "axes", tuple(self.axes))
        for name in self.buttons:
            if not is_button(name):
                raise BadInput(f"{name} is an axis, not a button")
        for axis in self.axes:
            if not isinstance(axis, Axis):
                raise BadInput(f"axes must be Axis objects, not {axis!r}")
        names = [*self.buttons, *(axis.name for axis in self.axes)]
        if len(set(names)) != len(names):
            repeated = next(name for name in names if names.count(name) > 1)
            raise BadInput(f"{repeated} stands twice in the action space")

    def zeros(self, *shape: int) -> Actions:
        """Nothing done: numpy actions of shape [*shape, B] and [*shape, A]; the last number of `shape` is T."""
        if not shape or any(not isinstance(n, (int, np.integer)) or n < 0 for n in shape):
            raise BadInput(f"zeros takes the number of frames (after batch sizes, if any), not {shape}")
        return Actions(np.zeros((*shape, len(self.buttons)), bool), np.zeros((*shape, len(self.axes)), np.float32))

    def check(self, actions: Actions) -> None:
        """Raises BadInput if these actions' last dimensions are not this space's."""
        found = actions.buttons.shape[-1], actions.axes.shape[-1]
        wanted = len(self.buttons), len(self.axes)
        if found != wanted:
            raise BadInput(
                f"actions have {found[0]} buttons and {found[1]} axes, but the space has {wanted[0]} and {wanted[1]}"
            )

    def actions(self, events: Events, time_ns: ArrayLike) -> Actions:
        """One row for each frame time: T rows for `time_ns` int64 [T], strictly rising.

        A button is held in row t if it was down at any moment of the interval, so no tap is lost; a release exactly at
        time_ns[t] does not make it held in t. Auto-repeats and releases without a press change nothing; a press without a
        release holds to the end. Events before time_ns[0] set what is held and where state axes stand, but their motion is
        dropped, as is all at or after the last time. A state axis is 0 before its first event. Sums are made in float64.
        """
        if not isinstance(events, Events):
            raise BadInput(f"actions takes Events, not {type(events).__name__}")
        time = _checked_times(time_ns)
        return Actions(self._held(events, time), self._moved(events, time))

    def events(self, actions: Actions, time_ns: ArrayLike) -> Events:
        """Events that give these actions again: `actions` without batch, T rows for `time_ns` int64 [T], strictly rising.

        A press stands at 1/4 of the first held interval, a release at 3/4 of the last, motion at 3/4 of its interval, and
        a state axis moves where its value changes (from 0 at the start). The last row has no interval and is not read.
        """
        time = _checked_times(time_ns)
        buttons, axes = _on_host(actions)
        self.check(actions)
        if buttons.ndim != 2 or len(buttons) != len(time):
            raise BadInput(
                f"events needs actions of {len(time)} rows for {len(time)} times without a batch, not {actions!r}"
            )
        length = np.diff(time)
        quarter = time[:-1] + length // 4
        # At least 1 ns after the interval's start, or the release would not count in it. Split so that it cannot overflow.
        three_quarters = time[:-1] + np.maximum(1, length // 4 * 3 + length % 4 * 3 // 4)
        presses, releases = _edges(buttons[:-1])
        moves = _changes(axes[:-1], self.axes)
        parts = (
            (quarter, presses, self.buttons, np.full(len(presses[0]), PRESS, np.float32)),
            (three_quarters, releases, self.buttons, np.full(len(releases[0]), RELEASE, np.float32)),
            (np.minimum(three_quarters, time[1:] - 1), moves, [axis.name for axis in self.axes], axes[:-1][moves]),
        )
        return Events(
            np.concatenate([stamps[rows] for stamps, (rows, _), _, _ in parts]),
            np.concatenate([_indices(names)[columns] for _, (_, columns), names, _ in parts]),
            np.concatenate([values for _, _, _, values in parts]),
        )

    def to_json(self) -> dict[str, Any]:
        """A dictionary of lists, texts and numbers that `from_json` reads."""
        axes = [{"name": axis.name, "kind": axis.kind, "scale": float(axis.scale)} for axis in self.axes]
        return {"buttons": list(self.buttons), "axes": axes}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ActionSpace":
        """The inverse of `to_json`. Raises BadInput that says which part is wrong."""
        if not isinstance(data, Mapping) or set(data) != {"buttons", "axes"}:
            found = sorted(map(str, data)) if isinstance(data, Mapping) else type(data).__name__
            raise BadInput(f"an action space has exactly the entries axes and buttons, not {found}")
        for field in ("buttons", "axes"):
            if not isinstance(data[field], (list, tuple)):
                raise BadInput(f"an action space's {field} must be a list, not {data[field]!r}")
        return cls(tuple(data["buttons"]), tuple(_axis_from_json(axis) for axis in data["axes"]))

    def difference(self, other: "ActionSpace") -> str:
        """One sentence that says how `other` is not this space, for a refusal; empty if they are equal."""
        if not isinstance(other, ActionSpace):
            raise BadInput(f"difference takes an ActionSpace, not {type(other).__name__}")
        mine, theirs = {axis.name: axis for axis in self.axes}, {axis.name: axis for axis in other.axes}
        here, there = [*self.buttons, *mine], [*other.buttons, *theirs]
        parts = []
        if lacking := [name for name in here if name not in there]:
            parts.append(f"lacks {', '.join(lacking)}")
        if added := [name for name in there if name not in here]:
            parts.append(f"adds {', '.join(added)}")
        if not parts and here != there:
            parts.append(f"has the same names in another order ({', '.join(there)} instead of {', '.join(here)})")
        for name in (name for name in mine if name in theirs):
            if mine[name].kind != theirs[name].kind:
                parts.append(f"has {name} as a {theirs[name].kind} instead of a {mine[name].kind}")
            if mine[name].scale != theirs[name].scale:
                parts.append(f"has scale {theirs[name].scale:g} for {name} instead of {mine[name].scale:g}")
        return f"the other action space {' and '.join(parts)}" if parts else ""

    def _held(self, events: Events, time: NDArray[np.int64]) -> NDArray[np.bool_]:
        frames = len(time)
        held = np.zeros((frames, len(self.buttons)), bool)  # [T, B]
        sources = [(name, *SIDES.get(name, ())) for name in self.buttons]
        source, start, end = _spans(events, {name for names in sources for name in names})
        first = np.searchsorted(time, start, side="right") - 1
        # A release at time[t] leaves t untouched, but a press and release at one instant still count there.
        last = np.maximum(np.searchsorted(time, end, side="left") - 1, first)
        seen = (last >= 0) & (first < frames - 1)
        source, first, last = source[seen], np.maximum(first[seen], 0), np.minimum(last[seen], frames - 2)
        numbers = {name: i for i, name in enumerate(events.names)}
        for column, names in enumerate(sources):
            rows = np.isin(source, [numbers[name] for name in names if name in numbers])
            begins = np.bincount(first[rows], minlength=frames)
            ends = np.bincount(last[rows] + 1, minlength=frames)
            held[:, column] = np.cumsum(begins - ends) > 0
        return held

    def _moved(self, events: Events, time: NDArray[np.int64]) -> NDArray[np.float32]:
        frames = len(time)
        moved = np.zeros((frames, len(self.axes)), np.float32)  # [T, A]
        numbers = {name: i for i, name in enumerate(events.names)}
        for column, axis in enumerate(self.axes):
            if axis.name not in numbers:
                continue
            rows = np.flatnonzero(events.input == numbers[axis.name])
            value = events.value[rows]
            bounds = np.searchsorted(events.time_ns[rows], time, side="left")  # [T]: the first event of each interval
            if axis.kind == "sum":
                interval = np.repeat(np.arange(frames - 1), np.diff(bounds))
                inside = value[bounds[0] : bounds[-1]]
                moved[:, column] = np.bincount(interval, inside, minlength=frames)  # adds in float64
            else:
                value = np.concatenate([np.zeros(1, np.float32), value])
                moved[:-1, column] = value[bounds[1:]]
        return moved


def _spans(events: Events, names: set[str]) -> tuple[NDArray[np.int16], NDArray[np.int64], NDArray[np.int64]]:
    """(input, start, end) [S] of every time that one of these inputs is down; end is the largest int64 if it never rises."""
    wanted = np.array([name in names for name in events.names], bool)
    rows = np.flatnonzero(wanted[events.input] & (events.value != REPEAT))
    rows = rows[np.argsort(events.input[rows], kind="stable")]  # one input after the other, each in time order
    source, time, down = events.input[rows], events.time_ns[rows], events.value[rows] == PRESS
    before = np.zeros(len(rows), bool)
    before[1:] = down[:-1] & (source[1:] == source[:-1])
    edges = np.flatnonzero(down != before)  # a press of what is down, or a release of what is up, is no edge
    presses = np.flatnonzero(down[edges])
    end = np.full(len(presses), np.iinfo(np.int64).max)
    following = presses + 1
    released = following < len(edges)
    released[released] = ~down[edges[following[released]]]
    end[released] = time[edges[following[released]]]
    start = edges[presses]
    return source[start], time[start], end


def _edges(held: NDArray[np.bool_]) -> tuple[Where, Where]:
    """Where each hold of `held` [N, B] begins and where it ends (its last row), each as (rows, columns)."""
    up = np.zeros((1, held.shape[1]), bool)
    begins = held & ~np.concatenate([up, held])[:-1]
    ends = held & ~np.concatenate([held, up])[1:]
    return np.nonzero(begins), np.nonzero(ends)


def _changes(values: NDArray[np.float32], axes: Sequence[Axis]) -> Where:
    """Where `values` [N, A] need an event: sums where they are not 0, states where they change, as (rows, columns)."""
    before = np.concatenate([np.zeros((1, values.shape[1]), np.float32), values])[:-1]
    is_state = np.array([axis.kind == "state" for axis in axes], bool)
    return np.nonzero(values != np.where(is_state, before, np.float32(0)))


def _indices(names: Sequence[str]) -> NDArray[np.int16]:
    return np.array([INDEX[name] for name in names], np.int16)


def _checked_times(time_ns: ArrayLike) -> NDArray[np.int64]:
    time = integers(time_ns, "time_ns")
    if not len(time):
        raise BadInput("time_ns is empty; actions need at least one frame time")
    falls = np.flatnonzero(time[1:] <= time[:-1])
    if len(falls):
        i = int(falls[0])
        raise BadInput(f"frame times must rise, but time_ns[{i + 1}] is {time[i + 1]} after {time[i]}")
    return time


def _on_host(actions: Actions) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    try:
        return np.asarray(actions.buttons), np.asarray(actions.axes)
    except (TypeError, RuntimeError) as error:
        raise BadInput(f"events needs actions that numpy can read, on the CPU and without gradients: {error}") from None


def _axis_from_json(data: object) -> Axis:
    if not isinstance(data, Mapping) or not {"name"} <= set(data) <= {"name", "kind", "scale"}:
        raise BadInput(f"an axis has the entries name, kind and scale, not {data!r}")
    return Axis(**dict(data))


def _shape(array: Any) -> str:
    return f"{str(array.dtype).removeprefix('torch.')} {list(array.shape)}"
