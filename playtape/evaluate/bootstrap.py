"""Bootstrap intervals: whole recordings are drawn, never frames, since the frames of one play are not independent."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from playtape.errors import BadInput

RESAMPLES = 2000
LEVEL = 0.95
BLOCK_NS = 10_000_000_000  # one recording alone is resampled in contiguous blocks of 10 s


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Draws of units. `weights` float64 [resamples, U]: how often each unit is in each draw."""

    weights: np.ndarray
    unit: str  # "recording" or "10 s block"

    @classmethod
    def of(cls, units: int, unit: str, seed: int, resamples: int = RESAMPLES) -> "Bootstrap":
        """`units` draws with replacement, `resamples` times. Raises BadInput if there is nothing to draw from."""
        if units < 1:
            raise BadInput(f"there are {units} units ({unit}) to resample; an interval needs 1 or more")
        generator = np.random.default_rng(seed)
        return cls(generator.multinomial(units, np.full(units, 1 / units), size=resamples).astype(np.float64), unit)

    def describe(self) -> dict[str, object]:
        """For the result."""
        units = self.weights.shape[1]
        note = f"{units} units of resampling ({self.unit})"
        if units == 1:
            note = "one recording has no interval"
        elif self.unit != "recording":
            note = f"one recording: its {units} blocks of 10 s are resampled, so nothing is said about other plays"
        elif units < 8:
            note = f"only {units} recordings: the intervals are rough"
        return {"unit": self.unit, "units": units, "resamples": len(self.weights), "level": LEVEL, "note": note}

    def interval(
        self, formula: Callable[[np.ndarray], np.ndarray], units: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(value, low, high) of `formula` [..., shape] over sums of `units` [U, ...]. NaN draws are left out. One unit has no
        interval: its ends are NaN."""
        value = np.asarray(formula(units.sum(axis=0)))
        if len(units) == 1:
            return value, np.full(value.shape, np.nan), np.full(value.shape, np.nan)
        drawn = (self.weights @ units.reshape(len(units), -1)).reshape(len(self.weights), *units.shape[1:])
        return value, *bounds(np.asarray(formula(drawn)))


def bounds(drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(low, high) over the first axis of `drawn` [resamples, ...]; NaN where most draws are undefined."""
    if not drawn.size:  # no buttons, or no axes
        return drawn.sum(axis=0), drawn.sum(axis=0)
    undefined = np.isnan(drawn).mean(axis=0) > 0.5
    safe = np.where(undefined, 0.0, drawn)
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(safe, [tail, 1 - tail], axis=0)
    return np.where(undefined, np.nan, low), np.where(undefined, np.nan, high)


def units_of(times: list[np.ndarray], covered: list[np.ndarray]) -> tuple[list[np.ndarray], int, str]:
    """Which unit each interval belongs to: int [T] for each recording, -1 where not covered; how many units; their name.

    `times` int64 [T + 1] for each recording. One shorter than two blocks is one unit, which has no interval.
    """
    if len(times) > 1:
        unit = [np.where(known, number, -1) for number, known in enumerate(covered)]
        return unit, len(times), "recording"
    block = (times[0][:-1] - times[0][0]) // BLOCK_NS
    present = np.unique(block[covered[0]])
    unit = np.searchsorted(present, block)
    return [np.where(covered[0], np.minimum(unit, len(present) - 1), -1)], len(present), "10 s block"
