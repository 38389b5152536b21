"""What a run needs to go on bit by bit as if it had never stopped: optimiser moments, averaged weights, the step.

Written as one safetensors file under a temporary name, then renamed: a kill at any moment leaves the previous one. Random
numbers need no state: data and dropout of a step are pure functions of (seed, step).
"""

import os
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from playtape.errors import BadInput

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
    partial = run / f".{FILE}.{os.getpid()}.part"
    try:
        save_file({key: value.contiguous() for key, value in tensors.items()}, partial)
        os.replace(partial, run / FILE)
    finally:
        partial.unlink(missing_ok=True)


def steps_done(run: Path) -> int:
    """How far the saved state of a run is; 0 if there is none."""
    if not (run / FILE).is_file():
        return 0
    with safe_open(run / FILE, "pt") as file:
        return int(file.get_tensor("step"))


def load_state(run: Path, model: nn.Module, optimiser: torch.optim.Optimizer) -> tuple[int, dict[str, Tensor]]:
    """Put weights and moments back; returns the number of steps done and the averaged weights."""
    if not (run / FILE).is_file():
        raise BadInput(
            f"run {run} has no {FILE} to resume from; start it with `playtape train RECIPE DATA --out {run}`"
        )
    tensors = load_file(run / FILE)
    model.load_state_dict(
        {key.removeprefix("model."): value for key, value in tensors.items() if key.startswith("model.")}
    )
    for name, parameter in model.named_parameters():
        suffix = f".{name}"
        optimiser.state[parameter] = {
            key.removeprefix("optimiser.").removesuffix(suffix): value
            for key, value in tensors.items()
            if key.startswith("optimiser.") and key.split(".", 2)[2] == name
        }
    ema = {key.removeprefix("ema."): value for key, value in tensors.items() if key.startswith("ema.")}
    return int(tensors["step"]), ema
