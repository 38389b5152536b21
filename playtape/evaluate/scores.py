"""Formulas: sums to numbers, for any leading shape (one result, or 2,000 resamples at once). NaN where undefined."""

import numpy as np


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """above / below, NaN where below is 0."""
    above, below = np.broadcast_arrays(np.asarray(above, np.float64), np.asarray(below, np.float64))
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below != 0)


def f1(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray) -> np.ndarray:
    """2TP / (2TP + FP + FN). NaN where neither side has a positive."""
    return ratio(2 * tp, 2 * tp + fp + fn)


def button_scores(state: np.ndarray) -> dict[str, np.ndarray]:
    """Of `state` [..., 4] (tp, fp, fn, tn), each [...]."""
    tp, fp, fn, tn = np.moveaxis(state, -1, 0)
    return {
        "state_f1": f1(tp, fp, fn),
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, tp + fn),
        "false_positive_rate": ratio(fp, fp + tn),
        "prevalence": ratio(tp + fn, tp + fp + fn + tn),
        "predicted_rate": ratio(tp + fp, tp + fp + fn + tn),
    }


def axis_scores(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Of `sums` [..., 9] as in counts, each [...]. x is the truth, y the prediction.

    `r2` = 1 - sum (x - y)^2 / sum (x - mean x)^2. `slope`: y = slope * x by least squares through 0; 1 is right.
    `signed_scale` = +- sum |y| / sum |x|, minus where they run against each other; not folded to >= 1 as D2E's is.
    """
    n, x, y, xx, yy, xy, difference, size_x, size_y = np.moveaxis(sums, -1, 0)
    cov, var_x, var_y = n * xy - x * y, n * xx - x * x, n * yy - y * y
    # Cancellation leaves about 1e-16 of n*xx in place of 0; below that an axis did not move.
    var_x = np.where(var_x > 1e-12 * n * xx, var_x, 0)
    var_y = np.where(var_y > 1e-12 * n * yy, var_y, 0)
    return {
        "pearson": np.clip(ratio(cov, np.sqrt(var_x * var_y)), -1, 1),
        "r2": 1 - ratio(n * (xx - 2 * xy + yy), var_x),
        "mae": ratio(difference, n),
        "slope": ratio(xy, xx),
        "signed_scale": np.where(xy < 0, -1, 1) * ratio(size_y, size_x),
    }


def average_precision(held: np.ndarray, probability: np.ndarray) -> float:
    """Area under precision over recall as a sum of steps; equal probabilities are one step. NaN without positives."""
    distinct, group = np.unique(-probability, return_inverse=True)
    n = np.bincount(group, minlength=len(distinct))
    positives = np.bincount(group, held, minlength=len(distinct))
    return float(precision_steps(np.stack([n, positives], axis=-1)))


def precision_steps(ranks: np.ndarray) -> np.ndarray:
    """Average precision [...] of `ranks` [..., K, 2]: (n, positives) in groups, most probable first; NaN without any."""
    if not ranks.shape[-2]:
        return np.full(ranks.shape[:-2], np.nan)
    n, positives = np.moveaxis(np.cumsum(ranks, axis=-2, dtype=np.float64), -1, 0)
    precision = np.nan_to_num(ratio(positives, n))
    return ratio((ranks[..., 1] * precision).sum(axis=-1), positives[..., -1])


def expected_calibration_error(reliability: np.ndarray) -> np.ndarray:
    """sum_b n_b / n |held_b - probability_b| [...] of `reliability` [..., bins, 3] (n, sum of probability, held)."""
    n, probability, held = np.moveaxis(reliability, -1, 0)
    return ratio(np.abs(held - probability).sum(axis=-1), n.sum(axis=-1))


def mean_known(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Mean over the last axis of `values` [..., K], of those `where` bool [K]; an undefined one counts as 0."""
    if not where.any():
        return np.full(values.shape[:-1], np.nan)
    return np.nan_to_num(values[..., where]).mean(axis=-1)
