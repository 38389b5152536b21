"""An action as a short sentence: a causal transformer that is given a vector and says the action's slots one after the other.

The decoder of Pixels2Play (arXiv 2601.04575): input 0 is the projected vector, input k the embedding of slot k's class; output k
predicts slot k. Each layer has a learned sink that every input sees. Shapes: `M` actions, `S` slots, `D` width.
"""

import torch
from torch import Tensor, nn

from playtape.nets.memory import Grown
from playtape.nets.transformer import Block, rotary


class ActionDecoder(nn.Module):
    """`forward` for all slots at once, given the classes; `start` and `step` for one after the other."""

    angles: Tensor  # complex64 [S, E/2]

    def __init__(self, width: int, heads: int, layers: int, slots: int, dropout: float = 0.0):
        super().__init__()
        self.slots, self.size = slots, width // heads
        self.input_proj = nn.Linear(width, width)
        self.pos_tokens = nn.Parameter(3.0 * torch.randn(slots + 1, width))
        self.blocks = nn.ModuleList(Block(width, heads, dropout, sinks=1) for _ in range(layers))
        self.register_buffer("angles", rotary(torch.arange(slots), self.size), persistent=False)

    def forward(self, answer: Tensor, given: Tensor) -> Tensor:
        """Vectors [M, D] and the embeddings [M, S - 1, D] of all slots' classes but the last, to [M, S, D]."""
        x = torch.cat([self.input_proj(answer)[:, None], given], 1) + self.pos_tokens[: self.slots]
        seen = torch.ones(self.slots, self.slots + 1, dtype=torch.bool, device=x.device).tril(
            1
        )  # the sink is before all
        for block in self.blocks:
            x = block(x, self.angles, seen)
        return x

    def start(self) -> list[Grown]:
        """Memories for one action's steps."""
        return [Grown(self.slots) for _ in self.blocks]

    def step(self, x: Tensor, memories: list[Grown]) -> Tensor:
        """The vector [M, D] at first, then each slot's embedding [M, D]; gives what predicts the next slot, [M, D]."""
        number = memories[0].used
        x = (x if number else self.input_proj(x)) + self.pos_tokens[number]
        x, angles = x[:, None], self.angles[number : number + 1]
        for block, memory in zip(self.blocks, memories, strict=True):
            x = block(x, angles, None, memory)
        return x[:, 0]
