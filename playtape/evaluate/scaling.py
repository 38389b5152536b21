"""`playtape evaluate scaling`: what the runs of a sweep lose on recordings that none has seen, and the law in it.

As Pixels2Play judges it (arXiv 2601.04575): a run counts with the lowest loss of its checkpoints, so that a small share of the
data is not judged by how long it was repeated; the law is fitted to each size by itself, over frames. The loss is the perplexity
of the keys, or of another kind of slot. Intervals are of the held-out recordings alone: one run a point says nothing of seeds.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from playtape.clips import store
from playtape.errors import BadInput
from playtape.evaluate.bootstrap import Bootstrap, bounds
from playtape.evaluate.power_law import FEWEST, fit
from playtape.recordings import find_recordings, open_recording
from playtape.recordings.atomic import check_picture
from playtape.training import checkpoint
from playtape.training.device import seat
from playtape.training.losses import Losses, losses
from playtape.training.memory import keep_freed_memory
from playtape.training.sweep import Cell, read_manifest, row

NAMES = ("floor", "scale", "alpha")  # of the law
JUDGED = "judged.json"  # in a run's folder: its losses, so that a second look takes no time
RESAMPLES = 500  # a law is fitted to each


@dataclass(frozen=True, eq=False)
class Point:
    """A run that is done: how many frames it learned from, and the perplexity of its best checkpoint in all draws."""

    cell: Cell
    about: dict[str, Any]  # as `row` has it
    step: int
    loss: float
    drawn: np.ndarray  # float64 [RESAMPLES]


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

    `sizes`: of each, `points` (frames, loss and its interval, at which step it was lowest) and, from four shares on, the law's
    `floor`, `scale` (frames) and `alpha` with intervals, `r2`, and for each loss of `reach` how many frames get there (none:
    no number does). `missing`: runs that are not done. Raises BadInput for no sweep, nothing done, or a kind that is none.
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
    keep_freed_memory()
    paths = [Path(path) for path in manifest.held_out] if data is None else find_recordings(data)
    shown = tqdm(done, desc="runs", unit="run", disable=not progress)
    lost = {cell.name: _judged(folder / cell.name, paths) for cell in shown}
    draws = Bootstrap.of(len(paths), "recording", seed)
    points = [_point(folder, cell, lost[cell.name], kind, draws.weights[:RESAMPLES]) for cell in done]
    names = dict.fromkeys(cell.size for cell in cells)
    sizes = {name: _size([point for point in points if point.cell.size == name], reach) for name in names}
    result = {
        "sweep": str(folder),
        "kind": kind,
        "recordings": len(paths),
        "bootstrap": draws.describe() | {"resamples": RESAMPLES},
        "sizes": sizes,
        "missing": [cell.name for cell in cells if cell not in done],
        "warnings": _strangers(folder, done),
    }
    if picture is not None:
        from playtape.evaluate.scaling_picture import draw

        result["picture"] = str(draw(result, picture))
    return result


def _judged(run: Path, paths: list[Path]) -> dict[int, Losses]:
    """The losses of a run's checkpoints by their steps, from its folder if they were measured before on the same recordings."""
    found: dict[int, Losses] = {}
    before: dict[str, dict[str, Any]] = _read(run / JUDGED)
    names = [str(path) for path in paths]
    for step, folder in checkpoints(run):
        loaded = checkpoint.load(folder, to="play")
        known: dict[str, Any] = before.get(loaded.hash, {})
        if known.get("recordings") != names:
            config = loaded.model.config
            seat(loaded.model, "cpu")
            opened = (open_recording(path) for path in paths)
            stored = [
                store(one, loaded.space, (config.height, config.width_px), config.fps, loaded.encoder) for one in opened
            ]
            lost = losses(loaded.model, stored, loaded.train.get("window", 64))
            sums = {kind: values.tolist() for kind, values in lost.sums.items()}
            known = {"step": step, "recordings": names, "frames": lost.frames.tolist(), "sums": sums}
            before[loaded.hash] = known
            checkpoint.write_json(run / JUDGED, before)
        sums = {kind: np.array(values) for kind, values in known["sums"].items()}
        found[step] = Losses(sums, np.array(known["frames"]))
    return found


def checkpoints(run: Path) -> list[tuple[int, Path]]:
    """A run's last checkpoint and those that it kept on the way, by their steps."""
    folders = [*(run / checkpoint.KEPT).glob("*"), run]
    found = {checkpoint.read_json(folder / checkpoint.FILES[3]).get("steps"): folder for folder in folders}
    return sorted((step, folder) for step, folder in found.items() if isinstance(step, int))


def _read(path: Path) -> dict[str, Any]:
    """What was measured before, if it can be read: it can be measured again."""
    try:
        return checkpoint.read_json(path)
    except BadInput:
        return {}


def _point(folder: Path, cell: Cell, lost: dict[int, Losses], kind: str, weights: np.ndarray) -> Point:
    """A run at its best checkpoint: that of the lowest perplexity over all recordings, in every draw the same."""
    for one in lost.values():
        if kind not in one.sums or kind == "loss":
            raise BadInput(f"--kind is {kind!r}; legal are {', '.join(name for name in one.sums if name != 'loss')}")
    best = min(lost, key=lambda step: lost[step].means()[kind])
    sums, frames = lost[best].sums[kind], lost[best].frames
    drawn = np.exp(weights @ sums / (weights @ frames))
    return Point(cell, row(folder, cell), best, float(np.exp(lost[best].means()[kind])), drawn)


def _size(points: list[Point], reach: tuple[float, ...]) -> dict[str, Any]:
    """One size's points, and the law through them if they are enough."""
    rows = []
    for point in points:
        low, high = (float(end) for end in bounds(point.drawn))
        about = {"fraction": point.cell.fraction, "frames": point.about["frames"], "step": point.step}
        rows.append(about | {"loss": {"value": point.loss, "low": low, "high": high}})
    found: dict[str, Any] = {
        "parameters": points[0].about["parameters"] if points else None,
        "points": rows,
        "law": None,
    }
    if len({one["frames"] for one in rows}) < FEWEST:
        return found
    frames = np.array([point.about["frames"] for point in points], np.float64)
    loss = np.array([point.loss for point in points])
    law = fit(frames, loss, least=1.0)
    drawn = [fit(frames, each, least=1.0) for each in np.stack([point.drawn for point in points], 1)]
    numbers = {name: _leaf(getattr(law, name), [getattr(one, name) for one in drawn]) for name in NAMES}
    found["law"] = {**numbers, "r2": law.r2(frames, loss)}
    found["reach"] = {f"{goal:g}": _leaf(law.needed(goal), [one.needed(goal) for one in drawn]) for goal in reach}
    return found


def _leaf(value: float, drawn: list[float]) -> dict[str, float | None]:
    """A number and its interval; None stands for what is not finite: no amount of data would do."""
    low, high = np.quantile(drawn, [0.025, 0.975], method="nearest")
    return {name: float(x) if np.isfinite(x) else None for name, x in (("value", value), ("low", low), ("high", high))}


def _strangers(folder: Path, cells: list[Cell]) -> list[str]:
    """Runs whose loss cannot be compared: they have not seen all that hands do in the others."""
    spaces = {cell.name: checkpoint.load(folder / cell.name).space for cell in cells}
    widest = max(spaces.values(), key=lambda space: len(space.buttons) + len(space.axes))
    lacking = {name: [key for key in widest.buttons if key not in space.buttons] for name, space in spaces.items()}
    return [
        f"{name} has not seen {', '.join(keys)}: its loss is of fewer classes" for name, keys in lacking.items() if keys
    ]


def scaling_table(result: dict[str, Any]) -> str:
    """The points and the laws as text."""
    lines = [f"perplexity of {result['kind']} on {result['recordings']} recordings"]
    for name, size in result["sizes"].items():
        lines.append(f"{name}, {size['parameters']:,} parameters" if size["parameters"] else f"{name}: no run is done")
        for point in size["points"]:
            lines.append(f"  {point['frames']:>12,} frames  {_said(point['loss'], 4)} at step {point['step']}")
        if law := size["law"]:
            floor, scale, alpha = (_said(law[part], digits) for part, digits in zip(NAMES, (4, 1, 3)))
            lines.append(f"  L(D) = {floor} + ({scale} / D) ^ {alpha}, R2 {law['r2']:.3f}")
            lines += [f"  {goal} needs {_said(leaf, 0)} frames" for goal, leaf in size["reach"].items()]
        elif size["points"]:
            lines.append(f"  no law: it takes {FEWEST} different numbers of frames")
    notes = [f"not done: {name}" for name in result["missing"]] + [f"note: {text}" for text in result["warnings"]]
    return "\n".join([*lines, *notes])


def _said(leaf: dict[str, float | None], digits: int) -> str:
    value, low, high = (
        "never" if (x := leaf[name]) is None else f"{x:,.{digits}f}" for name in ("value", "low", "high")
    )
    return f"{value} ({low} to {high})"
