"""A rate that does not fit is told, and one that would make a model go at the wrong one is refused."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from playtape import models
from playtape.actions import ActionSpace, Events
from playtape.errors import BadInput
from playtape.recordings import Info, Recording, Video, save_recording, write_video
from playtape.training import sources
from playtape.training.rates import check_pace, slower
from playtape.training.run import train
from playtape.training.words import parse


def played(folder: Path, name: str, fps: float, frames: int = 60) -> Path:
    pictures = np.random.default_rng(0).integers(0, 256, (frames, 32, 48, 3), dtype=np.uint8)
    video = Video(write_video(folder / f"{name}.mp4", pictures, fps=fps))
    events = Events.from_rows([(5, "key.w", 1), (10**9, "key.w", 0)])
    return save_recording(Recording(video, events, info=Info("made", "made", "CC0")), folder / f"{name}.mcap")


def told(run_words: list[str], model: str | None = None) -> str:
    """What is said of a run of these words."""
    name, _, run = parse([*run_words, "--out", "out"])
    found = sources.gather(run)
    return slower(models.model(model or name).build(run.model, found.space), run, found.training)


def test_recordings_slower_than_the_model_are_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = played(tmp_path / "data", "a", 30).parent
    flags = ["--out", str(tmp_path / "run"), "--steps", "1", "--batch", "1", "--workers", "0"]
    train(["idm-tiny", str(data), *flags], progress=False)
    said = (
        "the recordings are learned from at 30 frames a second, and the model looks at 35 when it labels or plays: "
        "--model.fps 30 makes the model's rate theirs"
    )
    assert [line for line in capsys.readouterr().err.splitlines() if "frames a second" in line] == [said]
    assert json.loads((tmp_path / "run" / "train.json").read_text())["warnings"] == [said]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("idm-tiny --model.fps 30", ""),
        ("idm-tiny --model.fps 31", ""),  # within 5 %
        (
            "idm-tiny --model.fps 60 --data.fps 60",
            "at 30 frames a second, and the model looks at 60 when .* --model.fps 30 makes",
        ),
        ("idm-tiny --data.fps 15", "at 15 frames a second, and the model looks at 35 when .*--model.fps 15 makes"),
        ("p2p-tiny --data.window 10", ""),
        ("p2p-tiny --data.window 10 --model.fps 60 --data.fps 60", "--model.fps 30 makes"),
        (
            "event-idm-tiny --data.fps 15",
            "at 15 frames a second, and the model looks at 20 .*no rate that is legal for the model",
        ),
        ("tokenizer-tiny --model.fps 60 --data.fps 60", ""),  # it goes by the pace of its clips
    ],
)
def test_what_is_told_of_which_rate(tmp_path: Path, words: str, said: str) -> None:
    data = played(tmp_path / "data", "a", 30).parent
    recipe, *flags = words.split()
    found = told([recipe, str(data), *flags])
    if not said:
        assert found == ""
    else:
        assert re.search(said, found), found


def test_recordings_of_several_rates(tmp_path: Path) -> None:
    for name, fps in (("a", 20), ("b", 60), ("c", 24)):
        played(tmp_path / "data", name, fps)
    assert told(["idm-tiny", str(tmp_path / "data"), "--data.held-out", "none"]) == (
        "2 of 3 recordings are learned from at 20 frames a second or some more, and the model looks at 35 when it labels or "
        "plays: --model.fps 20 --data.fps 20 makes all of one rate"
    )


@pytest.mark.parametrize("recipe", ["idm-tiny", "p2p-tiny", "p2p-idm-tiny", "event-idm-tiny"])
def test_a_model_that_acts_is_not_told_a_pace(tmp_path: Path, recipe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = played(tmp_path / "data", "a", 20, 200).parent
    monkeypatch.setattr(sources, "store", lambda *_, **__: pytest.fail("it was decoded"))
    with pytest.raises(BadInput, match=r"--data.hz 5 is for worlds and tokenizers: .* looks at \d+ frames a second"):
        train([recipe, str(data), "--out", str(tmp_path / "run"), "--data.hz", "5"], progress=False)
    assert not (tmp_path / "run").exists()


def test_worlds_and_tokenizers_are_told_one() -> None:
    run = parse(["tokenizer-tiny", "data", "--out", "out", "--data.hz", "5"])[2]
    check_pace(models.model("video_tokenizer").build(run.model, ActionSpace((), ())), run, [5.0])
