"""`playtape train RECIPE DATA... --out RUN`: carries a run out, from its words to its checkpoint."""

import json
import shlex
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from playtape import __version__, models
from playtape.actions import Actions, ActionSpace
from playtape.clips import Clips, Stored
from playtape.errors import BadInput
from playtape.models.protocols import Comparing, Fitted, Model
from playtape.recordings.atomic import ground
from playtape.recordings.licences import KEY as LICENCES
from playtape.recordings.licences import joined, licences
from playtape.recordings.lock import locked
from playtape.training import checkpoint, state
from playtape.training.curves import draw_curves
from playtape.training.features import perceptual
from playtape.training.loop import run_loop
from playtape.training.memory import check_fits, keep_freed_memory
from playtape.training.processes import process, share
from playtape.training.rates import check_pace, slower
from playtape.training.sources import Sources, batches, brought, gather, pace
from playtape.training.starts import save_starts
from playtape.training.words import Run, parse, resumed, started


def train(argv: list[str], *, progress: bool = True) -> dict[str, Any]:
    """Carry out the arguments after `playtape train`. Returns {"output", "steps", "loss", "parameters", ...}."""
    argv, resume = resumed(argv)
    asked = parse(argv)
    with writing(asked[2].out, "train"):
        return _carried_out(argv, asked, resume, progress)


def _carried_out(argv: list[str], asked: tuple[str, str, Run[Any]], resume: bool, progress: bool) -> dict[str, Any]:
    name, recipe, run = asked
    done = _check_out(run, resume)
    keep_freed_memory()
    # Before hours of decoding: it may not be there.
    compared = perceptual(getattr(run.model, "perceptual", "none"), run.lpips_weights)
    sources = gather(run)
    begun = None if run.init is None else _begun(run.init, name, run, sources.space)
    space = sources.space if begun is None else begun.space
    coder = None if run.tokenizer is None else checkpoint.load(run.tokenizer, to="code").model.state_dict()
    check_fits(lambda: models.model(name).build(run.model, space))
    torch.manual_seed(run.seed)
    model = models.model(name).build(run.model, space)
    if compared is not None:
        assert isinstance(model, Comparing)
        model.see_by(compared)
    check_pace(model, run, sources.hz)
    if warning := slower(model, run, sources.training):
        print(warning, file=sys.stderr)
    if coder is not None:
        model.get_submodule("tokenizer").load_state_dict(coder)
    stored = brought(run, sources, space, progress)
    if resume:  # before run.json says so: the state must be of this model
        other = models.model(name).build(run.model, space)
        state.load_state(run.out, other, torch.optim.AdamW(model.parameters()))
    elif begun is not None:
        model.load_state_dict({**model.state_dict(), **begun.model.state_dict()})  # an addition to it begins anew
    elif isinstance(model, Fitted):
        parts = [recording.actions for recording in stored]
        rows = Actions(np.concatenate([a.buttons for a in parts]), np.concatenate([a.axes for a in parts]))
        model.fit(rows, np.repeat([one.embodiment for one in stored], [*map(len, stored)]))
    data = run.data
    drawn = (data.window, run.batch, run.seed, data.augmentation, data.lose_begun_text)
    clips = Clips(stored, sources.weights, space, *drawn)
    before = started(run.out).get("history", []) if resume else begun.train.get("history", []) if begun else []
    history = [*before, {"from_step": done, "command": f"playtape train {shlex.join(argv)}"}]
    _note(run, argv, recipe, history)
    report = _report(run, recipe, history, model, stored, sources) | {"warnings": [warning] if warning else []}

    def keep(step: int, weights: Mapping[str, torch.Tensor]) -> None:
        if run.keep_every and step % run.keep_every == 0:
            folder = run.out / checkpoint.KEPT / f"{step:09}"
            save_starts(folder, model, clips)
            checkpoint.save(folder, name, model, weights, {**report, "steps": step})

    ema = run_loop(
        run.out,
        model,
        lambda first: batches(clips, first, run.steps, run.workers),
        run.steps,
        run.optimiser,
        seed=run.seed,
        save_every=run.save_every,
        resume=resume,
        progress=progress,
        cpu=run.device == "cpu",
        after=keep,
        where=lambda step: clips.where(share()(step)),
    )
    save_starts(run.out, model, clips)
    checkpoint.save(run.out, name, model, ema, report)
    draw_curves(run.out / "log.jsonl", run.out / "curves.png")
    lines = (run.out / "log.jsonl").read_text().splitlines()
    return {
        "output": str(run.out),
        "steps": run.steps,
        "loss": json.loads(lines[-1])["loss"] if lines else None,  # the log of a resumed run may have been lost
        "parameters": report["parameters"],
        "recordings": len(stored),
        "held_out": [str(recording.path) for recording in sources.held_out],
    }


@contextmanager
def writing(folder: Path, command: str) -> Generator[None]:
    """A folder for one `playtape train` or `sweep`, from before hours of decoding on; one that stays empty does not stay.

    Raises BadInput if it cannot be written to, or another is at it. The processes that `torchrun` makes of a run are one.
    """
    there, writable = ground(folder)
    if not writable:
        raise BadInput(f"cannot write a run into {folder}: {there} is not a folder that can be written to")
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    refusal = f"{folder} is being written by another `playtape {command}`; wait for it, or give another --out"
    with locked(folder, refusal) if process()[0] == 0 else nullcontext():
        try:
            yield
        finally:
            if made:
                with suppress(OSError):  # it is not empty
                    folder.rmdir()


def _check_out(run: Run[Any], resume: bool) -> int:
    """How many steps are done already. Raises BadInput where the run cannot begin, or go on."""
    if not resume and any((run.out / file).exists() for file in (checkpoint.FILES[0], state.FILE)):
        raise BadInput(
            f"{run.out} already holds a run; resume it with `playtape train --resume {run.out}`, or name another --out"
        )
    done = state.steps_done(run.out) if resume else 0
    if resume and not done:
        print(
            f"{run.out} was stopped before anything was saved (--save-every {run.save_every}); it begins anew",
            file=sys.stderr,
        )
    if done > run.steps:
        raise BadInput(
            f"{run.out} has done {done} steps already, more than the {run.steps} asked for; give a larger --steps"
        )
    if resume and done == run.steps:
        print(f"{run.out} has done its {done} steps already; a larger --steps goes on", file=sys.stderr)
    return done


def _note(run: Run[Any], argv: list[str], recipe: str, history: list[dict[str, Any]]) -> None:
    """Write run.json, which a run can be gone on with from its first step on."""
    config = json.loads(json.dumps(asdict(run), default=str))
    checkpoint.write_json(run.out / "run.json", {"argv": argv, "recipe": recipe, "history": history, "config": config})


def _report(
    run: Run[Any], recipe: str, history: list[dict[str, Any]], model: Model, stored: list[Stored], sources: Sources
) -> dict[str, Any]:
    """What train.json says."""
    return {
        "recipe": recipe,
        "history": history,  # every command that took part, and the step it began at
        "playtape_version": __version__,
        "torch_version": torch.__version__,
        "steps": run.steps,
        "seed": run.seed,
        "frames": sum(map(len, stored)),
        "parameters": sum(p.numel() for p in model.parameters()),
        "fps": run.data.fps,
        "hz": run.hz,
        "pace": pace(stored),
        "text_encoder": run.data.text,
        "window": run.data.window,
        "trained_on": [recording.name for recording in stored],
        "held_out": [recording.name for recording in sources.held_out],
        LICENCES: joined(*map(licences, sources.training), *map(_licences, (run.init, run.tokenizer))),
    }


def _licences(folder: Path | None) -> list[str]:
    """Those of what another run, whose weights this one takes over, learned from."""
    return [] if folder is None else list(checkpoint.described(folder).train.get(LICENCES, ()))


def _begun(folder: Path, name: str, run: Run[Any], seen: ActionSpace) -> checkpoint.Loaded:
    """The checkpoint that a run begins from; says what its action space lacks.

    Raises BadInput if it is another model, or has learned its instructions from another sentence encoder.
    """
    begun, config = checkpoint.load(folder), run.model
    fits = begun.model.config == config or getattr(config, "adapts", lambda other: False)(begun.model.config)
    if begun.name != name or not fits:
        raise BadInput(
            f"cannot begin from {folder}: it is {begun.name} with {begun.model.config}, and the run is {name} with {config}"
        )
    if run.data.text and (before := begun.train.get("text_encoder")) and before != run.data.text:
        raise BadInput(
            f"cannot begin from {folder}: it knows instructions by {before}, and the run has --data.text {run.data.text}"
        )
    known = {*begun.space.buttons, *(axis.name for axis in begun.space.axes)}
    if new := [each for each in (*seen.buttons, *(axis.name for axis in seen.axes)) if each not in known]:
        print(f"not in the action space of {folder}, so not learned: {', '.join(new)}", file=sys.stderr)
    return begun
