"""Attention: the way that is learned with on a CPU is the one that is played with."""

import pytest
import torch
from torch import Tensor

from playtape.nets.transformer import attended

WAYS = [(torch.float32, 1e-5), (torch.bfloat16, 3e-2)]


def reference(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """In float64, spelled out."""
    q, k, v = (part.double() for part in (queries, keys, values))
    score = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, -torch.inf)
    return score.softmax(-1) @ v


@pytest.mark.parametrize(("kind", "tolerance"), WAYS)
def test_attention_and_its_gradients_are_those_of_the_definition(kind: torch.dtype, tolerance: float):
    draw = torch.Generator().manual_seed(0)
    parts = [torch.randn(2, 3, 20, 8, generator=draw).to(kind) for _ in range(3)]
    mask = torch.ones(20, 20, dtype=torch.bool).tril() & ~torch.ones(20, 20, dtype=torch.bool).tril(-7)
    weight = torch.randn(2, 3, 20, 8, generator=draw)
    with torch.no_grad():
        played = attended(*parts, mask)
    found = []
    for way in (attended, reference):
        leaves = [part.clone().requires_grad_() for part in parts]
        seen = way(*leaves, mask)
        (seen * weight).sum().backward()
        found.append([seen.detach(), *(leaf.grad for leaf in leaves)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one.float(), other.float(), atol=tolerance, rtol=tolerance)
    torch.testing.assert_close(found[0][0].float(), played.float(), atol=tolerance, rtol=tolerance)
