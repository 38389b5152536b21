"""Where something goes on without a break. Numpy only."""

import numpy as np
from numpy.typing import NDArray


def runs(true: NDArray[np.bool_]) -> NDArray[np.intp]:
    """bool [T] -> [N, 2]: [start, end) of each of the N runs of True, in order."""
    return np.flatnonzero(np.diff(true.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
