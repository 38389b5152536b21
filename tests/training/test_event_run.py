"""An event model is trained to a checkpoint that labels, fine-tuned by additions of low rank, stopped and resumed; and a mouse
scale, measured by a recording of the same hands."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from playtape import cli
from playtape.actions import Actions, ActionSpace, Axis
from playtape.errors import BadInput
from playtape.label import label
from playtape.label.scale import measured, scaled
from playtape.models import event_idm, idm
from playtape.models.protocols import Labels
from playtape.models.recipe import Data, Recipe
from playtape.recordings import open_recording
from playtape.recordings.convert import convert
from playtape.recordings.formats import doom_demo
from playtape.training import checkpoint
from playtape.training.run import train

MODEL = replace(event_idm.tiny(), most=1)  # a model that has learned nothing says all it may


@pytest.fixture(autouse=True)
def recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    small = Recipe(MODEL, steps=4, batch=2, data=Data(fps=20, window=8))
    monkeypatch.setitem(event_idm.RECIPES, "event-test", small)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of two players."""
    root = tmp_path_factory.mktemp("data")
    convert(doom_demo.example(root / "source"), root / "doom", "doom_demo", progress=False)
    return root / "doom"


def words(data: Path, out: Path, *more: str) -> list[str]:
    return ["event-test", str(data), "--out", str(out), "--workers", "0", *more]


def test_a_run_leaves_what_labels_and_what_an_addition_begins_from(data: Path, tmp_path: Path) -> None:
    whole, tuned = tmp_path / "whole", tmp_path / "tuned"
    train(words(data, whole), progress=False)
    train(words(data, tuned, "--init", str(whole), "--model.lora-rank", "2"), progress=False)
    train(["--resume", str(tuned), "--steps", "5"], progress=False)
    before, after = (load_file(folder / "model.safetensors") for folder in (whole, tuned))
    assert all(torch.equal(after[name], value) for name, value in before.items())  # nothing else has learned
    added = {name for name in after if name not in before}
    assert added
    assert all(after[name].any() for name in added if name.endswith("lora_b"))
    with pytest.raises(BadInput, match="cannot begin from"):
        train(words(data, tmp_path / "x", "--init", str(tuned), "--model.lora-rank", "4"), progress=False)

    for folder in (whole, tuned):
        video = next(data.rglob("*.mp4"))
        told = label(video, tmp_path / f"labels-{folder.name}", model=folder, progress=False)
        recording = open_recording(told["outputs"][0])
        assert recording.warnings == ()
        assert recording.provenance["model"] == "event_idm"
        assert recording.confidence is not None
        assert recording.confidence.value[:-2].any()
        assert not (recording.confidence.value < 0).any()


def test_a_mouse_scale_is_a_number_or_is_measured(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = next(data.rglob("*.mcap"))
    video = open_recording(truth).video.path
    torch.manual_seed(0)
    net = idm.build(idm.tiny(), ActionSpace(("key.w",), (Axis("mouse.dx", scale=100.0),)))
    model = checkpoint.save(tmp_path / "model", "idm", net, net.state_dict(), {})
    found = label(video, tmp_path / "out", model=model, mouse_scale=truth, progress=False)
    factor = found["mouse_scale"]
    assert factor > 0
    assert factor != 1
    assert open_recording(found["outputs"][0]).provenance["mouse_scale"] == f"{factor:g}"
    argv = ["label", str(video), "--model", str(model), "--out", str(tmp_path / "cli"), "--mouse-scale"]
    assert cli.main([*argv, str(truth)]) == 0
    assert f"mouse motion times {factor:g}" in capsys.readouterr().out
    for wrong in ("0", "nothing.mcap", "nan"):
        assert cli.main([*argv, wrong]) == 2
        assert "--mouse-scale is" in capsys.readouterr().err


def test_what_is_measured_is_what_was_moved_over_what_was_said() -> None:
    space = ActionSpace((), (Axis("mouse.wheel"), Axis("mouse.dx"), Axis("mouse.dy")))
    axes = np.array([[9, 10, 0], [9, -30, 8], [9, 0, 0]], np.float32)
    said = torch.from_numpy(axes / 4)
    none = torch.zeros(3, 0)
    labels = Labels(none, none, none, said, said.abs())
    factor = measured(Actions(np.zeros((3, 0), bool), axes), labels, space)
    assert factor == 4
    after = scaled(labels, space, factor)
    np.testing.assert_allclose(after.mean[:, 1:], axes[:, 1:])
    np.testing.assert_allclose(after.std[:, 1:], abs(axes[:, 1:]))
    np.testing.assert_allclose(after.mean[:, 0], axes[:, 0] / 4)  # a wheel has no sensitivity
    with pytest.raises(BadInput, match="the model says 0"):
        measured(Actions(np.zeros((3, 0), bool), axes), replace(labels, mean=said * 0), space)
