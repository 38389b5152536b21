"""A checkpoint: a folder of model.safetensors, config.json, actions.json, train.json. Never a pickle.

All that a labeller or player needs travels inside: action space, bins, scales, picture size, rate, and in train.json what
the run fitted afterwards (calibration, thresholds).
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from playtape import __version__
from playtape.actions import ActionSpace
from playtape.clips import SentenceEncoder, find_encoder
from playtape.errors import BadInput
from playtape.models import modules
from playtape.models.protocols import Labeler, Model, Player
from playtape.training.tensors import read_tensors, write_tensors

FILES = ("model.safetensors", "config.json", "actions.json", "train.json")
ROLES = {"play": (Player, "a policy"), "label": (Labeler, "an inverse dynamics model")}
PICKLES = (".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle", ".model")


@dataclass(frozen=True)
class Loaded:
    """A checkpoint in memory. `hash` is the weights' SHA-256, `train` the content of train.json."""

    model: Model
    name: str
    space: ActionSpace
    train: Mapping[str, Any]
    hash: str

    @property
    def encoder(self) -> SentenceEncoder | None:
        """What it learned its texts with, weights not yet read; None if it learned without."""
        named = self.train.get("text_encoder")
        return find_encoder(str(named)) if named else None


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
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_text(json.dumps(content, indent=1) + "\n")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def load(folder: Path, *, space: ActionSpace | None = None, to: Literal["play", "label"] | None = None) -> Loaded:
    """Read a checkpoint, in evaluation mode on the CPU.

    Raises BadInput for a pickle, a missing file, an action space that is not `space`, and a model that cannot do what it is
    loaded `to` do.
    """
    refuse_pickle(folder)
    if not folder.is_dir():
        raise BadInput(f"there is no checkpoint {folder}; give the folder that holds {', '.join(FILES)}")
    missing = [file for file in FILES if not (folder / file).is_file()]
    if missing:
        raise BadInput(f"checkpoint {folder} lacks {', '.join(missing)}; it must hold {', '.join(FILES)}")
    config, actions, train = (read_json(folder / file) for file in FILES[1:])
    found = ActionSpace.from_json(actions)
    if space is not None and (difference := space.difference(found)):
        raise BadInput(f"checkpoint {folder} has another action space: {difference}")
    name = config.pop("model", None)
    version = config.pop("playtape_version", "unknown")
    known = modules()  # only ours: a checkpoint must not say what is imported
    if not isinstance(name, str) or name not in known:
        raise BadInput(f"checkpoint {folder} is of model {name!r}; legal are {', '.join(sorted(known))}")
    try:
        model = known[name].build(known[name].Config(**config), found)
        model.load_state_dict(read_tensors(folder / FILES[0]))
    except (TypeError, ValueError, RuntimeError) as error:
        why = f"{str(error).splitlines()[0]} (written by playtape {version}, this is {__version__})"
        raise BadInput(f"checkpoint {folder} does not fit model {name}: {why}") from error
    if to is not None and not isinstance(model, ROLES[to][0]):
        raise BadInput(f"{folder} is a {name}, which cannot {to}; give the checkpoint of {ROLES[to][1]}")
    digest = hashlib.sha256((folder / FILES[0]).read_bytes()).hexdigest()
    return Loaded(model.eval(), name, found, train, digest)


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
    except (ValueError, OSError) as error:
        raise BadInput(f"{path} is not readable JSON: {error}") from error
    if not isinstance(content, dict):
        raise BadInput(f"{path} must hold a JSON object, not a {type(content).__name__}")
    return content
