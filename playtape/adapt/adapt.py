"""Fine-tune an inverse dynamics model on minutes of one's own play, and say whether it is good enough to label with.

What it knows of pictures and motion is taken over, and of each key and axis that both games have; how far the mouse turns the
camera is measured anew. It then learns from a quarter, a half and all of the play that is there to learn from, with as many steps
each, and all are judged by the same play, that none has seen: so what the last doubling brought tells what the next would bring,
where more is known of it than that it brought something here.
"""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from playtape import models
from playtape.actions import ActionSpace
from playtape.adapt.gain import gain
from playtape.adapt.judge import FEW, Judged, deciding, gained, judge
from playtape.adapt.stretches import Stretch, divide, shared, written
from playtape.clips import observed_space, store
from playtape.errors import BadInput, within
from playtape.evaluate.bootstrap import BLOCK_NS
from playtape.label import calibrate, label_video
from playtape.label.run import SHIPPED
from playtape.models.beliefs import inherited
from playtape.models.idm import turns
from playtape.recordings import Recording, find_recordings, open_recording, save_recording
from playtape.recordings.atomic import check_folder
from playtape.training import checkpoint
from playtape.training.checkpoint import Loaded
from playtape.training.rates import SLOWER, rates
from playtape.training.run import train
from playtape.training.words import parse, spelled

SHARES = (0.25, 0.5, 1.0)  # of what is there to learn from
WORTH = 0.005  # what a doubling of the play must bring to be worth it
NEXT_TO_NOTHING = 0.01  # what it surely does not bring, where it may have brought nothing
DOUBLINGS = 6  # that are looked ahead
KEPT = (0.3, 0.9)  # of a doubling's gain, the next one's: between these whatever was measured


@dataclass(frozen=True)
class Wanted:
    """How much is learned, and what is good enough: `score`, that the F1 of keys held (their mean) and the correlation of each
    axis must surely reach, with the lower ends of their 95 % intervals."""

    steps: int = 1000
    batch: int = 4
    lr: float = 5e-4
    score: float = 0.8
    seed: int = 0

    def __post_init__(self) -> None:
        within("--steps", self.steps, 1, 10**7, whole=True)
        within("--batch", self.batch, 1, 4096, whole=True)
        within("--lr", self.lr, 1e-8, 1.0)
        within("--want", self.score, 0, 1)
        within("--seed", self.seed, 0, 10**6, whole=True)


def adapt(
    model: Path | None,
    data: Path,
    out: Path,
    wanted: Wanted | None = None,
    *,
    device: str = "auto",
    progress: bool = True,
) -> dict[str, Any]:
    """Adapt a labeller (None is the one that comes with Playtape) to recordings, into the checkpoint `out`.

    Gives {"output", "good_enough", "because": why or why not, "metrics": leaves with intervals and baselines by name, "before":
    those of the model as it was, or None if it knows none of these inputs, "curve": [{"minutes", "score"}, ...],
    "last_doubling": what it brought to the score, with an interval of the same draws for both, "more_minutes_would_help": None if
    that cannot be told, "minutes_for_good": about how many to learn from might do, None if nobody can say, "minutes",
    "split", "turn"}. Raises BadInput for what is no such model, for less than 40 s of play, and for an `out` in
    which anything lies.
    """
    wanted = wanted or Wanted()
    check_folder(out, "write a run")
    if left := next(out.iterdir(), None) if out.is_dir() else None:
        raise BadInput(f"{out} holds {left.name} already; an adaptation begins in a new folder, so give another --out")
    base = checkpoint.load(model or SHIPPED, to="label")
    found = [open_recording(path) for path in find_recordings(data)]
    recordings = [recording for recording in found if recording.info.split != "test"]  # as training leaves them out
    if not recordings:
        raise BadInput(f"all {len(found)} recordings in {data} are of the split test, which nothing is trained on")
    stretches = divide(recordings, wanted.seed)
    parts = {role: [one for one in stretches if one.role == role] for role in ("learn", "fit", "judge")}
    folders = {role: out / "play" / role for role in ("fit", "judge")}
    fit, judged = (written(parts[role], folder) for role, folder in folders.items())
    play = written(parts["learn"], out / "play" / "learn-1")
    begun, turn = _begin(base, recordings, play, out / "begun")
    whole = not shared(stretches, recordings)

    curve, results = [], []
    for share in SHARES:
        learned = parts["learn"][: max(1, round(share * len(parts["learn"])))]
        run = out if share == 1 else out / "less" / f"{share:g}"
        paths = play if share == 1 else written(learned, out / "play" / f"learn-{share:g}")
        words = _words(base, begun, paths, run, wanted, device)
        train(words, progress=progress)
        calibrate(run, [str(path) for path in fit], progress=progress)
        results.append(_labelled(checkpoint.load(run), judged, run / "labels", wanted.seed, device, whole=whole))
        curve.append({"minutes": sum(one.minutes for one in learned), "score": results[-1].score})
    before = None
    if _inputs(base.space) & _inputs(checkpoint.described(begun).space):
        before = _labelled(base, judged, out / "less" / "as-it-was", wanted.seed, device, whole=whole).leaves
    last, scores = gained(*results[-2:]), results[-1].leaves
    because = _lacking(scores, wanted.score)
    if not results[-1].known:
        poor = {name: leaf for name, leaf in scores.items() if leaf["value"] is None or leaf["value"] < wanted.score}
        because = [_too_little(results[-1], stretches), *(_lacking(poor, wanted.score) if deciding(poor) else [])]
    steps, helps = np.diff([point["score"] for point in curve]), _helps(curve, last)
    return {
        "output": str(out),
        "good_enough": not because,
        "because": because or [f"all that is judged is surely {wanted.score:g} or more"],
        "metrics": scores,
        "before": before,
        "curve": curve,
        "last_doubling": last,
        "more_minutes_would_help": helps,
        "minutes_for_good": _needed(curve, steps, scores, wanted.score) if helps or not because else None,
        "minutes": {role: round(sum(one.minutes for one in those), 3) for role, those in parts.items()},
        "split": _split(stretches, recordings),
        "turn": turn,
    }


def _inputs(space: ActionSpace) -> set[str]:
    return {*space.buttons, *(axis.name for axis in space.axes)}


def _begin(base: Loaded, recordings: Sequence[Recording], learn: Sequence[Path], folder: Path) -> tuple[Path, Any]:
    """A checkpoint that acts with what these recordings act with, and knows what `base` knows; and the turns by axis, measured on
    what is learned from alone."""
    config: Any = _at_rate(base.model.config, recordings)
    space = observed_space(recordings, config.fps)
    if not space.buttons and not space.axes:
        raise BadInput("no button is pressed and no axis moves in these recordings, so there is nothing to learn")
    size = (config.height, config.width_px)
    stored = [store(open_recording(path), space, size, config.fps) for path in learn]
    turn = {
        axis.name: gain(stored, k, axis.scale, turns(axis.name))
        for k, axis in enumerate(space.axes)
        if turns(axis.name)
    }
    measured = turn.get("mouse.dx") or turn.get("mouse.dy")
    if measured and hasattr(config, "turn"):
        config = replace(config, turn=float(f"{measured:.3g}"))
    torch.manual_seed(0)
    begun = models.model(base.name).build(config, space)
    begun.load_state_dict(inherited(begun, base.model, anew=measured is not None))
    return checkpoint.save(folder, base.name, begun, begun.state_dict(), {**base.train, "calibration": {}}), turn


def _at_rate(config: Any, recordings: Sequence[Recording]) -> Any:
    """The config with the rate of slower recordings, so that what is labelled later is looked at as they are; as it is where the
    model can have no such rate."""
    usual = float(f"{np.median(rates(recordings, config.fps)):.4g}")
    with suppress(BadInput):
        return replace(config, fps=usual) if usual < SLOWER * config.fps else config
    return config


def _words(base: Loaded, begun: Path, paths: list[Path], run: Path, wanted: Wanted, device: str) -> list[str]:
    """What `playtape train` is told."""
    recipe = str(base.train.get("recipe", base.name))
    _, _, asked = parse([recipe, *map(str, paths), "--out", str(run)])
    config: Any = checkpoint.described(begun).config
    asked = replace(
        asked,
        steps=wanted.steps,
        batch=wanted.batch,
        model=config,
        data=replace(asked.data, fps=config.fps, held_out=("none",)),
        optimiser=replace(asked.optimiser, lr=wanted.lr, warmup=min(50, wanted.steps)),
        seed=wanted.seed,
        init=begun,
        device="cpu" if device == "cpu" else "auto",
        workers=0,
    )
    return [recipe, *map(str, paths), "--out", str(run), *spelled(recipe, asked)]


def _labelled(loaded: Loaded, judged: list[Path], labels: Path, seed: int, device: str, *, whole: bool) -> Judged:
    """How well a labeller labels what was held out."""
    for path in judged:
        found = label_video(open_recording(path).video.path, loaded, device=device, progress=False)
        save_recording(found, labels / path.name)
    return judge(judged[0].parent, labels, seed, whole=whole)


def _too_little(result: Judged, stretches: Sequence[Stretch]) -> str:
    """That nobody can say how sure the scores are, and what would do."""
    least = sum(one.minutes for one in stretches) * FEW * BLOCK_NS / 1e9 / max(result.seconds, 1.0)
    return f"only {result.seconds:.0f} s were held out, too little to know: about {math.ceil(least)} minutes of play would do"


def _helps(curve: list[dict[str, float]], step: dict[str, float | None]) -> bool | None:
    """Would more play help? None where that cannot be told: the last doubling may have brought something, or cost it, or twice
    as much play brought less than half as much had."""
    low, high, value = step["low"], step["high"], step["value"]
    if low is None or high is None or value is None:
        return None
    if low > 0:
        return None if curve[-1]["score"] <= curve[0]["score"] else value > WORTH
    return False if high < NEXT_TO_NOTHING else None


def _lacking(scores: dict[str, dict[str, Any]], want: float) -> list[str]:
    """A sentence for each thing that is not surely as good as is wanted."""
    said = []
    for name, leaf in deciding(scores).items():
        low, value = leaf["low"], leaf["value"]
        if low is None or low < want:
            known = (
                "unknown"
                if value is None
                else f"{value:.2f}, and may be {low:.2f}"
                if low is not None
                else f"{value:.2f}"
            )
            said.append(f"{name} is {known}; wanted is {want:g}")
    return said or ([] if scores else ["nothing could be judged"])


def _needed(curve: list[dict[str, float]], steps: np.ndarray, scores: dict[str, Any], want: float) -> float | None:
    """Minutes after which the worst of what is judged might surely be as wanted, each doubling bringing a share of the last."""
    lows = [leaf["low"] for leaf in deciding(scores).values()]
    if not lows or any(low is None for low in lows):
        return None
    minutes, missing, step = curve[-1]["minutes"], want - min(lows), float(steps[-1])
    if missing <= 0:
        return round(minutes, 1)
    kept = float(np.clip(steps[-1] / steps[-2], *KEPT)) if steps[-2] > 0 else KEPT[0]
    for _ in range(DOUBLINGS):
        minutes, step = minutes * 2, step * kept
        missing -= step
        if step <= WORTH:
            return None
        if missing <= 0:
            return round(minutes, 1)
    return None


def _split(stretches: Sequence[Stretch], recordings: Sequence[Recording]) -> str:
    if not shared(stretches, recordings):
        return "by recording"
    seconds = np.median([one.minutes for one in stretches]) * 60
    return (
        f"by stretches of {seconds:.0f} s, of {len(recordings)} recordings: they are of the same days, maps and settings, so "
        "others may be labelled worse than the figures say"
    )
