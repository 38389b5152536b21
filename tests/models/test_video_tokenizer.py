"""The published layout, the published numbers, and what a context is looked through once for."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from playtape.actions import Actions, ActionSpace
from playtape.clips import Clip
from playtape.errors import BadInput
from playtape.models import video_tokenizer as tokenizer
from playtape.nets.moved import PIXELS, TRUST
from playtape.training import checkpoint
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


def moving() -> tokenizer.VideoTokenizer:
    torch.manual_seed(0)
    return tokenizer.build(replace(tokenizer.tiny(), moves=True), SPACE).eval()


def says_nothing_moves(model: tokenizer.VideoTokenizer, right: float = 0.0) -> None:
    """Makes a tokenizer that trusts the frame before wholly, and looks so far to the right in it."""
    with torch.no_grad():
        model.cond_decoder.conv_out.weight.zero_()
        assert model.cond_decoder.conv_out.bias is not None
        model.cond_decoder.conv_out.bias[4], model.cond_decoder.conv_out.bias[5] = right / PIXELS, 50.0


def test_one_that_moves_begins_by_holding_the_last_frame() -> None:
    model, frames = moving(), pictures(2, 4)
    codes, dynamics = model.encode(frames)
    known, drawn = model.draw(codes, frames[:, :2]), model.draw(codes)
    assert torch.equal(known.last, frames[:, 1] / 255)
    assert torch.equal(drawn.last, drawn.frames[:, 1].clamp(0, 1))
    share = torch.sigmoid(torch.tensor(TRUST))
    for of in (known, drawn):
        colours = (model.decode(dynamics, of)[:, 0] - share * of.last) / (1 - share)
        assert colours.abs().max() < 5  # what is drawn anew, as any untrained model draws it
    says_nothing_moves(model)
    torch.testing.assert_close(model.decode(dynamics, known), known.last[:, None].expand(-1, 2, -1, -1, -1))


def test_each_frame_is_the_one_before_it_moved() -> None:
    model, frames = moving(), pictures(2, 5)
    codes, dynamics = model.encode(frames)
    drawn = model.draw(codes, frames[:, :2])
    says_nothing_moves(model, right=1.0)
    shown, last = model.decode(dynamics, drawn), drawn.last
    for t in range(3):
        torch.testing.assert_close(shown[:, t, :, :, : -1 - t], last[..., t + 1 :])
    one = model.follow(dynamics[:, 1:2], drawn, shown[:, :1])
    torch.testing.assert_close(one, shown[:, 1:2])


def test_codes_of_one_that_moves_tell_what_changed() -> None:
    """The same picture after two others is coded otherwise, and a frame before the last one does not matter."""
    model, frames = moving(), pictures(1, 5)
    other = frames.clone()
    other[:, 2] = pictures(1, seed=3)
    before, after = model.encode(frames)[1], model.encode(other)[1]
    assert not torch.equal(before[:, 1], after[:, 1])
    assert torch.equal(before[:, 2], after[:, 2])


def test_one_that_moves_learns_to_shift_as_a_search_finds() -> None:
    """Pictures that wander: the loss `shifts` falls, and by no other part would it so soon."""
    torch.manual_seed(0)
    model = tokenizer.build(replace(tokenizer.tiny(), side=32, attend_from=16, moves=True, quantiser="fsq"), SPACE)
    wide = torch.rand(4, 3, 32, 64, generator=torch.Generator().manual_seed(1))
    wide = torch.nn.functional.avg_pool2d(wide, 5, 1, 2, count_include_pad=False)
    frames = (torch.stack([wide[..., 3 * t : 3 * t + 32] for t in range(6)], 1) * 255).round().to(torch.uint8)
    optimiser, losses = torch.optim.Adam(model.parameters(), 2e-3), []
    for _ in range(60):
        optimiser.zero_grad()
        parts = model.losses(clip(frames))
        parts["loss"].backward()
        optimiser.step()
        losses.append(float(parts["shifts"]))
    assert losses[0] > 1.2 * tokenizer.SHIFTS  # three pixels along, none down
    assert losses[-1] < 0.5 * losses[0]


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


class Grey(nn.Module):
    """A network that sees brightness alone."""

    def __init__(self) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.full((3, 1, 1), 1 / 3), requires_grad=False)

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        return ((one - other) * self.share).sum(1).square().mean((1, 2))


def test_what_compares_frames_is_no_part_of_the_model() -> None:
    model = built(perceptual="lite0", perceptual_weight=3.0).train()
    names = {*model.state_dict()}
    with pytest.raises(BadInput, match="compares frames by lite0, and was given none"):
        model.losses(clip(pictures(1, 4)))
    assert "later_features" not in model.eval().losses(clip(pictures(1, 4)))
    model.see_by(Grey())
    assert {*model.state_dict()} == names
    assert len([*model.parameters()]) == len([*built().parameters()])
    losses = model.losses(clip(frames := pictures(1, 4)))
    drawn = model.draw(model.encode(frames)[0]).frames.flatten(0, 1)
    assert float(losses["context_features"].detach()) == pytest.approx(
        3 * float(Grey()(drawn, frames[0, :2] / 255).mean()), rel=1e-4
    )
    counted = ("context", "later", "context_code", "later_code", "context_features", "later_features")
    torch.testing.assert_close(losses["loss"], torch.stack([losses[name] for name in counted]).sum())
    assert {*losses} == {*counted, "loss", "context_perplexity", "later_perplexity"}


def test_an_adversary_begins_at_its_step_and_one_step_moves_both_sides_as_two_would() -> None:
    model, frames = built(side=32, stem=2, adversary_from=1, dropout=0.0).train(), pictures(1, 4, side=32)
    assert model.adversary is not None
    assert "adversary_fooled" not in model.losses(clip(frames))
    losses = model.losses(clip(frames))
    assert int(model.adversary.steps) == 2
    losses["loss"].backward(retain_graph=True)
    together = gradients(model)
    last = model.cond_decoder.conv_out.weight
    pulls = [
        torch.autograd.grad(losses[name], last, retain_graph=True)[0].norm() for name in ("later", "adversary_fooled")
    ]
    torch.testing.assert_close(losses["adversary_weight"], 0.8 * pulls[0] / pulls[1])
    model.zero_grad()
    own = torch.stack([losses[name] for name in ("context", "later", "context_code", "later_code")]).sum()
    (own + losses["adversary_weight"] * losses["adversary_fooled"]).backward(retain_graph=True)
    drawn = gradients(model)
    assert not any(name.startswith("adversary.") for name in drawn)
    model.zero_grad()
    losses["adversary_mistaken"].backward()
    told = gradients(model)
    assert all(name.startswith("adversary.") for name in told)
    assert together.keys() == drawn.keys() | told.keys()
    for name, gradient in (drawn | told).items():
        torch.testing.assert_close(together[name], gradient, msg=name)


def gradients(model: nn.Module) -> dict[str, Tensor]:
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def test_an_adversary_lies_in_the_checkpoint_and_is_silent_where_nothing_is_learned(tmp_path: Path) -> None:
    model, frames = built(side=32, stem=2, adversary_from=0), pictures(1, 4, side=32)
    names = {name for name in model.state_dict() if not name.startswith("adversary.")}
    assert names == {*built(side=32, stem=2).state_dict()}
    assert "adversary_fooled" not in model.losses(clip(frames))
    with torch.no_grad():
        assert "adversary_fooled" not in model.train().losses(clip(frames))
    model.losses(clip(frames))
    checkpoint.save(tmp_path, "video_tokenizer", model, model.state_dict(), {})
    again = checkpoint.load(tmp_path).model
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())
    with pytest.raises(BadInput, match="side with an adversary is 16; it must be a whole number from 32"):
        replace(tokenizer.tiny(), adversary_from=0)


def test_the_codes_in_use_are_told() -> None:
    model, frames = built(), pictures(2, 4)
    codes, later = model.encode(frames)
    losses = model.losses(clip(frames))
    assert 1 < float(losses["context_perplexity"]) <= codes.unique().numel()
    assert 1 < float(losses["later_perplexity"]) <= later.unique().numel()
