"""Risk-coverage: if only the most confident intervals are kept, how wrong are they? One number a coverage, by stratum.

An interval's confidence is that of its least sure button; its error is 1 if any button is wrong. Legend: T intervals, B
buttons.
"""

import numpy as np

from playtape.evaluate.rows import Pair, Rows

COVERAGES = (0.5, 0.8, 0.9, 1.0)
STRATA = ("all", "idle", "held", "transition")


def risk_coverage(pairs: list[Pair], sides: list[Rows]) -> dict[str, dict[str, float | int | None]]:
    """For all intervals and for each stratum of the truth: `aurc`, `risk_at_0.5` ... `risk_at_1.0`, `intervals`.

    idle: no button held; held: some, and none changes from the interval before; transition: one changes. Intervals
    without a probability of every button that has one anywhere are left out.
    """
    error, confidence, stratum = (np.concatenate(parts) for parts in zip(*map(_intervals, pairs, sides), strict=True))
    result = {}
    for number, name in enumerate(STRATA):
        rows = np.ones(len(error), bool) if name == "all" else stratum == number
        result[name] = _curve(error[rows], confidence[rows])
    return result


def _intervals(pair: Pair, side: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(error [N], confidence [N], stratum [N]) of the covered intervals."""
    known = np.isfinite(side.probability).any(axis=0)
    usable = pair.covered & np.isfinite(side.probability[:, known]).all(axis=1) & known.any()
    truth = pair.truth.buttons
    error = (truth != side.buttons).any(axis=1)
    sure = np.where(side.buttons, side.probability, 1 - side.probability)[:, known]
    confidence = sure.min(axis=1) if known.any() else np.zeros(len(error))
    changed = np.zeros(len(truth), bool)
    changed[1:] = (truth[1:] != truth[:-1]).any(axis=1)
    stratum = np.where(changed, STRATA.index("transition"), np.where(truth.any(axis=1), 2, 1))
    return error[usable].astype(np.float64), confidence[usable], stratum[usable]


def _curve(error: np.ndarray, confidence: np.ndarray) -> dict[str, float | int | None]:
    n = len(error)
    keys = ["aurc", *(f"risk_at_{coverage}" for coverage in COVERAGES)]
    if not n:
        return {**dict.fromkeys(keys), "intervals": 0}
    risk = risks(error, confidence)
    at = [risk[max(1, round(coverage * n)) - 1] for coverage in COVERAGES]
    return {**{key: float(v) for key, v in zip(keys, [risk.mean(), *at], strict=True)}, "intervals": n}


def risks(error: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Risk [N] of the 1, 2, ... N most confident; among equals, the error that a random choice would have."""
    _, group = np.unique(-confidence, return_inverse=True)
    size = np.bincount(group)
    expected = (np.bincount(group, error) / size)[np.sort(group)]
    return np.cumsum(expected) / np.arange(1, len(error) + 1)
