"""Events: what hands did, as columns. Never one object per event in a hot path.

Knows no file format and no frame; `space` turns events into one row of actions a frame.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playtape.actions.names import INDEX, INPUTS, kind
from playtape.errors import BadInput

RELEASE, PRESS, REPEAT = 0.0, 1.0, 2.0
_IS_BUTTON = np.array([kind(name) == "button" for name in INPUTS])


@dataclass(frozen=True, eq=False, repr=False)
class Events:
    """Presses, releases and moves of one recording, sorted by time; simultaneous events keep their order.

    Rows may be given in any order and are sorted stably. The columns are read-only. Shapes (N events):

    - `time_ns` int64 [N]: nanoseconds since the recording's start; negative is before its first frame.
    - `input` int16 [N]: index into `names`.
    - `value` float32 [N]: button 1 press, 0 release, 2 auto-repeat by the system; sum axis its counts; state axis its position.
    - `names`: distinct names of the vocabulary; the whole of it (`INPUTS`) unless told otherwise.

    Raises BadInput for columns of different lengths, fractions where integers must be, an index outside `names`, an unknown
    or repeated name, a value that is not finite, or a button's value other than 0, 1, 2.
    """

    time_ns: NDArray[np.int64]
    input: NDArray[np.int16]
    value: NDArray[np.float32]
    names: tuple[str, ...] = INPUTS

    def __post_init__(self) -> None:
        if self.names is not INPUTS:
            object.__setattr__(self, "names", _checked_names(self.names))
        time = integers(self.time_ns, "time_ns")
        index = integers(self.input, "input")
        value = _floats(self.value)
        if not time.shape == index.shape == value.shape:
            raise BadInput(
                f"event columns must have one length, but time_ns has {len(time)}, input {len(index)}, value {len(value)}"
            )
        _check_range(index, self.names)
        _check_buttons(time, index, value, self.names)
        if len(time) > 1 and (time[1:] < time[:-1]).any():
            order = np.argsort(time, kind="stable")
            time, index, value = time[order], index[order], value[order]
        for field, column in (("time_ns", time), ("input", index.astype(np.int16, copy=False)), ("value", value)):
            column = column.view()
            column.flags.writeable = False
            object.__setattr__(self, field, column)

    @classmethod
    def empty(cls) -> "Events":
        """No events."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int16), np.zeros(0, np.float32))

    @classmethod
    def from_rows(cls, rows: Iterable[tuple[int, str, float]]) -> "Events":
        """From (time_ns, name, value) rows in any order; for small things, since it makes an object per event."""
        listed = list(rows)
        for _, name, _ in listed:
            kind(name)
        return cls(
            np.array([time for time, _, _ in listed] or np.zeros(0, np.int64)),
            np.array([INDEX[name] for _, name, _ in listed], np.int16),
            np.array([value for _, _, value in listed], np.float32),
        )

    @classmethod
    def concatenate(cls, *events: "Events") -> "Events":
        """All events of several, in time order; where times are equal, the earlier argument's come first."""
        for part in events:
            if not isinstance(part, Events):
                raise BadInput(f"concatenate takes Events, not {type(part).__name__}")
        if not events:
            return cls.empty()
        names = events[0].names
        if any(part.names != names for part in events):
            names, events = INPUTS, tuple(part._renamed() for part in events)
        columns = ([getattr(part, field) for part in events] for field in ("time_ns", "input", "value"))
        return cls(*(np.concatenate(column) for column in columns), names)

    def __len__(self) -> int:
        return len(self.time_ns)

    def __iter__(self) -> Iterator[tuple[int, str, float]]:
        """(time_ns, name, value) one by one; for tests and prints, since it makes an object per event."""
        for time, index, value in zip(self.time_ns.tolist(), self.input.tolist(), self.value.tolist(), strict=True):
            yield time, self.names[index], value

    def __repr__(self) -> str:
        if not len(self):
            return "Events(none)"
        counts = [f"{name} {count}" for name, count in sorted(self.counts().items(), key=lambda item: -item[1])]
        shown = ", ".join(counts[:8]) + (f", and {len(counts) - 8} more inputs" if len(counts) > 8 else "")
        first, last = (f"{self.time_ns[i] / 1e9:.3f} s" for i in (0, -1))
        return f"Events({len(self)} from {first} to {last}: {shown})"

    def counts(self) -> dict[str, int]:
        """How many events each input has, for those that have any, in the order of `names`."""
        counts = np.bincount(self.input, minlength=len(self.names))
        return {self.names[i]: int(counts[i]) for i in np.flatnonzero(counts)}

    def of(self, *names: str) -> "Events":
        """Only the events of these inputs. An input that has no events here is fine; an unknown name is a BadInput."""
        for name in names:
            kind(name)
        wanted = np.array([name in names for name in self.names], bool)
        return self._taken(wanted[self.input])

    def between(self, start_ns: int, end_ns: int) -> "Events":
        """Only the events in [start_ns, end_ns); times stay as they are."""
        if not (_is_whole(start_ns) and _is_whole(end_ns)):
            raise BadInput(f"between takes whole nanoseconds, not {start_ns!r} and {end_ns!r}")
        if start_ns > end_ns:
            raise BadInput(f"between needs start <= end, not {start_ns} and {end_ns}")
        start, end = np.searchsorted(self.time_ns, [start_ns, end_ns], side="left")
        return self._taken(slice(start, end))

    def shifted(self, by_ns: int) -> "Events":
        """The same events, `by_ns` nanoseconds later (earlier where negative)."""
        if not _is_whole(by_ns):
            raise BadInput(f"shifted takes whole nanoseconds, not {by_ns!r}")
        return Events(self.time_ns + np.int64(by_ns), self.input, self.value, self.names)

    def equals(self, other: "Events") -> bool:
        """True if all rows are equal, in order, by name; how the names are numbered does not matter."""
        if not isinstance(other, Events) or len(self) != len(other):
            return False
        mine, theirs = self._renamed(), other._renamed()
        return all(np.array_equal(getattr(mine, f), getattr(theirs, f)) for f in ("time_ns", "input", "value"))

    def _taken(self, rows: slice | NDArray[np.bool_]) -> "Events":
        return Events(self.time_ns[rows], self.input[rows], self.value[rows], self.names)

    def _renamed(self) -> "Events":
        """The same events, numbered by the whole vocabulary."""
        if self.names == INPUTS:
            return self
        table = np.array([INDEX[name] for name in self.names], np.int16)
        return Events(self.time_ns, table[self.input] if len(self) else self.input, self.value)


def integers(values: ArrayLike, what: str) -> NDArray[np.int64]:
    """`values` as int64 [N]. Raises BadInput for fractions, more dimensions, or numbers beyond int64; `what` names it."""
    array = _array(values, what)
    if array.size == 0 and array.ndim == 1:
        return np.zeros(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise BadInput(f"{what} must be whole numbers in one dimension, not {array.dtype} of shape {array.shape}")
    if array.dtype == np.uint64 and array.max() > np.iinfo(np.int64).max:
        raise BadInput(f"{what} holds {array.max()}, which is beyond the largest int64 {np.iinfo(np.int64).max}")
    return array.astype(np.int64, copy=False)


def _is_whole(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _floats(values: ArrayLike) -> NDArray[np.float32]:
    array = _array(values, "value")
    if array.ndim != 1 or array.dtype.kind not in "iufb":
        raise BadInput(f"value must be numbers in one dimension, not {array.dtype} of shape {array.shape}")
    with np.errstate(over="ignore"):
        single = array.astype(np.float32, copy=False)
    if not np.isfinite(single).all():
        raise BadInput(f"event values must be finite float32 numbers, but one is {array[~np.isfinite(single)][0]}")
    return single


def _array(values: ArrayLike, what: str) -> NDArray:
    try:
        return np.asarray(values)
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{what} is not an array: {error}") from None


def _checked_names(names: Iterable[str]) -> tuple[str, ...]:
    checked = tuple(names)
    for name in checked:
        kind(name)
    if len(set(checked)) != len(checked):
        repeated = next(name for name in checked if checked.count(name) > 1)
        raise BadInput(f"event names must be distinct, but {repeated} stands twice")
    return INPUTS if checked == INPUTS else checked


def _check_range(index: NDArray[np.int64], names: tuple[str, ...]) -> None:
    if len(index) and not 0 <= index.min() <= index.max() < len(names):
        wrong = index[(index < 0) | (index >= len(names))][0]
        raise BadInput(
            f"event input {wrong} is not an index into the {len(names)} names (legal are 0 to {len(names) - 1})"
        )


def _check_buttons(
    time: NDArray[np.int64], index: NDArray[np.int64], value: NDArray[np.float32], names: tuple[str, ...]
) -> None:
    is_button = _IS_BUTTON if names is INPUTS else np.array([kind(name) == "button" for name in names], bool)
    wrong = (value != PRESS) & (value != RELEASE) & (value != REPEAT)
    if not wrong.any():
        return
    wrong &= is_button[index]
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise BadInput(
            f"{names[index[i]]} at {time[i] / 1e9:.3f} s has value {value[i]:g}; a button's is 1 (press), 0 (release), 2 (repeat)"
        )
