"""The published layout, the published numbers, and what a context is looked through once for."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from playtape.actions import Actions, ActionSpace
from playtape.clips import Clip
from playtape.errors import BadInput
from playtape.models import video_tokenizer as tokenizer
from tests.models import plain_video_tokenizer as plain

SPACE = ActionSpace(("key.w",), ())
PUBLISHED = {  # recipe, context: keys, parameters
    ("tokenizer-64", 2): (420, 114_159_174),
    ("tokenizer-64", 1): (420, 113_831_494),
    ("tokenizer-256", 2): (624, 310_472_774),
    ("tokenizer-256", 1): (624, 308_899_910),
}
PARTS_64 = {"encoder": 21_566_912, "cond_encoder": 24_525_248, "decoder": 32_190_211, "cond_decoder": 34_687_747}
SQUARES_64 = {128: 20, 256: 20, 512: 36}  # 3x3 convolutions of as many channels in and out


def built(seed: int = 0, **changes: object) -> tokenizer.VideoTokenizer:
    """A small model none of whose parts is silent."""
    torch.manual_seed(seed)
    model = tokenizer.build(replace(tokenizer.tiny(), **changes), SPACE)
    for name, parameter in model.named_parameters():
        if "pos_emb" in name or "quantize" in name:
            torch.nn.init.normal_(parameter, std=0.4)
        elif parameter.ndim == 1:
            parameter.data += 0.2 * torch.randn_like(parameter)
    return model.eval()


def pictures(*shape: int, seed: int = 1, side: int = 16) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (*shape, 3, side, side), dtype=torch.uint8, generator=draw)


def clip(frames: Tensor) -> Clip:
    n, t = frames.shape[:2]
    actions = Actions(torch.zeros(n, t, 1, dtype=torch.bool), torch.zeros(n, t, 0))
    return Clip(frames, actions, torch.ones(n, t, dtype=torch.bool), torch.ones(n, t))


@pytest.mark.parametrize(("recipe", "context"), PUBLISHED)
def test_every_published_tensor_has_its_place(recipe: str, context: int) -> None:
    with torch.device("meta"):
        model = tokenizer.build(replace(tokenizer.RECIPES[recipe].model, context=context), SPACE)
    keys, parameters = PUBLISHED[recipe, context]
    assert len(model.state_dict()) == keys
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters


def test_the_published_parts_are_as_large_as_they_should_be() -> None:
    with torch.device("meta"):
        model = tokenizer.build(tokenizer.RECIPES["tokenizer-64"].model, SPACE)
    shapes = {name: tuple(weight.shape) for name, weight in model.state_dict().items()}
    for part, size in PARTS_64.items():
        assert sum(math.prod(shape) for name, shape in shapes.items() if name.startswith(f"{part}.")) == size
    for side, count in SQUARES_64.items():
        assert sum(shape == (side, side, 3, 3) for shape in shapes.values()) == count
    assert shapes["cond_encoder.cross_att_blocks.0.kv_pos_emb"] == (512, 256)
    assert shapes["cond_decoder.cross_att_blocks.0.att.in_proj_weight"] == (1536, 512)
    assert shapes["quant_linear.weight"] == (64, 1024)


@pytest.mark.parametrize("context", [1, 2, 3])
def test_codes_and_pictures_are_those_of_the_description(context: int) -> None:
    model, frames = built(context=context), pictures(2, context + 2)
    codes, dynamics = model.encode(frames)
    drawn = model.draw(codes)
    again = torch.cat([drawn.frames, model.decode(dynamics, drawn)], 1)
    for k, one in enumerate(frames):
        wanted = plain.encode(model.state_dict(), one / 255, context, model.config.patch)
        assert torch.equal(codes[k], wanted[0])
        assert torch.equal(dynamics[k], wanted[1])
        shown = plain.decode(model.state_dict(), *wanted, model.config.patch)
        shown[context:] = shown[context:].clamp(0, 1)
        torch.testing.assert_close(again[k], shown.detach(), rtol=1e-4, atol=1e-4)
    assert codes.unique().numel() > 1
    assert dynamics.unique().numel() > 1


def test_a_stem_is_a_finest_level_of_squares() -> None:
    """What a half makes of pictures is what it makes, without a stem, of their squares' pixels as channels."""
    model, frames = built(side=32, stem=2), pictures(1, 4, side=32)
    assert model.config.tokens == built().config.tokens
    codes, dynamics = model.encode(frames)
    assert codes.shape == (1, 2, 64)
    drawn = model.draw(codes)
    assert drawn.frames.shape == (1, 2, 3, 32, 32)
    assert model.decode(dynamics, drawn).shape == (1, 2, 3, 32, 32)
    x, _ = model.encoder(frames[0] / 255)
    squares = frames[0].unflatten(3, (16, 2)).unflatten(2, (16, 2)).permute(0, 1, 3, 5, 2, 4).flatten(1, 3) / 255
    model.encoder.stem = 1
    torch.testing.assert_close(x, model.encoder(squares)[0])


def test_a_later_frame_matters_to_itself_alone() -> None:
    model, frames = built(), pictures(1, 5)
    other = frames.clone()
    other[:, 3] = pictures(1, seed=2)
    before, after = model.encode(frames), model.encode(other)
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[1][:, [0, 2]], after[1][:, [0, 2]])
    assert not torch.equal(before[1][:, 1], after[1][:, 1])
    other = frames.clone()
    other[:, :2] = 0
    assert not torch.equal(before[1], model.encode(other)[1])  # but what it is seen in the light of does


def test_many_and_few_frames_are_coded_alike() -> None:
    model, frames = built(), pictures(3, 6)
    codes, dynamics = model.encode(frames)
    alone = [model.encode(frames[k : k + 1, [0, 1, t]]) for k in range(3) for t in range(2, 6)]
    assert torch.equal(dynamics, torch.cat([each[1] for each in alone]).view(3, 4, -1))
    drawn = model.draw(codes)
    together, single = model.decode(dynamics, drawn), model.decode(dynamics[:, 2:3], drawn)
    torch.testing.assert_close(together[:, 2:3], single, rtol=1e-5, atol=1e-5)


def test_a_clip_without_a_later_frame_is_refused() -> None:
    with pytest.raises(BadInput, match="clips have 2 frames, and a context of 2 leaves none to draw"):
        built().losses(clip(pictures(1, 2)))
    with pytest.raises(BadInput, match="a context of 3 frames was given to a tokenizer that takes 2"):
        built().look(pictures(1, 3))


def test_a_side_that_does_not_divide_is_refused() -> None:
    with pytest.raises(BadInput, match="side is 24; with a stem of 2, 2 levels and patches of 4 it must divide by 16"):
        replace(tokenizer.tiny(), side=24, stem=2)


@pytest.mark.parametrize("quantiser", ["vq", "fsq"])
def test_it_learns_to_draw_what_it_saw(quantiser: str) -> None:
    torch.manual_seed(0)
    model = tokenizer.build(replace(tokenizer.tiny(), quantiser=quantiser, dropout=0.0), SPACE).train()
    frames = torch.nn.functional.interpolate(pictures(1, 4)[0, :, :, :2, :2].float(), 16).byte()[None]
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    first = None
    for _ in range(150):
        losses = model.losses(clip(frames))
        optimiser.zero_grad()
        losses["loss"].backward()
        optimiser.step()
        shown = float((losses["later"] + losses["context"]).detach())
        first = shown if first is None else first
    assert shown < 0.35 * first
