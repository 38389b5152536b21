"""A distance by a classifier's features. Its weights are random here: what it is must not hang on a file."""

import pytest
import torch

from playtape.nets.lite0 import Lite0
from playtape.nets.perceptual import Lite0Distance


@pytest.fixture(scope="module")
def apart() -> Lite0Distance:
    torch.manual_seed(0)
    return Lite0Distance(Lite0())


def test_it_is_nothing_from_a_picture_to_itself_and_more_the_less_they_are_alike(apart: Lite0Distance) -> None:
    draw = torch.Generator().manual_seed(1)
    picture, noise = torch.rand(2, 3, 64, 64, generator=draw), torch.rand(2, 3, 64, 64, generator=draw)
    far = torch.stack([apart(picture.lerp(noise, share), picture) for share in (0.0, 0.1, 0.5, 1.0)])
    assert far.shape == (4, 2)
    assert (far[0] == 0).all()
    assert (far.diff(dim=0) > 0).all()
    assert (far < 4).all()


def test_pictures_have_gradients_and_weights_have_none(apart: Lite0Distance) -> None:
    one = torch.rand(1, 3, 64, 64, requires_grad=True)
    apart.train()
    apart(one, torch.rand(1, 3, 64, 64)).sum().backward()
    assert one.grad is not None
    assert one.grad.abs().sum() > 0
    assert not any(weight.requires_grad for weight in apart.parameters())


def test_a_picture_is_compared_alike_in_any_company(apart: Lite0Distance) -> None:
    one, other = torch.rand(2, 4, 3, 32, 32).unbind(0)
    alone = torch.cat([apart(x[None], y[None]) for x, y in zip(one, other, strict=True)])
    torch.testing.assert_close(apart(one, other), alone, rtol=1e-4, atol=1e-5)
