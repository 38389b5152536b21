"""Latents to one of so many codes and back: a learned table (VQ, arXiv 1711.00937) or a fixed grid (FSQ, arXiv 2309.15505).

Shapes: `*b` any leading batch, `D` numbers a latent, `K` codes.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

FORGET = 0.99  # a step, of how often a code was used
UNUSED = 0.02  # of the even share: a code that is used less is given to a latent that has none near


@torch.no_grad()
def perplexity(index: Tensor, codes: int) -> Tensor:
    """How many codes these indices use, those that are used less counting less: exp of their entropy, 1 to K; of all shapes."""
    share = torch.bincount(index.flatten(), minlength=codes) / index.numel()
    return (-torch.xlogy(share, share).sum()).exp()


class VectorQuantiser(nn.Module):
    """The nearest of K learned codes, gradients going straight through. As published but for codes that nothing uses.

    `revive`: while training, such codes become latents of the batch. Published runs let them lie.
    """

    used: Tensor  # [K]: a running mean of uses a step

    def __init__(self, codes: int, width: int, *, revive: bool = True):
        super().__init__()
        self.embedding = nn.Embedding(codes, width)
        nn.init.uniform_(self.embedding.weight, -1 / codes, 1 / codes)
        self.revive = revive
        self.register_buffer("used", torch.full((codes,), math.nan), persistent=False)

    def index(self, z: Tensor) -> Tensor:
        """[*b, D] to int64 [*b]."""
        table = self.embedding.weight.float()
        flat = z.float().reshape(-1, z.shape[-1])
        near = torch.addmm((table**2).sum(1), flat, table.T, alpha=-2)  # the distance but for what all codes share
        return near.argmin(-1).view(z.shape[:-1])

    def vector(self, index: Tensor) -> Tensor:
        """int64 [*b] to [*b, D]."""
        return self.embedding(index)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[*b, D] to its codes' vectors, their indices [*b], and the loss that draws both to each other."""
        index = self.index(z)
        if self.training and self.revive:
            self._count(z.detach().reshape(-1, z.shape[-1]), index.flatten())
        code = self.vector(index)
        loss = functional.mse_loss(code.detach(), z) + functional.mse_loss(code, z.detach())
        return z + (code - z).detach(), index, loss

    @torch.no_grad()
    def _count(self, z: Tensor, index: Tensor) -> None:
        """Note what was used, and give unused codes to latents drawn from these; of a new table, at once all that are not used.

        A table that has learned, but not with this count, is taken to be in even use.
        """
        uses = torch.bincount(index, minlength=len(self.used)).to(self.used)
        even = len(z) / len(self.used)
        if self.used.isnan().any():
            new = bool(self.embedding.weight.abs().max() <= 1 / len(self.used))  # as it was drawn
            self.used.copy_(uses if new else torch.full_like(uses, even))
        else:
            self.used.lerp_(uses, 1 - FORGET)
        idle = torch.nonzero(self.used < UNUSED * even)[:, 0]
        if not len(idle):
            return
        taken = z[torch.randint(len(z), (len(idle),), device=z.device)].to(self.embedding.weight)
        self.embedding.weight[idle] = taken
        self.used[idle] = even


class FiniteScalar(nn.Module):
    """Each number of a latent rounded to one of so many levels: K is their product, and there is nothing to learn."""

    levels: Tensor  # [D]
    basis: Tensor  # [D]: what a level's step counts in the index

    def __init__(self, levels: Sequence[int]):
        super().__init__()
        self.register_buffer("levels", torch.tensor(levels), persistent=False)
        self.register_buffer(
            "basis", torch.tensor([math.prod(levels[:k]) for k in range(len(levels))]), persistent=False
        )

    def _rounded(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Bounded [*b, D] and its level from 0, an even number of levels having no middle."""
        half = (self.levels - 1) * (1 + 1e-3) / 2
        offset = torch.where(self.levels % 2 == 0, 0.5, 0.0)
        bounded = (z.float() + (offset / half).atanh()).tanh() * half - offset
        return bounded, (bounded.round() + self.levels // 2).long()

    def index(self, z: Tensor) -> Tensor:
        """[*b, D] to int64 [*b]."""
        return (self._rounded(z)[1] * self.basis).sum(-1)

    def vector(self, index: Tensor) -> Tensor:
        """int64 [*b] to [*b, D], from -1 to 1."""
        level = index[..., None] // self.basis % self.levels
        return (level - self.levels // 2) / (self.levels // 2)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[*b, D] to its code's vector, its index [*b], and a loss of 0."""
        bounded, level = self._rounded(z)
        index = (level * self.basis).sum(-1)
        smooth = bounded / (self.levels // 2)
        return smooth + (self.vector(index) - smooth).detach(), index, z.new_zeros(())
