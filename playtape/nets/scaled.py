"""Numbers brought to a common size, as they lay in the training data: cut off at its ends, mean 0, spread 1.

Numbers of one place may mean different things (the third joint of this arm and of that one), so each kind of body has its own
ends and sizes. What was not fitted passes in its given size. Everything is a buffer, so it travels inside a checkpoint.
Shapes: `*b` any lead, `A` numbers, `E` kinds of body.
"""

import torch
from torch import Tensor, nn

WIDE = 1e30  # where nothing is cut off
ENDS = (0.001, 0.999)  # of what the data has of a number; beyond lie slips of a sensor
MOST = 2**24  # numbers that a quantile is taken of


class Scaled(nn.Module):
    """[*b, A] and the body [*b] that each row is of, to [*b, A]."""

    lowest: Tensor  # [E, A]: a number is cut off there,
    highest: Tensor
    offset: Tensor  # [E, A]: and this is taken from it,
    spread: Tensor  # [E, A]: and what is left is divided by this

    def __init__(self, scales: list[float], bodies: int = 1):
        super().__init__()
        spread = torch.tensor(scales).expand(bodies, -1).clone()
        self.register_buffer("lowest", torch.full_like(spread, -WIDE))
        self.register_buffer("highest", torch.full_like(spread, WIDE))
        self.register_buffer("offset", torch.zeros_like(spread))
        self.register_buffer("spread", spread)

    def fit(self, numbers: Tensor, body: int = 0) -> None:
        """Take the ends, mean and spread of these rows [T, A] for a kind of body. A number that never changes keeps its size."""
        if not numbers.numel():
            return
        step = -(-numbers.numel() // MOST)
        lowest, highest = (torch.quantile(numbers[::step], q, dim=0) for q in ENDS)
        cut = numbers.clamp(lowest, highest)
        self.lowest[body], self.highest[body], self.offset[body] = lowest, highest, cut.mean(0)
        spread = cut.std(0, correction=0)
        self.spread[body] = torch.where(spread > 1e-6, spread, self.spread[body])

    def forward(self, numbers: Tensor, body: Tensor) -> Tensor:
        return (numbers.clamp(self.lowest[body], self.highest[body]) - self.offset[body]) / self.spread[body]
