"""`evaluate scaling`: the losses are those of the held-out recordings, the law goes through them, and what is missing is told."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from playtape.cli.running import main
from playtape.errors import BadInput
from playtape.evaluate import judged, scaling
from playtape.evaluate.judged import Judged
from playtape.evaluate.policy import evaluate_policy
from playtape.evaluate.power_law import PowerLaw
from playtape.evaluate.scaling import evaluate_scaling, scaling_table
from playtape.play import play
from playtape.recordings import Recording
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
    monkeypatch.setattr(judged, "losses", lambda *_: pytest.fail("measured again"))
    assert evaluate_scaling(runs, progress=False) == result


@pytest.mark.usefixtures("result")  # so that all runs were judged before
def test_other_weights_or_recordings_are_measured(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(runs, tmp_path / "runs")
    shutil.copy(runs / "S-1" / "model.safetensors", tmp_path / "runs" / "S-0.5")
    measured = []
    monkeypatch.setattr(judged, "losses", lambda *words: measured.append(words) or losses(*words))
    evaluate_scaling(tmp_path / "runs", progress=False)
    assert len(measured) == 1
    other = runs.parent / "data" / "simple_fps_scripted_seed3.mcap"
    found = evaluate_scaling(tmp_path / "runs", other, progress=False)
    assert len(measured) == 1 + 8 * 2  # of each run two checkpoints
    knowing = {path.parent.name for path in runs.glob("*/train.json") if other.stem in path.read_text()}
    assert {"S-1", "XS-1"} <= knowing
    told = [text for text in found["warnings"] if "was trained on 1 of these 1 recordings" in text]
    assert sorted(text.split(":")[0] for text in told) == sorted(knowing)


@pytest.fixture(scope="module")
def alike(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same runs, as if all had seen the same keys."""
    folder = tmp_path_factory.mktemp("alike") / "runs"
    shutil.copytree(runs, folder)
    for file in folder.glob("*/actions.json"):
        shutil.copy(runs / file.parent.name.replace(file.parent.name.split("-")[1], "1") / file.name, file)
    return folder


@pytest.fixture
def two(runs: Path, tmp_path: Path) -> Path:
    """A folder of two recordings."""
    for number in (3, 4):
        for file in (runs.parent / "data").glob(f"simple_fps_scripted_seed{number}.*"):
            shutil.copy(file, tmp_path)
    return tmp_path


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[float], float], float], None]:
    """Puts losses of a first recording and of a second, a little harder one in the place of the runs' own."""

    def put(first: Callable[[float], float], apart: float) -> None:
        def judge(run: Path, recordings: list[Recording], kind: str) -> Judged:
            frames = json.loads((run / "train.json").read_text())["frames"]
            nats = np.log(first(frames))
            worse = Losses({kind: np.array([2.0, 2.0])}, np.ones(2))
            return Judged({1: worse, 2: Losses({kind: np.array([nats, nats + apart])}, np.ones(2))}, [])

        monkeypatch.setattr(scaling, "judge", judge)

    return put


def test_a_law_is_found_in_losses_that_follow_one(alike: Path, two: Path, given: Callable) -> None:
    law = PowerLaw(1.1, 20.0, 0.5)
    given(lambda frames: float(law.loss(frames) * np.exp(-0.01)), 0.02)
    result = evaluate_scaling(alike, two, reach=(1.2, 1.05), progress=False)
    found = result["sizes"]["S"]
    assert [point["step"] for point in found["points"]] == [2] * 4
    assert found["law"]["alpha"]["value"] == pytest.approx(0.5, rel=1e-3)
    assert found["law"]["floor"]["low"] < 1.1 < found["law"]["floor"]["high"]
    assert found["law"]["r2"] == pytest.approx(1)
    assert (found["law"]["draws"], found["law"]["constant_draws"], found["reason"]) == (500, 0, None)
    assert found["reach"]["1.2"]["value"] == pytest.approx(2000, rel=0.01)
    assert found["reach"]["1.05"]["value"] is None
    assert found["reach"]["1.05"]["high"] is None
    assert "+ (20 (" in scaling_table(result)
    assert "draws" not in scaling_table(result)


@pytest.mark.parametrize("loss", [lambda frames: 1.5, lambda frames: 1.5 + frames / 1e4])
def test_a_loss_that_does_not_fall_has_no_law(alike: Path, two: Path, given: Callable, loss: Callable) -> None:
    given(loss, 0.02)
    picture = two / "law.svg"
    result = evaluate_scaling(alike, two, reach=(1.2,), picture=picture, progress=False)
    found = result["sizes"]["S"]
    assert found["law"] is None
    assert found["reason"] == "the loss does not fall with data"
    assert "reach" not in found
    said = "  no law: the loss does not fall with data; nothing can be said of --reach 1.2\n"
    assert scaling_table(result).count(said) == 2
    assert picture.read_text().count("parameters: no law -->") == 2


def test_draws_in_which_the_loss_does_not_fall_are_told(
    alike: Path, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss falls on the first recording, and rises as much less on the second: alone in a quarter of the draws."""

    def judge(run: Path, recordings: list[Recording], kind: str) -> Judged:
        frames = json.loads((run / "train.json").read_text())["frames"]
        falling, rising = np.log(PowerLaw(1.1, 20.0, 0.5).loss(frames)), np.log(1.3 + frames / 1e5)
        return Judged({1: Losses({kind: np.array([falling, rising])}, np.ones(2))}, [])

    monkeypatch.setattr(scaling, "judge", judge)
    result = evaluate_scaling(alike, two, reach=(1.25,), progress=False)
    law, reach = result["sizes"]["S"]["law"], result["sizes"]["S"]["reach"]["1.25"]
    assert 90 < law["constant_draws"] < 160
    assert law["scale"]["low"] > 0
    assert reach["high"] is None  # in those draws no amount does
    text = scaling_table(result)
    assert f"in {law['constant_draws']} of 500 draws the loss does not fall with data; the law's intervals" in text
    assert "1.25 needs" in text
    assert "to never)" in text


def test_what_is_not_done_is_told_and_the_rest_judged(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs, tmp_path / "runs")
    shutil.rmtree(tmp_path / "runs" / "S-0.125")
    (tmp_path / "runs" / "XS-1" / "train.json").unlink()
    (tmp_path / "runs" / "XS-0.5" / "judged.json").write_text("{")
    found = evaluate_scaling(tmp_path / "runs", progress=False)
    assert found["missing"] == ["XS-1", "S-0.125"]
    assert len(found["sizes"]["S"]["points"]) == 3
    assert found["sizes"]["S"]["law"] is None
    assert found["sizes"]["S"]["reason"].startswith("it takes 4 different numbers of frames")
    assert "not done: XS-1" in scaling_table(found)
    assert "no law: it takes 4 different numbers of frames" in scaling_table(found)


def test_a_run_that_saw_fewer_keys_is_told_and_not_in_the_law(
    runs: Path, alike: Path, result: dict, two: Path, given: Callable
) -> None:
    spaces = {path.parent.name: json.loads(path.read_text())["buttons"] for path in runs.glob("*/actions.json")}
    count = {name: sum(button.startswith("key.") for button in buttons) for name, buttons in spaces.items()}
    fewer = sorted(name for name, keys in count.items() if keys < max(count.values()))
    assert fewer, "24 steps of one recording press fewer keys than those of eight"
    assert sorted(text.split()[0] for text in result["warnings"]) == fewer
    assert scaling_table(result).count("; not in the law\n") == len(fewer)
    given(PowerLaw(1.1, 20.0, 0.5).loss, 0.02)
    assert evaluate_scaling(alike, two, progress=False)["sizes"]["S"]["law"] is not None
    found = evaluate_scaling(runs, two, picture=two / "law.png", progress=False)["sizes"]["S"]
    assert [bool(point["lacks"]) for point in found["points"]] == [
        f"S-{point['fraction']:g}" in fewer for point in found["points"]
    ]
    assert found["reason"] == "it takes 4 different numbers of frames, of runs that saw all that the others did"
    by_axis = evaluate_scaling(runs, two, kind="mouse_dx", progress=False)
    assert by_axis["warnings"] == []
    assert by_axis["sizes"]["S"]["law"] is not None


def test_one_recording_has_no_interval(alike: Path, two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(run: Path, recordings: list[Recording], kind: str) -> Judged:
        frames = json.loads((run / "train.json").read_text())["frames"]
        return Judged({1: Losses({kind: np.log([PowerLaw(1.1, 20.0, 0.5).loss(frames)])}, np.ones(1))}, [])

    monkeypatch.setattr(scaling, "judge", judge)
    result = evaluate_scaling(
        alike, next(two.glob("*.mcap")), reach=(1.2, 1.05), picture=two / "law.png", progress=False
    )
    found = result["sizes"]["S"]
    assert found["points"][0]["loss"] == {"value": pytest.approx(1.1 + (20 / 25) ** 0.5), "low": None, "high": None}
    assert found["law"]["alpha"] == {"value": pytest.approx(0.5, rel=1e-3), "low": None, "high": None}
    text = scaling_table(result)
    assert text.startswith("perplexity of key on 1 recording\n")
    assert " to " not in text
    assert "  1.2 needs 2,000 frames" in text
    assert "  1.05 is reached never\n" in text
    assert "note: one recording has no interval; " in text


def test_the_picture_and_the_table(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["evaluate", "scaling", str(runs), "--picture", str(tmp_path / "law.png"), "--reach", "1.5"]) == 0
    said = capsys.readouterr().out
    assert said.count("L(D) = ") + said.count("no law: ") == 2
    assert said.count("  1.5 ") + said.count("nothing can be said of --reach 1.5") == 2
    assert "one recording has no interval; intervals are of the recordings, not of other seeds" in said
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


def test_nothing_held_out(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs, tmp_path / "runs")
    manifest = json.loads((runs / MANIFEST).read_text())
    (tmp_path / "runs" / MANIFEST).write_text(json.dumps(manifest | {"held_out": []}))
    said = "sweep.json names no recording that was held out; give some to judge by: `playtape evaluate scaling .* DATA`"
    with pytest.raises(BadInput, match=said):
        evaluate_scaling(tmp_path / "runs", progress=False)


def test_runs_are_those_of_the_manifest(runs: Path, tmp_path: Path) -> None:
    """A run of another sweep in the folder, and words of the manifest that were changed by hand."""
    shutil.copytree(runs, tmp_path / "runs")
    shutil.rmtree(tmp_path / "runs" / "S-1")
    shutil.copytree(runs / "S-0.5", tmp_path / "runs" / "S-1")
    with pytest.raises(BadInput, match=r"runs/S-1 is not the run that sweep.json has under its name: its run.json has"):
        evaluate_scaling(tmp_path / "runs", progress=False)
    shutil.rmtree(tmp_path / "runs" / "S-1")
    text = (runs / MANIFEST).read_text()
    (tmp_path / "runs" / MANIFEST).write_text(text.replace('"--steps"', '"--seed"', 1))
    with pytest.raises(BadInput, match="runs/XS-0.125 is not the run"):
        evaluate_scaling(tmp_path / "runs", progress=False)
