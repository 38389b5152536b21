"""What a run needs to go on bit by bit as if it had never stopped: optimiser moments, averaged weights, the step.

Written as one safetensors file under a temporary name, then renamed: a kill at any moment leaves the previous one. Random
numbers need no state: data and dropout of a step are pure functions of (seed, step).
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from playtape.errors import BadInput
from playtape.training.tensors import read_tensors, write_tensors

FILE = "state.safetensors"


def save_state(
    run: Path, step: int, model: nn.Module, ema: dict[str, Tensor], optimiser: torch.optim.Optimizer
) -> None:
    tensors = {"step": torch.tensor(step)}
    tensors |= {f"model.{key}": value for key, value in model.state_dict().items()}
    tensors |= {f"ema.{key}": value for key, value in ema.items()}
    for name, parameter in model.named_parameters():
        for key, value in optimiser.state[parameter].items():
            tensors[f"optimiser.{key}.{name}"] = torch.as_tensor(value)
    write_tensors(run / FILE, tensors)


def steps_done(run: Path) -> int:
    """How far the saved state of a run is; 0 if it was stopped before the first save."""
    return int(_saved(run).get("step", 0))


def load_state(run: Path, model: nn.Module, optimiser: torch.optim.Optimizer) -> tuple[int, dict[str, Tensor]]:
    """Put weights and moments back; returns the number of steps done and the averaged weights.

    A run that was stopped before its first save starts afresh. Raises BadInput for the state of another model.
    """
    tensors = _saved(run)
    if not tensors:
        return 0, {key: value.detach().clone() for key, value in model.state_dict().items()}
    parts = {
        prefix: {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        for prefix in ("model.", "ema.", "optimiser.")
    }
    try:
        model.load_state_dict(parts["model."])
    except RuntimeError as error:
        raise BadInput(
            f"{run / FILE} is the state of another model than these flags ask for; leave them as they were"
        ) from error
    for name, parameter in model.named_parameters():
        optimiser.state[parameter] = {
            key.removesuffix(f".{name}"): value
            for key, value in parts["optimiser."].items()
            if key.split(".", 1)[1] == name
        }
    return int(tensors["step"]), parts["ema."]


def _saved(run: Path) -> dict[str, Tensor]:
    tensors = read_tensors(run / FILE) if (run / FILE).is_file() else {}
    if tensors and "step" not in tensors:
        raise BadInput(f"{run / FILE} is not the state of a run: it has no step")
    return tensors
