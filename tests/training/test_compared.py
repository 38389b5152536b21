"""A run whose loss compares frames by a frozen network: where that comes from, and that it stays out of the checkpoint."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from playtape.errors import BadInput
from playtape.nets.lpips import Lpips
from playtape.recordings.convert import convert
from playtape.recordings.formats import episodes_npz
from playtape.training import features
from playtape.training.run import train

SMALL = (
    *(
        "--batch",
        "1",
        "--workers",
        "0",
        "--steps",
        "2",
        "--data.window",
        "4",
        "--model.side",
        "32",
        "--model.blocks",
        "1",
    ),
    *("--model.targets", "1", "--model.codes", "16", "--model.dynamics-codes", "16"),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    convert(episodes_npz.example(root / "source"), root / "robot", "episodes_npz", progress=False)
    return root / "robot"


def test_weights_that_are_not_there_are_missed_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    argv = ["nowhere", "--out", str(tmp_path / "run")]
    with pytest.raises(BadInput, match="a loss by LPIPS needs its weights, .*give --lpips-weights torchvision's VGG16"):
        train(["tokenizer-64", *argv], progress=False)
    with pytest.raises(BadInput, match="there is no file missing.pth; --lpips-weights takes"):
        train(["tokenizer-64", *argv, "--lpips-weights", "missing.pth"], progress=False)
    with pytest.raises(
        BadInput, match=r"--lpips-weights is for a model with --model.perceptual lpips, and this one has none"
    ):
        train(["idm-tiny", *argv, "--lpips-weights", "missing.pth"], progress=False)
    monkeypatch.setattr(features, "PACKAGE", "no_such_package")
    with pytest.raises(BadInput, match=r"needs? the package no-such-package, which is not installed; pip install"):
        train(["tokenizer-tiny", *argv, "--model.perceptual", "lite0"], progress=False)
    assert not (tmp_path / "run").exists()


def test_a_run_compares_by_lpips_of_files_and_leaves_them_out(data: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = {name: weight.clone() for name, weight in named(Lpips()).items()}
    save_file(theirs, tmp_path / "weights.safetensors")
    argv = ["tokenizer-tiny", str(data), "--out", str(tmp_path / "run"), *SMALL]
    train(
        [*argv, "--model.perceptual", "lpips", "--lpips-weights", str(tmp_path / "weights.safetensors")], progress=False
    )
    kept = load_file(tmp_path / "run" / "model.safetensors")
    plain = [*argv[:3], str(tmp_path / "plain"), *SMALL]
    train(plain, progress=False)
    without = load_file(tmp_path / "plain" / "model.safetensors")
    assert kept.keys() == without.keys()
    assert any(not torch.equal(kept[name], without[name]) for name in kept)
    assert '"later_features"' in (tmp_path / "run" / "log.jsonl").read_text()
    # a run goes on as it began: its words have the files
    train(["--resume", str(tmp_path / "run"), "--steps", "3"], progress=False)


def named(model: Lpips) -> dict[str, torch.Tensor]:
    """Weights by the names that the package has them under."""
    from playtape.nets.lpips import _theirs

    return {_theirs(name)[0]: weight for name, weight in model.state_dict().items()}


def test_a_log_tells_means_over_the_steps_that_had_a_value(data: Path, tmp_path: Path) -> None:
    """The adversary begins at the last of three steps, and its hinge is about 1 as long as it knows nothing."""
    argv = ["tokenizer-tiny", str(data), "--out", str(tmp_path / "run"), *SMALL, "--steps", "3"]
    train([*argv, "--model.adversary-from", "2"], progress=False)
    assert 0.8 < json.loads((tmp_path / "run" / "log.jsonl").read_text())["adversary_mistaken"] < 1.2
    assert int(load_file(tmp_path / "run" / "model.safetensors")["adversary.steps"]) == 3


def test_a_resumed_run_knows_how_often_codes_were_used(data: Path, tmp_path: Path) -> None:
    argv = ["tokenizer-tiny", str(data), *SMALL, "--optimiser.warmup", "1"]
    argv += ["--optimiser.lr", "5e-4", "--optimiser.final-lr", "5e-4"]  # the same at each step, however many there are
    train([*argv, "--out", str(tmp_path / "straight"), "--steps", "4"], progress=False)
    train([*argv, "--out", str(tmp_path / "stopped"), "--steps", "2"], progress=False)
    train(["--resume", str(tmp_path / "stopped"), "--steps", "4"], progress=False)
    one, two = (load_file(tmp_path / run / "state.safetensors") for run in ("straight", "stopped"))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert one["buffer.quantize.used"].sum() > 0
