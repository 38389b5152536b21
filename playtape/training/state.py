"""What a run needs to go on bit by bit as if it had never stopped: optimiser moments, averaged weights, the step.

Written as one safetensors file under a temporary name, then renamed: a kill at any moment leaves the previous one. Random
numbers need no state: data and dropout of a step are pure functions of (seed, step).
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from playtape.errors import BadInput, within
from playtape.models.recipe import MOST_STEPS
from playtape.training.tensors import read_tensors, write_tensors

FILE = "state.safetensors"


def save_state(
    run: Path, step: int, model: nn.Module, ema: Mapping[str, Tensor], optimiser: torch.optim.Optimizer
) -> None:
    write_tensors(run / FILE, _tensors(step, model, ema, optimiser))


def steps_done(run: Path) -> int:
    """How far the saved state of a run is; 0 if it was stopped before the first save."""
    tensors = _saved(run)
    return 0 if tensors is None else int(tensors["step"])


def load_state(run: Path, model: nn.Module, optimiser: torch.optim.Optimizer) -> tuple[int, dict[str, Tensor]]:
    """Put weights and moments back; returns the number of steps done and the averaged weights.

    A run that was stopped before its first save starts afresh. Raises BadInput for the state of another model, and for one
    that is not what `save_state` writes of this model, name by name.
    """
    tensors = _saved(run)
    if tensors is None:
        return 0, {key: value.detach().clone() for key, value in model.state_dict().items()}
    _check(run / FILE, tensors, _tensors(0, model, model.state_dict(), optimiser))
    parts = {
        prefix: {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        for prefix in ("model.", "ema.", "optimiser.")
    }
    model.load_state_dict(parts["model."])
    for name, buffer in _beside(model).items():
        buffer.copy_(tensors.get(f"buffer.{name}", buffer))  # a state of before they were saved has none
    for name, parameter in model.named_parameters():
        optimiser.state[parameter] = {key: parts["optimiser."][f"{key}.{name}"] for key in _moments(parameter)}
    return int(tensors["step"]), parts["ema."]


def _tensors(
    step: int, model: nn.Module, ema: Mapping[str, Tensor], optimiser: torch.optim.Optimizer
) -> dict[str, Tensor]:
    """Everything there is to know of a run, by the names that the file has it under."""
    tensors = {"step": torch.tensor(step)}
    tensors |= {f"model.{key}": value for key, value in model.state_dict().items()}
    tensors |= {f"buffer.{name}": value for name, value in _beside(model).items()}
    tensors |= {f"ema.{key}": value for key, value in ema.items()}
    for name, parameter in model.named_parameters():
        for key, value in (optimiser.state.get(parameter) or _moments(parameter)).items():
            tensors[f"optimiser.{key}.{name}"] = torch.as_tensor(value)
    return tensors


def _beside(model: nn.Module) -> dict[str, Tensor]:
    """Buffers that a checkpoint does without and a run does not, such as how often codes were used."""
    saved = model.state_dict().keys()
    return {name: buffer for name, buffer in model.named_buffers() if name not in saved}


def _moments(parameter: Tensor) -> dict[str, Tensor]:
    """What AdamW begins with. A parameter that nothing was learned of yet has none, and is saved with these all the same."""
    none = {
        key: parameter.new_zeros(()).expand_as(parameter) for key in ("exp_avg", "exp_avg_sq")
    }  # of next to no size
    return {"step": torch.tensor(0.0), **none}


def _check(file: Path, found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Raises BadInput unless the tensors are of these names, types and shapes, and no moment is of more steps than were done."""
    wrong = [
        key
        for key in sorted(expected.keys() | found.keys())
        if _form(found, key) != _form(expected, key) and (key in found or not key.startswith("buffer."))
    ]
    if any(key.startswith("model.") for key in wrong):
        raise BadInput(f"{file} is the state of another model than these flags ask for; leave them as they were")
    if wrong:
        key = wrong[0]
        raise BadInput(
            f"{file} is no state that a run of this model saved: {key} is {_form(found, key)} and must be "
            f"{_form(expected, key)}; put back a copy of the file, or begin a new run"
        )
    for key in found:
        if key.startswith("optimiser.step."):
            steps = float(found[key])
            within(f"{key} of {file}", int(steps) if steps.is_integer() else steps, 0, int(found["step"]), whole=True)


def _form(tensors: Mapping[str, Tensor], key: str) -> str:
    return f"{str(tensors[key].dtype)[6:]} {list(tensors[key].shape)}" if key in tensors else "absent"


def _saved(run: Path) -> dict[str, Tensor] | None:
    """The saved state, with a step that is one; None where nothing was saved yet."""
    if not (run / FILE).exists():
        return None
    tensors = read_tensors(run / FILE)
    if (form := _form(tensors, "step")) != "int64 []":
        raise BadInput(f"{run / FILE} is not the state of a run: step is {form} and must be int64 []")
    within(f"step of {run / FILE}", tensors["step"].item(), 0, MOST_STEPS, whole=True)
    return tensors
