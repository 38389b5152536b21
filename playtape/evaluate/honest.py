"""What D2E's protocol hides: state, timing, calibration and idleness, on the truth's own frame intervals.

Every number is a leaf: `value`, `low` and `high` (a 95 % bootstrap interval), and the same number for the baselines
`never_pressed`, `copy_previous`, `mean`. Undefined is None. Legend: U units, B buttons, A axes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from playtape.actions import ActionSpace
from playtape.evaluate import counts as counting
from playtape.evaluate import scores
from playtape.evaluate.bootstrap import Bootstrap, bounds
from playtape.evaluate.risk import risk_coverage
from playtape.evaluate.rows import Pair, Rows, baselines

MOVEMENT = ("key.w", "key.s", "key.a", "key.d")
BASELINES = ("never_pressed", "copy_previous", "mean")
PREDICTED = "predicted"

Leaf = dict[str, float | None]


@dataclass(frozen=True, eq=False)
class Side:
    """One side of all recordings: the model's, or a baseline's."""

    rows: list[Rows]
    counts: dict[str, np.ndarray]  # [U, ...]
    histograms: counting.Histograms | None  # None without probabilities


@dataclass(frozen=True, eq=False)
class Board:
    """All sides, and how to draw resamples of them."""

    space: ActionSpace
    pairs: list[Pair]
    sides: dict[str, Side]
    bootstrap: Bootstrap
    held: np.ndarray  # bool [N, B], the truth of all recordings
    unit: np.ndarray  # int [N], -1 where not covered

    def leaves(self, formula: Callable[[np.ndarray], np.ndarray], which: str) -> list[Leaf]:
        """One leaf for each entry of `formula`'s last axis, over the counts `which`."""
        value, low, high = self.bootstrap.interval(formula, self.sides[PREDICTED].counts[which])
        others = {name: np.asarray(formula(self.sides[name].counts[which].sum(axis=0))) for name in BASELINES}
        return [
            leaf(value[i], low[i], high[i], **{name: v[i] for name, v in others.items()}) for i in range(len(value))
        ]


def leaf(value: float, low: float = np.nan, high: float = np.nan, **others: float) -> Leaf:
    """One number with its interval and its baselines; NaN becomes None."""
    named = {"value": value, "low": low, "high": high, **others}
    return {name: None if v is None or not np.isfinite(v) else float(v) for name, v in named.items()}


def board(space: ActionSpace, pairs: list[Pair], units: list[np.ndarray], bootstrap: Bootstrap) -> Board:
    """Count everything once. `units` int [T] for each recording: which unit of resampling an interval belongs to."""
    number = bootstrap.weights.shape[1]
    rows = {PREDICTED: [pair.predicted for pair in pairs]}
    for name in BASELINES:
        rows[name] = [baselines(pair)[name] for pair in pairs]
    held, unit = np.concatenate([pair.truth.buttons for pair in pairs]), np.concatenate(units)
    sides = {}
    for name, parts in rows.items():
        each = [counting.counts(p, side, u, number) for p, side, u in zip(pairs, parts, units, strict=True)]
        total = {key: np.sum([one[key] for one in each], axis=0) for key in each[0]}
        known = any(part.has_probability for part in parts)
        probability = np.concatenate([part.probability for part in parts])
        histograms = counting.Histograms(held, probability, unit, number) if known else None
        sides[name] = Side(parts, total, histograms)
    return Board(space, pairs, sides, bootstrap, held, unit)


def honest(board: Board) -> dict[str, Any]:
    """The whole block."""
    state = board.sides[PREDICTED].counts["state"].sum(axis=0)
    return {
        "intervals": int(state[0].sum()) if len(state) else int(sum(pair.covered.sum() for pair in board.pairs)),
        "buttons": _buttons(board),
        "movement": _groups(board, [name for name in MOVEMENT if name in board.space.buttons]),
        "all_buttons": _groups(board, list(board.space.buttons)),
        "axes": _axes(board),
        "idle": _idle(board),
        "calibration": _calibration(board),
        "risk_coverage": _risk(board),
    }


def _buttons(board: Board) -> dict[str, dict[str, Any]]:
    """Per button: state scores, onset and release F1 for each collar, average precision, calibration."""
    names = board.space.buttons
    result: dict[str, dict[str, Any]] = {name: {} for name in names}
    for key in scores.button_scores(np.ones((1, 4))):
        for name, one in zip(names, board.leaves(lambda s, k=key: scores.button_scores(s)[k], "state"), strict=True):
            result[name][key] = one
    for edge in ("onset", "release"):
        for c, collar in enumerate(counting.COLLARS):
            found = board.leaves(lambda s, c=c: scores.f1(*np.moveaxis(s[..., c, :], -1, 0)), edge)
            for name, one in zip(names, found, strict=True):
                result[name][f"{edge}_f1_collar_{collar}"] = one
    truth = board.sides["never_pressed"].counts["onset"].sum(axis=0)[:, 0, 2] if names else []
    for name, presses in zip(names, truth, strict=True):
        result[name]["presses"] = int(presses)
    for name, ranked in zip(names, _average_precision(board), strict=True):
        result[name]["average_precision"] = ranked
    return result


def _average_precision(board: Board) -> list[Leaf | None]:
    """Exact values; intervals from ranks in 512 groups. The one to beat is prevalence, which never_pressed gives."""
    side = board.sides[PREDICTED]
    if side.histograms is None:
        return [None] * len(board.space.buttons)
    result: list[Leaf | None] = []
    for button in range(len(board.space.buttons)):
        ranks = side.histograms.ranks[:, button].reshape(len(side.histograms.ranks), -1)
        drawn = (board.bootstrap.weights @ ranks).reshape(-1, counting.AP_BINS, 2)
        low, high = bounds(scores.precision_steps(drawn))
        exact = {name: _exact_precision(board, name, button) for name in (PREDICTED, *BASELINES)}
        result.append(leaf(exact.pop(PREDICTED), float(low), float(high), **exact))
    return result


def _exact_precision(board: Board, side: str, button: int) -> float:
    probability = np.concatenate([rows.probability[:, button] for rows in board.sides[side].rows])
    kept = np.isfinite(probability) & (board.unit >= 0)
    return scores.average_precision(board.held[kept, button], probability[kept])


def _groups(board: Board, names: list[str]) -> dict[str, Leaf] | None:
    """Micro (counts added up) and macro (mean of the F1s of the buttons that the truth uses) scores of some buttons."""
    if not names:
        return None
    columns = [board.space.buttons.index(name) for name in names]
    truth = board.sides[PREDICTED].counts["state"].sum(axis=0)
    used = (truth[columns, 0] + truth[columns, 2]) > 0

    def both(cells: np.ndarray) -> np.ndarray:  # [..., buttons, 3] -> [..., 2]
        micro = scores.f1(*np.moveaxis(cells.sum(axis=-2), -1, 0))
        macro = scores.mean_known(scores.f1(*np.moveaxis(cells, -1, 0)), used)
        return np.stack([micro, macro], axis=-1)

    result = {}
    sources = {"state_f1": ("state", lambda s: s[..., columns, :3])}
    for edge in ("onset", "release"):
        for c, collar in enumerate(counting.COLLARS):
            sources[f"{edge}_f1_collar_{collar}"] = (edge, lambda s, c=c: s[..., columns, c, :])
    for key, (which, cells) in sources.items():
        micro, macro = board.leaves(lambda s, cells=cells: both(cells(s)), which)
        result[f"{key}_micro"], result[f"{key}_macro"] = micro, macro
    return result


def _axes(board: Board) -> dict[str, dict[str, Leaf]]:
    names = [axis.name for axis in board.space.axes]
    result: dict[str, dict[str, Leaf]] = {name: {} for name in names}
    for key in scores.axis_scores(np.ones((1, 9))):
        for name, one in zip(names, board.leaves(lambda s, k=key: scores.axis_scores(s)[k], "axes"), strict=True):
            result[name][key] = one
    return result


def _idle(board: Board) -> dict[str, Any]:
    """Of the truth's idle intervals, the share with a predicted button, and the share with predicted motion."""
    rates = board.leaves(lambda s: scores.ratio(s[..., 1:], s[..., :1]), "idle")
    return {
        "intervals": int(board.sides[PREDICTED].counts["idle"][:, 0].sum()),
        "false_positive_rate": rates[0],
        "false_motion_rate": rates[1],
    }


def _calibration(board: Board) -> dict[str, Any] | None:
    """ECE (15 bins of equal mass) and Brier score, pooled over buttons and for each; None without confidence."""
    if board.sides[PREDICTED].histograms is None:
        return None
    result: dict[str, Any] = {
        "ece": _from_histograms(board, lambda h: h.pooled, scores.expected_calibration_error),
        "brier": _from_histograms(
            board,
            lambda h: np.stack([h.squares.sum(axis=1), h.reliability[..., 0].sum(axis=(1, 2))], axis=-1),
            lambda s: scores.ratio(s[..., 0], s[..., 1]),
        ),
        "buttons": {},
        "reliability": _reliability(board),
    }
    for i, name in enumerate(board.space.buttons):
        result["buttons"][name] = {
            "ece": _from_histograms(board, lambda h, i=i: h.reliability[:, i], scores.expected_calibration_error),
            "brier": _from_histograms(
                board,
                lambda h, i=i: np.stack([h.squares[:, i], h.reliability[:, i, :, 0].sum(axis=1)], axis=-1),
                lambda s: scores.ratio(s[..., 0], s[..., 1]),
            ),
        }
    return result


def _from_histograms(
    board: Board,
    part: Callable[[counting.Histograms], np.ndarray],
    formula: Callable[[np.ndarray], np.ndarray],
) -> Leaf:
    known = {name: side.histograms for name, side in board.sides.items() if side.histograms is not None}
    value, low, high = board.bootstrap.interval(formula, part(known[PREDICTED]))
    others = {name: float(formula(part(known[name]).sum(axis=0))) for name in BASELINES}
    return leaf(float(value), float(low), float(high), **others)


def _reliability(board: Board) -> list[dict[str, float | int]]:
    """The pooled bins: how many, their mean probability, and how often they were held."""
    histograms = board.sides[PREDICTED].histograms
    assert histograms is not None
    total = histograms.pooled.sum(axis=0)
    return [{"count": int(n), "probability": float(p / n), "held": float(y / n)} for n, p, y in total if n > 0]


def _risk(board: Board) -> dict[str, Any] | None:
    if board.sides[PREDICTED].histograms is None:
        return None
    return risk_coverage(board.pairs, board.sides[PREDICTED].rows)
