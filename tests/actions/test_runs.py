"""Runs of True: half-open, in order, and to the last row."""

import numpy as np
import pytest

from playtape.actions.runs import runs


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([1, 1, 0, 0, 1, 0, 1], [[0, 2], [4, 5], [6, 7]]),
        ([0, 1, 1, 0], [[1, 3]]),
        ([1, 1], [[0, 2]]),
        ([0, 0, 0], []),
        ([], []),
    ],
)
def test_each_run_from_its_start_to_its_end(rows: list[int], found: list[list[int]]) -> None:
    assert runs(np.array(rows, bool)).tolist() == found
    assert runs(np.array(rows, bool)).shape == (len(found), 2)
