"""L(D) = floor + (scale / D) ^ alpha: how a loss falls with data (the scaling law of Pixels2Play, arXiv 2601.04575).

Given alpha the law is linear in floor and in scale ^ alpha, so that is solved, and only alpha is searched: no starting point, and
no fit that fails to converge, which matters where it is fitted again for every draw of a bootstrap. Knows no model and no file.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from playtape.errors import BadInput

ALPHA = (0.01, 4.0)  # searched; beyond these three points and a floor tell no law
FEWEST = 4  # sizes of data: the law has three numbers


@dataclass(frozen=True)
class PowerLaw:
    """`floor` is what no amount of data gets under; `scale` is in the unit of D."""

    floor: float
    scale: float
    alpha: float

    def loss(self, data: np.ndarray | float) -> np.ndarray:
        """L at each amount of data."""
        return self.floor + (self.scale / np.asarray(data, np.float64)) ** self.alpha

    def needed(self, loss: float) -> float:
        """How much data reaches `loss`; infinity for one at or below the floor."""
        if loss <= self.floor:
            return float("inf")
        with np.errstate(
            over="ignore", under="ignore", divide="ignore"
        ):  # with an alpha near 0 powers leave all bounds
            return float(self.scale / np.float64(loss - self.floor) ** (1 / self.alpha))

    def r2(self, data: np.ndarray, loss: np.ndarray) -> float:
        """The share of the losses' variance that the law tells; NaN where they do not vary."""
        rest, spread = ((loss - self.loss(data)) ** 2).sum(), ((loss - loss.mean()) ** 2).sum()
        return float(1 - rest / spread) if spread > 0 else float("nan")


def fit(data: np.ndarray, loss: np.ndarray, least: float = 0.0) -> PowerLaw:
    """The law of least squares through float64 [N] points, with a floor of at least `least` (1 for a perplexity).

    Raises BadInput for under four different amounts of data, and for what is not positive and finite.
    """
    data, loss = np.asarray(data, np.float64), np.asarray(loss, np.float64)
    if len(np.unique(data)) < FEWEST:
        raise BadInput(f"a law needs losses at {FEWEST} different amounts of data or more, not {len(np.unique(data))}")
    if not (np.isfinite(data).all() and np.isfinite(loss).all() and data.min() > 0):
        raise BadInput("a law needs finite losses and amounts of data above 0")
    middle = np.exp(np.log(data).mean())  # in units of which D ^ -alpha is near 1
    ratio = np.log(data / middle)

    def rest(log_alpha: float) -> float:
        return _solved(np.exp(-ratio * np.exp(log_alpha)), loss, least)[2]

    grid = np.linspace(*np.log(ALPHA), 60)
    best = int(np.argmin([rest(point) for point in grid]))
    around = grid[max(0, best - 1)], grid[min(len(grid) - 1, best + 1)]
    alpha = float(np.exp(minimize_scalar(rest, bounds=around, method="bounded", options={"xatol": 1e-6}).x))
    floor, gain, _ = _solved(np.exp(-ratio * alpha), loss, least)
    return PowerLaw(floor, float(middle * gain ** (1 / alpha)), alpha)


def _solved(fall: np.ndarray, loss: np.ndarray, least: float) -> tuple[float, float, float]:
    """(floor, gain, squared rest) of loss = floor + gain * fall [N], gain >= 0 and floor >= least."""
    lean, mean = fall - fall.mean(), loss.mean()
    gain = float(lean @ (loss - mean) / (lean @ lean))
    floor = float(mean - gain * fall.mean())
    if floor < least:
        floor, gain = least, float(fall @ (loss - least) / (fall @ fall))
    if gain <= 0:
        floor, gain = max(least, float(mean)), 0.0
    return floor, gain, float(((loss - floor - gain * fall) ** 2).sum())
