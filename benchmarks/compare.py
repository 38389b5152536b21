"""The claim: one model's labels are better than another's, or than copying, on the same recordings.

    python benchmarks/compare.py data/test out/test out/pair

Prints, for each number, its value for the first prediction, for the second, and the 95 % bootstrap interval of their
difference: both are resampled together (2,000 draws of recordings, seed 0), so that what is hard for both does not hide
which is better. The same against *copy previous*. JSON.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from playtape.evaluate import counts, scores
from playtape.evaluate.bootstrap import Bootstrap, bounds, units_of
from playtape.evaluate.honest import MOVEMENT
from playtape.evaluate.pairs import matched
from playtape.evaluate.rows import Pair, Rows, baselines, common_space, pair
from playtape.recordings import open_recording


def pairs_of(truth: Path, predicted: Path) -> tuple[list[Pair], list[str]]:
    """The recordings, and the names of their button columns."""
    files, _ = matched(truth, predicted)
    opened = [(name, open_recording(one), open_recording(other)) for name, one, other in files]
    space = common_space([recording for _, *both in opened for recording in both])
    return [pair(name, one, other, space) for name, one, other in opened], list(space.buttons)


def metrics(state: np.ndarray, onset: np.ndarray, axes: np.ndarray, names: list[str]) -> dict[str, np.ndarray]:
    """Sums with any leading shape to numbers of that shape."""
    f1 = scores.button_scores(state)["state_f1"]
    moves = [names.index(name) for name in MOVEMENT]
    onsets = scores.f1(*np.moveaxis(onset[..., moves, :, :].sum(-3), -1, 0))
    return {
        "turn, Pearson": scores.axis_scores(axes)["pearson"][..., 0],
        **{f"{name}, state F1": f1[..., names.index(name)] for name in (*MOVEMENT, "key.shift", "mouse.left")},
        "movement onset F1, same interval": onsets[..., 0],
        "movement onset F1, within 1": onsets[..., 1],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth", type=Path)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    args = parser.parse_args()
    (first, names), (second, others) = pairs_of(args.truth, args.first), pairs_of(args.truth, args.second)
    if [one.name for one in first] != [one.name for one in second] or names != others:
        parser.error("the two predictions are of different recordings")
    units, number, unit = units_of([p.time_ns for p in first], [p.covered for p in first])
    bootstrap = Bootstrap.of(number, unit, 0)

    def numbers(sides: list[Rows], of: list[Pair]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        each = [counts.counts(p, side, u, number) for p, side, u in zip(of, sides, units, strict=True)]
        total = {key: np.sum([one[key] for one in each], axis=0) for key in ("state", "onset", "axes")}
        drawn = {key: np.tensordot(bootstrap.weights, value, 1) for key, value in total.items()}
        return metrics(**{k: v.sum(0) for k, v in total.items()}, names=names), metrics(**drawn, names=names)

    value, draws = numbers([p.predicted for p in first], first)
    rivals = {
        str(args.second): numbers([p.predicted for p in second], second),
        "copy previous": numbers([baselines(p)["copy_previous"] for p in first], first),
    }
    result = {
        rival: {
            key: {
                "first": round(float(value[key]), 4),
                "rival": round(float(other[key]), 4),
                "difference_95": [round(float(edge), 4) for edge in bounds(draws[key] - redrawn[key])],
            }
            for key in value
        }
        for rival, (other, redrawn) in rivals.items()
    }
    print(json.dumps({"first": str(args.first), "recordings": len(first), "against": result}, indent=1))


if __name__ == "__main__":
    main()
