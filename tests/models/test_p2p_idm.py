"""What is particular to Pixels2Play's inverse dynamics model; what all models promise is in contracts/test_models.py."""

from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor

from playtape import models
from playtape.actions.games import DOOM
from playtape.errors import BadInput
from playtape.label.stitch import stitch
from playtape.models import p2p_idm
from playtape.models.protocols import Labels

T = 30


@pytest.fixture
def model() -> p2p_idm.P2PIDM:
    torch.manual_seed(0)
    return p2p_idm.build(p2p_idm.tiny(), DOOM).eval()


@pytest.fixture
def frames() -> Tensor:
    return torch.randint(0, 256, (1, T, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def held(model: p2p_idm.P2PIDM, frames: Tensor) -> Tensor:
    return model.judge(model.look(frames)).held[0]  # [T-1, B]


def moved(model: p2p_idm.P2PIDM, frames: Tensor, touched: int) -> list[int]:
    """The intervals whose belief is another, to the bit, when one frame is another."""
    changed = frames.clone()
    changed[:, touched] = 255 - changed[:, touched]
    return (held(model, frames) != held(model, changed)).any(-1).nonzero().flatten().tolist()


def test_past_and_future_matter_alike_and_no_further_than_reach(model: p2p_idm.P2PIDM, frames: Tensor) -> None:
    assert model.reach == 3  # 2 layers of 3 tokens to either side, of which an interval has 2
    assert moved(model, frames, 15) == [12, 13, 14, 15, 16, 17]  # three frames before an interval's middle, three after
    assert moved(model, frames, 0) == [0, 1, 2]
    assert moved(model, frames, T - 1) == [T - 4, T - 3, T - 2]


def test_one_layer_of_one_frame_judges_by_the_two_frames_alone(frames: Tensor) -> None:
    pair = p2p_idm.build(replace(p2p_idm.tiny(), layers=1, window=1), DOOM).eval()
    assert pair.reach == 0
    torch.testing.assert_close(held(pair, frames)[4:5], held(pair, frames[:, 4:6]))
    assert moved(pair, frames, 15) == [14, 15]


def test_an_interval_is_judged_alike_wherever_it_stands(model: p2p_idm.P2PIDM, frames: Tensor) -> None:
    whole, later = held(model, frames), held(model, frames[:, 9:])
    torch.testing.assert_close(later[model.reach :], whole[9 + model.reach :])


@pytest.mark.parametrize(("length", "batch", "keep"), [(2, 1, 4), (9, 4, 3), (30, 7, 10), (30, 32, 1)])
def test_stretches_say_what_one_pass_says(
    model: p2p_idm.P2PIDM, frames: Tensor, length: int, batch: int, keep: int
) -> None:
    whole = model.judge(model.look(frames[:, :length]))
    parts = stitch(model, frames[0, :length].split(batch), keep=keep)
    for field in fields(Labels):
        torch.testing.assert_close(getattr(parts, field.name)[:-1], getattr(whole, field.name)[0], atol=1e-3, rtol=1e-4)


def test_the_published_trunk_reaches_as_far_as_its_clips() -> None:
    recipe = models.recipe("p2p-idm")[1]
    with torch.device("meta"):
        large = p2p_idm.build(recipe.model, DOOM)
    assert recipe.data.window - 10 < 2 * large.reach + 2 <= recipe.data.window
    blocks = sum(p.numel() for p in large.blocks.parameters())
    assert blocks == 10 * (4 * 1024**2 + 3 * 1024 * 2736 + 4 * 1024)


def test_a_clip_of_the_small_recipe_is_longer_than_its_reach() -> None:
    recipe = models.recipe("p2p-idm-tiny")[1]
    reach = p2p_idm.build(recipe.model, DOOM).reach
    assert 2 * reach + 2 <= recipe.data.window


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"heads": 3}, "multiple of twice the heads, 3"),
        ({"encoder": "big"}, "encoder is 'big'"),
        ({"window": 0}, "window is 0"),
    ],
)
def test_bad_sizes_are_one_sentence(change: dict, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        replace(p2p_idm.tiny(), **change)
