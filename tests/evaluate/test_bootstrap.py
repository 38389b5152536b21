"""The draws of units: how many, which, and of nothing none."""

import numpy as np
import pytest

from playtape.errors import BadInput
from playtape.evaluate.bootstrap import RESAMPLES, Bootstrap


def test_fewer_draws_are_the_first_of_many() -> None:
    many, few = Bootstrap.of(7, "recording", 3), Bootstrap.of(7, "recording", 3, resamples=50)
    assert many.weights.shape == (RESAMPLES, 7)
    assert np.array_equal(few.weights, many.weights[:50])
    assert few.describe()["resamples"] == 50
    assert (few.weights.sum(1) == 7).all()


def test_of_nothing_nothing_is_drawn() -> None:
    with pytest.raises(BadInput, match=r"there are 0 units \(recording\) to resample; an interval needs 1 or more"):
        Bootstrap.of(0, "recording", 0)
