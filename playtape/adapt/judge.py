"""How good labels are of play that was held out, and whether that is known.

Resampled are whole recordings, where FEW or more are held out whole, and else what is judged of them, in blocks of 10 s. With
fewer than FEW of these there is no interval: the same few seconds, drawn again and again, would always agree with themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from playtape.evaluate import scores
from playtape.evaluate.bootstrap import BLOCK_NS, Bootstrap, bounds
from playtape.evaluate.honest import PREDICTED, Board, Leaf, board, honest
from playtape.evaluate.pairs import matched
from playtape.evaluate.rows import Pair, common_space, pair
from playtape.recordings import open_recording

FEW = 4  # recordings or blocks
HELD, PRESSES, AXIS = "keys held, F1", "presses within one interval, F1", "{}, Pearson"


@dataclass(frozen=True, eq=False)
class Judged:
    """`leaves` by name: the mean F1 of keys held, of their presses within one interval, and each axis' correlation, each with
    its interval, None where nobody can know it. `drawn` by name [resamples]: what decides, in the same draws for every model;
    none where there are no intervals. `units` are resampled, of `seconds` in all."""

    leaves: dict[str, Leaf]
    drawn: dict[str, np.ndarray]
    units: int
    seconds: float

    @property
    def score(self) -> float:
        """The mean of what decides."""
        values = [leaf["value"] for leaf in deciding(self.leaves).values() if leaf["value"] is not None]
        return float(np.mean(values)) if values else 0.0

    @property
    def known(self) -> bool:
        """Is enough held out to say how sure all this is?"""
        return self.units >= FEW


def deciding(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """What is judged by: when exactly a key is pressed is told, and is hard for anybody."""
    return {name: leaf for name, leaf in leaves.items() if name != PRESSES}


def judge(truth: Path, labels: Path, seed: int, *, whole: bool) -> Judged:
    """Compare the recordings of two folders by what is not masked in the truth. `whole`: are they held out whole?"""
    files, _ = matched(truth, labels)
    opened = [(open_recording(one), open_recording(other)) for _, one, other in files]
    space = common_space([recording for both in opened for recording in both])
    pairs = [pair(name, one, other, space) for (name, _, _), (one, other) in zip(files, opened, strict=True)]
    apart = whole and len(pairs) >= FEW
    units, number = _recordings(pairs) if apart else _blocks(pairs)
    found = board(space, pairs, units, Bootstrap.of(max(1, number), "recording" if apart else "10 s block", seed))
    seconds = sum(float(np.diff(one.time_ns)[one.covered].sum()) for one in pairs) / 1e9
    leaves, known = _leaves(found), number >= FEW
    if not known:
        leaves = {name: {**leaf, "low": None, "high": None} for name, leaf in leaves.items()}
    return Judged(leaves, _drawn(found, leaves) if known else {}, number, seconds)


def gained(less: Judged, more: Judged) -> Leaf:
    """By how much `more` has the better score, in the same draws of the same play; without limits where nobody can know."""
    names = deciding(less.drawn).keys() & deciding(more.drawn).keys()
    low = high = None
    if names:
        step = np.mean([more.drawn[name] - less.drawn[name] for name in sorted(names)], 0)
        low, high = (float(limit) if np.isfinite(limit) else None for limit in bounds(step))
    return {"value": more.score - less.score, "low": low, "high": high}


def _recordings(pairs: Sequence[Pair]) -> tuple[list[np.ndarray], int]:
    return [np.where(one.covered, number, -1) for number, one in enumerate(pairs)], len(pairs)


def _blocks(pairs: Sequence[Pair]) -> tuple[list[np.ndarray], int]:
    """What is judged, put one behind the other, in blocks of at least 10 s: int [T] of each recording, -1 where not judged."""
    lengths = [np.where(one.covered, np.diff(one.time_ns), 0) for one in pairs]
    ends = np.cumsum(np.concatenate(lengths), dtype=np.int64)
    number = int(ends[-1]) // BLOCK_NS
    block = np.minimum(np.maximum(ends - 1, 0) // BLOCK_NS, max(0, number - 1))
    parts = np.split(block, np.cumsum([len(one) for one in lengths])[:-1])
    return [np.where(one.covered, part, -1) for one, part in zip(pairs, parts, strict=True)], number


def _leaves(found: Board) -> dict[str, Leaf]:
    told = honest(found)
    buttons = told["all_buttons"] or {}
    named = {HELD: "state_f1_macro", PRESSES: "onset_f1_collar_1_macro"}
    leaves = {title: buttons[key] for title, key in named.items() if key in buttons}
    moving = {name: axis["pearson"] for name, axis in told["axes"].items() if axis["pearson"]["value"] is not None}
    return leaves | {AXIS.format(name): leaf for name, leaf in moving.items()}


def _drawn(found: Board, leaves: Mapping[str, Leaf]) -> dict[str, np.ndarray]:
    """What decides in each draw, as `honest` has it over all."""
    result = {}
    if HELD in leaves:
        state = found.sides[PREDICTED].counts["state"]
        total = state.sum(0)
        used = (total[:, 0] + total[:, 2]) > 0
        cells = np.tensordot(found.bootstrap.weights, state, 1)
        result[HELD] = scores.mean_known(scores.f1(*np.moveaxis(cells[..., :3], -1, 0)), used)
    sums = np.tensordot(found.bootstrap.weights, found.sides[PREDICTED].counts["axes"], 1)
    pearson = scores.axis_scores(sums)["pearson"]
    for k, axis in enumerate(found.space.axes):
        if AXIS.format(axis.name) in leaves:
            result[AXIS.format(axis.name)] = pearson[:, k]
    return result
