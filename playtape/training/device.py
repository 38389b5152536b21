"""Where a model is put, and how many threads it gets there."""

import torch
from torch import nn

from playtape.errors import BadInput

SMALL = 20_000_000  # weights; below, handing a step out to threads takes longer than the step: 8 ms by one, 52 by two


def find_device(asked: str = "auto") -> str:
    """`auto` is a GPU if there is one; `cpu`, `cuda` and `cuda:1` are what they say. Raises BadInput for what is not there."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    legal = ["auto", "cpu", *(["cuda"] if count else []), *(f"cuda:{number}" for number in range(count))]
    if asked not in legal:
        without = "" if count else " (this machine has no GPU that torch can use)"
        raise BadInput(f"device is {asked!r}; legal are {', '.join(legal)}{without}")
    if asked == "auto":
        return "cuda" if count else "cpu"
    return asked


def seat(model: nn.Module, asked: str = "auto") -> str:
    """Put a model that will be asked for one step at a time on `find_device(asked)`, which is returned.

    A small one takes torch's threads away from the whole process.
    """
    device = find_device(asked)
    model.to(device)
    if sum(weight.numel() for weight in model.parameters()) < SMALL:
        torch.set_num_threads(1)
    return device
