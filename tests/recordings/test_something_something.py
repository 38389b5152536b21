"""Clips of people's hands as folders of frames: their order, their labels, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from playtape.errors import BadInput
from playtape.recordings import Span
from playtape.recordings.convert import convert
from playtape.recordings.formats import something_something as something


def clip(folder: Path, names: list[str], size: tuple[int, int] = (24, 32)) -> Path:
    """Frame k is as light as 20 k."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, name in enumerate(names):
        Image.fromarray(np.full((*size, 3), 20 * k, np.uint8)).save(folder / name, format="JPEG")
    return folder


NAMES = [f"{k:06}.jpg" for k in range(1, 6)]


def test_frames_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    recording = something.read(clip(tmp_path / "1", ["img_8.jpg", "img_9.JPG", "img_10.jpeg", "img_11.jpg"]))
    assert [round(float(frame.mean()) / 20) for frame in recording.video.stream()] == [0, 1, 2, 3]
    assert recording.video.fps == pytest.approx(12)
    assert len(recording.events) == 0
    assert recording.warnings == ()


def test_missing_frames_are_counted(tmp_path: Path) -> None:
    assert something.read(clip(tmp_path / "1", [NAMES[0], *NAMES[3:]])).warnings == (
        "2 frames are missing between the first and the last",
    )


@pytest.mark.parametrize("place", ["labels/validation.json", "something-something-v2-validation.json"])
def test_a_label_is_the_instruction_of_all_of_it(tmp_path: Path, place: str) -> None:
    folder = clip(tmp_path / "frames" / "12", NAMES)
    other = clip(tmp_path / "frames" / "13", NAMES)
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text(json.dumps([{"id": "12", "label": "holding  tea "}, {"id": "14"}]))
    recording = something.read(folder)
    assert recording.spans == (Span(0, recording.video.end_ns, "text", "holding tea"),)
    assert recording.info.split == "validation"
    assert (something.read(other).spans, something.read(other).info.split) == ((), "")


def test_a_test_clip_is_told_to_be_one(tmp_path: Path) -> None:
    folder = clip(tmp_path / "14", NAMES)
    (tmp_path / "something-something-v2-test.json").write_text('[{"id": "14"}]')
    recording = something.read(folder)
    assert (recording.spans, recording.info.split) == ((), "test")


@pytest.mark.parametrize(
    "said", ["{", "[1]", '[{"label": "a"}]', "3", '{"id": "12"}', '[{"id": "12", "label": ["a"]}]']
)
def test_a_list_without_labels_is_told(tmp_path: Path, said: str) -> None:
    folder = clip(tmp_path / "12", NAMES)
    (tmp_path / "something-something-v2-train.json").write_text(said)
    with pytest.raises(BadInput, match=r"something-something-v2-train\.json is no list of labels; it must be"):
        something.read(folder)


def test_a_label_of_nothing_is_none(tmp_path: Path) -> None:
    folder = clip(tmp_path / "12", NAMES)
    (tmp_path / "something-something-v2-train.json").write_text('[{"id": "12", "label": null}]')
    assert (something.read(folder).spans, something.read(folder).info.split) == ((), "train")


@pytest.mark.parametrize(("inside", "said"), [("", "."), ("sub", "..")])
def test_a_clip_is_known_from_within(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str, said: str) -> None:
    folder = clip(tmp_path / "frames" / "12", NAMES)
    (folder / "sub").mkdir()
    (tmp_path / "something-something-v2-train.json").write_text('[{"id": "12", "label": "holding tea"}]')
    monkeypatch.chdir(folder / inside)
    recording = something.read(Path(said))
    assert [span.value for span in recording.spans] == ["holding tea"]
    assert (recording.info.split, recording.info.source) == ("train", "12")
    (result,) = convert(said, tmp_path / "out", "something_something", progress=False)["outputs"]
    assert Path(result) == tmp_path / "out" / "12.mcap"


def test_what_is_no_clip_is_told(tmp_path: Path) -> None:
    folder = clip(tmp_path / "1", NAMES)
    with pytest.raises(BadInput, match="is a file; give the folder of a clip's frames"):
        something.find(folder / NAMES[0])
    with pytest.raises(BadInput, match="holds 1 JPEG frames; a clip has two or more"):
        something.read(clip(tmp_path / "2", NAMES[:1]))
    Image.fromarray(np.zeros((24, 34, 3), np.uint8)).save(folder / NAMES[3])
    with pytest.raises(
        BadInput, match=rf"{NAMES[3]} is 34x24, and the clip's first frame 32x24; all must be of one size"
    ):
        something.read(folder)
    (folder / NAMES[2]).write_bytes((folder / NAMES[2]).read_bytes()[:200])
    with pytest.raises(BadInput, match=rf"{NAMES[2]} is not a readable JPEG picture"):
        something.read(folder)
    Image.fromarray(np.zeros((24, 32, 3), np.uint8)).save(folder / NAMES[2], format="PNG")
    with pytest.raises(BadInput, match=rf"{NAMES[2]} is not a readable JPEG picture"):
        something.read(folder)


def test_the_temporary_video_goes_with_the_recording(tmp_path: Path) -> None:
    recording = something.read(clip(tmp_path / "1", NAMES))
    path = recording.video.path
    assert path.is_file()
    del recording
    assert not path.parent.exists()
