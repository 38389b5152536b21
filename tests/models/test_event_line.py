"""Where what hands did stands in a line, what of it is learned, and what becomes of events again."""

from pathlib import Path

import numpy as np
import pytest

from playtape.actions import Actions, ActionSpace, Axis, strokes
from playtape.actions.event_tokens import Codec
from playtape.actions.strokes import KEYBOARD, MOUSE, NOTCH, SCREEN, STROKE, TICK_NS, WHEEL, Stroke
from playtape.clips import observed_space, regular
from playtape.models.event_line import Line, Pace, line
from playtape.models.event_loop import Gap
from playtape.models.event_rows import Rows
from playtape.recordings import open_recording

SPACE = ActionSpace(("key.w", "key.shift", "mouse.left"), (Axis("mouse.dx", scale=50.0), Axis("mouse.wheel")))
CODEC, PACE = Codec(image=2), Pace(5, 2)
T = 12


def played(seed: int = 0) -> Actions:
    g = np.random.default_rng(seed)
    axes = np.stack([g.integers(1, 3000, T) * g.choice([-1, 1], T), g.integers(-2, 3, T)], 1).astype(np.float32)
    return Actions(g.random((T, 3)) < 0.4, axes)


def made(actions: Actions, mask: np.ndarray | None = None, start: int = 0, pace: Pace = PACE) -> Line:
    mask = np.ones(T, bool) if mask is None else mask
    return line(actions, mask, np.linspace(0.5, 1, T, dtype=np.float32), SPACE, CODEC, pace, start)


def read(words: np.ndarray) -> np.ndarray:
    """A line and the rest of the screen that it breaks off at."""
    return CODEC.decode([*words, *CODEC.spell(Stroke(0, SCREEN))[2:]])[:-1]


@pytest.mark.parametrize("delay", [0, 1, 2, 3])
def test_actions_t_stand_between_the_frames_that_show_what_came_of_them(delay: int) -> None:
    """A row's events are behind frame t + delay and before the one after it, at their own time and tau."""
    actions = played()
    found = made(actions, pace=Pace(5, delay))
    assert found.first == delay + 1
    frame, rows = delay, []
    for stroke in read(found.words).tolist():
        if stroke[1] == SCREEN:
            frame += 1
            assert stroke[0] == 5 * (frame - found.first)  # the line's own time
        else:
            row = (stroke[0] + 5 * found.first) // 5 - delay
            assert row == frame - delay
            rows.append(row)
    assert {*rows} == {
        *range(1, T - max(1, delay))
    }  # of all others the row before is not known, or no frame shows them
    said = read(found.words)
    said = said[said["kind"] != SCREEN]
    said["tick"] += 5
    back = SPACE.actions(strokes.to_events(said), np.arange(T) * 5 * TICK_NS)
    last = T - max(1, delay)
    np.testing.assert_array_equal(back.axes[1:last], actions.axes[1:last])


def test_times_go_on_from_where_a_line_begins() -> None:
    a, b = made(played()), made(played(), start=985)
    assert len(a.words) == len(b.words)
    ticks = CODEC.decode([*b.words, *CODEC.spell(Stroke(0, SCREEN))[2:]])["tick"]
    assert ticks[0] == 985
    assert ticks[-2] > 1000  # gone round


def test_all_is_learned_but_pictures_and_the_first_screen() -> None:
    found = made(played())
    words, weight = found.words, found.weight
    assert words[0] == CODEC.start
    assert words[-2:].tolist() == [CODEC.start, CODEC.screen]  # that the last gap ends
    assert (weight[words == CODEC.picture] == 0).all()
    assert (weight[:10] == 0).all()
    assert (weight[10:][words[10:] != CODEC.picture] > 0).all()
    sure = np.linspace(0.5, 1, T, dtype=np.float32)
    assert weight[10] == sure[1]
    assert weight[-1] == sure[T - 1 - PACE.delay]
    assert not found.hands[:10].any()
    assert 0 < found.hands.sum() < len(words)


def test_of_what_may_not_be_learned_from_there_is_nothing_to_see() -> None:
    """Nor of its neighbours, whose presses and releases it tells."""
    actions, mask = played(), np.ones(T, bool)
    mask[6] = False
    found = made(actions, mask)
    other = Actions(actions.buttons.copy(), actions.axes.copy())
    other.axes[6], other.buttons[6] = 7, ~other.buttons[6]
    same = made(other, mask)
    for one, two in zip(found[:3], same[:3], strict=True):
        np.testing.assert_array_equal(one, two)
    rows, frame, gap = set(), PACE.delay, []
    for word, weight, which in zip(found.words, found.weight, np.cumsum(found.words == CODEC.start), strict=True):
        gap.append((which, word, weight))
    said = read(found.words)
    for stroke, number in zip(said, range(1, len(said) + 1), strict=True):
        learned = [weight for which, word, weight in gap if which == number and word != CODEC.picture]
        if stroke["kind"] == SCREEN:
            closes = frame - PACE.delay  # the row whose gap it ends
            frame += 1
            assert (max(learned) > 0) == (closes not in (0, 5, 6, 7)), closes
        else:
            rows.add(frame - PACE.delay)
    assert rows == {1, 2, 3, 4, 8, 9}


def test_events_become_rows_again() -> None:
    """With how likely they were, and nothing of before the first frame, nor beyond the rows that a stretch is asked for."""
    space = ActionSpace(("key.shift", "key.w", "mouse.left"), (Axis("mouse.dx", scale=10.0), Axis("mouse.wheel")))
    tau = 10
    gaps = [Gap(sure=0.9) for _ in range(8)]

    def say(tick: int, stroke: Stroke, odds: float, spread: float = 0.0) -> None:
        gap = gaps[(tick + tau) // 5]
        gap.strokes.append(stroke._replace(tick=tick + tau))
        gap.odds.append(odds)
        gap.spread.append((spread, 0.0))

    say(-3, Stroke(0, KEYBOARD, 87, True), 0.5)  # before the first frame
    say(1, Stroke(0, KEYBOARD, 160, True), 0.8)  # the left side of a generic key
    say(6, Stroke(0, MOUSE, dx=-7, flags=0x1), 0.6, 3.0)
    say(13, Stroke(0, MOUSE, flags=0x2), 0.7)
    say(14, Stroke(0, MOUSE, flags=WHEEL, wheel=-2 * NOTCH), 1.0)
    say(23, Stroke(0, KEYBOARD, 160, False), 1.0)
    rows = Rows(PACE)
    rows.add(gaps, 0, 0, 5)  # rows 0 .. 4: the release at 23 is in, row 5 is not asked for
    labels = rows.labels(space, 8)
    assert labels.held.shape == (8, 3)
    shift, w, left = labels.held.numpy().T
    np.testing.assert_allclose(shift[:5], 0.5 + 0.8 * 0.9 / 2 * np.array([1, 1, 1, 1, 1.25]), rtol=1e-6)
    np.testing.assert_allclose(w[:5], 0.5 - 0.9 / 2, rtol=1e-6)  # was never pressed
    np.testing.assert_allclose(
        left[:5], [0.05, 0.5 + 0.27, 0.5 + 0.7 * 0.45, 0.5 - 0.7 * 0.45, 0.5 - 0.7 * 0.45], rtol=1e-6
    )
    assert (labels.held[5:] == 0.5).all()  # of these rows nothing is known
    assert labels.mean[:, 0].tolist() == [0, -7, 0, 0, 0, 0, 0, 0]
    assert labels.mean[:, 1].tolist() == [0, 0, -2, 0, 0, 0, 0, 0]
    np.testing.assert_allclose(labels.std[1, 0], (1 + 9) ** 0.5, rtol=1e-6)
    np.testing.assert_allclose(labels.std[0, 0], 1.0, rtol=1e-6)
    np.testing.assert_allclose(labels.pressed[0, 0], 0.9, rtol=1e-6)
    np.testing.assert_allclose(labels.pressed[3], 0.05, rtol=1e-5)
    np.testing.assert_allclose(labels.released[5, 0], 1.0, rtol=1e-6)

    early = Rows(PACE)
    early.add(gaps, 0, 2, 5)
    assert {stroke.tick for stroke in early.strokes} == {13, 14, 23}
    assert {*early.sure} == {2, 3, 4}


def test_published_motion_is_laid_over_its_window() -> None:
    rows = Rows(PACE, [Stroke(7, MOUSE, dx=10)], [1.0], [(0.0, 0.0)], dict.fromkeys(range(4), 1.0))
    assert rows.labels(SPACE, 4).mean[:, 0].tolist() == [0, 10, 0, 0]
    np.testing.assert_allclose(rows.labels(SPACE, 4, windows=True).mean[:, 0], [6, 4, 0, 0])


@pytest.mark.parametrize("name", ["owamcap/0.5.1.mcap", "owamcap/0.3.2.mcap"])
def test_a_real_recording_goes_into_words_and_comes_back(shared_data: Path, name: str) -> None:
    recording = open_recording(shared_data / name)
    time_ns = recording.time_ns[regular(recording.time_ns, 20.0)]
    space = observed_space([recording], 20.0)
    space = ActionSpace(
        tuple(filter(strokes.sayable, space.buttons)), tuple(a for a in space.axes if strokes.sayable(a.name))
    )
    codec = Codec()
    said = strokes.of_events(recording.events, time_ns, 5)
    assert len(said)
    words, _ = codec.encode(said)
    # Gaps of more than ten seconds would need the screens between them to be told; each stroke is read by itself.
    back, at = [], 0
    for stroke in said:
        length = len(codec.spell(Stroke(*stroke.tolist())))
        back.append(codec.read(words[at : at + length].tolist(), int(stroke["tick"])))
        at += length
    grid = np.arange(len(time_ns)) * 5 * TICK_NS
    found = space.actions(strokes.to_events(np.array(back, STROKE)), grid)
    truth = space.actions(recording.events, time_ns)
    np.testing.assert_array_equal(found.axes, truth.axes)
    assert (found.buttons == truth.buttons).mean() > 0.999  # a press and a release within one tick may swap
