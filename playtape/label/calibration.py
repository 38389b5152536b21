"""Fit what turns a model's beliefs into probabilities and decisions, on whole recordings that it did not train on.

Temperatures make the probabilities honest (for filtering); thresholds and the weight of the transition head are chosen
apart, for the decisions themselves: calibrated probabilities alone would never press a rare key. Both are frozen in the
checkpoint before any test.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from tqdm import tqdm

from playtape.actions import ActionSpace
from playtape.actions.runs import runs
from playtape.label.decode import TINY, Calibration, calibrated, logit, most_probable
from playtape.label.label import beliefs
from playtape.models.protocols import Follower, Labeler
from playtape.recordings import open_recording
from playtape.training import checkpoint

THRESHOLDS = np.round(np.arange(0.1, 0.91, 0.05), 2)
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
DEAD_ZONES = np.round(np.arange(0.0, 0.51, 0.02), 2)  # in the axis' scale
ENOUGH = 20  # held intervals; a button with fewer keeps the defaults


def calibrate(run: Path, held_out: Sequence[str | Path], *, progress: bool = True) -> dict[str, Any]:
    """Fit on what is not masked of these recordings and write it into the checkpoint's train.json. Returns what was written."""
    loaded = checkpoint.load(run)
    if not isinstance(loaded.model, Labeler | Follower) or not held_out:
        return {}
    truth, parts = [], []
    for path in tqdm(held_out, desc="calibrate", unit="recording", disable=not progress):
        recording = open_recording(path)
        time_ns, labels = beliefs(loaded, recording.video, progress=False)
        actions = loaded.space.actions(recording.events, time_ns)
        for start, end in runs(~recording.masked(time_ns)):  # what stands between two of them is not looked across
            rows = slice(start, end)
            truth.append((actions.buttons[rows], actions.axes[rows]))
            names = ("held", "pressed", "released", "mean", "std")
            parts.append([getattr(labels, name).numpy()[rows] for name in names])
    if not truth:
        return {}
    stems = [Path(path).stem for path in held_out]
    calibration = replace(fit(truth, parts, loaded.space), held_out=tuple(stems))
    checkpoint.write_json(run / "train.json", {**loaded.train, "calibration": calibration.to_json()})
    return calibration.to_json()


def fit(truth: list[tuple[np.ndarray, np.ndarray]], parts: list[list[np.ndarray]], space: ActionSpace) -> Calibration:
    """`truth`: (buttons, axes) of each stretch; `parts`: its held, pressed, released, mean, std."""
    buttons = np.concatenate([rows for rows, _ in truth])
    held, _, _, mean, std = (np.concatenate([part[i] for part in parts]) for i in range(5))
    axes = np.concatenate([rows for _, rows in truth])
    start = Calibration.none(space)
    often = buttons.sum(0) >= ENOUGH
    temperature = tuple(_temperature(held[:, b], buttons[:, b]) if often[b] else 1.0 for b in range(len(often)))
    scales = [axis.scale for axis in space.axes]
    fitted = replace(
        start,
        temperature=temperature,
        dead_zone=tuple(_dead_zone(mean[:, a], axes[:, a], scale) for a, scale in enumerate(scales)),
        spread=tuple(_spread(mean[:, a], std[:, a], axes[:, a]) for a in range(len(scales))),
        rate=tuple(round(float(share), 6) for share in buttons.mean(0)),
    )
    choices = [_thresholds(truth, parts, replace(fitted, transition=weight), often) for weight in WEIGHTS]
    best = max(range(len(WEIGHTS)), key=lambda i: choices[i][1])
    return replace(fitted, transition=WEIGHTS[best], threshold=choices[best][0])


def _temperature(held: np.ndarray, truth: np.ndarray) -> float:
    z = logit(held.astype(np.float64))

    def loss(log_t: float) -> float:
        scaled = z / np.exp(log_t)
        return float(np.mean(np.logaddexp(0, scaled) - truth * scaled))

    return round(float(np.exp(minimize_scalar(loss, bounds=(-1.5, 2.5), method="bounded").x)), 4)


def _thresholds(
    truth: list[tuple[np.ndarray, np.ndarray]],
    parts: list[list[np.ndarray]],
    calibration: Calibration,
    often: np.ndarray,
) -> tuple[tuple[float, ...], float]:
    """The threshold of each button with the best mean of state F1 and change F1 (within one interval), and the mean of those."""
    scores = np.zeros((len(THRESHOLDS), len(often)))
    for i, threshold in enumerate(THRESHOLDS):
        paths = [
            most_probable(
                logit(calibrated(part[0].astype(np.float64), calibration)) - logit(threshold),
                part[1],
                part[2],
                calibration.transition,
            )
            for part in parts
        ]
        scores[i] = _score(paths, [rows for rows, _ in truth])
    best = scores.argmax(0)
    chosen = tuple(float(THRESHOLDS[i]) if usual else 0.5 for i, usual in zip(best, often, strict=True))
    return chosen, float(scores.max(0)[often].mean()) if often.any() else 0.0


def _score(paths: list[np.ndarray], truth: list[np.ndarray]) -> np.ndarray:
    """[B]: mean of the state's F1 and of the changes' F1, where a change within one interval of a true one counts."""
    state, change = np.zeros((3, paths[0].shape[1])), np.zeros((3, paths[0].shape[1]))
    for path, rows in zip(paths, truth, strict=True):
        state += np.stack([(path & rows).sum(0), path.sum(0), rows.sum(0)])
        for sign in (1, -1):
            found, real = (np.diff(x.astype(np.int8), axis=0, prepend=0) == sign for x in (path, rows))
            hits = np.minimum((found & _near(real)).sum(0), (real & _near(found)).sum(0))
            change += np.stack([hits, found.sum(0), real.sum(0)])
    return sum(2 * hits / np.maximum(1, found + real) for hits, found, real in (state, change)) / 2


def _near(x: np.ndarray) -> np.ndarray:
    wide = x.copy()
    wide[1:] |= x[:-1]
    wide[:-1] |= x[1:]
    return wide


def _dead_zone(mean: np.ndarray, truth: np.ndarray, scale: float) -> float:
    """Where "it moved" is told from "it did not" with the best F1."""
    moved = truth != 0
    f1 = [
        2 * (moved & found).sum() / max(1, moved.sum() + found.sum())
        for found in (np.abs(mean) >= z * scale for z in DEAD_ZONES)
    ]
    return round(max(0.5, float(DEAD_ZONES[int(np.argmax(f1))]) * scale), 3)


def _spread(mean: np.ndarray, std: np.ndarray, truth: np.ndarray) -> float:
    """How much wider the errors are than the model says."""
    return round(float(np.sqrt(np.mean((truth - mean) ** 2) / max(TINY, np.mean(std**2)))), 4)
