"""`playtape evaluate scaling`: what the runs of a sweep lose on recordings that none has seen, and the law in it.

As Pixels2Play judges it (arXiv 2601.04575): a run counts with the lowest loss of its checkpoints, so that a small share of the
data is not judged by how long it was repeated; the law is fitted to each size by itself, over frames. The loss is the perplexity
of the keys, or of another kind of slot. Intervals are of the held-out recordings alone: one run a point says nothing of seeds.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from playtape.errors import BadInput
from playtape.evaluate.bootstrap import Bootstrap, bounds
from playtape.evaluate.judged import judge
from playtape.evaluate.power_law import FEWEST, fit
from playtape.recordings import Recording, find_recordings, open_recording
from playtape.recordings.atomic import check_picture
from playtape.training import checkpoint
from playtape.training.losses import Losses
from playtape.training.memory import keep_freed_memory
from playtape.training.sweep import MANIFEST, Cell, Manifest, check_run, read_manifest, row

NAMES = ("floor", "scale", "alpha")  # of the law
RESAMPLES = 500  # a law is fitted to each
OF = "intervals are of the recordings, not of other seeds of training: a point is one run"


@dataclass(frozen=True, eq=False)
class Point:
    """A run that is done: how many frames it learned from, and the perplexity of its best checkpoint in all draws."""

    cell: Cell
    about: dict[str, Any]  # as `row` has it
    lacks: list[str]  # buttons of the kind that it has not seen: a loss of fewer classes is of another game
    step: int
    loss: float
    drawn: np.ndarray  # float64 [draws]; none of one recording


def evaluate_scaling(
    folder: Path,
    data: Path | None = None,
    *,
    kind: str = "key",
    reach: tuple[float, ...] = (),
    picture: Path | None = None,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, Any]:
    """Judge a sweep on what it held out, or on the recordings in `data`. Returns a JSON dictionary.

    `sizes`: of each, `points` (frames, loss and its interval, at which step it was lowest, and which buttons it `lacks`: those
    that others saw and it did not keep it out of the law) and `law`: `floor`, `scale` (frames) and `alpha` with intervals,
    `r2`, in how many draws the loss does not fall; None for a `reason`. With it, for each loss of `reach`, how many frames get
    there (None: no number does). One recording has no intervals: their ends are None. `missing`: runs that are not done. Raises
    BadInput for no sweep, nothing done, runs that are not the sweep's, nothing to judge by, or a kind that is none.
    """
    if seed < 0:
        raise BadInput(f"the seed is {seed}; 0 and above are legal")
    check_picture(picture)
    for goal in reach:
        if not 1 < goal < 1e12:
            raise BadInput(f"--reach is {goal:g}; a perplexity is a finite number above 1")
    manifest = read_manifest(folder)
    cells = manifest.runs
    done = [cell for cell in cells if (folder / cell.name / checkpoint.FILES[3]).exists()]
    if not done:
        raise BadInput(f"no run of {folder} is done; `playtape sweep` with the same words goes on")
    for cell in done:
        check_run(folder, cell)
    recordings = _recordings(folder, manifest, data)
    draws = Bootstrap.of(len(recordings), "recording", seed, RESAMPLES)
    keep_freed_memory()
    shown = tqdm(done, desc="runs", unit="run", disable=not progress)
    judged = {cell.name: judge(folder / cell.name, recordings, kind) for cell in shown}
    weights = draws.weights if len(recordings) > 1 else draws.weights[:0]  # one recording is the same in every draw
    lacking = _lacking(folder, done, kind)
    points = [_point(folder, cell, judged[cell.name].losses, kind, weights, lacking[cell.name]) for cell in done]
    points.sort(key=lambda point: point.about["frames"])  # a sweep may have grown by smaller shares
    bootstrap = draws.describe()
    names = dict.fromkeys(cell.size for cell in cells)
    sizes = {name: _size([point for point in points if point.cell.size == name], reach) for name in names}
    result = {
        "sweep": str(folder),
        "kind": kind,
        "recordings": len(recordings),
        "reach": [f"{goal:g}" for goal in reach],
        "bootstrap": bootstrap | {"note": f"{bootstrap['note']}; {OF}"},
        "sizes": sizes,
        "missing": [cell.name for cell in cells if cell not in done],
        "warnings": [
            *(
                f"{name} has not seen {', '.join(keys)}: its loss is of fewer classes, so it is not in the law"
                for name, keys in lacking.items()
                if keys
            ),
            *(f"{name}: {warning}" for name, one in judged.items() for warning in one.warnings),
        ],
    }
    if picture is not None:
        from playtape.evaluate.scaling_picture import draw

        result["picture"] = str(draw(result, picture))
    return result


def _recordings(folder: Path, manifest: Manifest, data: Path | None) -> list[Recording]:
    """What to judge by. Raises BadInput if there is nothing."""
    if data is None and not manifest.held_out:
        raise BadInput(
            f"{folder / MANIFEST} names no recording that was held out; "
            f"give some to judge by: `playtape evaluate scaling {folder} DATA`"
        )
    paths = [Path(path) for path in manifest.held_out] if data is None else find_recordings(data)
    return [open_recording(path) for path in paths]


def _point(
    folder: Path, cell: Cell, lost: dict[int, Losses], kind: str, weights: np.ndarray, lacks: list[str]
) -> Point:
    """A run at its best checkpoint: that of the lowest perplexity over all recordings, in every draw the same."""
    best = min(lost, key=lambda step: lost[step].means()[kind])
    sums, frames = lost[best].sums[kind], lost[best].frames
    with np.errstate(invalid="ignore"):  # a draw of recordings of which nothing may be learned is NaN
        drawn = np.exp(weights @ sums / (weights @ frames))
    return Point(cell, row(folder, cell), lacks, best, float(np.exp(lost[best].means()[kind])), drawn)


def _size(points: list[Point], reach: tuple[float, ...]) -> dict[str, Any]:
    """One size's points, and the law through them, or the reason that there is none."""
    rows = []
    for point in points:
        low, high = (float(end) for end in bounds(point.drawn)) if point.drawn.size else (None, None)
        about = {"fraction": point.cell.fraction, "frames": point.about["frames"], "step": point.step}
        rows.append(about | {"lacks": point.lacks, "loss": {"value": point.loss, "low": low, "high": high}})
    parameters = points[0].about["parameters"] if points else None
    return {"parameters": parameters, "points": rows, **_law(points, reach)}


def _law(every: list[Point], reach: tuple[float, ...]) -> dict[str, Any]:
    """The law through the points that saw all."""
    points = [point for point in every if not point.lacks]
    frames = np.array([point.about["frames"] for point in points], np.float64)
    loss = np.array([point.loss for point in points])
    if len(set(frames)) < FEWEST:
        those = "" if len(points) == len(every) else ", of runs that saw all that the others did"
        return {
            "law": None,
            "reason": f"it takes {FEWEST} different numbers of frames{those}" if every else "no run is done",
        }
    law = fit(frames, loss, least=1.0)
    if law.doubt:
        return {"law": None, "reason": law.doubt}
    losses = np.stack([point.drawn for point in points], 1)  # [draws, points]
    drawn = [fit(frames, each, least=1.0) for each in losses if np.isfinite(each).all()]
    # A constant has no scale and no alpha. An alpha at an end of the search counts: beyond the others, wherever it would be.
    told = [one for one in drawn if one.falls]
    numbers = {name: _leaf(getattr(law, name), [getattr(one, name) for one in told], len(drawn)) for name in NAMES}
    return {
        "law": {**numbers, "r2": law.r2(frames, loss), "draws": len(drawn), "constant_draws": len(drawn) - len(told)},
        "reason": None,
        "reach": {
            f"{goal:g}": _leaf(law.needed(goal), [one.needed(goal) for one in drawn], len(drawn)) for goal in reach
        },
    }


def _leaf(value: float, drawn: list[float], draws: int) -> dict[str, float | None]:
    """A number and its interval. None is not finite (no amount of data would do), or an end where most draws have no number,
    or there is none."""
    low, high = np.quantile(drawn, [0.025, 0.975], method="nearest") if 2 * len(drawn) > draws else (np.nan, np.nan)
    return {name: float(x) if np.isfinite(x) else None for name, x in (("value", value), ("low", low), ("high", high))}


def _lacking(folder: Path, cells: list[Cell], kind: str) -> dict[str, list[str]]:
    """Of each run the buttons of this kind of slot that it has not seen, and the run that saw most has; an axis has none."""
    spaces = {cell.name: checkpoint.described(folder / cell.name).space for cell in cells}
    seen = {
        name: [key for key in space.buttons if kind == ("key" if key.startswith("key.") else "click")]
        for name, space in spaces.items()
    }
    widest = max(seen.values(), key=len)
    return {name: [key for key in widest if key not in keys] for name, keys in seen.items()}


def scaling_table(result: dict[str, Any]) -> str:
    """The points and the laws as text."""
    count, goals = result["recordings"], result["reach"]
    said = partial(_said, spread=count > 1)
    lines = [f"perplexity of {result['kind']} on {count} recording{'s' if count > 1 else ''}"]
    for name, size in result["sizes"].items():
        lines.append(f"{name}, {size['parameters']:,} parameters" if size["parameters"] else f"{name}: no run is done")
        for point in size["points"]:
            aside = "; not in the law" if point["lacks"] else ""
            lines.append(
                f"  {point['frames']:>12,} frames  {said(point['loss'], ',.4f')} at step {point['step']}{aside}"
            )
        if law := size["law"]:
            floor, scale, alpha = (said(law[part], spec) for part, spec in zip(NAMES, (".4f", ".4g", ".3f")))
            lines.append(f"  L(D) = {floor} + ({scale} / D) ^ {alpha}, R2 {law['r2']:.3f}")
            if law["constant_draws"]:
                lines.append(
                    f"  in {law['constant_draws']} of {law['draws']} draws the loss does not fall with data; "
                    "the law's intervals are of the others"
                )
            for goal, leaf in size["reach"].items():
                needed = said(leaf, ",.0f", "never")
                lines.append(
                    f"  {goal} is reached {needed}" if leaf["value"] is None else f"  {goal} needs {needed} frames"
                )
        elif size["points"]:
            unsaid = f"; nothing can be said of --reach {' '.join(goals)}" if goals else ""
            lines.append(f"  no law: {size['reason']}{unsaid}")
    lines += [f"not done: {name}" for name in result["missing"]]
    return "\n".join([*lines, *(f"note: {text}" for text in (*result["warnings"], result["bootstrap"]["note"]))])


def _said(leaf: dict[str, float | None], spec: str, none: str = "unknown", *, spread: bool) -> str:
    value, low, high = (none if (x := leaf[name]) is None else f"{x:{spec}}" for name in ("value", "low", "high"))
    return f"{value} ({low} to {high})" if spread else value
