"""The scaling law through points that follow it, nearly follow it, and do not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playtape.errors import BadInput
from playtape.evaluate.power_law import PowerLaw, fit

DATA = np.array([30e6, 60e6, 125e6, 250e6, 500e6])


def test_the_paper_s_law_of_its_largest_policy() -> None:
    """Pixels2Play, figure of 1.2B: floor 1.111, alpha .2336, scale 17 frames; read at the five sizes of data."""
    law = PowerLaw(1.111, 17, 0.2336)
    assert law.loss(DATA).round(3).tolist() == [1.146, 1.141, 1.136, 1.132, 1.129]
    assert law.needed(1.129) == pytest.approx(500e6, rel=0.02)


@given(
    floor=st.floats(0.0, 3.0),
    alpha=st.floats(0.05, 2.0),
    gain=st.floats(0.01, 2.0),
    unit=st.sampled_from([1, 1e3, 1e9]),
)
@settings(deadline=None)
def test_points_of_a_law_give_it_back(floor: float, alpha: float, gain: float, unit: float) -> None:
    data = np.array([1, 2, 4, 8, 16]) * unit
    scale = unit * gain ** (1 / alpha)
    found = fit(data, PowerLaw(floor, scale, alpha).loss(data))
    assert found.alpha == pytest.approx(alpha, rel=1e-3)
    assert found.floor == pytest.approx(floor, abs=2e-3 * (1 + gain))
    assert found.loss(data * 4) == pytest.approx(PowerLaw(floor, scale, alpha).loss(data * 4), rel=1e-3, abs=1e-4)


def test_no_fit_of_least_squares_is_better() -> None:
    """Against scipy's own minimiser, from the truth, on noisy points."""
    from scipy.optimize import curve_fit

    draw = np.random.default_rng(0)
    for _ in range(10):
        loss = PowerLaw(0.5, 3.0, 0.5).loss(DATA / 1e6) + draw.normal(0, 0.005, 5)
        found = fit(DATA / 1e6, loss)
        with np.errstate(all="ignore"):
            theirs, _ = curve_fit(
                lambda d, *law: PowerLaw(*law).loss(d),
                DATA / 1e6,
                loss,
                (0.5, 3.0, 0.5),
                bounds=([0, 1e-3, 0.01], [2, 1e4, 4]),
            )
        rest = [
            ((PowerLaw(*law).loss(DATA / 1e6) - loss) ** 2).sum()
            for law in (theirs, (found.floor, found.scale, found.alpha))
        ]
        assert rest[1] <= rest[0] * 1.001 + 1e-12


def test_a_floor_is_never_below_what_the_loss_can_be() -> None:
    loss = 1.3 - 0.1 * np.log(DATA / DATA[0]) / np.log(16)  # falls evenly with the logarithm: no floor in sight
    assert fit(DATA, loss, least=1.0).floor == pytest.approx(1.0)
    assert fit(DATA, loss, least=1.0).r2(DATA, loss) > 0.95


def test_a_loss_that_does_not_fall_needs_no_data_and_tells_no_law() -> None:
    flat = fit(DATA, np.full(5, 0.7))
    assert flat.loss(1e12) == pytest.approx(0.7)
    assert np.isnan(flat.r2(DATA, np.full(5, 0.7)))
    rising = fit(DATA, np.array([0.5, 0.6, 0.7, 0.8, 0.9]))
    assert rising.loss(DATA) == pytest.approx(np.full(5, 0.7))
    noise = fit(DATA, 0.7 + np.array([3, 1, -1, 2, 0]) * 1e-16, least=0.5)
    for law in (flat, rising, noise):
        assert not law.falls
        assert law.doubt == "the loss does not fall with data"


def test_points_without_a_curve_tell_no_law() -> None:
    once = fit(DATA, np.array([2.0, 1.5, 1.5, 1.5, 1.5]))
    hardly = fit(DATA, 1.5 - 1e-4 * np.log(DATA), least=1.0)
    assert once.falls
    assert "alpha is 4, an end of what is searched (0.01 to 4), so the points show no curve" in once.doubt
    assert hardly.doubt.startswith("alpha is 0.01, an end")
    assert fit(DATA, PowerLaw(1.1, 1e6, 0.5).loss(DATA)).doubt == ""


def test_a_scale_beyond_all_numbers_is_no_error() -> None:
    assert fit(DATA, 1e6 - 100 * np.log(DATA), least=1.0).scale == float("inf")


def test_what_is_at_the_floor_is_never_reached() -> None:
    law = PowerLaw(0.5, 1.0, 0.5)
    assert law.needed(0.5) == law.needed(0.3) == float("inf")
    assert law.loss(law.needed(0.7)) == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("data", "loss", "said"),
    [
        ([1, 2, 4], [3, 2, 1], "4 different amounts of data or more, not 3"),
        ([1, 2, 4, 4], [3, 2, 1, 1], "not 3"),
        ([0, 1, 2, 4], [3, 2, 1, 1], "above 0"),
        ([1, 2, 4, 8], [3, 2, 1, float("nan")], "finite"),
    ],
)
def test_too_little_for_a_law(data: list[float], loss: list[float], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        fit(np.array(data), np.array(loss))


def test_a_law_that_hardly_falls_leaves_no_bounds() -> None:
    assert PowerLaw(1.0, 6e24, 0.01).needed(200.0) < 1e-100
    assert PowerLaw(1.0, 1.0, 0.01).needed(1e10) == 0.0
    assert PowerLaw(1.0, 1.0, 0.01).needed(1.0 + 1e-5) == float("inf")
