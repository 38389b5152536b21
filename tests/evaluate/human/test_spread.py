"""Intervals, chance and agreement, on numbers whose answer is known."""

import numpy as np
import pytest

from playtape.evaluate.human.spread import Draws, all_equal, alpha, interval, wilson

NAN = float("nan")
# Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section C: four observers, twelve units.
KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
)


def test_the_mean_is_over_episodes_of_the_mean_over_raters() -> None:
    values = np.array([[2.0, NAN, 6.0], [4.0, 1.0, NAN]])
    draws = Draws.of(2, 3, 0)
    assert draws.means(values)[0].tolist() == [3, 1, 6]
    assert draws.mean(values)[0] == pytest.approx(10 / 3)
    assert draws.mean(values, np.array([10.0, 5.0, 5.0]))[0] == pytest.approx(0.5)


def test_the_interval_of_a_mean_is_what_statistics_says() -> None:
    values = np.random.default_rng(0).normal(10, 3, (1, 200))
    value, low, high = interval(Draws.of(1, 200, 0).mean(values))
    half = 1.96 * values.std(ddof=1) / 200**0.5
    assert (value, low, high) == pytest.approx((values.mean(), values.mean() - half, values.mean() + half), abs=0.06)


def test_raters_who_differ_widen_it() -> None:
    """A lenient and a strict rater: with other raters, the mean would be another one."""
    episodes = np.random.default_rng(1).normal(10, 1, 50)
    alike, apart = np.array([episodes, episodes]), np.array([episodes - 5, episodes + 5])
    narrow, wide = (interval(Draws.of(2, 50, 0).mean(values)) for values in (alike, apart))
    assert narrow[0] == pytest.approx(wide[0])
    assert narrow[1] is not None
    assert wide[1] is not None
    assert narrow[0] - narrow[1] < 0.5
    assert wide[0] - wide[1] > 4


def test_chance_by_permutation() -> None:
    apart = np.array([1.0, 2, 3, 7, 8, 9])
    groups, one = np.array([0, 0, 0, 1, 1, 1]), np.zeros(6, int)
    assert all_equal(apart, groups, one, 0) == pytest.approx(0.1, abs=0.015)  # 2 of 20 ways are as far
    assert all_equal(np.ones(6), groups, one, 0) == 1
    assert all_equal(apart, groups, groups, 0) == 1  # each played a game of their own: nothing can be told
    generator = np.random.default_rng(3)
    drawn = [all_equal(generator.normal(0, 1, 12), np.arange(12) % 3, np.zeros(12, int), seed) for seed in range(40)]
    assert 0.3 < float(np.mean(drawn)) < 0.7  # and even, where there is nothing


def test_a_rate_has_the_interval_that_scipy_gives() -> None:
    from scipy.stats import binomtest

    for won, count in ((0, 3), (2, 2), (7, 20), (150, 400)):
        found = binomtest(won, count).proportion_ci(0.95, method="wilson")
        assert wilson(won / count, count) == pytest.approx((found.low, found.high), abs=1e-6)


def test_agreement_is_krippendorffs() -> None:
    assert alpha(KRIPPENDORFF) == pytest.approx(0.849, abs=0.0005)  # as he has it for interval data
    assert alpha(np.array([[1.0, 2, 3], [1, 2, 3]])) == 1
    assert abs(alpha(np.random.default_rng(0).normal(0, 1, (2, 2000))) or 9) < 0.05


@pytest.mark.parametrize("values", [np.ones((2, 5)), np.array([[1.0, NAN], [NAN, 2.0]]), np.array([[1.0, 2.0]])])
def test_agreement_where_it_has_no_meaning(values: np.ndarray) -> None:
    assert alpha(values) is None
