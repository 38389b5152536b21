"""Low-rank adaptation (LoRA, arXiv 2106.09685): y = W x + b + (alpha / r) B A x, with W as it was and A, B learned.

B begins with zeros, so nothing changes at first. The names of what was there stay, so weights without an adaptation can be loaded
into a model with one. `alpha` is twice the rank, as is usual.
"""

from collections.abc import Collection

import torch
from torch import Tensor, nn
from torch.nn import functional

ADDED = ("lora_a", "lora_b")
GAIN = 2.0  # alpha / r


class Adapted(nn.Module):
    """A linear layer with a low-rank addition; its own weights learn nothing."""

    def __init__(self, layer: nn.Linear, rank: int):
        super().__init__()
        self.weight, self.bias = layer.weight, layer.bias
        self.lora_a = nn.Parameter(torch.randn(rank, layer.in_features).to(layer.weight) * layer.in_features**-0.5)
        self.lora_b = nn.Parameter(layer.weight.new_zeros(layer.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        added = functional.linear(functional.linear(x, self.lora_a), self.lora_b)
        return functional.linear(x, self.weight, self.bias) + GAIN * added


def adapt(model: nn.Module, names: Collection[str], rank: int) -> None:
    """Give every linear layer of one of these (last) names an addition of this rank, and let nothing else learn."""
    model.requires_grad_(False)
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if name in names and isinstance(child, nn.Linear):
                setattr(parent, name, Adapted(child, rank))


def merged(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dict with its additions added to the weights, as of the same model without an adaptation."""
    found = {name: value for name, value in state.items() if not name.endswith(ADDED)}
    for name, a in state.items():
        if name.endswith(ADDED[0]):
            layer = name.removesuffix(ADDED[0])
            found[f"{layer}weight"] = state[f"{layer}weight"] + GAIN * state[f"{layer}{ADDED[1]}"] @ a
    return found
