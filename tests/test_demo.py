"""The demo: with a labeller that copies the truth, and with the real model where it ships."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import playtape.label
from playtape import demo as demo_module
from playtape.actions import Actions
from playtape.actions.games import DOOM
from playtape.demo import demo, examples
from playtape.errors import BadInput
from playtape.recordings.encode import write_video
from playtape.recordings.recording import Recording, open_recording, save_recording
from playtape.recordings.video import Video


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """Four seconds of nothing to see, with keys and turns."""
    path = write_video(tmp_path / "sample" / "toy.mp4", (np.zeros((48, 64, 3), np.uint8) for _ in range(140)), fps=35)
    generator = np.random.default_rng(0)
    buttons = np.repeat(generator.random((20, len(DOOM.buttons))) < 0.4, 7, axis=0)
    axes = generator.integers(-90, 91, (140, 1)).astype(np.float32)
    video = Video(path)
    recording = Recording(video=video, events=DOOM.events(Actions(buttons, axes), video.time_ns))
    save_recording(recording, path.with_suffix(".mcap"))
    return path


def test_demo_writes_the_page_the_picture_and_the_numbers(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copied(source: Path, out: Path, **_: object) -> dict:
        truth = open_recording(source.with_suffix(".mcap"))
        path = save_recording(truth, out / f"{source.stem}.mcap")
        return {"outputs": [str(path)], "video_seconds": 4.0, "seconds": 0.1}

    monkeypatch.setattr(playtape.label, "label", copied)
    found = demo(tmp_path / "out", sample=sample)
    assert sorted(str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*.*")) == [
        "index.html",
        "labels/toy.mcap",
        "timeline.png",
    ]
    assert set(found["headline"]) == set(demo_module.HEADLINE)
    assert found["headline"]["turn_pearson"]["value"] == pytest.approx(1)
    assert found["headline"]["fire_state_f1"]["value"] == 1
    assert found["headline"]["ece"] is None  # a copy of the truth has no confidence
    assert "movement keys" in found["table"]
    assert "toy" in Path(found["page"]).read_text()
    json.dumps(found, allow_nan=False)


def test_without_its_sample_the_demo_says_so(sample: Path, tmp_path: Path) -> None:
    sample.with_suffix(".mcap").unlink()
    with pytest.raises(BadInput, match=r"toy\.mcap is not there"):
        demo(tmp_path / "out", sample=sample)
    assert not (tmp_path / "out").exists()


def test_the_shipped_sample_and_model(tmp_path: Path) -> None:
    found = demo(tmp_path, progress=False)
    for name in ("turn_pearson", "movement_state_f1", "fire_state_f1"):
        assert found["headline"][name]["value"] > (found["headline"][name]["never_pressed"] or 0)
    assert 15 < found["video_seconds"] < 40
    assert found["label_seconds"] < 60


def test_examples_are_never_written_over(tmp_path: Path) -> None:
    made = [Path(path) for path in examples(tmp_path)["outputs"]]
    assert all(path.exists() for path in made)
    assert open_recording(tmp_path / "truth" / "gameplay.mcap").events.time_ns.size
    assert len(Video(tmp_path / "gameplay.mp4")) == 105
    with pytest.raises(BadInput, match="already holds gameplay.mp4; give another folder"):
        examples(tmp_path)


def test_an_example_whose_package_is_missing_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    found = examples(tmp_path)
    assert list(found["skipped"]) == ["nitrogen"]
    assert "pip install 'playtape[formats]'" in found["skipped"]["nitrogen"]
    assert not (tmp_path / "nitrogen").exists()
    assert (tmp_path / "p2p").is_dir()
