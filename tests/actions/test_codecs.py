"""Bins: VPT's published centres, fitted quantiles, and that decoding is encoding's inverse on centres."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playtape.actions.codecs import Bins
from playtape.errors import BadInput

Loose: Any = Bins  # for wrong types on purpose
steady = settings(derandomize=True, deadline=None, max_examples=100, database=None)


def test_mu_law_is_vpts():
    bins = Bins.mu_law(10, 11, 10)
    assert np.round(bins.centres, 2).tolist() == [-10, -5.81, -3.22, -1.61, -0.62, 0, 0.62, 1.61, 3.22, 5.81, 10]
    x = np.linspace(-12, 12, 1001)  # avoids the edges, where rounding half to even differs
    clipped = np.clip(x, -10, 10)
    u = 10 * np.sign(clipped) * np.log1p(np.abs(clipped)) / np.log(11)
    np.testing.assert_array_equal(bins.encode(x), np.round((u + 10) / 2).astype(int))


def test_quantile_bins_give_zero_its_own_bin_and_balance_the_rest():
    generator = np.random.default_rng(3)
    values = np.round(generator.standard_cauchy(20_000) * 8)
    bins = Bins.quantile(values, 11)
    counts = np.bincount(bins.encode(values), minlength=len(bins))
    assert len(bins) == 11
    assert counts[5] == (values == 0).sum()
    assert np.delete(counts, 5).min() > 0.6 * (values != 0).sum() / 10
    assert bins.centres == tuple(-centre for centre in reversed(bins.centres))


def test_quantile_bins_of_few_values():
    assert Bins.quantile([1, 0, 0], 9).centres == (-1, 0, 1)
    assert Bins.quantile([3, 3, -3, 7], 9).centres == (-7, -3, 0, 3, 7)


@steady
@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=60).filter(any), st.integers(1, 15))
def test_quantile_bins_of_any_counts(values, half):
    bins = Bins.quantile(values, 2 * half + 1)
    assert 3 <= len(bins) <= 2 * half + 1
    classes = np.arange(len(bins))
    np.testing.assert_array_equal(bins.encode(np.array(bins.centres)), classes)
    assert bins.encode(0) == len(bins) // 2
    encoded = bins.encode(values)
    np.testing.assert_array_equal(np.sign(bins.decode(encoded)), np.sign(values))
    np.testing.assert_array_equal(np.argsort(bins.decode(classes)), classes)


@steady
@given(st.floats(1e-3, 1e4), st.integers(2, 101), st.floats(1e-2, 1e3))
def test_mu_law_decodes_to_its_own_bin(limit, count, mu):
    bins = Bins.mu_law(limit, count, mu)
    assert len(bins) == count
    np.testing.assert_array_equal(bins.encode(np.array(bins.centres)), np.arange(count))


def test_bins_are_closed_above():
    bins = Bins((0.0, 1.0), (-1.0, 0.5, 2.0))
    assert bins.encode([-5, 0, 0.001, 1, 1.001]).tolist() == [0, 0, 1, 1, 2]
    assert bins.encode([[0.5], [9]]).tolist() == [[1], [2]]
    assert bins.decode([[2, 0]]).tolist() == [[2, -1]]
    assert bins.decode(np.zeros(0)).dtype == np.float32


def test_json_is_exact():
    bins = Bins.mu_law(7.3, 21)
    assert Bins.from_json(json.loads(json.dumps(bins.to_json()))) == bins


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Loose((1.0, 1.0), (0.0, 1.0, 2.0)), "bin edges must be a list of strictly rising"),
        (lambda: Loose((1.0,), (2.0, 0.0)), "bin centres must be a list of strictly rising"),
        (lambda: Loose((1.0,), (0.0, 2.0, 3.0)), "1 edges make 2 bins, but there are 3 centres"),
        (lambda: Loose((1.0,), (2.0, 3.0)), "centre 2 lies outside its own bin 0"),
        (lambda: Loose((float("inf"),), (0.0, 1.0)), "must be finite"),
        (lambda: Loose(("a",), (0.0, 1.0)), "must be numbers"),
        (lambda: Loose.mu_law(0, 11), "positive limit and mu"),
        (lambda: Loose.mu_law(1, 11, -1), "positive limit and mu"),
        (lambda: Loose.mu_law(1, 1), "at least 2, not 1"),
        (lambda: Loose.mu_law(1, 2.5), "whole number"),
        (lambda: Loose.quantile([1, 2], 4), "must be odd, not 4"),
        (lambda: Loose.quantile([1, 2], 1), "at least 3"),
        (lambda: Loose.quantile([0, 0], 5), "other than 0"),
        (lambda: Loose.quantile([], 5), "other than 0"),
        (lambda: Loose.quantile([np.nan], 5), "must be finite"),
        (lambda: Loose.mu_law(1, 3).encode([np.inf]), "must be finite, but one is inf"),
        (lambda: Loose.mu_law(1, 3).encode("x"), "must be numbers"),
        (lambda: Loose.mu_law(1, 3).decode([3]), "must be 0 to 2"),
        (lambda: Loose.mu_law(1, 3).decode([-1]), "must be 0 to 2"),
        (lambda: Loose.mu_law(1, 3).decode([0.5]), "whole numbers"),
        (lambda: Loose.from_json({"edges": []}), "exactly the entries centres and edges"),
        (lambda: Loose.from_json({"edges": None, "centres": [1]}), "must be finite|must be numbers|strictly rising"),
    ],
)
def test_bad_input_is_refused(make, sentence):
    with pytest.raises(BadInput, match=sentence):
        make()
