"""`playtape train RECIPE DATA... --out RUN`: a run is a typed, frozen value with a name; this makes it, and carries it out."""

import fnmatch
import json
import os
import shlex
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

import numpy as np
import torch
import tyro
from torch.utils.data import DataLoader
from tqdm import tqdm

from playtape import __version__, models
from playtape.actions import Actions, ActionSpace
from playtape.argv import parse as parse_words
from playtape.clips import Clip, Clips, Source, embed_all, find_encoder, observed_space, session, store
from playtape.errors import BadInput, within
from playtape.models.protocols import Fitted
from playtape.models.recipe import MOST_STEPS, Data, Optimiser, Recipe
from playtape.recordings import Recording, find_recordings, open_recording
from playtape.training import checkpoint, state
from playtape.training.curves import draw_curves
from playtape.training.loop import run_loop
from playtape.training.memory import keep_freed_memory

Config = TypeVar("Config")
LARGEST_SEED = 10**12  # times a million for the draws of each step, it still fits torch's 64 bits


@dataclass(frozen=True)
class Run(Generic[Config]):
    """Train RECIPE on recordings."""

    sources: Annotated[tuple[str, ...], tyro.conf.Positional]  # recordings or folders of them, each PATH or PATH:WEIGHT
    out: Path  # the run's folder: checkpoint, state, log and curves
    steps: int
    batch: int  # clips a step
    model: Config
    data: Data
    optimiser: Optimiser
    seed: int = 0
    save_every: int = 500  # steps
    workers: int = 1  # processes that prepare clips; 0 prepares them between steps
    device: Literal["auto", "cpu"] = "auto"  # auto is every GPU that `accelerate` finds; without one, cpu
    init: Path | None = None  # a checkpoint to begin from: its weights and its action space


def train(argv: list[str], *, progress: bool = True) -> dict[str, Any]:
    """Carry out the arguments after `playtape train`. Returns {"output", "steps", "loss", "seconds" ...}."""
    argv, resume = _resumed(argv)
    name, recipe, run = parse(argv)
    if not resume and any((run.out / file).exists() for file in (checkpoint.FILES[0], state.FILE)):
        raise BadInput(
            f"{run.out} already holds a run; resume it with `playtape train --resume {run.out}`, or name another --out"
        )
    done = state.steps_done(run.out) if resume else 0
    if done > run.steps:
        raise BadInput(
            f"{run.out} has done {done} steps already, more than the {run.steps} asked for; give a larger --steps"
        )
    if resume and done == run.steps:
        print(f"{run.out} has done its {done} steps already; a larger --steps goes on", file=sys.stderr)
    there = next(folder for folder in (run.out, *run.out.absolute().parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):  # before hours of decoding
        raise BadInput(f"cannot write a run into {run.out}: {there} is not a folder that can be written to")
    keep_freed_memory()
    training, held_out, space, weights = gather(run)
    begun = None if run.init is None else _begun(run.init, name, run, space)
    space = space if begun is None else begun.space
    torch.manual_seed(run.seed)
    module = models.model(name)
    model = module.build(run.model, space)
    if begun is not None and not resume:
        model.load_state_dict(begun.model.state_dict())
    size, fps = (run.model.height, run.model.width_px), run.data.fps
    encoder = find_encoder(run.data.text) if run.data.text else None
    if encoder is not None:  # before hours of decoding: its package may be missing
        embed_all(training, encoder)
    shown = tqdm(training, desc="frames at model size", unit="recording", disable=not progress)
    stored = [store(recording, space, size, fps, encoder) for recording in shown]
    if not any(recording.mask.any() for recording in stored):
        raise BadInput(
            "no frame of these recordings may be learned from: all of them are masked, or a policy was in control"
        )
    if isinstance(model, Fitted) and begun is None and not resume:
        parts = [recording.actions for recording in stored]
        model.fit(Actions(np.concatenate([a.buttons for a in parts]), np.concatenate([a.axes for a in parts])))
    clips = Clips(
        stored, weights, space, run.data.window, run.batch, run.seed, run.data.augmentation, run.data.lose_begun_text
    )
    if resume:  # before run.json says so: the state must be of this model
        state.load_state(run.out, module.build(run.model, space), torch.optim.AdamW(model.parameters()))
    run.out.mkdir(parents=True, exist_ok=True)
    history = _started(run.out).get("history", []) if resume else list(begun.train.get("history", [])) if begun else []
    history = [*history, {"from_step": done, "command": f"playtape train {shlex.join(argv)}"}]
    config = json.loads(json.dumps(asdict(run), default=str))
    checkpoint.write_json(run.out / "run.json", {"argv": argv, "recipe": recipe, "history": history, "config": config})
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
    )
    report = {
        "recipe": recipe,
        "history": history,  # every command that took part, and the step it began at
        "playtape_version": __version__,
        "torch_version": torch.__version__,
        "steps": run.steps,
        "seed": run.seed,
        "frames": sum(map(len, stored)),
        "fps": fps,
        "text_encoder": run.data.text,
        "window": run.data.window,
        "trained_on": [recording.name for recording in stored],
        "held_out": [_stem(recording) for recording in held_out],
    }
    checkpoint.save(run.out, name, model, ema, report)
    draw_curves(run.out / "log.jsonl", run.out / "curves.png")
    lines = (run.out / "log.jsonl").read_text().splitlines()
    parameters = sum(p.numel() for p in model.parameters())
    held = [str(recording.path) for recording in held_out]
    return {
        "output": str(run.out),
        "steps": run.steps,
        "loss": json.loads(lines[-1])["loss"] if lines else None,  # the log of a resumed run may have been lost
        "parameters": parameters,
        "recordings": len(stored),
        "held_out": held,
    }


def parse(argv: list[str]) -> tuple[str, str, Run[Any]]:
    """The model's module name, the recipe's name, and the run with every flag applied."""
    if argv and argv[0] in ("-h", "--help"):
        print(
            "usage: playtape train RECIPE DATA... --out RUN [flags]   or   playtape train --resume RUN", file=sys.stderr
        )
        print(
            f"recipes: {', '.join(_recipes())}; `playtape train RECIPE --help` lists the flags of one", file=sys.stderr
        )
        raise SystemExit(0)
    if not argv or argv[0].startswith("-"):
        raise BadInput(f"`playtape train` needs a recipe first; legal are {', '.join(_recipes())}")
    name, recipe = models.recipe(argv[0])
    default = _default(recipe)
    generic: Any = Run
    kind = generic[type(recipe.model)]  # with the model's own flags
    run = parse_words(
        kind, argv[1:], prog=f"playtape train {argv[0]}", default=default, description=f"Train {argv[0]}."
    )
    if not run.sources or str(run.out) == ".":
        raise BadInput(f"`playtape train {argv[0]}` needs recordings to learn from and --out RUN")
    Recipe(run.model, run.steps, run.batch, run.data, run.optimiser)  # which knows what is legal
    within("--save-every", run.save_every, 1, MOST_STEPS, whole=True)
    within("--workers", run.workers, 0, 256, whole=True)
    within("--seed", run.seed, 0, LARGEST_SEED, whole=True)
    return name, argv[0], run


def _recipes() -> list[str]:
    return sorted(key for module in models.modules().values() for key in module.RECIPES)


def _default(recipe: Recipe) -> Run[Any]:
    return Run((), Path(), recipe.steps, recipe.batch, recipe.model, recipe.data, recipe.optimiser)


def _resumed(argv: list[str]) -> tuple[list[str], bool]:
    """`--resume RUN` stands for the arguments the run was started with, which later flags override; a bare one means --out."""
    if "--resume" not in argv:
        return argv, False
    at = argv.index("--resume")
    rest = argv[:at] + argv[at + 1 :]
    if argv[-1] == "--out":
        raise BadInput("--out needs the run's folder: `playtape train RECIPE DATA... --out RUN`")
    if at + 1 < len(argv) and not argv[at + 1].startswith("--") and (at == 0 or "--out" not in argv):
        folder, rest = Path(argv[at + 1]), argv[:at] + argv[at + 2 :]
    elif "--out" in rest[:-1]:
        folder = Path(rest[rest.index("--out") + 1])
    else:
        raise BadInput("--resume needs the run's folder: `playtape train --resume RUN`")
    file = folder / "run.json"
    if not file.is_file():
        raise BadInput(
            f"{folder} holds no run to resume (no run.json); start one with `playtape train RECIPE DATA --out {folder}`"
        )
    words = rest if rest and not rest[0].startswith("-") else _started(folder)["argv"] + rest
    return _with_out(words, folder), True  # where it lies now: it may have been moved, or be a copy


def _with_out(words: list[str], folder: Path) -> list[str]:
    kept = [word for before, word in zip(["", *words], words) if "--out" not in (before, word) and word[:6] != "--out="]
    return [*kept, "--out", str(folder)]


def _begun(folder: Path, name: str, run: Run[Any], seen: ActionSpace) -> checkpoint.Loaded:
    """The checkpoint that a run begins from; says what its action space lacks.

    Raises BadInput if it is another model, or has learned its instructions from another sentence encoder.
    """
    begun, config = checkpoint.load(folder), run.model
    if begun.name != name or begun.model.config != config:
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


def _started(folder: Path) -> dict[str, Any]:
    """What run.json says of how a run was started. Raises BadInput if it is not what `playtape train` writes."""
    content = checkpoint.read_json(folder / "run.json")
    words, history = content.get("argv"), content.get("history", [])
    if not isinstance(history, list) or not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise BadInput(f"{folder / 'run.json'} is not what `playtape train` writes: argv must be a list of words")
    if {"-h", "--help"} & {*words}:
        raise BadInput(f"{folder / 'run.json'} is not what `playtape train` writes: --help starts no run")
    return content


def gather(run: Run[Any]) -> tuple[list[Recording], list[Recording], ActionSpace, list[float]]:
    """Training recordings, held-out ones, the action space seen in the former, and a weight for each of the former.

    Recordings whose split is "test" are left out, always.
    """
    found: dict[Path, float] = {}
    for text in run.sources:
        source = Source.parse(text)
        found |= dict.fromkeys(find_recordings(source.path), source.weight)
    recordings = [open_recording(path) for path in found]
    usable = [recording for recording in recordings if recording.info.split != "test"]
    if usable and len(usable) < len(recordings):
        print(f"left out {len(recordings) - len(usable)} recordings of split test", file=sys.stderr)
    held = _held_out(usable, run.data.held_out)
    training = [recording for recording in usable if session(recording) not in held]
    if not training:
        raise BadInput(
            f"no recording is left to train on among {len(recordings)}: {len(held)} held out, the others are of split test"
        )
    longest = max(recording.video.end_ns for recording in training) * run.data.fps / 1e9
    if longest + 1 < run.data.window:  # before hours of decoding; whoever cuts the clips counts to the frame
        raise BadInput(
            f"no recording is as long as one window of {run.data.window} frames; the longest has {longest:.0f}"
        )
    weights = [found[Path(str(recording.path))] for recording in training]
    held_out = [recording for recording in usable if session(recording) in held]
    return training, held_out, observed_space(training, run.data.fps), weights


def _held_out(recordings: list[Recording], patterns: tuple[str, ...]) -> set[str]:
    """Whole sessions: those with a recording that matches a pattern; without patterns every tenth."""
    if patterns:
        held = {session(r) for r in recordings if any(fnmatch.fnmatch(_stem(r), pattern) for pattern in patterns)}
        if not held:
            raise BadInput(
                f"no recording matches --data.held-out {' '.join(patterns)}; there are {', '.join(map(_stem, recordings))}"
            )
        return held
    sessions = sorted({session(recording) for recording in recordings})
    return set(sessions[1::10])


def _stem(recording: Recording) -> str:
    return (recording.path or recording.video.path).stem


def batches(clips: Clips, first: int, steps: int, workers: int) -> Iterator[Clip]:
    """The clips of steps first, first + 1, ..., prepared ahead by worker processes."""
    order = range(first, steps)
    loader = DataLoader(
        clips, batch_size=None, sampler=order, num_workers=workers, prefetch_factor=4 if workers else None
    )
    return iter(loader)
