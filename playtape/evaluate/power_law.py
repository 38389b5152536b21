"""L(D) = floor + (scale / D) ^ alpha: how a loss falls with data (the scaling law of Pixels2Play, arXiv 2601.04575).

Given alpha the law is linear in floor and in scale ^ alpha, so that is solved, and only alpha is searched: no starting point, and
no fit that fails to converge, which matters where it is fitted again for every draw of a bootstrap. Knows no model and no file.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from playtape.errors import BadInput

ALPHA = (0.01, 4.0)  # searched; beyond these three points and a floor tell no law
EDGE = 1.001  # how near to an end of ALPHA a search still stops
FEWEST = 4  # sizes of data: the law has three numbers
ROUNDING = 1e-12  # of the largest loss: no fall is less


@dataclass(frozen=True)
class PowerLaw:
    """`floor` is what no amount of data gets under; `scale` is in the unit of D."""

    floor: float
    scale: float
    alpha: float

    @property
    def falls(self) -> bool:
        """False for a constant, whose scale is 0 and whose alpha says nothing."""
        return self.scale > 0

    @property
    def doubt(self) -> str:
        """Why this tells nothing of other amounts of data; empty if it does."""
        if not self.falls:
            return "the loss does not fall with data"
        if not ALPHA[0] * EDGE < self.alpha < ALPHA[1] / EDGE:
            ends = " to ".join(f"{end:g}" for end in ALPHA)
            return f"alpha is {self.alpha:.2g}, an end of what is searched ({ends}), so the points show no curve"
        return ""

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

    A loss that does not fall gives a constant; see `falls` and `doubt`.
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
    with np.errstate(over="ignore", under="ignore"):
        return PowerLaw(floor, float(middle * np.float64(gain) ** (1 / alpha)), alpha)


def _solved(fall: np.ndarray, loss: np.ndarray, least: float) -> tuple[float, float, float]:
    """(floor, gain, squared rest) of loss = floor + gain * fall [N], gain >= 0 and floor >= least."""
    lean, mean = fall - fall.mean(), loss.mean()
    gain = float(lean @ (loss - mean) / (lean @ lean))
    floor = float(mean - gain * fall.mean())
    if floor < least:
        floor, gain = least, float(fall @ (loss - least) / (fall @ fall))
    if gain * np.ptp(fall) <= ROUNDING * np.abs(loss).max():
        floor, gain = max(least, float(mean)), 0.0
    return floor, gain, float(((loss - floor - gain * fall) ** 2).sum())
