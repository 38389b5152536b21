"""What of labels may be learned from: active inputs alone are judged, then pauses are capped, and each mask has its reason."""

from collections.abc import Callable

import numpy as np
import pytest

from playtape.actions import Actions, ActionSpace, Axis
from playtape.errors import BadInput
from playtape.label import filtering
from playtape.label.filtering import filtered, idle, least_for, sure

SPACE = ActionSpace(("key.w", "key.a", "mouse.left"), (Axis("mouse.dx", "sum", 20.0),))
HZ = 20
STEP = 10**9 // HZ
Said = tuple[Actions, np.ndarray, np.ndarray]


@pytest.fixture
def said() -> Callable[[int], Said]:
    """Hands that rest, and a labeller that is sure of it: actions, value [T, 4], time [T + 1]."""

    def rest(count: int) -> Said:
        actions = SPACE.zeros(count + 1)
        value = np.tile(np.array([0.001, 0.001, 0.001, 0.5], np.float32), (count, 1))
        return actions, value, np.arange(count + 1, dtype=np.int64) * STEP

    return rest


def test_an_interval_of_resting_hands_is_not_judged_by_confidence(said: Callable[[int], Said]) -> None:
    actions, value, time = said(40)
    judged = sure(actions, value, time, SPACE)
    assert np.isnan(judged.joint).all()
    assert (judged.confidence == 1).all()
    assert filtered(actions, value, time, SPACE, least=1.0).masked.sum() == 0


def test_only_active_inputs_count_and_each_of_them(said: Callable[[int], Said]) -> None:
    actions, value, time = said(40)
    actions.buttons[10:20, 0], value[10:20, 0] = True, 0.9
    assert sure(actions, value, time, SPACE).joint[15] == pytest.approx(0.9)
    actions.buttons[10:20, 1], value[10:20, 1] = True, 0.6
    judged = sure(actions, value, time, SPACE)
    assert judged.joint[15] == pytest.approx(0.54)
    assert judged.each[15, :2].tolist() == pytest.approx([0.9, 0.6])
    assert np.isnan(judged.each[15, 2:]).all()  # fire and the mouse rest
    assert np.isnan(judged.joint[30])
    assert judged.stratum[[5, 10, 15, 20]].tolist() == [0, 2, 1, 2]  # pressed in 10, let go in 20


def test_a_press_that_the_model_half_believes_is_doubtful(said: Callable[[int], Said]) -> None:
    """It was not decided, so the interval looks idle; what is above the floor is judged all the same."""
    actions, value, time = said(40)
    value[20, 2] = 0.45
    found = filtered(actions, value, time, SPACE, least=0.9)
    assert sure(actions, value, time, SPACE).joint[20] == pytest.approx(0.55)
    assert found.masked[18:23].all()  # and its neighbours: an onset may lie a frame or two beside its place
    assert not found.masked[[0, 15, 25]].any()


def test_an_axis_is_sure_by_its_spread(said: Callable[[int], Said]) -> None:
    actions, value, time = said(20)
    actions.axes[5:15, 0] = 40.0
    value[5:10, 3], value[10:15, 3] = 5.0, 50.0  # within 10 counts of 40: two deviations, and a fifth of one
    each = sure(actions, value, time, SPACE).each[:, 3]
    assert each[7] == pytest.approx(0.954, abs=0.001)
    assert each[12] == pytest.approx(0.159, abs=0.001)
    assert np.isnan(each[0])


@pytest.mark.parametrize(("seconds", "masked"), [(2.0, 0), (5.0, 0), (8.0, 60)])
def test_only_the_middle_of_a_long_pause_is_masked(said: Callable[[int], Said], seconds: float, masked: int) -> None:
    pause = round(seconds * HZ)
    actions, _, time = said(40 + pause)
    actions.buttons[:20, 0] = actions.buttons[20 + pause :, 0] = True
    found = idle(actions, time, SPACE, 5.0)
    assert found.sum() == masked
    if masked:
        assert np.flatnonzero(found)[[0, -1]].tolist() == [20 + 50, 20 + pause - 50 - 1]


def test_a_pause_at_the_ends_keeps_what_is_beside_the_play(said: Callable[[int], Said]) -> None:
    actions, _, time = said(300)
    actions.axes[140:160, 0] = 3.0
    found = idle(actions, time, SPACE, 2.0)
    assert np.flatnonzero(~found).tolist() == list(range(100, 200))


def test_what_one_step_masks_no_later_one_judges(said: Callable[[int], Said]) -> None:
    actions, value, time = said(400)
    actions.buttons[100:140, 0], value[100:140, 0] = True, 0.5  # doubtful
    found = filtered(actions, value, time, SPACE, least=0.8, idle_s=2.0)
    why = {
        span.value: (span.start_ns // STEP, span.end_ns // STEP) for span in found.spans if span.start_ns > 90 * STEP
    }
    assert why == {
        "confidence below 0.8": (99, 141),
        "nothing done for more than 2 s": (181, 400),
    }
    assert {span.kind for span in found.spans} == {"masked"}
    covered = np.zeros(400, int)
    for span in found.spans:
        covered[span.start_ns // STEP : span.end_ns // STEP] += 1
    assert (covered == found.masked).all()  # each interval has one reason
    report = found.report
    assert report["unsure"] == 42
    assert report["unsure"] + report["idle"] == found.masked.sum() == round((1 - report["kept"]) * 400)
    assert report["strata"]["held"] == {"intervals": 39, "kept": 0.0, "confidence": pytest.approx(0.5, abs=0.05)}
    assert report["strata"]["idle"]["confidence"] is None


def test_nothing_is_masked_unless_asked_for(said: Callable[[int], Said]) -> None:
    actions, value, time = said(2000)
    value[:] = 0.5
    found = filtered(actions, value, time, SPACE)
    assert not found.masked.any()
    assert found.spans == ()
    assert found.report["kept"] == 1


def test_a_share_becomes_a_threshold() -> None:
    confidence = np.random.default_rng(0).random(1000)
    assert (confidence >= least_for(confidence, 0.3)).mean() == pytest.approx(0.3, abs=0.002)


def test_a_stick_at_rest_is_idle(said: Callable[[int], Said]) -> None:
    space = ActionSpace((), (Axis("pad.left_x", "state"),))
    actions = space.zeros(201)
    actions.axes[:, 0] = 0.05
    assert filtering.idle(actions, np.arange(201) * STEP, space, 1.0).any()
    actions.axes[:, 0] = 0.5
    assert not filtering.idle(actions, np.arange(201) * STEP, space, 1.0).any()


@pytest.mark.parametrize("wrong", [{"least": 1.5}, {"least": float("nan")}, {"idle_s": -1.0}])
def test_bad_numbers(said: Callable[[int], Said], wrong: dict[str, float]) -> None:
    with pytest.raises(BadInput, match="it must be a number from 0"):
        filtered(*said(10), SPACE, **wrong)
