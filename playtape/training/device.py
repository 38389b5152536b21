"""Where a model is put."""

import torch

from playtape.errors import BadInput


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
