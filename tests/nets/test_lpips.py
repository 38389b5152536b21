"""LPIPS with random weights equals the package of its authors, whose VGG16 no wheel carries, and a plain reading of the paper."""

import importlib

import pytest
import torch
from torch.nn import functional

from playtape.errors import BadInput
from playtape.nets.lpips import GROUPS, PLACES, SCALE, SHIFT, Lpips, renamed


@pytest.fixture(scope="module")
def published() -> dict[str, torch.Tensor]:
    """Random weights by torchvision's and LPIPS's names."""
    draw, inside, state = torch.Generator().manual_seed(0), 3, {}
    for number, (channels, places) in enumerate(zip(GROUPS, PLACES)):
        for outside, place in zip(channels, places):
            state[f"features.{place}.weight"] = (
                torch.randn(outside, inside, 3, 3, generator=draw) * (2 / inside / 9) ** 0.5
            )
            state[f"features.{place}.bias"] = 0.1 * torch.randn(outside, generator=draw)
            inside = outside
        state[f"lin{number}.model.1.weight"] = torch.rand(1, channels[-1], 1, 1, generator=draw)
    return state


@pytest.fixture(scope="module")
def ours(published: dict[str, torch.Tensor]) -> Lpips:
    model = Lpips()
    model.load_state_dict(renamed(published))
    return model


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    return torch.rand(2, 3, 32, 48, generator=draw), torch.rand(2, 3, 32, 48, generator=draw)


def test_it_is_what_the_paper_says(ours: Lpips, published: dict[str, torch.Tensor]) -> None:
    one, other = pictures()
    total = torch.zeros(len(one))
    sides = [
        (2 * x - 1 - torch.tensor(SHIFT).view(1, 3, 1, 1)) / torch.tensor(SCALE).view(1, 3, 1, 1) for x in pictures()
    ]
    for number, places in enumerate(PLACES):
        if number:
            sides = [functional.max_pool2d(x, 2, 2) for x in sides]
        for place in places:
            weight, bias = published[f"features.{place}.weight"], published[f"features.{place}.bias"]
            sides = [functional.conv2d(x, weight, bias, padding=1).clamp(min=0) for x in sides]
        unit = [functional.normalize(x, dim=1) for x in sides]
        weighed = (unit[0] - unit[1]) ** 2 * published[f"lin{number}.model.1.weight"]
        total += weighed.sum(1).mean((1, 2))
    torch.testing.assert_close(ours(one, other), total, rtol=1e-4, atol=1e-5)
    assert float(total.min()) > 0.1
    assert torch.equal(ours(one, one), torch.zeros(2))


def test_it_is_what_its_authors_package_says(ours: Lpips, published: dict[str, torch.Tensor]) -> None:
    try:
        package = importlib.import_module("lpips")
    except (ImportError, RuntimeError):  # torchvision's extension may be of another build than torch
        pytest.skip("needs the package lpips and a torchvision that fits")
    theirs = package.LPIPS(net="vgg", pretrained=False, pnet_rand=True, verbose=False).eval()
    named = {}
    for number, places in enumerate(PLACES):
        named |= {
            f"net.slice{number + 1}.{p}.{k}": published[f"features.{p}.{k}"] for p in places for k in ("weight", "bias")
        }
        named |= {
            f"{name}.model.1.weight": published[f"lin{number}.model.1.weight"]
            for name in (f"lin{number}", f"lins.{number}")
        }
    theirs.load_state_dict(named | {k: v for k, v in theirs.state_dict().items() if k.startswith("scaling_layer")})
    one, other = pictures()
    with torch.no_grad():
        torch.testing.assert_close(ours(one, other), theirs(2 * one - 1, 2 * other - 1)[:, 0, 0, 0])
    again = Lpips()
    again.load_state_dict(renamed(theirs.state_dict()))  # one file, as the package would save it
    assert torch.equal(again(one, other), ours(one, other))


def test_pictures_have_gradients_and_weights_have_none(ours: Lpips) -> None:
    one, other = pictures()
    one.requires_grad_()
    ours(one, other).sum().backward()
    assert one.grad is not None
    assert float(one.grad.abs().sum()) > 0
    assert not any(weight.requires_grad for weight in ours.parameters())


def test_weights_of_something_else_are_told(published: dict[str, torch.Tensor]) -> None:
    with pytest.raises(BadInput, match=r"features.5.bias is float32 \[3\] and must be floats \[128\]"):
        renamed(published | {"features.5.bias": torch.zeros(3)})
    first, lin = published["features.0.weight"], published["lin1.model.1.weight"]
    with pytest.raises(
        BadInput, match=r"features.0.weight is float32 \[3, 3, 3, 64\] and must be floats \[64, 3, 3, 3\]"
    ):
        renamed(published | {"features.0.weight": first.permute(3, 2, 1, 0)})
    with pytest.raises(BadInput, match=r"lin1.model.1.weight is complex64 .* must be floats \[1, 128, 1, 1\]"):
        renamed(published | {"lin1.model.1.weight": lin + 1j})
    for wrong in (torch.full_like(lin, torch.nan), lin.double() * 1e300):
        with pytest.raises(BadInput, match="lin1.model.1.weight is not all finite, so nothing can be judged by it"):
            renamed(published | {"lin1.model.1.weight": wrong})
    assert torch.equal(renamed(published | {"lin1.model.1.weight": lin.flatten()})["weigh.1"], lin.flatten())
    with pytest.raises(BadInput, match="the weights of LPIPS lack lin0.model.1.weight: give VGG16's and those"):
        renamed({name: weight for name, weight in published.items() if not name.startswith("lin")})
