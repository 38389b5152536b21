"""Strokes on a grid: dense actions and raw events become them, and come back; motion is conserved and stays in its interval."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playtape.actions import Actions, ActionSpace, Axis, Events, names, strokes
from playtape.actions.event_tokens import Codec
from playtape.actions.strokes import KEYBOARD, MOUSE, NOTCH, STROKE, TICK_NS, WHEEL, Stroke

P = 5  # ticks a frame at 20 Hz
FRAME_NS = P * TICK_NS
SPACE = ActionSpace(
    ("key.w", "key.shift", "mouse.left", "mouse.x2", "pad.south"),
    (Axis("mouse.dx"), Axis("mouse.dy"), Axis("mouse.wheel")),
)
steady = settings(derandomize=True, deadline=None, max_examples=100, database=None)


@st.composite
def played(draw: st.DrawFn) -> Actions:
    T = draw(st.integers(1, 8))
    buttons = np.array(draw(st.lists(st.booleans(), min_size=5 * T, max_size=5 * T)), bool).reshape(T, 5)
    counts = st.one_of(st.integers(-9, 9), st.integers(-6000, 6000))
    axes = np.array(draw(st.lists(counts, min_size=3 * T, max_size=3 * T)), np.float32).reshape(T, 3)
    axes[:, 2] = np.clip(axes[:, 2], -30, 30)
    buttons[-1], axes[-1] = False, 0  # the last frame has no interval
    return Actions(buttons, axes)


@pytest.mark.parametrize("period", [4, 5, 10])
def test_actions_come_back(period) -> None:
    @steady
    @given(played())
    def check(actions: Actions) -> None:
        rows = strokes.of_actions(actions, SPACE, period)
        grid = np.arange(len(actions.buttons)) * period * TICK_NS
        back = SPACE.actions(strokes.to_events(rows), grid)
        np.testing.assert_array_equal(back.buttons, actions.buttons)
        np.testing.assert_array_equal(back.axes, actions.axes)
        assert (rows["tick"] % period != 0).all()  # strictly inside: no edge can move an event
        Codec().encode(rows)  # and all of it can be said

    check()


def test_places_within_an_interval() -> None:
    actions = SPACE.zeros(4)
    actions.buttons[1:3, 0], actions.axes[1, 0] = True, 7
    rows = strokes.of_actions(actions, SPACE, P)
    assert rows["tick"].tolist() == [P + 1, P + 3, 2 * P + 3]  # press, motion, release
    assert rows["kind"].tolist() == [KEYBOARD, MOUSE, KEYBOARD]


@pytest.mark.parametrize("space", [SPACE, ActionSpace(("key.w",), ())])
@pytest.mark.parametrize("rows", [0, 1])
def test_without_an_interval_nothing_is_done(space: ActionSpace, rows: int) -> None:
    held = Actions(np.ones((rows, len(space.buttons)), bool), np.ones((rows, len(space.axes)), np.float32))
    assert strokes.of_actions(held, space, P).shape == (0,)
    raw = Events.from_rows([(5, "key.w", 1), (6, "mouse.dx", 3)])
    assert strokes.of_events(raw, np.arange(rows) * FRAME_NS, P).shape == (0,)


def test_raw_motion_is_flushed_before_a_click_and_stays_in_its_frame() -> None:
    time_ns = np.array([0, 60, 100, 170]) * 1_000_000  # the grid's frames, as they truly were
    ms = 1_000_000
    raw = Events.from_rows(
        [
            (-5 * ms, "mouse.dx", 99),  # before the first frame
            (0, "mouse.dx", 1),
            (10 * ms, "mouse.dx", 2),
            (20 * ms, "mouse.left", 1),
            (30 * ms, "mouse.dy", 4),
            (59 * ms, "mouse.dx", 8),
            (60 * ms, "key.w", 1),
            (99 * ms, "key.w", 2),  # the system repeats it
            (165 * ms, "mouse.dx", 16),  # and nothing comes after: still not lost
            (180 * ms, "mouse.dx", 99),  # behind the last frame
        ]
    )
    rows = strokes.of_events(raw, time_ns, P)
    assert [tuple(row)[:1] + tuple(row)[2:7] for row in rows.tolist()] == [
        (1, 0, False, 3, 0, 0),
        (1, 0, False, 0, 0, 1),
        (4, 0, False, 8, 4, 0),
        (6, 87, True, 0, 0, 0),
        (14, 0, False, 16, 0, 0),
    ]
    grid = np.arange(4) * FRAME_NS
    for side in (SPACE.actions(raw, time_ns), SPACE.actions(strokes.to_events(rows), grid)):
        np.testing.assert_array_equal(side.axes, SPACE.actions(raw, time_ns).axes)
        np.testing.assert_array_equal(side.buttons, SPACE.actions(raw, time_ns).buttons)


@steady
@given(
    st.lists(
        st.tuples(
            st.integers(0, 400),
            st.sampled_from(["key.w", "mouse.left", "mouse.dx", "mouse.dy", "mouse.wheel"]),
            st.integers(-5000, 5000),
        ),
        max_size=40,
    )
)
def test_raw_events_give_the_same_actions(rows) -> None:
    """Through strokes and words, whatever the frames' own stamps."""
    down: dict[str, float] = {}
    listed = []
    for ms, name, value in sorted(rows, key=lambda row: row[0]):
        if names.is_button(name):
            value = down[name] = 1 - down.get(name, 0)
        elif name == "mouse.wheel":
            value = value % 30 - 15
        listed.append((ms * 1_000_000 + len(listed), name, value))
    raw = Events.from_rows(listed)
    time_ns = np.array([0, 41, 100, 139, 210, 250, 301, 401]) * 1_000_000
    codec = Codec()
    said = codec.decode(codec.encode(strokes.of_events(raw, time_ns, P))[0])
    back = SPACE.actions(strokes.to_events(said), np.arange(8) * FRAME_NS)
    np.testing.assert_array_equal(back.axes, SPACE.actions(raw, time_ns).axes)


def test_a_wheels_fractions_add_up() -> None:
    raw = Events.from_rows([(k * 10_000_000, "mouse.wheel", 0.25) for k in range(1, 9)])
    rows = strokes.of_events(raw, np.array([0, 10**9]), 100)
    assert rows["wheel"].sum() == 2 * NOTCH
    assert (rows["flags"] == WHEEL).all()


def test_published_motion_is_laid_over_what_it_sums() -> None:
    """A stamp ends its 50 ms: at tick 7, of (2, 7], three ticks belong to row 0 and two to row 1."""
    rows = np.array([Stroke(7, MOUSE, dx=10, dy=-5), Stroke(9, MOUSE, dx=4), Stroke(9, KEYBOARD, 87, True)], STROKE)
    events = strokes.spread(rows, P)
    found = SPACE.actions(events, np.arange(4) * FRAME_NS)
    np.testing.assert_allclose(found.axes[:, 0], [6, 4 + 4, 0, 0])  # the second sums (7, 9] only
    np.testing.assert_allclose(found.axes[:, 1], [-3, -2, 0, 0])
    assert found.buttons[1, 0]
    first = strokes.spread(np.array([Stroke(2, MOUSE, dx=10)], STROKE), P)
    assert first.time_ns.min() < 0  # what was before the first frame stays outside of it
    assert SPACE.actions(first, np.arange(3) * FRAME_NS).axes[0, 0] == pytest.approx(4)


def test_what_has_no_words() -> None:
    assert not strokes.sayable("pad.left_x")
    assert not strokes.sayable("mouse.x")
    assert strokes.sayable("pad.south")
    assert strokes.sayable("mouse.hwheel")
