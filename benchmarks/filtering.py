"""The claim: of labels filtered to their surest half, onsets are wrong half as often; and what precision a threshold buys.

    playtape label data/test --out out/test
    python benchmarks/filtering.py data/test out/test [--model RUN] [--seed 0]

TRUTH and LABELS are folders of recordings of the same names, the labels as `playtape label` leaves them without a filter. Judges
three ways to sort intervals: the confidence of `playtape/label/filtering.py`, that of the least sure button (what was filtered by
before), and chance. At each share of all intervals kept: the onset error (1 - F1, within one interval), the share of predicted
onsets that are wrong (1 - precision), and their ratios to those of all, with 95 % bootstrap intervals over recordings; precision
of states; mean error of each axis; and the share of true onsets that are left. Then thresholds: what share each keeps, and how
precise it is.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from playtape.clips import certainty
from playtape.evaluate.bootstrap import Bootstrap, bounds
from playtape.evaluate.pairs import matched
from playtape.evaluate.risk import onset_counts
from playtape.evaluate.rows import Pair, common_space, pair
from playtape.label.filtering import least_for, sure
from playtape.label.run import SHIPPED
from playtape.recordings import Recording, open_recording
from playtape.training import checkpoint

SHARES = (1.0, 0.9, 0.8, 0.65, 0.5, 0.3)
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def confidences(labels: Recording, model: Path) -> dict[str, np.ndarray]:
    """[T] by each way of sorting."""
    space = checkpoint.load(model).space
    assert labels.confidence is not None
    names = (*space.buttons, *(axis.name for axis in space.axes))
    value = labels.confidence.value[:, [labels.confidence.names.index(name) for name in names]]
    time = np.append(labels.confidence.time_ns, labels.time_ns[-1])
    judged = sure(space.actions(labels.events, time), value, time, space)
    return {"filtering": judged.confidence, "least_sure_button": certainty(labels.confidence).astype(np.float64)}


def counted(one: Pair, kept: np.ndarray) -> np.ndarray:
    """Of one recording: onsets matched, wrong, missed, true ones kept; intervals kept; states right, wrong; errors of axes."""
    truth, said = one.truth, one.predicted
    onset = truth.buttons[1:] & ~truth.buttons[:-1]
    errors = np.abs(truth.axes - said.axes)[kept].sum(axis=0)
    right, wrong = (said.buttons & truth.buttons)[kept].sum(), (said.buttons & ~truth.buttons)[kept].sum()
    return np.array(
        [*onset_counts(one, said, kept), onset[kept[1:]].sum(), kept.sum(), right, wrong, *errors], np.float64
    )


def error(counts: np.ndarray) -> np.ndarray:
    matched_, wrong, missed = np.moveaxis(counts[..., :3], -1, 0)
    return (wrong + missed) / np.maximum(2 * matched_ + wrong + missed, 1)


def wrong_share(counts: np.ndarray) -> np.ndarray:
    matched_, wrong, _ = np.moveaxis(counts[..., :3], -1, 0)
    return wrong / np.maximum(matched_ + wrong, 1)


def ratio(formula: Callable[[np.ndarray], np.ndarray], each: np.ndarray, whole: np.ndarray, draws: np.ndarray) -> list:
    """Of the kept intervals' number to that of all: value, low, high."""
    low, high = bounds(formula(draws @ each) / formula(draws @ whole))
    value = formula(each.sum(axis=0)) / formula(whole.sum(axis=0))
    return [round(float(number), 3) for number in (value, low, high)]


def row(pairs: list[Pair], kept: list[np.ndarray], draws: np.ndarray) -> dict:
    """All numbers of one set of kept intervals."""
    each = np.stack([counted(one, mask) for one, mask in zip(pairs, kept, strict=True)])
    whole = np.stack([counted(one, np.ones(len(one.covered), bool)) for one in pairs])
    total, all_of_it = each.sum(axis=0), whole.sum(axis=0)
    axes = [axis / max(total[4], 1) for axis in total[7:]]
    return {
        "kept": round(total[4] / all_of_it[4], 4),
        "onset_error": round(float(error(total)), 4),
        "onset_error_ratio": ratio(error, each, whole, draws),
        "wrong_onsets": round(float(wrong_share(total)), 4),
        "wrong_onsets_ratio": ratio(wrong_share, each, whole, draws),
        "state_precision": round(total[5] / max(total[5] + total[6], 1), 4),
        "true_onsets_left": round(total[3] / max(all_of_it[3], 1), 4),
        "axis_errors": [round(float(value), 3) for value in axes],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--model", type=Path, default=SHIPPED)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    pairs, sorted_by = [], []
    for name, truth_path, label_path in matched(asked.truth, asked.labels)[0]:
        truth, labels = open_recording(truth_path), open_recording(label_path)
        pairs.append(pair(name, truth, labels, common_space([truth, labels])))
        sorted_by.append(confidences(labels, asked.model))
    draw = np.random.default_rng(asked.seed)
    for one, ways in zip(pairs, sorted_by, strict=True):
        if len(one.covered) != len(ways["filtering"]):
            raise SystemExit(f"{one.name}: the labels must be of every frame of the truth")
        ways["chance"] = draw.random(len(one.covered))
    draws = Bootstrap.of(len(pairs), "recording", asked.seed).weights
    result: dict = {"recordings": [one.name for one in pairs], "shares": {}, "thresholds": {}}
    for way in ("filtering", "least_sure_button", "chance"):
        every = np.concatenate([ways[way] for ways in sorted_by])
        result["shares"][way] = {}
        for share in SHARES:
            least = least_for(every, share)
            kept = [ways[way] >= least for ways in sorted_by]
            result["shares"][way][f"{share:g}"] = {"least": round(least, 4), **row(pairs, kept, draws)}
    for least in THRESHOLDS:
        kept = [ways["filtering"] >= least for ways in sorted_by]
        result["thresholds"][f"{least:g}"] = row(pairs, kept, draws)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
