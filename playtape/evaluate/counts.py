"""What the honest metrics are made of: counts and sums for each unit of resampling, that add up over units.

Legend: T intervals, B buttons, A axes, U units (recordings, or blocks of one). Each array has U first, so that a
bootstrap resample is one matrix product. Knows no file and no formula of a metric.
"""

import numpy as np

from playtape.evaluate.rows import Pair, Rows

COLLARS = (0, 1)  # intervals
ECE_BINS = 15
AP_BINS = 512  # for the intervals of average precision only; its value is exact


def counts(pair: Pair, side: Rows, unit: np.ndarray, units: int) -> dict[str, np.ndarray]:
    """Counts of one recording, `unit` int [T] saying where each interval belongs; -1 is left out.

    `state` [U, B, 4]: true positives, false positives, false negatives, true negatives of "held".
    `onset`, `release` [U, B, collars, 3]: matched, wrong, missed. `axes` [U, A, 9]: see `_axis_sums`.
    `idle` [U, 3]: idle intervals of the truth, those with a predicted button, those with predicted motion of >= 1.
    """
    truth = pair.truth
    return {
        "state": _states(truth.buttons, side.buttons, unit, units),
        "onset": _transitions(truth.buttons, side.buttons, unit, units),
        "release": _transitions(~truth.buttons, ~side.buttons, unit, units),
        "axes": _axis_sums(truth.axes, side.axes, unit, units),
        "idle": _idle(truth, side, unit, units),
    }


def add_up(values: np.ndarray, unit: np.ndarray, units: int) -> np.ndarray:
    """Sum `values` [T, ...] by unit to [U, ...]; rows of unit -1 are left out."""
    total = np.zeros((units, *values.shape[1:]))
    kept = unit >= 0
    np.add.at(total, unit[kept], values[kept])
    return total


def match(truth: np.ndarray, predicted: np.ndarray, collar: int) -> tuple[np.ndarray, np.ndarray]:
    """One-to-one matching of two rising lists of times with |difference| <= collar, as many pairs as possible.

    Returns which of each list are matched. Two pointers are optimal here, since every event has the same collar:
    whichever of the two is earlier and out of reach can never be matched later. (Taking the nearest first is not optimal.)
    """
    found_truth, found_predicted = np.zeros(len(truth), bool), np.zeros(len(predicted), bool)
    i = j = 0
    while i < len(truth) and j < len(predicted):
        if abs(int(truth[i]) - int(predicted[j])) <= collar:
            found_truth[i] = found_predicted[j] = True
            i, j = i + 1, j + 1
        elif truth[i] < predicted[j]:
            i += 1
        else:
            j += 1
    return found_truth, found_predicted


def _states(truth: np.ndarray, side: np.ndarray, unit: np.ndarray, units: int) -> np.ndarray:
    cells = np.stack([truth & side, ~truth & side, truth & ~side, ~truth & ~side], axis=-1)
    return add_up(cells.astype(np.float64), unit, units)


def _transitions(truth: np.ndarray, side: np.ndarray, unit: np.ndarray, units: int) -> np.ndarray:
    """[U, B, collars, 3]. A button that is down in the first interval has no onset there: its press was not seen."""
    total = np.zeros((units, truth.shape[1], len(COLLARS), 3))
    seen = (unit[1:] >= 0) & (unit[:-1] >= 0)
    for button in range(truth.shape[1]):
        want = np.flatnonzero(truth[1:, button] & ~truth[:-1, button] & seen) + 1
        have = np.flatnonzero(side[1:, button] & ~side[:-1, button] & seen) + 1
        for c, collar in enumerate(COLLARS):
            matched, right = match(want, have, collar)
            for cell, times in enumerate((want[matched], have[~right], want[~matched])):
                total[:, button, c, cell] = np.bincount(unit[times], minlength=units)
    return total


def _axis_sums(truth: np.ndarray, side: np.ndarray, unit: np.ndarray, units: int) -> np.ndarray:
    """[U, A, 9]: n, sums of x, y, xx, yy, xy, |x - y|, |x|, |y|; x is the truth, y the prediction."""
    x, y = truth, side
    columns = [np.ones_like(x), x, y, x * x, y * y, x * y, np.abs(x - y), np.abs(x), np.abs(y)]
    return add_up(np.stack(columns, axis=-1), unit, units)


def _idle(truth: Rows, side: Rows, unit: np.ndarray, units: int) -> np.ndarray:
    idle = ~truth.buttons.any(axis=1) & ~(truth.axes != 0).any(axis=1)
    pressed = idle & side.buttons.any(axis=1)
    moved = idle & (np.abs(side.axes) >= 1).any(axis=1)
    return add_up(np.stack([idle, pressed, moved], axis=-1).astype(np.float64), unit, units)


class Histograms:
    """P(held) against what was held, for each unit and button: what calibration and average precision are made of.

    Bins are of equal mass over all recordings and stay fixed under resampling; equal probabilities share a bin.
    """

    def __init__(self, held: np.ndarray, probability: np.ndarray, unit: np.ndarray, units: int):
        """held bool [N, B], probability [N, B] (NaN: unknown), unit int [N] (-1: left out), of all recordings."""
        known = np.isfinite(probability) & (unit >= 0)[:, None]
        buttons = held.shape[1]
        self.reliability = np.zeros((units, buttons, ECE_BINS, 3))  # n, sum of probability, held
        self.pooled = np.zeros((units, ECE_BINS, 3))
        self.squares = add_up(np.where(known, (np.nan_to_num(probability) - held) ** 2, 0), unit, units)  # [U, B]
        self.ranks = np.zeros((units, buttons, AP_BINS, 2))  # n, held; bin 0 is the most probable
        everything = probability[known]
        edges = _edges(everything, ECE_BINS)
        for button in range(buttons):
            rows = known[:, button]
            p, y, u = probability[rows, button], held[rows, button], unit[rows]
            self.reliability[:, button] = _reliability(p, y, u, units, _edges(p, ECE_BINS))
            self.pooled += _reliability(p, y, u, units, edges)
            rank = AP_BINS - 1 - np.searchsorted(_edges(p, AP_BINS), p, side="right")
            np.add.at(self.ranks[:, button], (u, rank), np.stack([np.ones(len(y)), y], axis=-1))


def _edges(p: np.ndarray, bins: int) -> np.ndarray:
    """Inner edges of up to `bins` bins of equal mass; with fewer distinct values than bins, each has its own."""
    distinct = np.unique(p)
    if len(distinct) <= bins:
        return distinct[1:]
    return np.unique(np.quantile(p, np.arange(1, bins) / bins))


def _reliability(p: np.ndarray, y: np.ndarray, u: np.ndarray, units: int, edges: np.ndarray) -> np.ndarray:
    total = np.zeros((units, ECE_BINS, 3))
    np.add.at(total, (u, np.searchsorted(edges, p, side="right")), np.stack([np.ones(len(p)), p, y], axis=-1))
    return total
