"""The adversary's layout, and that one sum of its two losses moves each side as two steps would."""

import pytest
import torch
from torch import nn

from playtape.nets.discriminator import Discriminator, balance


@pytest.fixture
def judge() -> Discriminator:
    torch.manual_seed(0)
    return Discriminator()


def pictures(seed: int, side: int = 32) -> torch.Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(seed))


def test_its_layout_is_the_published_one(judge: Discriminator) -> None:
    convolutions = [layer for layer in judge.encoder if isinstance(layer, nn.Conv2d)]
    shapes = [(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride) for conv in convolutions]
    widths = [(3, 64), (64, 128), (128, 256), (256, 512)]
    assert shapes == [(*width, (3, 3), (2, 2)) for width in widths]
    for _ in range(15):  # a power iteration each
        assert judge(pictures(1, 33)).shape == (2, 1, 3, 3)
    for conv in convolutions:
        slope = torch.linalg.matrix_norm(conv.weight.detach().flatten(1), 2)
        assert float(slope) == pytest.approx(1, abs=0.05)


def test_each_loss_moves_its_own_side_alone(judge: Discriminator) -> None:
    drawn, recorded = pictures(1).requires_grad_(), pictures(2).requires_grad_()
    judge.fooled(drawn).backward()
    assert drawn.grad is not None
    assert drawn.grad.abs().sum() > 0
    assert all(weight.grad is None for weight in judge.parameters())
    drawn.grad = None
    judge.mistaken(recorded, drawn).backward()
    assert drawn.grad is None
    assert recorded.grad is None
    assert all(weight.grad is not None for weight in judge.parameters())


def test_its_two_losses_are_those_of_the_hinge(judge: Discriminator) -> None:
    judge.eval()  # no power iteration between
    drawn, recorded = pictures(1), pictures(2)
    torch.testing.assert_close(judge.fooled(drawn), -judge(drawn).mean())
    below, above = (1 - judge(recorded)).clamp(min=0).mean(), (1 + judge(drawn)).clamp(min=0).mean()
    torch.testing.assert_close(judge.mistaken(recorded, drawn), (below + above) / 2)


def test_it_learns_to_tell_pictures_apart(judge: Discriminator) -> None:
    optimiser = torch.optim.Adam(judge.parameters(), 3e-3)
    recorded, drawn = pictures(1), pictures(2) * 0.3
    for _ in range(12):
        loss = judge.mistaken(recorded, drawn)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.5
    assert float((judge(recorded) - judge(drawn)).mean().detach()) > 1


def test_a_balance_makes_both_pull_alike() -> None:
    weight = torch.tensor([1.0, 2.0], requires_grad=True)
    guide, push = (weight * torch.tensor([3.0, 4.0])).sum(), (weight * torch.tensor([0.0, 0.1])).sum()
    assert float(balance(guide, push, weight)) == pytest.approx(50)
    assert float(balance(guide, push * 1e-6, weight)) == 1e4
    assert not balance(guide, push, weight).requires_grad
