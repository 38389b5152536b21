"""Every model file keeps these promises. A new file is tested by existing.

A model gives `Config`, `RECIPES`, `build(config, space)` and `tiny()`, a config that runs in seconds on a CPU.
"""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from playtape import models
from playtape.actions import Actions
from playtape.actions.games import DOOM
from playtape.clips import Clip
from playtape.models.protocols import Follower, Labeler, Labels, Player, Simulator, Tokenizer, Trainable
from playtape.models.recipe import Recipe
from playtape.training import checkpoint

MODULES = models.modules()
T = 14


@pytest.fixture(params=MODULES, ids=list(MODULES))
def module(request: pytest.FixtureRequest):
    return MODULES[request.param]


@pytest.fixture
def model(module):
    torch.manual_seed(0)
    return module.build(module.tiny(), DOOM).eval()


def clip(model, batch: int = 2, seed: int = 0) -> Clip:
    g = torch.Generator().manual_seed(seed)
    size = (3, model.config.height, model.config.width_px)
    frames = torch.randint(0, 256, (batch, T, *size), dtype=torch.uint8, generator=g)
    buttons = torch.rand(batch, T, len(DOOM.buttons), generator=g) < 0.3
    axes = (torch.randn(batch, T, 1, generator=g) * 100).round()
    mask = torch.ones(batch, T, dtype=torch.bool)
    mask[:, -1] = False
    return Clip(frames, Actions(buttons, axes), mask, torch.ones(batch, T))


def labelled(model, frames: Tensor) -> Labels:
    return model.judge(model.look(frames))


def rows(model, frames: Tensor) -> list[Tensor]:
    """What a model says of frames: a labeller its beliefs, a tokenizer its pictures, a simulator what comes next, a player its
    first actions."""
    if isinstance(model, Labeler):
        return list(vars(labelled(model, frames)).values())
    if isinstance(model, Follower):
        followed = [vars(model.follow([each[:5], each[5:]])) for each in frames]
        return [torch.stack([one[name] for one in followed]) for name in followed[0]]
    if isinstance(model, Tokenizer):
        codes, later = model.encode(frames)
        drawn = model.draw(codes)
        return [drawn.frames, model.decode(later, drawn)]
    if isinstance(model, Simulator):
        state = model.start(frames[:, :2])
        for _ in range(4):
            still = DOOM.zeros(len(frames))
            still = Actions(torch.from_numpy(still.buttons), torch.from_numpy(still.axes))
            state = model.step(state, still, temperature=0)
        return [model.frames(state, 6)]
    state, said = model.start(len(frames)), []
    for t in range(frames.shape[1]):
        actions, state = model.act(state, frames[:, t], temperature=0)
        said.append(
            torch.cat([actions.buttons.float(), actions.axes.sign()], -1)
        )  # a motion's bin is chosen, its size drawn
    return [torch.stack(said, 1)]


def test_every_recipe_builds(module) -> None:
    for name, recipe in module.RECIPES.items():
        assert isinstance(recipe, Recipe), name
        assert isinstance(recipe.model, module.Config), name
        assert models.recipe(name)[1] is recipe


def test_shapes_and_ranges(model) -> None:
    if not isinstance(model, Labeler):
        pytest.skip("not a labeler")
    labels = labelled(model, clip(model).frames)
    for name in ("held", "pressed", "released"):
        part = getattr(labels, name)
        assert part.shape == (2, T - 1, len(DOOM.buttons))
        assert part.min() >= 0
        assert part.max() <= 1
    assert labels.mean.shape == labels.std.shape == (2, T - 1, 1)
    assert labels.std.min() >= 0


def test_overfits_one_batch(module) -> None:
    torch.manual_seed(0)
    model = module.build(replace(module.tiny(), dropout=0.0), DOOM)
    assert isinstance(model, Trainable)
    batch = clip(model)
    if isinstance(model, Tokenizer | Simulator):  # noise cannot be said in few codes
        batch.frames[:] = batch.frames[:, :1, :, :2, :2].repeat_interleave(8, -1).repeat_interleave(8, -2)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(160 if isinstance(model, Simulator) else 60):  # which learns two ways at once
        loss = model.losses(batch)["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.35 * losses[0]


def test_save_and_load_are_bit_equal(module, model, tmp_path: Path) -> None:
    name = module.__name__.rsplit(".", 1)[1]
    checkpoint.save(tmp_path / "run", name, model, model.state_dict(), {"steps": 0})
    loaded = checkpoint.load(tmp_path / "run")
    assert loaded.name == name
    assert loaded.space == DOOM
    assert loaded.model.config == model.config
    frames = clip(model).frames
    assert all(torch.equal(a, b) for a, b in zip(rows(model, frames), rows(loaded.model, frames), strict=True))


def test_row_t_is_judged_by_frames_within_reach_of_its_interval(model) -> None:
    if not isinstance(model, Labeler):
        pytest.skip("not a labeler")
    frames = clip(model, batch=1).frames.repeat(1, 3, 1, 1, 1)  # 3 T frames
    for touched in (0, 20, 3 * T - 1):
        changed = frames.clone()
        changed[:, touched] = 255 - changed[:, touched]
        for before, after in zip(rows(model, frames), rows(model, changed), strict=True):
            moved = (before != after).any(-1)[0].nonzero().flatten()
            assert len(moved), "the frame does not matter at all"
            assert moved.min() >= touched - 1 - model.reach
            assert moved.max() <= touched + model.reach


def test_what_is_masked_does_not_matter(model) -> None:
    batch = clip(model)
    until = (
        None if isinstance(model, Player | Simulator) else 6
    )  # to these, a masked action is still what was done before the next
    batch.mask[:, 5:until] = False
    buttons, axes = batch.actions.buttons.clone(), batch.actions.axes.clone()
    axes[:, 5:until], axes[:, -1], buttons[:, -1] = 999, 999, True  # button 5 is what interval 6 changes from
    other = Clip(batch.frames, Actions(buttons, axes), batch.mask, batch.confidence)
    assert torch.equal(model.losses(batch)["loss"], model.losses(other)["loss"])


def test_what_is_not_masked_does_matter(model) -> None:
    """To all but a tokenizer, which knows no actions."""
    if isinstance(model, Simulator):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 0.05 * torch.randn_like(parameter)  # a layer that begins with zeros listens to nothing yet
    batch = clip(model)
    buttons = batch.actions.buttons.clone()
    buttons[:, 5] = ~buttons[:, 5]
    other = Clip(batch.frames, Actions(buttons, batch.actions.axes), batch.mask, batch.confidence)
    same = torch.equal(model.losses(batch)["loss"], model.losses(other)["loss"])
    assert same == isinstance(model, Tokenizer)


def test_a_batch_without_anything_to_learn_has_no_loss(model) -> None:
    """But a tokenizer learns from all pictures: a mask is of actions."""
    batch = clip(model)
    batch.mask[:] = False
    if isinstance(model, Tokenizer):
        loss = model.losses(batch)["loss"]
        assert loss > 0
        assert torch.equal(loss, model.losses(clip(model))["loss"])
        return
    model.train()
    loss = model.losses(batch)["loss"]
    loss.backward()
    assert loss == 0
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in model.parameters())


def test_batch_size_does_not_matter(model) -> None:
    frames = clip(model, batch=3).frames
    together = rows(model, frames)
    for i in range(3):
        for whole, alone in zip(together, rows(model, frames[i : i + 1]), strict=True):
            torch.testing.assert_close(whole[i : i + 1], alone, atol=1e-3, rtol=1e-4)
