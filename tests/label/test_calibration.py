"""Fitting on beliefs whose flaw we made ourselves."""

import numpy as np
import pytest

from playtape.actions import ActionSpace, Axis
from playtape.errors import BadInput
from playtape.label.calibration import fit
from playtape.label.decode import Calibration, calibrated, logit

SPACE = ActionSpace(("key.w", "key.5"), (Axis("mouse.dx", "sum", 100.0),))


def beliefs(sharpness: float) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    draw = np.random.default_rng(0)
    p = 1 / (1 + np.exp(-draw.normal(0, 2, (6000, 2))))
    held = draw.random((6000, 2)) < p
    held[:, 1] = False  # a key that never was pressed
    axes = draw.normal(0, 200, (6000, 1)) * (draw.random((6000, 1)) < 0.5)
    mean = axes + draw.normal(0, 10, (6000, 1))
    half = np.full((6000, 2), 0.5)
    return held, axes, [1 / (1 + np.exp(-sharpness * logit(p))), half, half, mean, np.full((6000, 1), 5.0)]


def test_an_overconfident_model_is_cooled() -> None:
    held, axes, part = beliefs(sharpness=3.0)
    calibration = fit([(held, axes)], [part], SPACE)
    assert abs(calibration.temperature[0] - 3) < 0.3
    assert abs(calibrated(part[0], calibration)[:, 0].mean() - held[:, 0].mean()) < 0.02


def test_a_key_seen_too_rarely_keeps_the_defaults() -> None:
    held, axes, part = beliefs(sharpness=1.0)
    calibration = fit([(held, axes)], [part], SPACE)
    assert calibration.temperature[1] == 1
    assert calibration.threshold[1] == 0.5


def test_noise_on_an_idle_axis_falls_into_the_dead_zone_and_the_spread_grows_to_the_error() -> None:
    held, axes, part = beliefs(sharpness=1.0)
    calibration = fit([(held, axes)], [part], SPACE)
    assert 10 < calibration.dead_zone[0] < 40
    assert abs(calibration.spread[0] - 2) < 0.1


def test_json_round_trip() -> None:
    held, axes, part = beliefs(sharpness=1.0)
    calibration = fit([(held, axes)], [part], SPACE)
    assert Calibration.of({"calibration": calibration.to_json()}, SPACE) == calibration
    assert Calibration.of({}, SPACE) == Calibration.none(SPACE)


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": [1.0]},
        {"threshold": "high"},
        {"spread": [float("nan")]},
        {"temperature": [0, 1]},
        {"transition": "x"},
    ],
)
def test_a_broken_calibration_is_one_sentence(change: dict) -> None:
    whole = Calibration.none(SPACE).to_json()
    with pytest.raises(BadInput, match="calibration"):
        Calibration.of({"calibration": {**whole, **change}}, SPACE)
