"""An axis as classes with edges that were fitted on data, and a number drawn from within a class.

Bin i holds edges[i-1] < x <= edges[i]. A number is drawn from a normal distribution cut to the bin, so that small motions stay
likelier than large ones within a wide bin (Pixels2Play, arXiv 2601.04575). Whole-numbered axes give whole numbers. Everything
is a buffer, so it travels inside a checkpoint. Shapes: `*b` any lead, `K` bins.
"""

import torch
from torch import Tensor, nn

UNUSED = 3e38  # an edge beyond all numbers: data with few distinct values need fewer bins


class MotionBins(nn.Module):
    """`count` bins. Before `fit` all of them but three are empty: below, at and above zero."""

    edges: Tensor  # float32 [K - 1]
    outer: Tensor  # float32 [2]: the lowest and highest number that is ever drawn
    spread: Tensor  # float32 []: of the normal distribution
    whole: Tensor  # bool []: are the axis' numbers whole?

    def __init__(self, count: int, scale: float = 1.0):
        super().__init__()
        edges = torch.full((count - 1,), UNUSED)
        edges[:2] = torch.tensor([-0.5, 0.5])
        self.register_buffer("edges", edges)
        self.register_buffer("outer", torch.tensor([-scale, scale]))
        self.register_buffer("spread", torch.tensor(float(scale)))
        self.register_buffer("whole", torch.tensor(True))

    def set(self, edges: Tensor, outer: tuple[float, float], spread: float, whole: bool) -> None:
        """Take over bins fitted on data: at most K - 1 rising edges."""
        self.edges.fill_(UNUSED)
        self.edges[: len(edges)] = edges.to(self.edges)
        self.outer.copy_(torch.tensor(outer))
        self.spread.fill_(max(spread, 1e-6))
        self.whole.fill_(whole)

    def encode(self, value: Tensor) -> Tensor:
        """Numbers [*b] to classes int64 [*b]."""
        return torch.bucketize(value.contiguous(), self.edges)

    def draw(self, classes: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Classes [*b] to numbers float32 [*b]."""
        inner = self.edges[self.edges < UNUSED]
        low = torch.cat([self.outer[:1], inner])
        high = torch.cat([inner, self.outer[1:]])
        classes = classes.clamp_max(len(inner))
        low, high = low[classes], high[classes]
        if self.whole:  # the whole numbers of (low, high], each with the half around it
            low, high = low.floor() + 0.5, high.floor() + 0.5
            low = torch.where(classes == 0, self.outer[0] - 0.5, low)
        bottom, top = (torch.special.ndtr(side / self.spread) for side in (low, high))
        chance = bottom + (top - bottom) * torch.rand(classes.shape, generator=generator, device=classes.device)
        value = torch.special.ndtri(chance.double().clamp(1e-12, 1 - 1e-12)).float() * self.spread
        value = torch.minimum(torch.maximum(value, low), high)
        return self._rounded(value, low, high) if self.whole else value

    def _rounded(self, value: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """To the nearest whole number strictly between two halves."""
        return torch.minimum(torch.maximum(value.round(), low + 0.5), high - 0.5)

    def extra_repr(self) -> str:
        return f"{len(self.edges) + 1}, spread={self.spread.item():g}"
