"""Formulas where there is nothing to count."""

import numpy as np
import pytest

from playtape.evaluate import scores


def test_nothing_ranked_has_no_precision() -> None:
    """As where a recording's only row of confidence reaches none of the labels' intervals."""
    assert np.isnan(scores.average_precision(np.zeros(0, bool), np.zeros(0)))
    assert np.isnan(scores.precision_steps(np.zeros((3, 0, 2)))).tolist() == [True] * 3
    assert scores.average_precision(np.array([True, False]), np.array([0.9, 0.1])) == pytest.approx(1)
