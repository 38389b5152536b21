"""A checkpoint: a folder of model.safetensors, config.json, actions.json, train.json. Never a pickle.

All that a labeller or player needs travels inside: action space, bins, scales, picture size, rate, and in train.json what
the run fitted afterwards (calibration, thresholds).
"""

import hashlib
import json
import os
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from playtape import __version__
from playtape.actions import ActionSpace
from playtape.actions.names import GENERIC, POINTER
from playtape.clips import SentenceEncoder, Stored, find_encoder, store
from playtape.errors import BadInput
from playtape.models import modules
from playtape.models.protocols import Follower, Labeler, Model, Player, Simulator, Tokenizer
from playtape.models.recipe import LEAST_HZ, MOST_HZ
from playtape.recordings import Recording
from playtape.recordings.licences import KEY as LICENCES
from playtape.training.fields import check_fields
from playtape.training.tensors import read_tensors, write_tensors

FILES = ("model.safetensors", "config.json", "actions.json", "train.json")
KEPT = "kept"  # in a run's folder: the checkpoints of steps on the way, each in a folder named by its step
ROLES = {
    "play": (Player, "a policy"),
    "label": (Labeler | Follower, "an inverse dynamics model"),
    "code": (Tokenizer, "a tokenizer"),
    "foretell": (Simulator, "a world model"),
}
Role = Literal["play", "label", "code", "foretell"]
PICKLES = (".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle", ".model")


@dataclass(frozen=True)
class Described:
    """A checkpoint without its weights. `config` is the model's own, `train` the content of train.json, `version` whose it is."""

    name: str
    config: Any
    space: ActionSpace
    train: Mapping[str, Any]
    version: str

    def build(self) -> Model:
        """The model with weights that are not the checkpoint's."""
        return modules()[self.name].build(self.config, self.space)

    def bare(self) -> Model:
        """The same in shapes alone: a wrong number in config.json must not ask for all the memory that there is."""
        with torch.device("meta"):
            return self.build()


@dataclass(frozen=True)
class Loaded:
    """A checkpoint in memory. `hash` is the weights' SHA-256, `train` the content of train.json."""

    model: Model
    name: str
    space: ActionSpace
    train: Mapping[str, Any]
    hash: str

    @property
    def hz(self) -> float:
        """About how many frames a second its clips have: what those that it learned from had, where that is told."""
        return self.train.get("pace") or self.train.get("hz") or self.model.config.fps

    @property
    def encoder(self) -> SentenceEncoder | None:
        """What it learned its texts with, weights not yet read; None if it learned without."""
        named = self.train.get("text_encoder")
        return find_encoder(str(named)) if named else None

    def stored(self, recording: Recording) -> Stored:
        """A recording as the model looks at it: at its size, its rate, cropped or squashed, with its texts."""
        config = self.model.config
        size, hz = (config.height, config.width_px), self.train.get("hz", 0.0)
        crop, bodies = getattr(config, "crop", False), getattr(config, "embodiments", ())
        return store(recording, self.space, size, config.fps, self.encoder, bodies, crop=crop, hz=hz)

    @property
    def licences(self) -> list[str]:
        """Those of the recordings that it learned from, as far as they are told."""
        return list(self.train.get(LICENCES, ()))

    def unseen(self, paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
        """Of recordings to judge by those that it did not learn from, and a note, in a list, if that leaves some out; all, if it
        learned from all of them."""
        learned = {*self.train.get("trained_on", ())}
        new = [path for path in paths if path.stem not in learned]
        if not new or len(new) == len(paths):
            return [*paths], []
        return new, [f"{len(paths) - len(new)} of {len(paths)} recordings are left out: it was trained on them"]

    def knows(self, recordings: Iterable[Recording]) -> list[str]:
        """A warning, in a list, if it was trained on some of these recordings, which it is to be judged by."""
        return self._learned([recording.name for recording in recordings])

    def notes(self, run: Path, recordings: Iterable[Recording], data: Path) -> list[str]:
        """What this model, of `run`, does not act with of what is done in the recordings of `data`, and what `knows` warns of.

        Looks at one recording after the other. Raises BadInput if nothing is done that it acts with.
        """
        done, names = set[str](), list[str]()
        for recording in recordings:
            done |= recording.events.counts().keys() - {*POINTER}
            names.append(recording.name)
        known = {*self.space.buttons, *(axis.name for axis in self.space.axes)}
        strange = self.strange(done)
        if names and len(strange) == len(done):
            what = f"only {', '.join(strange[:8])}" if strange else "nothing"
            acts = ", ".join(sorted(known))
            raise BadInput(
                f"in {data} {what} is done, and {run} acts with {acts}: there is no past that it can be told"
            )
        notes = [f"not among the actions of {run}, so it is not told: {', '.join(strange)}"] if strange else []
        return [*notes, *(f"{run}: {warning}" for warning in self._learned(names))]

    def strange(self, done: Collection[str]) -> list[str]:
        """What it does not act with of the inputs in `done`."""
        known = {*self.space.buttons, *(axis.name for axis in self.space.axes), *POINTER}
        return sorted(name for name in done if name not in known and GENERIC.get(name) not in known)

    def _learned(self, names: Collection[str]) -> list[str]:
        seen = sum(name in self.train.get("trained_on", ()) for name in names)
        told = f"it was trained on {seen} of these {len(names)} recordings, so its numbers there say little"
        return [told] if seen else []


def save(folder: Path, name: str, model: Model, weights: Mapping[str, torch.Tensor], train: Mapping[str, Any]) -> Path:
    """Write a checkpoint of model `name` (the file in models/) into a folder. Each file appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model": name, "playtape_version": __version__, **asdict(model.config)}
    write_tensors(folder / FILES[0], weights)
    for file, content in zip(FILES[1:], (config, model.space.to_json(), train), strict=True):
        write_json(folder / file, content)
    return folder


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a JSON file at once."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(json.dumps(content, indent=1) + "\n")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load(folder: Path, *, space: ActionSpace | None = None, to: Role | None = None) -> Loaded:
    """Read a checkpoint, in evaluation mode on the CPU.

    Raises BadInput as `described` does, and for weights that are not of its model.
    """
    told = described(folder, space=space, to=to)
    weights = read_tensors(folder / FILES[0])
    with _fitting(folder, told.name, told.version):
        check_weights(weights, told.bare().state_dict())
        model = told.build()
        model.load_state_dict(weights)
    digest = hashlib.sha256((folder / FILES[0]).read_bytes()).hexdigest()
    return Loaded(model.eval(), told.name, told.space, told.train, digest)


def described(folder: Path, *, space: ActionSpace | None = None, to: Role | None = None) -> Described:
    """Read all of a checkpoint but its weights, of which it is only known that they are there.

    Raises BadInput for a pickle, a missing file, an action space that is not `space`, and a model that cannot do what it is
    to be loaded `to` do.
    """
    refuse_pickle(folder)
    if not folder.is_dir():
        raise BadInput(f"there is no checkpoint {folder}; give the folder that holds {', '.join(FILES)}")
    missing = [file for file in FILES if not (folder / file).is_file()]
    if missing and (folder / "run.json").is_file():
        raise BadInput(f"{folder} is a training that has not ended; `playtape train --resume {folder}` goes on with it")
    if missing:
        raise BadInput(f"checkpoint {folder} lacks {', '.join(missing)}; it must hold {', '.join(FILES)}")
    config, actions, train = (read_json(folder / file) for file in FILES[1:])
    found = ActionSpace.from_json(actions)
    if space is not None and (difference := space.difference(found)):
        raise BadInput(f"checkpoint {folder} has another action space: {difference}")
    name = config.pop("model", None)
    version = str(config.pop("playtape_version", "unknown"))
    known = modules()  # only ours: a checkpoint must not say what is imported
    if not isinstance(name, str) or name not in known:
        raise BadInput(f"checkpoint {folder} is of model {name!r}; legal are {', '.join(sorted(known))}")
    _check_report(folder, train)
    with _fitting(folder, name, version):
        check_fields(known[name].Config, config)
        told = Described(name, known[name].Config(**config), found, train, version)
        bare = told.bare()
    if to is not None and not isinstance(bare, ROLES[to][0]):
        raise BadInput(f"{folder} is of model {name}, which cannot {to}; give the checkpoint of {ROLES[to][1]}")
    return told


@contextmanager
def _fitting(folder: Path, name: str, version: str) -> Generator[None]:
    """Turns what a model says of a config or of weights that are not its own into one sentence."""
    try:
        yield
    except (TypeError, ValueError, RuntimeError) as error:
        why = f"{str(error).splitlines()[0]} (written by playtape {version}, this is {__version__})"
        raise BadInput(f"checkpoint {folder} does not fit model {name}: {why}") from error


def check_weights(weights: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> None:
    """Raises ValueError for the first that is missing, too much, of another shape or kind, or not finite."""
    for name in sorted({*weights, *wanted}):
        if name not in weights or name not in wanted:
            raise ValueError(f"{name} is {'missing' if name in wanted else 'not of this model'}")
        have, want = weights[name], wanted[name]
        if have.shape != want.shape:
            raise ValueError(f"{name} is {list(have.shape)} and must be {list(want.shape)}")
        if have.is_floating_point() != want.is_floating_point() or have.is_complex():
            raise ValueError(f"{name} is {have.dtype} and must be {want.dtype}")
        if not have.to(want.dtype).isfinite().all():
            raise ValueError(f"{name} is not finite")


def _check_report(folder: Path, train: Mapping[str, Any]) -> None:
    """Raises BadInput if train.json says what it cannot say of what others go by."""

    def names(said: Any) -> bool:
        return isinstance(said, list) and all(isinstance(each, str) for each in said)

    def count(said: Any) -> bool:
        return type(said) is int and said >= 0

    for name, right, what in (
        ("window", lambda said: type(said) is int and said > 0, "a whole number above 0"),
        (
            "hz",
            lambda said: type(said) in (int, float) and (said == 0 or LEAST_HZ <= said <= MOST_HZ),
            f"0, or a number from {LEAST_HZ:g} to {MOST_HZ:g}",
        ),
        ("pace", lambda said: type(said) in (int, float) and 0 < said <= MOST_HZ, f"a number above 0, to {MOST_HZ:g}"),
        ("fps", lambda said: type(said) in (int, float) and 0 < said <= MOST_HZ, f"a number above 0, to {MOST_HZ:g}"),
        ("text_encoder", lambda said: isinstance(said, str), "a name, or empty"),
        ("recipe", lambda said: isinstance(said, str), "a name"),
        ("playtape_version", lambda said: isinstance(said, str), "a text"),
        ("steps", lambda said: said is None or count(said), "a whole number of 0 or more, or null where nobody knows"),
        ("parameters", count, "a whole number of 0 or more"),
        ("frames", count, "a whole number of 0 or more"),
        ("seed", lambda said: type(said) is int, "a whole number"),
        (
            "history",
            lambda said: isinstance(said, list) and all(isinstance(each, dict) for each in said),
            "a list of objects",
        ),
        ("trained_on", names, "a list of names"),
        ("held_out", names, "a list of names"),
        (LICENCES, names, "a list of names"),
    ):
        if name in train and not right(train[name]):
            raise BadInput(f"{folder / FILES[3]} says that {name} is {str(train[name])[:60]!r}; it must be {what}")


def refuse_pickle(path: Path) -> None:
    """Raises BadInput for a file that only a pickle loader could read: loading one runs whatever code it holds."""
    if path.is_file() or path.suffix in PICKLES:
        raise BadInput(
            f"{path} is not a checkpoint folder but a file, and pickled weights run code when loaded: convert them once, where "
            "they can be trusted, with torch.load(..., weights_only=True) and safetensors.torch.save_file, "
            f"into a folder of {', '.join(FILES)}"
        )


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises BadInput if it is none."""
    try:
        content = json.loads(path.read_text())
    except (ValueError, OSError, RecursionError) as error:
        raise BadInput(f"{path} is not readable JSON: {error}") from error
    if not isinstance(content, dict):
        raise BadInput(f"{path} must hold a JSON object, not a {type(content).__name__}")
    return content
