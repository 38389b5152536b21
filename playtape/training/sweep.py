"""`playtape sweep RECIPE DATA... --out OUT --sizes S,M,L --fractions 0.25,0.5,1`: a run for each size and share of the data.

Shares are of whole sessions, in an order drawn by the seed, so that each holds all smaller ones; every run holds out the same
sessions. A run is what `playtape train` makes of the words that the manifest has for it, so that any can be made again by hand.
What is done is left as it is, what was begun goes on. For a scaling law see `playtape evaluate scaling`.
"""

import glob
import random
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from playtape import models
from playtape.clips import session
from playtape.errors import BadInput, within
from playtape.training import checkpoint
from playtape.training.run import train, writing
from playtape.training.sources import gather
from playtape.training.words import Run, parse, spelled, started

MANIFEST = "sweep.json"
SHARES = (1e-6, 1.0)  # the least and the most; the least has few digits, since it names a folder
KEPT = 8  # checkpoints of a run, unless --keep-every says otherwise: with little data the best is not the last
USAGE = """usage: playtape sweep RECIPE DATA... --out OUT [--sizes S,M,L] [--fractions 0.125,0.25,0.5,1] [flags of train]

Trains a run for each size on each share of the recordings, into OUT/SIZE-SHARE; the same words go on where it was stopped.

--sizes            the model's own (XS, S, M, L, XL), M being the recipe, or other recipes of the model
--fractions        shares of the training recordings, each within the larger ones; rounded to whole recordings, one at least
--data.held-out    which recordings judge all runs, such as 'name*'; without it a tenth
--keep-every N     steps after which a checkpoint stays, of which the best counts; without it eight a run
--steps, --model.height, ...   as of a run: `playtape train RECIPE --help` lists them all

`playtape evaluate scaling OUT` fits the law."""


@dataclass(frozen=True)
class Cell:
    """One run: a size on a share of the training sessions."""

    size: str
    fraction: float
    words: list[str]  # after `playtape train`, without --out

    @property
    def name(self) -> str:
        """Its folder within the sweep's."""
        return f"{self.size}-{self.fraction:g}"


def sweep(argv: list[str], *, progress: bool = True) -> dict[str, Any]:
    """Carry out the arguments after `playtape sweep`. Returns {"output", "runs": [{"size", "fraction", "folder", ...}]}.

    Writes OUT/sweep.json, and a run's folder for each cell. Raises BadInput for sizes and fractions that are none, and for a
    folder that holds another sweep, or is being written.
    """
    if {"-h", "--help"} & {*argv}:
        print(USAGE)
        raise SystemExit(0)
    if any(word.partition("=")[0] == "--resume" for word in argv):
        raise BadInput("`playtape sweep` goes on by itself: give the words that it was begun with, without --resume")
    own, words = _taken(argv, {"--sizes": "S,M,L", "--fractions": "0.125,0.25,0.5,1"})
    module, recipe, run = parse(words)
    run = replace(run, keep_every=run.keep_every or max(1, run.steps // KEPT))
    wanted = _wanted(run, _sized(module, recipe, run, own["--sizes"]), _fractions(own["--fractions"]))
    with writing(run.out, "sweep"):
        _begin(run.out, wanted)
        for number, cell in enumerate(wanted.runs, start=1):
            _carry_on(run.out, cell, f"run {number} of {len(wanted.runs)}", progress)
    return {"output": str(run.out), "runs": [row(run.out, cell) for cell in wanted.runs]}


def _carry_on(out: Path, cell: Cell, place: str, progress: bool) -> None:
    """Begin a run, or go on with it, unless it is done."""
    folder = out / cell.name
    begun = (folder / "run.json").exists()
    if (folder / checkpoint.FILES[3]).exists():
        return
    if progress:
        print(f"{cell.name}, {place}", file=sys.stderr)
    train(["--resume", str(folder)] if begun else [*cell.words, "--out", str(folder)], progress=progress)


@dataclass(frozen=True)
class Manifest:
    """What OUT/sweep.json says: the runs, done or not, and the recordings that none of them learns from."""

    runs: list[Cell]
    held_out: list[str]


def read_manifest(folder: Path) -> Manifest:
    """Of a sweep's folder. Raises BadInput if it is none."""
    if not (folder / MANIFEST).is_file():
        raise BadInput(
            f"{folder} is no sweep (it has no {MANIFEST}); `playtape sweep RECIPE DATA... --out {folder}` makes one"
        )
    content = checkpoint.read_json(folder / MANIFEST)
    try:
        cells = [Cell(str(x["size"]), float(x["fraction"]), [*map(str, x["words"])]) for x in content["runs"]]
        held_out = [str(path) for path in content["held_out"]]
    except (TypeError, ValueError, KeyError, OverflowError):
        raise BadInput(f"{folder / MANIFEST} is not what `playtape sweep` writes") from None
    for cell in cells:
        within(f"a fraction in {folder / MANIFEST}", cell.fraction, *SHARES)
    if any(Path(cell.name).name != cell.name for cell in cells):
        raise BadInput(f"{folder / MANIFEST} names a run that is not in its folder")
    if len({cell.name for cell in cells}) < len(cells):
        raise BadInput(f"{folder / MANIFEST} names a run twice")
    return Manifest(cells, held_out)


def check_run(out: Path, cell: Cell) -> None:
    """Raises BadInput if what is in a run's folder began with other words than the manifest has: then it is another run."""
    folder = out / cell.name
    if started(folder)["argv"][:-2] != cell.words:  # the last are --out and where the folder lay
        raise BadInput(
            f"{folder} is not the run that {MANIFEST} has under its name: its run.json has other words; "
            "move it away, and the same `playtape sweep` makes the run"
        )


def row(out: Path, cell: Cell) -> dict[str, Any]:
    """What is known of a run: {"size", "fraction", "folder", and once it is done "frames", "steps", "parameters"}."""
    folder, known = out / cell.name, {}
    if (folder / checkpoint.FILES[3]).exists():
        report = checkpoint.read_json(folder / checkpoint.FILES[3])
        known = {name: report.get(name) for name in ("frames", "steps", "parameters")}
        for name, number in known.items():
            within(f"{name} in {folder / checkpoint.FILES[3]}", number, 1, 2**53, whole=True)
    return {"size": cell.size, "fraction": cell.fraction, "folder": str(folder), **known}


def _taken(argv: list[str], defaults: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """The values of these flags, `--flag VALUE` or `--flag=VALUE`, and the words that are left."""
    found, rest, words = dict(defaults), [], iter(argv)
    for word in words:
        flag, equals, value = word.partition("=")
        if flag not in defaults:
            rest.append(word)
        elif not (said := value if equals else next(words, "")) or said.startswith("--"):
            raise BadInput(f"{flag} is empty; give a list such as {defaults[flag]}")
        else:
            found[flag] = said
    return found, rest


def _sized(module: str, recipe: str, run: Run[Any], said: str) -> dict[str, list[str]]:
    """For each size its recipe, and the flags that make it this run: one of the model's SIZES, or another of its recipes."""
    model = models.model(module)
    legal = [*getattr(model, "SIZES", {}), *model.RECIPES]
    found = {}
    for size in said.split(","):
        if size not in legal or size in found:
            raise BadInput(
                f"--sizes {said} has {size!r}{' twice' if size in found else ''}; legal are {', '.join(legal)}"
            )
        if size in model.RECIPES:
            found[size] = [size, *spelled(recipe, run)]
        else:
            found[size] = [recipe, *spelled(recipe, replace(run, model=model.sized(run.model, size)))]
    return found


def _fractions(said: str) -> list[float]:
    try:
        found = [float(word) for word in said.split(",")]
    except ValueError:
        found = []
    least, most = SHARES
    legal = all(least <= share <= most for share in found)
    if not found or not legal or len({f"{share:g}" for share in found}) < len(found):
        raise BadInput(
            f"--fractions is {said}; it must be a list of different numbers from {least:g} to {most:g}, such as 0.25,0.5,1"
        )
    return found


def _wanted(run: Run[Any], sizes: dict[str, list[str]], fractions: list[float]) -> Manifest:
    sources = gather(run)
    if not sources.held_out:
        raise BadInput(
            "a sweep is judged on what none of its runs has seen, and one session alone leaves nothing to hold out"
        )
    order = sorted({session(recording) for recording in sources.training})
    random.Random(run.seed).shuffle(order)
    weighted = zip(sources.training, sources.weights, strict=True)
    paths = [(session(recording), f"{recording.path}:{weight:g}") for recording, weight in weighted]
    held = [str(recording.path) for recording in sources.held_out]
    names = [glob.escape(Path(path).stem) for path in held]
    cells = []
    for size, (recipe, *flags) in sizes.items():
        for fraction in fractions:
            chosen = set(order[: max(1, round(fraction * len(order)))])
            taken = [path for name, path in paths if name in chosen]
            cells.append(Cell(size, fraction, [recipe, *taken, *held, *flags, "--data.held-out", *names]))
    return Manifest(cells, held)


def _begin(out: Path, wanted: Manifest) -> None:
    """Write the manifest, or find that it is there: a sweep may grow by sizes and fractions, and is else what it was."""
    known = {cell.name: cell for cell in read_manifest(out).runs} if (out / MANIFEST).exists() else {}
    for cell in wanted.runs:
        if known.get(cell.name, cell) != cell:
            raise BadInput(f"{out} holds another sweep: {MANIFEST} has other words for {cell.name}; give another --out")
        if (out / cell.name / "run.json").exists():
            check_run(out, cell)
    every = known | {cell.name: cell for cell in wanted.runs}
    checkpoint.write_json(out / MANIFEST, asdict(Manifest([*every.values()], wanted.held_out)))
