"""A run in words and back: what `playtape train` is told, and what makes the same run again."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

import tyro

from playtape import models
from playtape.argv import parse as parse_words
from playtape.argv import words as words_of
from playtape.errors import BadInput, within
from playtape.models.recipe import MOST_STEPS, Data, Optimiser, Recipe
from playtape.recordings.mixes import PACE_HZ, find_mix
from playtape.training import checkpoint

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
    mix: str = ""  # oxe or oxe-sthsth: DATA is a folder with a folder for each of its data sets, drawn by their shares
    seed: int = 0
    save_every: int = 500  # steps
    keep_every: int = 0  # steps after which a checkpoint stays in OUT/kept for good; 0 keeps only the last, OUT itself
    workers: int = 1  # processes that prepare clips; 0 prepares them between steps
    device: Literal["auto", "cpu"] = "auto"  # auto is every GPU that `accelerate` finds; without one, cpu
    init: Path | None = None  # a checkpoint to begin from: its weights and its action space
    lpips_weights: tuple[Path, ...] = ()  # of a model that compares frames by LPIPS: VGG16's and those of its channels
    tokenizer: Path | None = (
        None  # of a world model: the checkpoint of what codes its frames, taken in and left as it is
    )

    @property
    def hz(self) -> float:
        """About how many frames a second clips have; 0 where they take all that `data.fps` keeps."""
        return self.data.hz or (PACE_HZ if self.mix else 0.0)


def parse(argv: list[str]) -> tuple[str, str, Run[Any]]:
    """The model's module name, the recipe's name, and the run with every flag applied."""
    if argv and argv[0] in ("-h", "--help"):
        print("usage: playtape train RECIPE DATA... --out RUN [flags]   or   playtape train --resume RUN")
        print(f"recipes: {', '.join(_recipes())}; `playtape train RECIPE --help` lists the flags of one")
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
    if run.mix:
        find_mix(run.mix)  # a typo shows before anything is read
    within("--save-every", run.save_every, 1, MOST_STEPS, whole=True)
    within("--keep-every", run.keep_every, 0, MOST_STEPS, whole=True)
    within("--workers", run.workers, 0, 256, whole=True)
    within("--seed", run.seed, 0, LARGEST_SEED, whole=True)
    run = _told_tokenizer(run, argv)
    Recipe(run.model, run.steps, run.batch, run.data, run.optimiser)  # which knows what is legal
    return name, argv[0], run


def _told_tokenizer(run: Run[Any], argv: list[str]) -> Run[Any]:
    """The run with the tokenizer's own config, where its model has one. Raises BadInput where it has none, is told none, or is
    to have another than that one's."""
    has = any(part.name == "tokenizer" for part in fields(run.model))
    if has == (run.tokenizer is None):
        said = "needs --tokenizer RUN, the run of a tokenizer" if has else "codes no frames: it has no --tokenizer"
        raise BadInput(f"`playtape train {argv[0]}` {said}")
    if run.tokenizer is None:
        return run
    own = checkpoint.described(run.tokenizer, to="code").config
    if own != run.model.tokenizer and (words := [word for word in argv if word.startswith("--model.tokenizer.")]):
        raise BadInput(f"the tokenizer of --tokenizer {run.tokenizer} is taken as it is; leave out {' '.join(words)}")
    return replace(run, model=replace(run.model, tokenizer=own))


def spelled(recipe: str, run: Run[Any]) -> list[str]:
    """The flags that `parse` makes this run of: all but the sources, the mix that they were found by, and --out."""
    default = _default(models.recipe(recipe)[1])
    generic: Any = Run
    run = replace(run, mix="", data=replace(run.data, hz=run.hz))  # the sources are the mix's already
    return words_of(generic[type(run.model)], run, replace(default, sources=run.sources, out=run.out))


def _recipes() -> list[str]:
    return sorted(key for module in models.modules().values() for key in module.RECIPES)


def _default(recipe: Recipe) -> Run[Any]:
    return Run((), Path(), recipe.steps, recipe.batch, recipe.model, recipe.data, recipe.optimiser)


def resumed(argv: list[str]) -> tuple[list[str], bool]:
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
    words = rest if rest and not rest[0].startswith("-") else started(folder)["argv"] + rest
    return _with_out(words, folder), True  # where it lies now: it may have been moved, or be a copy


def _with_out(words: list[str], folder: Path) -> list[str]:
    kept = [word for before, word in zip(["", *words], words) if "--out" not in (before, word) and word[:6] != "--out="]
    return [*kept, "--out", str(folder)]


def started(folder: Path) -> dict[str, Any]:
    """What run.json says of how a run was started. Raises BadInput if it is not what `playtape train` writes."""
    content = checkpoint.read_json(folder / "run.json")
    words, history = content.get("argv"), content.get("history", [])
    if not isinstance(history, list) or not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise BadInput(f"{folder / 'run.json'} is not what `playtape train` writes: argv must be a list of words")
    if {"-h", "--help"} & {*words}:
        raise BadInput(f"{folder / 'run.json'} is not what `playtape train` writes: --help starts no run")
    return content
