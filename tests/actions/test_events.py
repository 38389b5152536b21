"""Events as columns: order, selection, joining, and what they refuse."""

import copy
from typing import Any

import numpy as np
import pytest

from playtape.actions import Events
from playtape.actions.names import INDEX, INPUTS
from playtape.errors import BadInput

Loose: Any = Events  # takes lists, and wrong types on purpose
ROWS = [(30, "key.w", 0.0), (10, "key.w", 1.0), (10, "mouse.dx", 3.0), (20, "mouse.dx", -4.5), (10, "key.a", 1.0)]


def test_rows_are_sorted_stably():
    events = Events.from_rows(ROWS)
    assert list(events) == [
        (10, "key.w", 1.0),
        (10, "mouse.dx", 3.0),
        (10, "key.a", 1.0),
        (20, "mouse.dx", -4.5),
        (30, "key.w", 0.0),
    ]
    assert (events.time_ns.dtype, events.input.dtype, events.value.dtype) == (np.int64, np.int16, np.float32)


def test_many_simultaneous_events_keep_their_order():
    value = np.arange(5000, dtype=np.float32)
    time = np.arange(5000)[::-1] // 100
    events = Events(time, np.full(5000, INDEX["mouse.dx"], np.int16), value)
    for t in range(50):
        assert (np.diff(events.value[events.time_ns == t]) == 1).all()


def test_columns_are_read_only_and_the_givers_array_is_untouched():
    time = np.array([1, 2])
    events = Loose(time, [0, 0], [1, 0])
    with pytest.raises(ValueError, match="read-only"):
        events.time_ns[0] = 5
    time[0] = 0  # the giver's own view stays writable


def test_empty():
    empty = Events.empty()
    assert len(empty) == 0
    assert repr(empty) == "Events(none)"
    assert empty.counts() == {}
    assert empty.equals(Events.from_rows([]))
    assert empty.equals(Loose([], [], []))
    for same in (
        empty.of("key.w"),
        empty.between(0, 9),
        empty.shifted(3),
        Events.concatenate(),
        Events.concatenate(empty, empty),
    ):
        assert same.equals(empty)


def test_concatenate_merges_by_time_and_keeps_the_earlier_argument_first():
    first = Events.from_rows([(10, "key.a", 1), (30, "key.a", 0)])
    second = Events.from_rows([(10, "key.b", 1), (20, "key.b", 0)])
    merged = Events.concatenate(first, second)
    assert [(t, n) for t, n, _ in merged] == [(10, "key.a"), (10, "key.b"), (20, "key.b"), (30, "key.a")]


def test_other_numberings_are_equal_by_name_and_join():
    whole = Events.from_rows([(1, "key.a", 1), (2, "mouse.dx", 5)])
    small = Loose([1, 2], [1, 0], [1, 5], ("mouse.dx", "key.a"))
    assert whole.equals(small)
    assert small.equals(whole)
    assert Events.concatenate(small, whole).names == INPUTS
    assert len(Events.concatenate(small, whole).of("key.a")) == 2
    assert Events.concatenate(small, small).names == ("mouse.dx", "key.a")
    assert list(small) == list(whole)


def test_equals_sees_every_column():
    base = [(1, "key.a", 1.0), (2, "mouse.dx", 5.0)]
    events = Events.from_rows(base)
    assert events.equals(Events.from_rows(base))
    assert not events.equals(Events.from_rows([(1, "key.b", 1.0), base[1]]))
    assert not events.equals(Events.from_rows([(0, "key.a", 1.0), base[1]]))
    assert not events.equals(Events.from_rows([base[0], (2, "mouse.dx", 6.0)]))
    assert not events.equals(Events.from_rows(base[:1]))
    assert not events.equals("events")  # ty: ignore[invalid-argument-type]


def test_of_between_shifted():
    events = Events.from_rows(ROWS)
    assert [t for t, _, _ in events.of("key.w")] == [10, 30]
    assert len(events.of("key.w", "mouse.dx")) == 4
    assert len(events.of("key.z")) == len(events.of()) == 0
    assert [t for t, _, _ in events.between(10, 30)] == [10, 10, 10, 20]
    assert len(events.between(30, 30)) == 0
    assert events.shifted(-25).time_ns.tolist() == [-15, -15, -15, -5, 5]
    assert events.shifted(7).shifted(-7).equals(events)


def test_repr_counts():
    assert repr(Events.from_rows(ROWS)) == "Events(5 from 0.000 s to 0.000 s: key.w 2, mouse.dx 2, key.a 1)"
    many = Events.from_rows([(10**9 * i, f"key.{c}", 1) for i, c in enumerate("abcdefghij")])
    assert repr(many).endswith("key.h 1, and 2 more inputs)")
    assert "from 0.000 s to 9.000 s" in repr(many)


def test_copies_as_worker_processes_get_them():
    events = Events.from_rows(ROWS)
    assert copy.deepcopy(events).equals(events)


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (([1, 2], [0], [1]), "must have one length"),
        (([1.5], [0], [1]), "time_ns must be whole numbers"),
        (([[1]], [[0]], [[1]]), "time_ns must be whole numbers in one dimension"),
        (([1], [0.0], [1]), "input must be whole numbers"),
        (([2**63], [0], [1]), "beyond the largest int64"),
        (([2**70], [0], [1]), "time_ns must be whole numbers"),
        (([[1], [1, 2]], [0], [1]), "time_ns is not an array"),
        (([1], [-1], [1]), "event input -1 is not an index"),
        (([1], [len(INPUTS)], [1]), "is not an index"),
        (([1], [INDEX["mouse.dx"]], [float("nan")]), "must be finite"),
        (([1], [INDEX["mouse.dx"]], [1e300]), "must be finite"),
        (([1], [INDEX["mouse.dx"]], ["3"]), "value must be numbers"),
        (([1], [INDEX["key.w"]], [3]), r"key\.w at 0\.000 s has value 3"),
        (([1], [INDEX["key.w"]], [-1]), "has value -1"),
        (([1], [INDEX["key.w"]], [0.5]), r"has value 0\.5"),
        (([1], [0], [1], ("key.w", "key.w")), "key.w stands twice"),
        (([1], [0], [1], ("key.what",)), "unknown input name 'key.what'"),
        (([1], [1], [1], ("key.w",)), "event input 1 is not an index into the 1 names"),
        (([1], [0], [9], ("key.w",)), "has value 9"),
    ],
)
def test_bad_columns_are_refused(columns, sentence):
    with pytest.raises(BadInput, match=sentence):
        Loose(*columns)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda e: e.of("key.nope"), "unknown input name"),
        (lambda e: e.between(5, 4), "start <= end, not 5 and 4"),
        (lambda e: e.between(0.5, 4), "whole nanoseconds"),
        (lambda e: e.shifted(0.5), "whole nanoseconds, not 0.5"),
        (lambda e: e.shifted(None), "whole nanoseconds"),
        (lambda e: Loose.concatenate(e, [e]), "takes Events, not list"),
        (lambda e: Loose.from_rows([(1, "key.nope", 1)]), "unknown input name"),
        (lambda e: Loose.from_rows([(1.5, "key.w", 1)]), "time_ns must be whole numbers"),
    ],
)
def test_bad_calls_are_refused(call, sentence):
    with pytest.raises(BadInput, match=sentence):
        call(Events.from_rows(ROWS))


def test_axis_values_of_any_size_are_fine_where_a_buttons_are_not():
    assert Events.from_rows([(0, "mouse.dx", -7.25), (0, "pad.left_x", 0.5), (0, "key.a", 2)]).value.tolist() == [
        -7.25,
        0.5,
        2,
    ]
