"""Recordings in which nothing is told of what was done: what learns from them, and what refuses them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from playtape.clips import resize
from playtape.errors import BadInput
from playtape.imagine.predict import Counts, predict
from playtape.models import video_tokenizer as coder
from playtape.models import world_model as world
from playtape.models.recipe import Data, Recipe
from playtape.recordings import find_recordings, open_recording
from playtape.recordings.convert import convert
from playtape.recordings.formats import episodes_npz
from playtape.training import checkpoint
from playtape.training.run import train

DATA = Data(fps=20, window=6)
SMALL = ("--batch", "2", "--workers", "0", "--steps", "2", "--device", "cpu")


@pytest.fixture(autouse=True)
def recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both models at the size of tests."""
    monkeypatch.setitem(coder.RECIPES, "tokenizer-test", Recipe(coder.tiny(), 2, 2, DATA))
    monkeypatch.setitem(world.RECIPES, "world-test", Recipe(replace(world.tiny(), frames=6), 2, 2, DATA))


@pytest.fixture
def films(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    (tmp_path / "npz").mkdir()
    for k in range(3):
        np.savez(tmp_path / "npz" / f"train_eps_{k:08d}.npz", image=draw.integers(0, 256, (12, 20, 24, 3), np.uint8))
    result = convert(tmp_path / "npz", tmp_path / "films", "episodes_npz", progress=False)
    assert len(result["outputs"]) == 3
    return tmp_path / "films"


@pytest.fixture
def told(tmp_path: Path) -> Path:
    convert(episodes_npz.example(tmp_path / "example"), tmp_path / "told", "episodes_npz", progress=False)
    return tmp_path / "told"


def tokenizer(data: Path, tmp_path: Path) -> str:
    return train(["tokenizer-test", str(data), "--out", str(tmp_path / "tok"), *SMALL], progress=False)["output"]


def trained(data: list[str], coded: str, out: Path, *more: str) -> Path:
    train(["world-test", *data, "--tokenizer", coded, "--out", str(out), *SMALL, *more], progress=False)
    return out


def test_films_train_a_tokenizer_and_a_world_that_is_told_nothing(films: Path, tmp_path: Path) -> None:
    run = trained([str(films)], tokenizer(films, tmp_path), tmp_path / "world", "--model.no-acts")
    loaded = checkpoint.load(run, to="foretell")
    assert (loaded.space.buttons, loaded.space.axes) == ((), ())
    result = predict(run, films, tmp_path / "out", Counts(4, 2, 2), progress=False)
    assert 0 < result["psnr"] < 60
    assert Path(result["picture"]).exists()


def test_training_and_prediction_look_at_the_same_middle(films: Path, tmp_path: Path) -> None:
    loaded = checkpoint.load(Path(tokenizer(films, tmp_path)))
    learned = {*(films / ".playtape").glob("*.npy")}
    recordings = {path.stem: open_recording(path) for path in find_recordings(films)}
    stored = {name: loaded.stored(recordings[name]).frames for name in loaded.train["trained_on"]}
    assert len(stored) == len(learned) == 2  # the third is held out
    assert {Path(frames.filename) for frames in stored.values()} == learned
    for name, frames in stored.items():
        assert np.array_equal(frames[0], resize(recordings[name].video[0][:, 2:22], (16, 16)))
    squashed = replace(loaded, model=coder.build(replace(coder.tiny(), crop=False), loaded.space))
    assert np.array_equal(squashed.stored(recordings[name]).frames[0], resize(recordings[name].video[0], (16, 16)))


def test_clips_of_a_wrong_length_are_refused_before_they_are_decoded(films: Path, tmp_path: Path) -> None:
    long = str(coder.tiny().context), "--data.window", str(coder.tiny().context)
    with pytest.raises(BadInput, match=r"leaves none to draw; give --data\.window of"):
        train(
            ["tokenizer-test", str(films), "--out", str(tmp_path / "none"), "--model.context", *long, *SMALL],
            progress=False,
        )
    assert not (films / ".playtape").exists()
    coded = tokenizer(films, tmp_path)
    for words in (["--data.window", "7"], ["--model.goal"]):
        with pytest.raises(BadInput, match=r"clips have \d frames \(--data\.window\); with --model\.frames 6"):
            trained([str(films)], coded, tmp_path / "none", "--model.no-acts", *words)
    assert not (tmp_path / "none").exists()
    run = trained([str(films)], coded, tmp_path / "goal", "--model.no-acts", "--model.goal", "--data.window", "5")
    assert predict(run, films, tmp_path / "out", Counts(4, 1, 1), progress=False)["psnr"] > 0


def test_a_model_that_no_memory_holds_is_refused_before_it_is_made(films: Path, tmp_path: Path) -> None:
    coded = tokenizer(films, tmp_path)
    with pytest.raises(BadInput, match=r"parameters, which take [\d,]+ GiB to train; this machine has \d+"):
        trained([str(films)], coded, tmp_path / "none", "--model.no-acts", "--model.hidden", str(2**17), "--model.width",
            "16384", "--model.heads", "64", "--model.layers", "256")  # fmt: skip
    about = Path(coded) / "config.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"channels": [8192, 8192], "groups": 1}))
    with pytest.raises(BadInput, match="tok does not fit model video_tokenizer"):
        trained([str(films)], coded, tmp_path / "none", "--model.no-acts")
    assert not (tmp_path / "none").exists()


def test_a_tokenizer_whose_training_has_not_ended_is_refused(films: Path, tmp_path: Path) -> None:
    coded = Path(tokenizer(films, tmp_path))
    (coded / "model.safetensors").unlink()
    with pytest.raises(BadInput, match=f"{coded} is a training that has not ended; `playtape train --resume"):
        trained([str(films)], str(coded), tmp_path / "none", "--model.no-acts")


def test_who_is_told_what_is_done_refuses_films(films: Path, told: Path, tmp_path: Path) -> None:
    coded = tokenizer(films, tmp_path)
    refusal = "no button is pressed and no axis moves .* a world model learns without with --model.no-acts"
    with pytest.raises(BadInput, match=refusal):
        trained([str(films)], coded, tmp_path / "world")
    with pytest.raises(BadInput, match="no button is pressed"):
        train(["idm-tiny", str(films), "--out", str(tmp_path / "idm"), *SMALL, "--data.window", "8"], progress=False)
    assert not (tmp_path / "world").exists()
    run = trained([str(told)], coded, tmp_path / "told-world")
    with pytest.raises(BadInput, match=r"nothing is done, and .* acts with arm\.0, arm\.1"):
        predict(run, films, tmp_path / "out", Counts(4, 1, 1), progress=False)


def test_films_among_others_are_told_of(
    films: Path, told: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coded = tokenizer(films, tmp_path)
    data = [str(find_recordings(films)[0]), str(told), "--data.held-out", "*_eps_00000001"]
    with pytest.raises(BadInput, match="no recording matches"):
        trained(data, coded, tmp_path / "none")
    trained([*data[:2], "--data.held-out", "2024*"], coded, tmp_path / "world")
    assert "in 1 of 2 recordings nothing is done" in capsys.readouterr().err
