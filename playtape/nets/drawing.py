"""Choosing from logits. Shapes: `*b` any leading batch, `V` choices."""

from dataclasses import dataclass

import torch
from torch import Tensor


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
        chance = (value / self.temperature).softmax(-1)
        drawn = torch.multinomial(chance.flatten(0, -2), 1, generator=self.generator).view(logits.shape[:-1])
        return index.gather(-1, drawn[..., None])[..., 0]

    def sureness(self, logits: Tensor, codes: Tensor) -> Tensor:
        """How likely each drawn code was, with as much chance as the draw had: [*b]."""
        sure = logits.float().log_softmax(-1).gather(-1, codes[..., None])[..., 0]
        noise = torch.rand(sure.shape, generator=self.generator, device=sure.device).clamp(min=1e-9)
        return sure - self.temperature * (-noise.log()).clamp(min=1e-9).log()  # a Gumbel variable
