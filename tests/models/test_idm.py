"""What is particular to the inverse dynamics models; what all models promise is in contracts/test_models.py."""

from dataclasses import replace

import pytest
import torch

from playtape import models
from playtape.actions import Actions, ActionSpace, Axis
from playtape.actions.games import DOOM
from playtape.clips import Clip
from playtape.errors import BadInput
from playtape.models import beliefs, idm


def test_the_pair_model_knows_two_frames() -> None:
    assert models.recipe("idm-pair")[1].model.depth == 0
    torch.manual_seed(0)
    model = idm.build(replace(idm.tiny(), depth=0), DOOM).eval()
    assert model.reach == 0
    frames = torch.randint(0, 255, (1, 9, 3, 40, 80), dtype=torch.uint8)
    whole, alone = (model.judge(model.look(seen)) for seen in (frames, frames[:, 4:6]))
    torch.testing.assert_close(whole.held[:, 4], alone.held[:, 0], atol=1e-5, rtol=1e-5)


def test_changes_are_told_from_the_interval_before() -> None:
    held = torch.tensor([0, 1, 1, 0, 1.0])[None, :, None]
    assert beliefs.changes(held)[0, :, 0].tolist() == [[0, 0], [1, 0], [0, 0], [0, 1], [1, 0]]


@pytest.mark.parametrize("depth", [0, 2])
@pytest.mark.parametrize(
    "space",
    [ActionSpace(("pad.south",), ()), ActionSpace((), (Axis("pad.left_x", "state"),))],
    ids=["buttons", "sticks"],
)
def test_a_game_of_buttons_alone_or_of_sticks_alone(space: ActionSpace, depth: int) -> None:
    torch.manual_seed(0)
    model = idm.build(replace(idm.tiny(), depth=depth), space)
    frames = torch.randint(0, 255, (1, 6, 3, 40, 80), dtype=torch.uint8)
    said = model.judge(model.look(frames))
    assert said.held.shape == (1, 5, len(space.buttons))
    assert said.mean.shape == said.std.shape == (1, 5, len(space.axes))
    beliefs.losses(model(frames), clip_of(frames, space), model.centres, model.scale)["loss"].backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def clip_of(frames: torch.Tensor, space: ActionSpace) -> Clip:
    """Nothing is done in it."""
    lead = frames.shape[:2]
    actions = Actions(torch.zeros(*lead, len(space.buttons), dtype=torch.bool), torch.zeros(*lead, len(space.axes)))
    return Clip(frames, actions, torch.ones(lead, dtype=torch.bool), torch.ones(lead))


def test_the_shipped_size_is_what_the_documents_say() -> None:
    model = idm.build(models.recipe("idm")[1].model, DOOM)
    parameters = sum(p.numel() for p in model.parameters())
    assert 2_000_000 < parameters < 2_600_000
    assert 16 <= 2 * model.reach + 2 <= 64  # a window of centred frames


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(BadInput, match="did you mean idm-pair"):
        models.recipe("idm-pairs")
