"""Which codes are given away, and what is told of their use."""

import pytest
import torch

from playtape.nets import codebook
from playtape.nets.codebook import VectorQuantiser, perplexity


def latents(seed: int, count: int = 64) -> torch.Tensor:
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))


def test_a_new_table_begins_among_the_latents() -> None:
    torch.manual_seed(0)
    table = VectorQuantiser(16, 4).train()
    used = table.index(latents(1)).unique()
    before = table.embedding.weight.detach().clone()
    table(latents(1))
    among = (table.embedding.weight[:, None] == latents(1)).all(-1).any(1)
    assert len(used) < 16
    assert torch.equal((~among).nonzero()[:, 0], used)  # which were of use stay
    assert torch.equal(table.embedding.weight[used], before[used])
    assert not table.used.isnan().any()


def test_a_table_that_has_learned_keeps_what_one_batch_does_not_use() -> None:
    """As when a run begins from a checkpoint, which does not hold the count."""
    torch.manual_seed(0)
    table = VectorQuantiser(16, 4).train()
    torch.nn.init.normal_(table.embedding.weight)
    before = table.embedding.weight.detach().clone()
    table(latents(1, 2))
    assert torch.equal(table.embedding.weight, before)
    steps = 0
    while torch.equal(table.embedding.weight, before):  # but what stays unused is given away
        table(latents(1, 2))
        steps += 1
        assert steps < 1000
    assert codebook.FORGET ** (steps + 1) < codebook.UNUSED


def test_published_tables_let_codes_lie() -> None:
    table = VectorQuantiser(16, 4, revive=False).train()
    before = table.embedding.weight.detach().clone()
    table(latents(1))
    assert torch.equal(table.embedding.weight, before)


def test_the_codes_in_use_are_told() -> None:
    assert float(perplexity(torch.arange(8).repeat(3), 8)) == pytest.approx(8)
    assert float(perplexity(torch.zeros(5, dtype=torch.int64), 8)) == pytest.approx(1)
    assert 1 < float(perplexity(torch.tensor([0, 0, 0, 1]), 8)) < 2
