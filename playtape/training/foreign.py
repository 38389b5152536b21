"""Checkpoints from the weights that a model's authors published. Knows no model by name: `models/NAME_weights.py` has the names.

The one place where a pickle is read, and only when a command asks for it: tensors and plain values, never code.
"""

import importlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from playtape import __version__, models
from playtape.errors import BadInput
from playtape.training import checkpoint
from playtape.training.tensors import read_tensors


def import_weights(file: Path, recipe: str, out: Path) -> dict[str, Any]:
    """Write the checkpoint `out` of `recipe`'s model. Returns {"output", "parameters"}.

    Raises BadInput for a file that cannot be read without running code, or is not of this model and size.
    """
    name, settings = models.recipe(recipe)
    if find_spec(f"playtape.models.{name}_weights") is None:
        raise BadInput(f"recipe {recipe} is of model {name}, of which nobody else published weights that we can read")
    names = importlib.import_module(f"playtape.models.{name}_weights")
    if (out / checkpoint.FILES[0]).exists():
        raise BadInput(f"{out} already holds a checkpoint; name another --out")
    model = models.model(name).build(settings.model, names.PUBLISHED)
    model.load_state_dict(names.from_original(published(file), settings.model))
    command = f"playtape import-weights {file} --recipe {recipe} --out {out}"
    report = {
        "recipe": recipe,
        "history": [{"from_step": 0, "command": command}],
        "playtape_version": __version__,
        "torch_version": torch.__version__,
        "fps": settings.data.fps,
        "window": settings.data.window,
        "text_encoder": names.TEXT_ENCODER if settings.model.text_width else "",
    }
    checkpoint.save(out, name, model, model.state_dict(), report)
    return {"output": str(out), "parameters": sum(p.numel() for p in model.parameters())}


def published(file: Path) -> Mapping[str, Tensor]:
    """The tensors of a .safetensors file, or of a torch file, where they may lie under `state_dict` as Lightning has them."""
    if not file.is_file():
        raise BadInput(f"there is no file {file}")
    if file.suffix == ".safetensors":
        return read_tensors(file)
    try:
        content = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # a dozen kinds, by what is wrong; none of them ran anything
        raise BadInput(
            f"{file} cannot be read without running code that it holds ({str(error).splitlines()[0]}); where you trust it, "
            "write its tensors with safetensors.torch.save_file, and import that file"
        ) from error
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise BadInput(
            f"{file} holds no state dict: it must be a mapping of names to tensors, or have one as `state_dict`"
        )
    return state
