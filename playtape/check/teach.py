"""`playtape teach`: a csv of what stretches of recordings show becomes a classifier of pictures, judged on recordings left out.

Columns: recording (its path in the folder of recordings, or its name where no other has it), start_s, label, and end_s, without
which a row is of one picture. Whole recordings are left out when it is judged, never pictures: two of one recording look alike.
Legend: M pictures, F features, C labels.
"""

import csv
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from playtape import __version__
from playtape.check.looks import Classifier, check_free, eyes, features, sampled
from playtape.check.opening import bare, below, called, found, opened
from playtape.errors import BadInput, one_line
from playtape.recordings.atomic import check_folder

FOLDS = 5
PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)  # of squared weights, beside the mean loss of a picture
DRAWS = 2000
MOST_LABELS = 50
FEW = 5  # recordings that a sentence has room for

Row = tuple[float, float | None, str]  # start_s, end_s, label


def teach(table: Path, data: Path, out: Path, *, clean: str = "game", progress: bool = True) -> dict[str, Any]:
    """Fit on all that `table` tells of the recordings in `data`, and save into `out`.

    Returns its `out`, `labels` (pictures of each), `recordings`, and `held_out`: `accuracy` of recordings that it did not learn
    from, `low` and `high` (95 %, bootstrap over recordings), the `baseline` of always saying the most frequent label, and recall
    of each label; None where there are too few recordings to leave any out. Raises BadInput for a csv that says nothing usable,
    and, before any work, where `out` holds a checkpoint or a classifier already.
    """
    check_free(out)
    check_folder(out, "write a classifier")
    told = read(table)
    labels = tuple(sorted({label for rows in told.values() for _, _, label in rows}))
    _check(labels, clean, table)
    known = matched(told, found(data, videos=True), data, table)
    network = eyes()
    seen, said, of = [], [], []
    for number, (path, rows) in enumerate(tqdm(known.items(), "look", disable=not progress, unit="recording")):
        recording, name = opened(path), str(below(path, data))
        wanted = _frames(recording.time_ns, recording.video.end_ns, rows, name)
        frames = np.array(sorted(wanted), np.int64)
        seen.append(features(network, recording, frames))
        said.append(np.array([labels.index(wanted[frame]) for frame in frames.tolist()]))
        of.append(np.full(len(frames), number))
    x, y, unit = np.concatenate(seen), np.concatenate(said), np.concatenate(of)
    held_out, penalty = _judged(x, y, unit, labels)
    counts = {label: int((y == number).sum()) for number, label in enumerate(labels)}
    about = {
        "playtape_version": __version__,
        "features": "EfficientNet-Lite0, ImageNet, 224x224",
        "pictures": counts,
        "trained_on": [bare(below(path, data)).as_posix() for path in known],
        "penalty": penalty,
        "held_out": held_out,
    }
    classifier = Classifier(labels, clean, *fit(x, y, len(labels), penalty), about=about)
    classifier.save(out)
    return {"out": str(out), "labels": counts, "recordings": len(known), "held_out": held_out}


def read(table: Path) -> dict[str, list[Row]]:
    """Rows by what the table calls their recordings. Raises BadInput that names the line."""
    told: dict[str, list[Row]] = defaultdict(list)
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = list(reader.fieldnames or ())
            missing = [name for name in ("recording", "start_s", "label") if name not in columns]
            if missing:
                raise BadInput(
                    f"{table} must have the columns recording, start_s, end_s and label; it lacks {', '.join(missing)} and has "
                    f"{one_line(', '.join(columns))[:200] or 'none'}"
                )
            for row in reader:
                name = (row["recording"] or "").strip()
                label = (row["label"] or "").strip()
                start, end = (
                    _seconds(row.get(key), f"{table}, line {reader.line_num}") for key in ("start_s", "end_s")
                )
                if start is None or not label or not name or (end is not None and end <= start):
                    raise BadInput(
                        f"{table}, line {reader.line_num}: a row needs a recording, a label, and start_s before end_s"
                    )
                told[name].append((start, end, label))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"cannot read {table}: {getattr(error, 'strerror', None) or error}") from None
    if not told:
        raise BadInput(f"{table} has no row; one needs recording, start_s, end_s and label")
    return dict(told)


def matched(told: Mapping[str, list[Row]], paths: Sequence[Path], data: Path, table: Path) -> dict[Path, list[Row]]:
    """Rows by the recordings that they are of. Raises BadInput for what is called as none is, or as several are."""
    known: dict[Path, list[Row]] = defaultdict(list)
    for name, rows in told.items():
        meant = called(name, paths, data)
        if not meant:
            raise BadInput(f"{table} tells of {name[:60]!r}, which is no recording in {data}")
        if len(meant) > 1:
            listed = ", ".join([*(str(below(path, data)) for path in meant[:FEW]), *(["..."] if meant[FEW:] else [])])
            raise BadInput(
                f"{table} tells of {name[:60]!r}, which in {data} may be each of {listed}; give its whole path there"
            )
        known[meant[0]] += rows
    return dict(known)


def fit(
    x: np.ndarray, y: np.ndarray, count: int, penalty: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Weight [C, F], bias [C], middle [F], spread [F] of the logistic regression of y int [M] on x [M, F]."""
    from scipy.optimize import minimize

    middle, spread = x.mean(axis=0), x.std(axis=0) + 1e-3
    z = ((x - middle) / spread).astype(np.float64)
    truth = np.eye(count)[y]
    share = truth.mean(axis=0)
    weigh = (1 / np.maximum(share, 1e-9))[y]  # as if all labels were as frequent: few pictures are of menus
    weigh /= weigh.sum()

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weight, bias = flat[:-count].reshape(count, -1), flat[-count:]
        said = z @ weight.T + bias
        said -= said.max(axis=1, keepdims=True)
        log = said - np.log(np.exp(said).sum(axis=1, keepdims=True))
        wrong = (np.exp(log) - truth) * weigh[:, None]
        value = -(log * truth).sum(axis=1) @ weigh + penalty * (weight**2).sum() / 2
        return float(value), np.concatenate([(wrong.T @ z + penalty * weight).ravel(), wrong.sum(axis=0)])

    start = np.zeros(count * (z.shape[1] + 1))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
    return found[:-count].reshape(count, -1), found[-count:], middle, spread


def _judged(
    x: np.ndarray, y: np.ndarray, unit: np.ndarray, labels: tuple[str, ...]
) -> tuple[dict[str, Any] | None, float]:
    """Judged on recordings left out in turn, by the penalty that is best there; and that penalty.

    The best of four is chosen by the very recordings that it is judged by, which flatters it a little.
    """
    units = int(unit.max()) + 1
    folds = min(FOLDS, units)
    if folds < 2:
        return None, PENALTIES[2]
    part = np.random.default_rng(0).permutation(units) % folds
    right = {penalty: _left_out(x, y, part[unit], folds, len(labels), penalty) for penalty in PENALTIES}
    penalty = max(right, key=lambda one: (_balanced(right[one], y, len(labels)), one))
    hits, base = right[penalty], y == np.bincount(y).argmax()
    totals = np.bincount(unit, minlength=units).astype(float)
    drawn = np.random.default_rng(0).multinomial(units, np.full(units, 1 / units), DRAWS)
    rates = (drawn @ np.bincount(unit, hits, units)) / np.maximum(drawn @ totals, 1)
    low, high = np.quantile(rates, [0.025, 0.975])
    recall = {label: round(float(hits[y == number].mean()), 4) for number, label in enumerate(labels)}
    return {
        "accuracy": round(float(hits.mean()), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "baseline": round(float(base.mean()), 4),
        "recall": recall,
        "recordings": units,
        "pictures": len(y),
    }, penalty


def _left_out(x: np.ndarray, y: np.ndarray, fold: np.ndarray, folds: int, count: int, penalty: float) -> np.ndarray:
    """bool [M]: whether each picture is told rightly by those of other folds."""
    right = np.zeros(len(y), bool)
    for number in range(folds):
        inside = fold == number
        if len(np.unique(y[~inside])) < 2:
            right[inside] = y[inside] == y[~inside][0] if (~inside).any() else False
            continue
        weight, bias, middle, spread = fit(x[~inside], y[~inside], count, penalty)
        right[inside] = (((x[inside] - middle) / spread) @ weight.T + bias).argmax(axis=1) == y[inside]
    return right


def _balanced(right: np.ndarray, y: np.ndarray, count: int) -> float:
    return float(np.mean([right[y == number].mean() for number in range(count) if (y == number).any()]))


def _frames(time_ns: np.ndarray, end_ns: int, rows: list[Row], name: str) -> dict[int, str]:
    """Frame -> label. Raises BadInput for a stretch beyond the video, and where two labels claim one frame."""
    wanted: dict[int, str] = {}
    for start_s, end_s, label in rows:
        start = round(start_s * 1e9)
        if start >= end_ns:
            raise BadInput(f"{name} ends after {end_ns / 1e9:.2f} s, and a row begins at {start_s:g} s")
        end = start + 1 if end_s is None else min(round(end_s * 1e9), end_ns)
        for frame in sampled(time_ns, start, end).tolist():
            if wanted.setdefault(frame, label) != label:
                raise BadInput(
                    f"{name} is said to be both {wanted[frame]!r} and {label!r} at {time_ns[frame] / 1e9:.2f} s"
                )
    return wanted


def _seconds(text: str | None, where: str) -> float | None:
    """None for an empty field."""
    if text is None or not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < 1e6:
        raise BadInput(f"{where}: {text[:40]!r} is no time in seconds, from 0 to 1e6")
    return value


def _check(labels: tuple[str, ...], clean: str, table: Path) -> None:
    if not 2 <= len(labels) <= MOST_LABELS:
        raise BadInput(f"{table} has {len(labels)} labels; a classifier needs from 2 to {MOST_LABELS}")
    if clean not in labels:
        raise BadInput(f"--clean is {clean!r}, which no row of {table} says; there are {', '.join(labels)[:200]}")
