"""Risk-coverage: if only the most confident intervals are kept, how wrong are they? One number a coverage, by stratum.

An interval's confidence is that of its least sure button; its error is 1 if any button is wrong. Onsets are judged beside it:
what is wrong with when buttons go down, where it is kept. Legend: T intervals, B buttons.
"""

from collections.abc import Sequence

import numpy as np

from playtape.evaluate.counts import match
from playtape.evaluate.rows import Pair, Rows

COVERAGES = (0.5, 0.8, 0.9, 1.0)
COLLAR = 1  # intervals: an onset further from a true one is wrong
STRATA = ("all", "idle", "held", "transition")


def risk_coverage(pairs: list[Pair], sides: list[Rows]) -> dict[str, dict[str, float | int | None]]:
    """For all intervals and for each stratum of the truth: `aurc`, `risk_at_0.5` ... `risk_at_1.0`, `intervals`.

    idle: no button held; held: some, and none changes from the interval before; transition: one changes. Intervals
    without a probability of every button that has one anywhere are left out. `onsets`: as `onset_risk` has it.
    """
    each = [_intervals(pair, side) for pair, side in zip(pairs, sides, strict=True)]
    error, confidence, stratum = (np.concatenate(parts) for parts in zip(*(one[:3] for one in each), strict=True))
    result = {}
    for number, name in enumerate(STRATA):
        rows = np.ones(len(error), bool) if name == "all" else stratum == number
        result[name] = _curve(error[rows], confidence[rows])
    result["onsets"] = onset_risk(pairs, sides, [one[3] for one in each])
    return result


def onset_risk(pairs: list[Pair], sides: list[Rows], confidence: Sequence[np.ndarray]) -> dict[str, float | int | None]:
    """If only the most confident intervals are kept, how wrong are the onsets in them? `error_at_0.5` ...; `onsets`, all true.

    `confidence` [T] of each recording, NaN where an interval is not to be judged. Error is 1 - F1 of onsets: a predicted one
    in a kept interval is wrong without a true one within COLLAR, and a true one in a kept interval is missed likewise.
    """
    every = np.concatenate(confidence)
    every = np.sort(every[np.isfinite(every)])[::-1]
    result: dict[str, float | int | None] = {}
    for coverage in COVERAGES:
        least = every[max(1, round(coverage * len(every))) - 1] if len(every) else np.inf
        kept = [np.nan_to_num(one, nan=-np.inf) >= least for one in confidence]
        parts = zip(pairs, sides, kept, strict=True)
        matched, wrong, missed = np.sum([onset_counts(*part) for part in parts], axis=0)
        total = 2 * matched + wrong + missed
        result[f"error_at_{coverage}"] = float((wrong + missed) / total) if total else None
    truth = (pair.truth.buttons & ~np.roll(pair.truth.buttons, 1, axis=0) for pair in pairs)
    return {**result, "onsets": int(sum(onset[1:].sum() for onset in truth))}


def onset_counts(pair: Pair, side: Rows, kept: np.ndarray) -> np.ndarray:
    """int [3] over all buttons: onsets in kept intervals (bool [T]) that are matched, wrong, and missed."""
    total = np.zeros(3, int)
    for truth, predicted in zip(pair.truth.buttons.T, side.buttons.T, strict=True):
        want, have = (np.flatnonzero(held[1:] & ~held[:-1]) + 1 for held in (truth, predicted))
        found, right = match(want, have, COLLAR)
        total += [kept[have[right]].sum(), kept[have[~right]].sum(), kept[want[~found]].sum()]
    return total


def _intervals(pair: Pair, side: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(error [N], confidence [N], stratum [N]) of the covered intervals, and the confidence [T] of all, NaN of the others."""
    known = np.isfinite(side.probability).any(axis=0)
    usable = pair.covered & np.isfinite(side.probability[:, known]).all(axis=1) & known.any()
    truth = pair.truth.buttons
    error = (truth != side.buttons).any(axis=1)
    sure = np.where(side.buttons, side.probability, 1 - side.probability)[:, known]
    confidence = sure.min(axis=1) if known.any() else np.zeros(len(error))
    changed = np.zeros(len(truth), bool)
    changed[1:] = (truth[1:] != truth[:-1]).any(axis=1)
    stratum = np.where(changed, STRATA.index("transition"), np.where(truth.any(axis=1), 2, 1))
    return error[usable].astype(np.float64), confidence[usable], stratum[usable], np.where(usable, confidence, np.nan)


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
