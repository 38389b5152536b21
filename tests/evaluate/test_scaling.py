"""`evaluate scaling`: the losses are those of the held-out recordings, the law goes through them, and what is missing is told."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from playtape.cli.running import main
from playtape.errors import BadInput
from playtape.evaluate import scaling
from playtape.evaluate.policy import evaluate_policy
from playtape.evaluate.power_law import PowerLaw
from playtape.evaluate.scaling import evaluate_scaling, scaling_table
from playtape.play import play
from playtape.training.losses import Losses, losses
from playtape.training.sweep import MANIFEST, sweep

SMALL = ("--batch", "1", "--workers", "0", "--data.window", "8", "--model.window", "4", "--model.height", "32")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sizes on four shares of eight short recordings, hardly trained."""
    folder = tmp_path_factory.mktemp("sweep")
    play("scripted", "simple_fps", episodes=9, record=folder / "data", max_steps=24, progress=False)
    asked = ["p2p-tiny", str(folder / "data"), "--out", str(folder / "runs"), "--steps", "2", *SMALL]
    sweep([*asked, "--sizes", "XS,S", "--fractions", "0.125,0.25,0.5,1"], progress=False)
    return folder / "runs"


@pytest.fixture(scope="module")
def result(runs: Path) -> dict:
    return evaluate_scaling(runs, progress=False)


def test_the_losses_are_those_of_evaluate_policy(runs: Path, result: dict) -> None:
    held_out = Path(json.loads((runs / MANIFEST).read_text())["held_out"][0])
    point = next(one for one in result["sizes"]["S"]["points"] if one["fraction"] == 0.5)
    kept = runs / "S-0.5" / "kept" / f"{point['step']:09}"
    own = evaluate_policy(kept, held_out, progress=False)["perplexity"]["key"]
    assert point["loss"]["value"] == pytest.approx(own, rel=1e-6)
    assert point["frames"] == 4 * 25


def test_a_second_look_measures_nothing(runs: Path, result: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "losses", lambda *_: pytest.fail("measured again"))
    assert evaluate_scaling(runs, progress=False) == result


@pytest.mark.usefixtures("result")  # so that all runs were judged before
def test_other_weights_or_recordings_are_measured(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(runs, tmp_path / "runs")
    shutil.copy(runs / "S-1" / "model.safetensors", tmp_path / "runs" / "S-0.5")
    measured = []
    monkeypatch.setattr(scaling, "losses", lambda *words: measured.append(words) or losses(*words))
    evaluate_scaling(tmp_path / "runs", progress=False)
    assert len(measured) == 1
    other = runs.parent / "data" / "simple_fps_scripted_seed3.mcap"
    evaluate_scaling(tmp_path / "runs", other, progress=False)
    assert len(measured) == 1 + 8 * 2  # of each run two checkpoints


def test_a_law_is_found_in_losses_that_follow_one(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the losses of two recordings, one easier than the other, put in the place of the runs' own."""
    law = PowerLaw(1.1, 20.0, 0.5)

    def follows(run: Path, paths: list[Path]) -> dict[int, Losses]:
        frames = json.loads((run / "train.json").read_text())["frames"]
        nats = np.log(law.loss(frames))
        worse = {"key": np.array([2.0, 2.0])}
        return {1: Losses(worse, np.ones(2)), 2: Losses({"key": np.array([nats - 0.01, nats + 0.01])}, np.ones(2))}

    monkeypatch.setattr(scaling, "_judged", follows)
    for name in ("easier.mcap", "harder.mcap"):
        (tmp_path / name).touch()
    found = evaluate_scaling(runs, tmp_path, reach=(1.2, 1.05), progress=False)["sizes"]["S"]
    assert [point["step"] for point in found["points"]] == [2] * 4
    assert found["law"]["alpha"]["value"] == pytest.approx(0.5, rel=1e-3)
    assert found["law"]["floor"]["low"] < 1.1 < found["law"]["floor"]["high"]
    assert found["law"]["r2"] == pytest.approx(1)
    assert found["reach"]["1.2"]["value"] == pytest.approx(2000, rel=0.01)
    assert found["reach"]["1.05"]["value"] is None
    assert found["reach"]["1.05"]["high"] is None


def test_what_is_not_done_is_told_and_the_rest_judged(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs, tmp_path / "runs")
    shutil.rmtree(tmp_path / "runs" / "S-0.125")
    (tmp_path / "runs" / "XS-1" / "train.json").unlink()
    (tmp_path / "runs" / "XS-0.5" / "judged.json").write_text("{")
    found = evaluate_scaling(tmp_path / "runs", progress=False)
    assert found["missing"] == ["XS-1", "S-0.125"]
    assert len(found["sizes"]["S"]["points"]) == 3
    assert found["sizes"]["S"]["law"] is None
    assert "not done: XS-1" in scaling_table(found)
    assert "no law: it takes 4 different numbers of frames" in scaling_table(found)


def test_a_run_that_saw_fewer_keys_is_told(runs: Path, result: dict) -> None:
    count = {path.parent.name: len(json.loads(path.read_text())["buttons"]) for path in runs.glob("*/actions.json")}
    fewer = sorted(name for name, buttons in count.items() if buttons < max(count.values()))
    assert fewer, "24 steps of one recording press fewer keys than those of eight"
    assert sorted(text.split()[0] for text in result["warnings"]) == fewer


def test_the_picture_and_the_table(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["evaluate", "scaling", str(runs), "--picture", str(tmp_path / "law.png"), "--reach", "1.5"]) == 0
    said = capsys.readouterr().out
    assert said.count("L(D) = ") == 2
    assert "1.5 needs" in said
    assert (tmp_path / "law.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"kind": "keys"}, "--kind is 'keys'; legal are key, mouse_dx"),
        ({"kind": "loss"}, "--kind is 'loss'; legal are key"),
        ({"seed": -1}, "the seed is -1"),
        ({"picture": Path("law.txt")}, "a picture must end in"),
        ({"reach": (1.5, float("nan"))}, "--reach is nan; a perplexity is a finite number above 1"),
        ({"reach": (0.5,)}, "--reach is 0.5"),
        ({"data": Path("nowhere")}, "there is no recording"),
    ],
)
def test_what_cannot_be_judged(runs: Path, more: dict, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        evaluate_scaling(runs, progress=False, **more)


def test_nothing_done(runs: Path, tmp_path: Path) -> None:
    shutil.copy(runs / MANIFEST, tmp_path)
    with pytest.raises(BadInput, match="no run of .* is done"):
        evaluate_scaling(tmp_path, progress=False)
    with pytest.raises(BadInput, match="is no sweep"):
        evaluate_scaling(runs / "S-1", progress=False)
