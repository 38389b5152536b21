"""Video in, recording out, on a small video and an untrained model; what goes wrong, and what is left then."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from playtape import cli
from playtape.actions.games import DOOM
from playtape.clips import store
from playtape.errors import BadInput
from playtape.label import label
from playtape.label.decode import Calibration
from playtape.label.label import _ahead
from playtape.models import idm
from playtape.recordings import Span, open_recording, save_recording, write_video
from playtape.recordings.licences import licences
from playtape.training import checkpoint


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    net = idm.build(idm.tiny(), DOOM)
    folder = tmp_path_factory.mktemp("model")
    return checkpoint.save(folder, "idm", net, net.state_dict(), {"trained_on": ["seen"]})


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("video") / "play.mp4", 90)


def copied(video: Path, path: Path, number: int) -> Path:
    """The same pictures in a file of its own bytes: of two files with the same, only one is labelled."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(video.read_bytes() + (8 + number).to_bytes(4, "big") + b"free" + bytes(number))
    return path


def made(path: Path, frames: int, fps: float = 35) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    wall = np.random.default_rng(0).integers(0, 256, (60, 400, 3), np.uint8)
    return write_video(path, (wall[:, 2 * i % 280 : 2 * i % 280 + 120] for i in range(frames)), fps=fps)


def test_licences_that_cannot_be_read_are_told_as_unknown(model: Path, video: Path, tmp_path: Path) -> None:
    one = copied(video, tmp_path / "in" / "play.mp4", 1)
    one.with_suffix(".mcap").write_bytes(b"\x89MCAP0\r\n and then nothing")
    (path,) = label(one, tmp_path / "out", model=model, progress=False)["outputs"]
    assert licences(open_recording(path)) == ["unreadable list of licences"]


def test_a_video_becomes_a_recording(model: Path, video: Path, tmp_path: Path) -> None:
    result = label(video, tmp_path / "out", model=model, progress=False)
    assert result["outputs"] == [str(tmp_path / "out" / "play.mcap")]
    assert abs(result["video_seconds"] - 90 / 35) < 0.05
    assert result["seconds"] > 0
    assert result["skipped"] == {}
    recording = open_recording(result["outputs"][0])
    assert recording.warnings == ()
    assert len(recording.video) == 90
    assert recording.confidence is not None
    assert recording.confidence.names == (*DOOM.buttons, "mouse.dx")
    assert recording.confidence.value.shape == (89, len(DOOM.buttons) + 1)
    told = recording.provenance
    assert told["model"] == "idm"
    assert len(told["model_sha256"]) == 64
    assert told["seen_in_training"] == "false"
    assert len(json.loads(told["calibration"])["threshold"]) == len(DOOM.buttons)


def test_a_model_without_calibration_says_so(
    model: Path, video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    label(video, tmp_path / "out", model=model, progress=False)
    assert "never calibrated" in capsys.readouterr().err
    calibrated = tmp_path / "model"
    shutil.copytree(model, calibrated)
    train = json.loads((calibrated / "train.json").read_text())
    checkpoint.write_json(calibrated / "train.json", {**train, "calibration": Calibration.none(DOOM).to_json()})
    label(video, tmp_path / "out", model=calibrated, replace=True, progress=False)
    assert capsys.readouterr().err == ""


def test_what_a_model_without_calibration_lacks_is_told(
    model: Path, video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that was cut off before it was calibrated can be resumed; one that held nothing out would be as it is."""
    run = tmp_path / "model"
    shutil.copytree(model, run)
    train = json.loads((run / "train.json").read_text())
    for held_out, does, does_not in (
        (["demo4"], f"`playtape train --resume {run}` calibrates", "--data.held-out"),
        (
            [],
            "train with recordings of more than one session, or name those to hold out with --data.held-out",
            "--resume",
        ),
    ):
        checkpoint.write_json(run / "train.json", {**train, "held_out": held_out})
        label(video, tmp_path / "out", model=run, replace=True, progress=False)
        said = capsys.readouterr().err
        assert does in said
        assert does_not not in said


def test_labelling_twice_gives_the_same_events(model: Path, video: Path, tmp_path: Path) -> None:
    one, two = (label(video, tmp_path / name, model=model, progress=False)["outputs"][0] for name in "ab")
    assert open_recording(one).events.equals(open_recording(two).events)


def test_a_folder_keeps_its_shape_and_a_bad_video_does_not_stop_it(model: Path, video: Path, tmp_path: Path) -> None:
    copied(video, tmp_path / "in" / "one.mp4", 1)
    copied(video, tmp_path / "in" / "deep" / "two.mp4", 2)
    (tmp_path / "in" / "bad.mp4").write_bytes(b"not a video")
    result = label(tmp_path / "in", tmp_path / "out", model=model, progress=False)
    assert sorted(result["outputs"]) == [
        str(tmp_path / "out" / "deep" / "two.mcap"),
        str(tmp_path / "out" / "one.mcap"),
    ]
    assert list(result["skipped"]) == [str(tmp_path / "in" / "bad.mp4")]
    assert (result["done"], result["quarantined"], result["resumed"]) == (2, 1, 0)


def test_two_videos_of_one_name(model: Path, video: Path, tmp_path: Path) -> None:
    shutil.copy(video, tmp_path / "a.mp4")
    shutil.copy(video, tmp_path / "a.mkv")
    with pytest.raises(BadInput, match="rename one"):
        label(tmp_path, tmp_path / "out", model=model, progress=False)


def test_too_short(model: Path, tmp_path: Path) -> None:
    short = made(tmp_path / "short.mp4", 5)
    with pytest.raises(BadInput, match="shorter than one window: it has 5 frames"):
        label(short, tmp_path / "out", model=model, progress=False)
    assert not (tmp_path / "out").exists()


def test_nothing_there(model: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no video or folder"):
        label(tmp_path / "no.mp4", tmp_path / "out", model=model, progress=False)
    with pytest.raises(BadInput, match="there is no video in"):
        label(tmp_path, tmp_path / "out", model=model, progress=False)


def test_ctrl_c_leaves_nothing(model: Path, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def interrupted(*args: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return resize(*args)

    module = sys.modules["playtape.label.label"]  # the package's name of it is the function
    resize = module.resize
    monkeypatch.setattr(module, "resize", interrupted)
    with pytest.raises(KeyboardInterrupt):
        label(video, tmp_path / "out", model=model, progress=False)
    assert not (tmp_path / "out").exists()


def test_unsure_intervals_are_emptied_and_masked(model: Path, video: Path, tmp_path: Path) -> None:
    path = label(video, tmp_path / "out", model=model, min_confidence=0.999, progress=False)["outputs"][0]
    recording = open_recording(path)
    assert len(recording.events) == 0
    assert [span.kind for span in recording.spans] == ["masked"]
    assert not store(recording, DOOM, (40, 80), 35).mask.any()


def test_a_faster_video_is_sampled(model: Path, tmp_path: Path) -> None:
    fast = made(tmp_path / "fast.mp4", 140, fps=70)
    recording = open_recording(label(fast, tmp_path / "out", model=model, progress=False)["outputs"][0])
    assert recording.confidence is not None
    assert abs(len(recording.confidence.time_ns) - 69) <= 1


def test_an_error_while_decoding_ahead_reaches_the_reader() -> None:
    def source():
        yield torch.zeros(1)
        raise BadInput("frame 1 cannot be decoded")

    with pytest.raises(BadInput, match="frame 1"):
        list(_ahead(source()))


def test_labels_are_replaced_only_when_asked(model: Path, video: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    path = Path(label(video, out, model=model, progress=False)["outputs"][0])
    checked = replace(open_recording(path), spans=(Span(0, 1_000_000, "finding", "seen by a person"),))
    before = save_recording(checked, path).read_bytes()
    again = label(video, out, model=model, progress=False)
    assert (again["done"], again["resumed"], again["kept"]) == (0, 1, [str(path)])
    assert path.read_bytes() == before
    with pytest.raises(BadInput, match="give one of them"):
        label(video, out, model=model, replace=True, missing=True, progress=False)
    label(video, out, model=model, replace=True, progress=False)
    assert open_recording(path).spans == ()


def test_what_no_ledger_knows_is_not_replaced(model: Path, video: Path, tmp_path: Path) -> None:
    path = Path(label(video, tmp_path / "a", model=model, progress=False)["outputs"][0])
    (tmp_path / "out").mkdir()
    shutil.copy(path, tmp_path / "out" / "play.mcap")
    with pytest.raises(
        BadInput, match=r"out already holds play.mcap; --missing keeps what is there .* --replace writes"
    ):
        label(video, tmp_path / "out", model=model, progress=False)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["play.mcap"]
    assert label(video, tmp_path / "out", model=model, replace=True, progress=False)["done"] == 1


def test_what_is_missing_is_labelled(
    model: Path, video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, name in enumerate(("one", "two")):
        copied(video, tmp_path / "in" / f"{name}.mp4", number)
    one, two = (tmp_path / "out" / f"{name}.mcap" for name in ("one", "two"))
    label(tmp_path / "in" / "one.mp4", tmp_path / "out", model=model, progress=False)
    before = one.read_bytes()
    result = label(tmp_path / "in", tmp_path / "out", model=model, missing=True, progress=False)
    assert (result["outputs"], result["kept"]) == ([str(two)], [str(one)])
    assert one.read_bytes() == before
    words = ["label", str(model), str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    other = [*words, "--min-confidence", "0.5"]
    assert cli.main(other) == 2
    assert "holds labels whose min_confidence is another (0.0, now 0.5); --replace labels" in capsys.readouterr().err
    assert cli.main([*other, "--missing"]) == 0
    assert capsys.readouterr().out == "Nothing labelled; 2 were there already and stayed\n"


def test_a_persons_recording_is_never_replaced(model: Path, video: Path, tmp_path: Path) -> None:
    shutil.copy(video, tmp_path / "play.mp4")
    path = label(tmp_path / "play.mp4", tmp_path / "out", model=model, progress=False)["outputs"][0]
    true = replace(open_recording(path), provenance={}, confidence=None)
    save_recording(true, tmp_path / "play.mcap")
    with pytest.raises(BadInput, match="no model made"):
        label(tmp_path / "play.mp4", tmp_path, model=model, replace=True, progress=False)


def test_a_place_that_cannot_be_written_is_said_at_once(model: Path, video: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="is a file; give a folder"):
        label(video, tmp_path / "file" / "x", model=model, progress=False)
    (tmp_path / "out" / "play.mcap").mkdir(parents=True)
    with pytest.raises(BadInput, match="it is a folder"):
        label(video, tmp_path / "out", model=model, progress=False)
