"""The loop by itself: what a batch without any label does, and what the log says of it."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from playtape.actions import Actions
from playtape.actions.games import DOOM
from playtape.clips import Clip
from playtape.errors import BadInput
from playtape.models import idm
from playtape.models import pixels2play as p2p
from playtape.models.recipe import Optimiser
from playtape.training.loop import run_loop
from playtape.training.state import load_state, save_state

STEPS = 20


def clip(step: int, *, labelled: bool) -> Clip:
    g = torch.Generator().manual_seed(step)
    frames = torch.randint(0, 256, (1, 3, 3, 32, 32), dtype=torch.uint8, generator=g)
    actions = Actions(torch.rand(1, 3, len(DOOM.buttons), generator=g) < 0.2, torch.zeros(1, 3, 1))
    return Clip(frames, actions, torch.full((1, 3), labelled), torch.ones(1, 3))


def trained(run: Path, first_without: int, **config: object) -> tuple[p2p.Pixels2Play, dict[str, float]]:
    """After STEPS steps, those from `first_without` on without a label; and the line of the log."""
    torch.manual_seed(0)
    model = p2p.build(replace(p2p.tiny(), **config), DOOM)

    def batches(first: int) -> Iterator[Clip]:
        return (clip(step, labelled=step < first_without) for step in range(first, STEPS))

    settings = Optimiser(weight_decay=1.0)
    run_loop(run, model, batches, STEPS, settings, seed=0, save_every=STEPS, resume=False, progress=False)
    return model, json.loads((run / "log.jsonl").read_text())


@pytest.mark.parametrize("first_without", [0, 12, STEPS])
def test_a_batch_without_a_label_is_skipped_and_counted(tmp_path: Path, first_without: int) -> None:
    model, row = trained(tmp_path, first_without)
    assert row["without_label"] == STEPS - first_without
    assert all(math.isfinite(value) for value in row.values())
    assert all(torch.isfinite(p).all() for p in model.parameters())
    if not first_without:  # nothing moved, not even by weight decay
        torch.manual_seed(0)
        begun = p2p.build(p2p.tiny(), DOOM).state_dict()
        assert all(torch.equal(value, begun[name]) for name, value in model.state_dict().items())


def test_as_published_a_batch_without_a_label_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=f"loss is nan.* at step {STEPS}, and must be finite"):
        trained(tmp_path, STEPS - 1, nan_without_label=True)


@pytest.mark.parametrize("first_without", [0, STEPS])
def test_what_was_saved_is_taken_up_again_whatever_was_learned(tmp_path: Path, first_without: int) -> None:
    """Without a label there are no moments, and without a text none of the text's weights: their zeros are saved all the same."""
    model, _ = trained(tmp_path, first_without, text_width=6)
    fresh = p2p.build(model.config, DOOM)
    optimiser = torch.optim.AdamW(fresh.parameters())
    done, ema = load_state(tmp_path, fresh, optimiser)
    assert done == STEPS
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in fresh.state_dict().items())
    assert ema.keys() == model.state_dict().keys()
    steps = {name: int(optimiser.state[p]["step"]) for name, p in fresh.named_parameters()}
    assert set(steps.values()) == ({0, STEPS} if first_without else {0})
    assert steps["text.weight"] == 0
    assert all(not optimiser.state[p]["exp_avg"].any() for name, p in fresh.named_parameters() if not steps[name])


def test_a_single_number_that_nothing_was_learned_of_is_saved(tmp_path: Path) -> None:
    """An inverse dynamics model has such a one, how far the camera turns; its two moments may not be one tensor."""
    model = idm.build(idm.tiny(), DOOM)
    assert any(parameter.ndim == 0 for parameter in model.parameters())
    optimiser = torch.optim.AdamW(model.parameters())
    ema = {name: value.clone() for name, value in model.state_dict().items()}
    save_state(tmp_path, 3, model, ema, optimiser)
    assert load_state(tmp_path, model, optimiser)[0] == 3
