"""The moments that a world can be entered at: of what it was trained on, as recorded, and in its checkpoint."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from playtape.actions import ActionSpace, Axis
from playtape.clips import store
from playtape.errors import BadInput
from playtape.imagine.env import open_world
from playtape.models import world_model as world
from playtape.recordings import Info, RecordingWriter, open_recording
from playtape.training.run import train
from playtape.training.starts import FILE
from tests.untrained import save_untrained_world

SMALL = ["--steps", "2", "--batch", "1", "--data.window", "6", "--workers", "0", "--data.held-out", "other"]
CODER = ["--model.side", "16", "--model.channels", "16", "16", "--model.attend-from", "8"]
BODY = ["--model.width", "24", "--model.layers", "1", "--model.hidden", "16", "--model.frames", "6"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings, no picture of which is like another."""
    folder = tmp_path_factory.mktemp("data")
    for number, name in enumerate(("learned", "other")):
        rng = np.random.default_rng(number)
        with RecordingWriter(folder / f"{name}.mcap", fps=20, info=Info(game="noise")) as writer:
            for t in range(24):
                time_ns = writer.frame(rng.integers(0, 256, (16, 16, 3), np.uint8))
                writer.event(time_ns + 10_000_000, "key.w", float(t % 2 == 0))
    return folder


@pytest.fixture(scope="module")
def coder(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("coder") / "run"
    train(["tokenizer-tiny", str(data), "--out", str(out), *SMALL, *CODER], progress=False)
    return out


def trained(data: Path, coder: Path, out: Path, *more: str) -> torch.Tensor:
    words = ["world-tiny", str(data), "--tokenizer", str(coder), "--out", str(out), *SMALL, *BODY, "--model.heads", "2"]
    train([*words, *more], progress=False)
    return load_file(out / FILE)["frames"]


def test_a_trained_world_begins_from_what_it_learned(data: Path, coder: Path, tmp_path: Path) -> None:
    starts = trained(data, coder, tmp_path / "run", "--keep-every", "1")
    assert not (coder / FILE).exists()
    assert (starts.dtype, tuple(starts.shape)) == (torch.uint8, (16, 2, 3, 16, 16))
    loaded = open_world(tmp_path / "run")
    known = {}
    for name in ("learned", "other"):
        one = store(open_recording(data / f"{name}.mcap"), loaded.space, (16, 16), loaded.fps)
        known[name] = {np.stack([one.frames[t], one.frames[t + 1]]).tobytes() for t in range(len(one) - 1)}
    drawn = {each.numpy().tobytes() for each in starts}
    assert len(drawn) > 4
    assert drawn <= known["learned"]
    assert not drawn & known["other"]  # which was held out
    for step in ("000000001", "000000002"):
        assert torch.equal(load_file(tmp_path / "run" / "kept" / step / FILE)["frames"], starts)
    assert torch.equal(trained(data, coder, tmp_path / "again"), starts)
    assert not torch.equal(trained(data, coder, tmp_path / "other", "--seed", "1"), starts)


def test_recordings_can_be_given_instead(data: Path, tmp_path: Path) -> None:
    run = save_untrained_world(tmp_path / "world", starts=0, frames=6)
    found = [open_world(run, starts=data, seed=seed).starts.frames for seed in (0, 0, 1)]
    assert found[0].shape == (16, 2, 3, 16, 16)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    goal = open_world(save_untrained_world(tmp_path / "goal", starts=0, frames=6, goal=True), starts=data)
    one = [store(open_recording(path), goal.space, (16, 16), 20).frames for path in sorted(data.glob("*.mcap"))]
    ends = {np.stack([each[t + 4], each[t]]).tobytes() for each in one for t in range(len(each) - 4)}
    assert {each.numpy().tobytes() for each in goal.starts.frames} <= ends  # the last of a clip of 5, and its first
    shutil.copytree(data, tmp_path / "data")
    with pytest.raises(BadInput, match="no recording is as long as one window of 400 frames"):
        open_world(save_untrained_world(tmp_path / "long", starts=0, frames=400), starts=tmp_path / "data")


def test_a_goal_comes_first() -> None:
    config = world.Config(tokenizer=world.tiny().tokenizer, width=24, layers=1, heads=2, hidden=16, frames=6, goal=True)
    model = world.build(config, ActionSpace((), (Axis("arm.0", "state"),)))
    clip = torch.arange(6, dtype=torch.uint8)[None, :, None, None, None].expand(1, 6, 3, 16, 16)
    assert model.beginning(clip)[0, :, 0, 0, 0].tolist() == [5, 0]
