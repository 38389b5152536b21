"""Choosing from logits: the largest of logit + temperature * Gumbel noise is a draw from softmax(logits / temperature).

Shapes: `*b` any leading batch, `V` choices.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

LEAST = 1e-20  # in the place of a 0 that was drawn, of which there is no logarithm


def seeded(device: str, seed: int) -> torch.Generator:
    """Draws by a seed of 0 to 2**63 - 1, each of which has its own.

    What a CPU draws hangs on the low 32 bits of what it is seeded with alone, so a seed of more is mixed into them.
    """
    if seed >= 2**32:
        seed = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])
    return torch.Generator(device).manual_seed(seed)


def gumbel(shape: Sequence[int], generator: torch.Generator | None, device: torch.device) -> Tensor:
    """Gumbel noise: -ln(-ln u) of u even in 0 to 1."""
    return -torch.rand(*shape, generator=generator, device=device).clamp_min_(LEAST).log_().neg_().log_()


@dataclass(frozen=True)
class Draw:
    """How a code is drawn from logits: among the `top` likeliest, at a temperature of which 0 takes the likeliest."""

    temperature: float
    top: int
    generator: torch.Generator | None

    def __call__(self, logits: Tensor) -> Tensor:
        """[*b, V] to int64 [*b]."""
        if not self.temperature:
            return logits.argmax(-1)
        value, index = logits.float().topk(min(self.top, logits.shape[-1]))
        drawn = (value + self.temperature * gumbel(value.shape, self.generator, value.device)).argmax(-1, keepdim=True)
        return index.gather(-1, drawn)[..., 0]

    def sureness(self, logits: Tensor, codes: Tensor) -> Tensor:
        """How likely each drawn code was, with as much chance as the draw had: [*b]."""
        sure = logits.float().log_softmax(-1).gather(-1, codes[..., None])[..., 0]
        return sure + self.temperature * gumbel(sure.shape, self.generator, sure.device)
