"""`playtape evaluate causality RUN... DATA`: does what a policy does hang on what it sees, or on what it did before?

The causality score of Pixels2Play (arXiv 2601.04575): the mean over clips b and chunks c of KL(f(o, a) || f(o~, a)). f is
what the policy believes of the next action, told the true past (teacher-forced), read at the end of each of ten equal chunks
of a clip; o~ are the clip's frames, each replaced with probability 1/2 by one of another scene (`swaps`). Actions and texts
stay. A policy that repeats itself whatever it sees scores 0, and so does one that is sure of nothing. As the score rises on
while a policy learns its recordings by heart, the test loss is told beside it.

The paper leaves open which heads enter, and whether slots are added up or averaged. Both are told, and each head by itself;
the headline is the mean over all slots of all heads, whose size is that of the paper's figure.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from playtape.errors import BadInput, within
from playtape.evaluate.bootstrap import Bootstrap
from playtape.evaluate.causality_picture import draw_scores
from playtape.evaluate.divergence import CHUNKS, HEADLINE, SHARES, SUM, Measured, Plan, measure
from playtape.models.protocols import Foreteller
from playtape.recordings import Recording, find_recordings, open_recording
from playtape.recordings.atomic import check_picture
from playtape.training import checkpoint
from playtape.training.checkpoint import KEPT, Loaded
from playtape.training.device import find_device, seat
from playtape.training.losses import losses
from playtape.training.memory import keep_freed_memory

WINDOW = 64  # frames a clip, for a checkpoint that does not say how many it learned from


def causality(
    runs: Sequence[Path],
    data: Path,
    *,
    seed: int = 0,
    picture: Path | None = None,
    device: str = "auto",
    progress: bool = True,
) -> dict[str, Any]:
    """Score checkpoints on recordings, all on the same clips with the same frames replaced. Returns a JSON dictionary.

    `checkpoints`, those of a run by their steps: `score` and `all_replaced` (each with `mean_over_slots`, the headline,
    `sum_over_slots` and `by_head`, in nats, with bootstrap intervals over recordings), `identical` (the score of unchanged
    frames), the headline of each of the `draws`, and the test loss. `rises`: of each run with several checkpoints the
    headline's last minus first, with an interval of paired resamples. Raises BadInput for what is no policy, for policies of
    several frame rates, for recordings in which nothing is done that a policy knows, and where there is no other scene.
    """
    within("--seed", seed, 0, 10**12, whole=True)
    check_picture(picture)
    find_device(device)
    _check_once(runs)
    keep_freed_memory()
    recordings = [open_recording(path) for path in find_recordings(data)]
    notes, frames, fps, alone = _asked(runs, recordings, data)  # what is wrong shows before hours of scoring
    if picture is not None:
        notes += _undrawn(runs)
    asked = Plan.of(recordings, frames, fps, seed)
    found = []
    for run in runs:
        loaded = alone or checkpoint.load(run, to="play")
        found.append(_judged(run, loaded, recordings, asked, seat(loaded.model, device), progress))
    order = list(dict.fromkeys(about["run"] for about, _ in found))
    found.sort(key=lambda one: (order.index(one[0]["run"]), one[0]["steps"] or 0))
    result = {
        "data": str(data),
        "headline": HEADLINE,
        "clip_frames": frames,
        "chunks": CHUNKS,
        "clips": sum(map(len, asked.batches)),
        "seed": seed,
        "bootstrap": asked.bootstrap.describe(),
        "checkpoints": [about for about, _ in found],
        "rises": _rises(found, asked.bootstrap),
        "warnings": [*notes, *asked.notes],
    }
    if picture is not None:
        result["picture"] = str(draw_scores(_lines(result["checkpoints"]), picture))
    return result


def _asked(
    runs: Sequence[Path], recordings: Sequence[Recording], data: Path
) -> tuple[list[str], int, float, Loaded | None]:
    """What to warn of, the frames a clip (the fewest that a policy learned from, in whole chunks), and their rate; and the policy
    if there is but one. Several may not fit into memory together, so they are read again, one by one."""
    notes: dict[str, None] = {}
    loaded = None
    windows, rates = [], {}
    for run in runs:
        loaded = checkpoint.load(run, to="play")
        windows.append(loaded.train.get("window", WINDOW))
        rates.setdefault(loaded.model.config.fps, run)
        if loaded.encoder is not None:
            loaded.encoder.encode([""])  # its package may be missing
        notes |= dict.fromkeys(loaded.notes(_run_of(run), recordings, data))
    if len(rates) > 1:
        said = ", ".join(f"{run} {rate:g}" for rate, run in rates.items())
        raise BadInput(f"these policies see different numbers of frames a second ({said}); score them one by one")
    fewest = max(1, min(windows) // CHUNKS) * CHUNKS
    return list(notes), fewest, next(iter(rates)), loaded if len(runs) == 1 else None


def _check_once(runs: Sequence[Path]) -> None:
    """Raises BadInput for a checkpoint that is given twice, under whatever names: it would be two points of one curve."""
    seen = set[Path]()
    for run in runs:
        if run.resolve() in seen:
            raise BadInput(f"{run} is given twice; give each checkpoint once")
        seen.add(run.resolve())


def _undrawn(runs: Sequence[Path]) -> list[str]:
    """Which checkpoints have no place in a picture. Raises BadInput if none has."""
    untold = [run for run in runs if _steps(checkpoint.read_json(run / checkpoint.FILES[3])) is None]
    if len(untold) == len(runs):
        raise BadInput(
            "no checkpoint says how many steps it was trained, so there is no picture over steps; leave it out"
        )
    return [f"{run} does not say how many steps it was trained, so it is not in the picture" for run in untold]


def _steps(train: Mapping[str, Any]) -> int | None:
    steps = train.get("steps")
    return steps if type(steps) is int and steps >= 0 else None


def _run_of(folder: Path) -> Path:
    """The run that a checkpoint is of, if it was kept on the way; else itself."""
    return folder.parent.parent if folder.parent.name == KEPT else folder


def _judged(
    run: Path, loaded: Loaded, recordings: Sequence[Recording], asked: Plan, device: str, progress: bool
) -> tuple[dict[str, Any], Measured]:
    """All that is told of one checkpoint."""
    model = loaded.model
    assert isinstance(model, Foreteller)
    stored = [loaded.stored(recording) for recording in recordings]
    measured = measure(model, stored, asked, device, progress)
    shown = tqdm(stored, desc="losses", unit="recording", disable=not progress)
    lost = losses(model, shown, loaded.train.get("window", WINDOW)).means()
    perplexity = {kind: float(np.exp(value)) for kind, value in lost.items() if kind != "loss"}
    about = {
        "checkpoint": str(run),
        "run": str(_run_of(run)),
        "steps": _steps(loaded.train),
        "parameters": sum(weight.numel() for weight in model.parameters()),
        **_scores(measured, asked.bootstrap),
        "test_loss": perplexity.get("key"),  # as published; a policy without keys has none
        "losses": lost,
        "perplexity": perplexity,
    }
    return about, measured


def _scores(measured: Measured, bootstrap: Bootstrap) -> dict[str, Any]:
    found = np.stack(bootstrap.interval(lambda s: s[..., :-1] / s[..., -1:], measured.sums), -1)  # [M, 3]
    result: dict[str, Any] = {which: {"by_head": {}} for which in SHARES}
    for (which, slots), (value, low, high) in zip(measured.columns, found.tolist(), strict=True):
        place = result[which] if slots in (HEADLINE, SUM) else result[which]["by_head"]
        place[slots] = {"value": value, "low": low, "high": high}
    spread = float(np.std(measured.draws, ddof=1))
    return result | {"identical": measured.identical, "draws": measured.draws, "draws_sd": spread}


def _rises(found: Sequence[tuple[dict[str, Any], Measured]], bootstrap: Bootstrap) -> list[dict[str, Any]]:
    rises = []
    for run in dict.fromkeys(about["run"] for about, _ in found):
        own = [(about["steps"], each) for about, each in found if about["run"] == run and about["steps"] is not None]
        if len(own) < 2 or own[0][0] == own[-1][0]:
            continue
        (start, first), (end, last) = own[0], own[-1]
        column = first.columns.index(("score", HEADLINE))
        both = np.stack([each.sums[:, [column, -1]] for each in (first, last)], 1)  # [U, 2, 2]
        change = bootstrap.interval(lambda s: s[..., 1, 0] / s[..., 1, 1] - s[..., 0, 0] / s[..., 0, 1], both)
        value, low, high = map(float, change)
        rises.append({"run": run, "from_steps": start, "to_steps": end, "value": value, "low": low, "high": high})
    return rises


def _lines(checkpoints: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """A line a run for the picture."""
    lines: dict[str, list[dict[str, Any]]] = {}
    for about in checkpoints:
        if about["steps"] is not None:
            point = {"steps": about["steps"], "score": about["score"][HEADLINE], "perplexity": about["test_loss"]}
            lines.setdefault(about["run"], []).append(point)
    return lines


def causality_table(result: Mapping[str, Any]) -> str:
    """As text: a line a checkpoint."""
    wide = max(len(about["checkpoint"]) for about in result["checkpoints"])
    lines = [
        f"{result['clips']} clips of {result['clip_frames']} frames from {result['data']}; nats, mean over slots (and sum)",
        f"{'':<{wide}} {'steps':>9}  {'causality score':<38} {'all frames replaced':<20} keyboard perplexity",
    ]
    for about in result["checkpoints"]:
        score, every = about["score"], about["all_replaced"]
        interval = f"{score[HEADLINE]['low']:.3g} to {score[HEADLINE]['high']:.3g}"
        told = f"{score[HEADLINE]['value']:.3g}, {interval} ({score[SUM]['value']:.3g})"
        whole = f"{every[HEADLINE]['value']:.3g} ({every[SUM]['value']:.3g})"
        steps = "-" if about["steps"] is None else f"{about['steps']:,}"
        loss = "-" if about["test_loss"] is None else f"{about['test_loss']:.4f}"
        lines.append(f"{about['checkpoint']:<{wide}} {steps:>9}  {told:<38} {whole:<20} {loss}")
    for rise in result["rises"]:
        change = f"{rise['value']:+.3g} ({rise['low']:+.3g} to {rise['high']:+.3g})"
        lines.append(f"{rise['run']}: {change} from step {rise['from_steps']:,} to {rise['to_steps']:,}")
    lines += [f"Intervals: {result['bootstrap']['note']}", *(f"note: {text}" for text in result["warnings"])]
    return "\n".join([*lines, *([f"Wrote {result['picture']}"] if "picture" in result else [])])
