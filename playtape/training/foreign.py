"""Checkpoints from the weights that a model's authors published. Knows no model by name: `models/NAME_weights.py` has the names.

The one place where a pickle is read, and only when a command asks for it: tensors and plain values, never code.
"""

import importlib
import re
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from playtape import __version__, models
from playtape.errors import BadInput
from playtape.models.recipe import Release
from playtape.training import checkpoint
from playtape.training.tensors import read_tensors


def import_weights(file: Path, recipe: str, out: Path) -> dict[str, Any]:
    """Write the checkpoint `out` of `recipe`'s model. Returns {"output", "parameters"}.

    Raises BadInput for a file that cannot be read without running code, or is not of this model and
    size, and for weights that are not finite.
    """
    name, settings = models.recipe(recipe)
    if find_spec(f"playtape.models.{name}_weights") is None:
        raise BadInput(f"recipe {recipe} is of model {name}, of which nobody else published weights that we can read")
    names = importlib.import_module(f"playtape.models.{name}_weights")
    if (out / checkpoint.FILES[0]).exists():
        raise BadInput(f"{out} already holds a checkpoint; name another --out")
    beside = [{text: _text(file, text) for text in names.BESIDE}] if hasattr(names, "BESIDE") else []
    found: Release = names.release(_states(file, names.FOLDERS), settings.model, *beside)
    model = models.model(name).build(found.config, found.space)
    try:
        checkpoint.check_weights(found.weights, model.state_dict())
    except ValueError as error:
        raise BadInput(f"{file} does not fit recipe {recipe}: {error}") from error
    model.load_state_dict(found.weights)
    command = f"playtape import-weights {file} --recipe {recipe} --out {out}"
    report = {
        "recipe": recipe,
        "history": [{"from_step": 0, "command": command}],
        "playtape_version": __version__,
        "torch_version": torch.__version__,
        "fps": settings.data.fps,
        "window": settings.data.window,
        "text_encoder": found.text_encoder,
    }
    checkpoint.save(out, name, model, model.state_dict(), report)
    return {"output": str(out), "parameters": sum(p.numel() for p in model.parameters())}


def _states(file: Path, folders: tuple[str, ...]) -> tuple[Mapping[str, Tensor], ...]:
    """What a release is made of: one file, or one in each of these folders below it."""
    if not folders:
        return (published(file / checkpoint.FILES[0] if file.is_dir() else file),)
    found = []
    for folder in folders:
        inside = sorted((file / folder).glob("*.safetensors"))
        if len(inside) != 1:
            raise BadInput(
                f"{file} is no such release: it must hold {' and '.join(folders)}, each with one .safetensors file; "
                f"{folder} has {len(inside)}"
            )
        found.append(published(inside[0]))
    return tuple(found)


def _text(file: Path, name: str) -> str:
    """A text of a release: it lies in its folder, or beside its weights."""
    path = (file if file.is_dir() else file.parent) / name
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"{path} cannot be read, and a release of this model has it beside its weights: {error}"
        ) from error


def published(file: Path) -> Mapping[str, Tensor]:
    """The tensors of a .safetensors file, or of a torch file, where they may lie under `state_dict` as Lightning has them."""
    if not file.is_file():
        raise BadInput(f"there is no file {file}")
    if file.suffix == ".safetensors":
        return read_tensors(file)
    content = _unpickled(file)
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()):
        raise BadInput(
            f"{file} holds no state dict: it must be a mapping of names to tensors, or have one as `state_dict`"
        )
    for name, value in state.items():
        if odd := _oddity(value):
            raise BadInput(
                f"{name} in {file} is a {odd} tensor; it must be a plain one, with all its numbers in the file"
            )
    return state


def _unpickled(file: Path) -> object:
    """What a torch file holds, of tensors and plain values. Anything else in it is neither made nor run, but refused."""
    with file.open("rb") as start:
        zipped = start.read(4) == b"PK\x03\x04"  # since torch 1.6; older files are pickles one after the other
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of features that are young; an error is ours to tell
            return torch.load(file, map_location="cpu", weights_only=True, mmap=zipped)
    except OSError:
        raise
    except Exception as error:  # a dozen kinds, by what is wrong; none of them ran anything
        raise BadInput(f"{file} {_trouble(str(error))}") from error


def _trouble(said: str) -> str:
    """What is wrong with a file, in our words: torch's would have it opened with its code."""
    save = "write its tensors with safetensors.torch.save_file where you trust it, and import that file"
    if wanted := re.search(r"GLOBAL ([\w.<>]{1,200}[\w>])\s", said):
        return f"cannot be read without running code: it asks for {wanted[1]}; {save}"
    if "TorchScript" in said:
        return f"is a TorchScript program, which is code; {save}"
    if ".tar format" in said:
        return f"is a tar file, as torch wrote before 0.1.10; {save}"
    return "is damaged, or is not what torch.save writes by default; it must be that, or a .safetensors file"


def _oddity(tensor: Tensor) -> str:
    """Why a tensor cannot be copied like any other; empty if it can."""
    if tensor.is_nested:
        return "nested"
    if tensor.is_quantized:
        return "quantised"
    if tensor.layout is not torch.strided:
        return str(tensor.layout).removeprefix("torch.")
    return "meta" if tensor.is_meta else ""
