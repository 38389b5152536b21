"""D2E's metrics over many recordings, with intervals and baselines; the protocol itself is d2e.py."""

from pathlib import Path
from typing import Any

import numpy as np

from playtape.errors import BadInput
from playtape.evaluate import d2e
from playtape.evaluate.bootstrap import Bootstrap
from playtape.evaluate.honest import BASELINES, PREDICTED, Leaf, leaf

Sides = dict[str, list[np.ndarray]]  # side -> for each recording the sums of its bins [K, S]
COLLAPSED = "key_accuracy_repeats_collapsed"


def protocol(
    files: list[tuple[str, Path, Path]], bootstrap: Bootstrap, *, empty_bins_as_correct: bool = False
) -> tuple[dict[str, Any], list[dict[str, Any]], list[str]]:
    """(the block, the script's exact result for each file, warnings) of (name, truth, predicted) files.

    How to pool recordings is not published: the leaves pool all bins, `mean_over_recordings` averages the files'
    values, and with one file both are what the script prints. Raises BadInput if two files have no time in common.
    """
    full: Sides = {name: [] for name in (PREDICTED, *BASELINES)}
    plain: Sides = {name: [] for name in full}
    exact, warnings = [], []
    for name, truth, predicted in files:
        streams = d2e.read(truth), d2e.read(predicted)
        try:
            span = d2e.common_range(*streams)
        except BadInput as error:
            raise BadInput(f"{name}: {error}") from None
        _gather(full, *streams, span, empty_bins_as_correct)
        _gather(plain, *(d2e.collapsed(stream) for stream in streams), span, empty_bins_as_correct)
        rows = full[PREDICTED][-1]
        summary = {"duration_sec": (span[1] - span[0]) / 1e9, "num_bins": len(rows)}
        exact.append({"summary": summary, **d2e.named(rows.sum(axis=0))})
        for which, stream in zip(("truth", "prediction"), streams, strict=True):
            if stream.absolute:
                warnings.append(
                    f"{name} ({which}): {stream.absolute} absolute mouse events are left out by the D2E block"
                )
    key = d2e.METRICS.index("key_accuracy")
    block: dict[str, Any] = {
        "protocol": "D2E evaluate.py: 50 ms bins on the first-screen clock",
        "empty_bins_as_correct": empty_bins_as_correct,
        "bins": sum(len(rows) for rows in full[PREDICTED]),
        **dict(zip(d2e.METRICS, _leaves(full, bootstrap), strict=True)),
        COLLAPSED: _leaves(plain, bootstrap)[key],
        "mean_over_recordings": _mean(full),
    }
    return block, exact, warnings


def _gather(sides: Sides, truth: d2e.Stream, predicted: d2e.Stream, span: tuple[int, int], empty: bool) -> None:
    """Append one recording's sums to every side."""
    one = d2e.binned(truth, *span)
    for name, bins in {PREDICTED: d2e.binned(predicted, *span), **d2e.baselines(one)}.items():
        sides[name].append(d2e.sums(one, bins, empty_bins_as_correct=empty))


def _leaves(sides: Sides, bootstrap: Bootstrap) -> list[Leaf]:
    units = _units(sides[PREDICTED], bootstrap)
    value, low, high = bootstrap.interval(d2e.metrics, units)
    scales = [d2e.METRICS.index(name) for name in ("scale_ratio_x", "scale_ratio_y")]
    low[scales], high[scales] = _folded(*bootstrap.interval(d2e.log_scales, units)[1:])
    others = {name: d2e.metrics(np.concatenate(sides[name]).sum(axis=0)) for name in BASELINES}
    return [leaf(value[i], low[i], high[i], **{name: v[i] for name, v in others.items()}) for i in range(len(value))]


def _folded(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The interval of max(r, 1 / r), given that of ln r. Draws that are folded one by one all lie at 1 or above, most of them
    above a value near 1, so that their quantiles may not hold it."""
    ends = np.abs(np.stack([low, high]))
    return np.exp(np.where(low * high <= 0, 0.0, ends.min(axis=0))), np.exp(ends.max(axis=0))


def _units(parts: list[np.ndarray], bootstrap: Bootstrap) -> np.ndarray:
    """[U, S]: the recordings' sums, or those of contiguous blocks of the only one."""
    if bootstrap.unit == "recording":
        return np.stack([rows.sum(axis=0) for rows in parts])
    number = bootstrap.weights.shape[1]
    return np.stack([block.sum(axis=0) for block in np.array_split(parts[0], number)])


def _mean(sides: Sides) -> dict[str, float | None]:
    """Each metric's plain mean over recordings, as published tables have it over games."""
    each = np.stack([d2e.metrics(rows.sum(axis=0)) for rows in sides[PREDICTED]])
    return {name: leaf(each[:, i].mean())["value"] for i, name in enumerate(d2e.METRICS)}
