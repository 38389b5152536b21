"""Draws from logits: the noise is what it is called, and codes come as often as their softmax says."""

import torch

from playtape.nets.drawing import Draw, gumbel, seeded

LOGITS = torch.tensor([2.0, 0.5, 0.0, -1.0, -3.0])
MANY = 40_000


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def test_the_noise_is_gumbels_to_the_bit() -> None:
    noise = gumbel((3, 400), generator(), torch.device("cpu"))
    even = torch.rand(3, 400, generator=generator())
    assert torch.equal(noise, -(-even.log()).log())


def test_codes_come_as_often_as_their_softmax_says() -> None:
    for temperature, top in ((1.0, 5), (0.5, 5), (2.0, 3)):
        drawn = Draw(temperature, top, generator())(LOGITS.expand(MANY // 4, 4, 5))
        assert drawn.shape == (MANY // 4, 4)
        share = torch.bincount(drawn.flatten(), minlength=5) / MANY
        wanted = torch.zeros(5)
        wanted[:top] = (LOGITS[:top] / temperature).softmax(0)
        assert (share - wanted).abs().max() < 4 * (0.25 / MANY) ** 0.5
        assert not share[top:].any()


def test_without_temperature_it_is_the_likeliest() -> None:
    draw = Draw(0.0, 2, generator())
    assert draw(LOGITS.expand(6, 5)).tolist() == [0] * 6
    assert torch.equal(draw.sureness(LOGITS[None], torch.tensor([1])), LOGITS.log_softmax(0)[1:2])


def test_every_seed_draws_something_else() -> None:
    """Also those that differ in what a CPU's generator does not look at; and those of 32 bits draw what torch does."""
    seeds = (0, 1, 2**32 - 1, 2**32, 2**32 + 1, 2**33, 2**63 - 1)
    drawn = [tuple(torch.rand(4, generator=seeded("cpu", seed)).tolist()) for seed in seeds]
    assert len({*drawn}) == len(seeds)
    assert drawn == [tuple(torch.rand(4, generator=seeded("cpu", seed)).tolist()) for seed in seeds]
    for seed, four in zip(seeds[:3], drawn):
        assert four == tuple(torch.rand(4, generator=torch.Generator().manual_seed(seed)).tolist())
