"""EfficientNet-Lite0 knows what is in a photograph, and says of what it sees at each resolution."""

import importlib.util
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from playtape.errors import BadInput
from playtape.nets.lite0 import CHANNELS, SIDE, Lite0, renamed
from playtape.training import features
from playtape.training.foreign import published

MILITARY_UNIFORM = 652  # of ImageNet's thousand classes


@pytest.fixture(scope="module")
def weights() -> Path:
    spec = importlib.util.find_spec(features.PACKAGE)
    assert spec is not None, "`make test` installs the extra `video`"
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / features.FILE


def photograph() -> torch.Tensor:
    """Grace Hopper in uniform, float [1, 3, 224, 224]; it comes with matplotlib."""
    file = Path(mpl.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    small = Image.open(file).crop((0, 0, 512, 512)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(small)).movedim(-1, 0)[None] / 255


def test_it_knows_a_uniform_by_the_published_classifier(weights: Path) -> None:
    state = published(weights)
    logits = functional.linear(features.lite0()(photograph()), state["_fc.weight"], state["_fc.bias"])
    assert int(logits.argmax()) == MILITARY_UNIFORM
    assert float(logits.softmax(1).max()) > 0.3


@pytest.mark.parametrize("size", [(64, 64), (33, 50)])
def test_maps_are_of_every_resolution_and_pictures_have_gradients(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    model, pictures = Lite0(), torch.rand(2, 3, *size, requires_grad=True)
    maps = model.maps(pictures)
    for number, (found, channels) in enumerate(zip(maps, CHANNELS, strict=True), 1):
        assert found.shape == (2, channels, *(-(-side // 2**number) for side in size))
    model(pictures).sum().backward()
    assert pictures.grad is not None
    assert float(pictures.grad.abs().sum()) > 0
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_it_is_frozen_even_in_training() -> None:
    torch.manual_seed(0)
    model, pictures = Lite0(), torch.rand(2, 3, 32, 32)
    before = model(pictures)
    torch.nn.Sequential(model).train()
    assert torch.equal(model(pictures), before)
    assert torch.allclose(model(pictures[:1]), before[:1], atol=1e-6)  # the batch does not matter


def test_weights_of_something_else_are_told(weights: Path) -> None:
    state = dict(published(weights))
    with pytest.raises(BadInput, match=r"has a shape of \[1\] for _blocks.3._bn0.bias, which must be \[144\]"):
        renamed(state | {"_blocks.3._bn0.bias": torch.zeros(1)})
    del state["_conv_stem.weight"]
    with pytest.raises(BadInput, match="the file lacks _conv_stem.weight"):
        renamed(state)


def test_a_missing_or_other_wheel_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "SHA256", "0")
    if importlib.util.find_spec(features.PACKAGE):
        with pytest.raises(BadInput, match="is not the file that version 0.1.0 of its package has"):
            features.lite0()
    monkeypatch.setattr(features, "PACKAGE", "no_such_wheel")
    with pytest.raises(BadInput, match=r"no-such-wheel, which is not installed; pip install 'playtape\[video\]'"):
        features.lite0()
