"""A loss or gradient that is not finite: the run ends, says of what, and keeps what it had."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from playtape.actions import Actions
from playtape.clips import Clip
from playtape.errors import BadInput
from playtape.models.recipe import Optimiser
from playtape.recordings import Span, open_recording, save_recording
from playtape.recordings.convert import convert
from playtape.recordings.formats import doom_demo
from playtape.training.loop import run_loop
from playtape.training.run import train
from playtape.training.state import load_state

STEPS = 6


def clip(step: int, *, light: bool) -> Clip:
    frames = torch.randint(1, 256, (1, 2, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(step))
    actions = Actions(torch.zeros(1, 2, 1, dtype=torch.bool), torch.zeros(1, 2, 0))
    return Clip(frames * light, actions, torch.ones(1, 2, dtype=torch.bool), torch.ones(1, 2))


class Dim(nn.Module):
    """Its loss is of the brightness of pictures, of which black ones have no logarithm; or it rises without an end there."""

    def __init__(self, *, steep: bool):
        super().__init__()
        self.gain, self.steep = nn.Parameter(torch.zeros(2)), steep

    def losses(self, clip: Clip) -> dict[str, Tensor]:
        light = clip.frames.float().mean() / 255
        apart = (self.gain - light).square().sum()
        return {"light": light, "loss": (apart + light).sqrt() - light.sqrt() if self.steep else apart - light.log()}


@pytest.mark.parametrize("steep", [False, True])
def test_what_is_not_finite_ends_the_run_and_leaves_what_was_learned(tmp_path: Path, steep: bool) -> None:
    """A loss that is infinite, and one that is 0 at a point where its gradient is not: both before anything is learned of it."""

    def batches(first: int) -> Iterator[Clip]:
        return (clip(step, light=step != 3) for step in range(first, STEPS))

    torch.manual_seed(0)
    model = Dim(steep=steep)
    settings = Optimiser(lr=0.0 if steep else 2e-3, final_lr=0.0)  # so that the gains stay where the gradient is none
    told: list[int] = []

    def where(step: int) -> list[str]:
        told.append(step)
        return ["one frames [3, 6) from 0.15 s"]

    said = "gradient_norm is nan" if steep else "loss is inf"
    with pytest.raises(
        BadInput, match=rf"^{said}.* at step 4, and must be finite; .*: one frames \[3, 6\) from 0.15 s$"
    ):
        run_loop(
            tmp_path, model, batches, STEPS, settings, seed=0, save_every=1, resume=False, progress=False, where=where
        )
    assert told == [3]
    assert model.gain.isfinite().all()
    saved = Dim(steep=steep)
    assert load_state(tmp_path, saved, torch.optim.AdamW(saved.parameters()))[0] == 3
    assert torch.equal(saved.gain, model.gain)


def test_a_loss_that_is_not_finite_names_the_recording_it_came_from(tmp_path: Path) -> None:
    """As published, a batch without a label is 0 / 0; here a batch is one clip, and one of two recordings has no label."""
    data, folder, out = (tmp_path / name for name in ("data", "mixed", "run"))
    convert(doom_demo.example(tmp_path / "source"), data, "doom_demo", progress=False)
    folder.mkdir()
    people, policy = (open_recording(path) for path in sorted(data.glob("*.mcap"))[:2])
    save_recording(people, folder / "people.mcap")
    spans = (Span(0, policy.video.end_ns, "control", "policy runs/x"),)
    save_recording(replace(policy, spans=spans), folder / "policy.mcap")
    argv = ["p2p-tiny", str(folder), "--out", str(out), "--batch", "1", "--workers", "0", "--steps", "50"]
    small = ["--model.height", "32", "--model.width-px", "32", "--data.window", "4", "--save-every", "1"]
    with pytest.raises(BadInput, match=r"loss is nan") as stopped:
        train([*argv, *small, "--model.nan-without-label"], progress=False)
    found = re.search(r"at step (\d+), and must be finite; .*: policy frames \[(\d+), (\d+)\) from", str(stopped.value))
    assert found is not None, stopped.value
    step, start, stop = map(int, found.groups())
    assert stop - start == 4
    assert not (out / "model.safetensors").exists()
    if step > 1:
        assert int(load_file(out / "state.safetensors")["step"]) == step - 1
