"""Plain videos as recordings: which files count, what is told of them, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from playtape.errors import BadInput, Truncated
from playtape.recordings import open_recording, write_video
from playtape.recordings.convert import convert
from playtape.recordings.formats import video as films
from tests.recordings.pictures import numbered


def film(path: Path, count: int = 12) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_video(path, numbered(count), fps=12)


def test_videos_of_any_kind_are_found_below_a_folder(tmp_path: Path) -> None:
    wanted = [film(tmp_path / "a" / "one.mp4"), film(tmp_path / "b" / "two.mkv"), film(tmp_path / "three.mov")]
    film(tmp_path / ".hidden.mp4")
    (tmp_path / "notes.txt").write_text("no film")
    (tmp_path / "folder.mp4").mkdir()
    assert films.find(tmp_path) == sorted(wanted)
    assert films.find(wanted[0]) == [wanted[0]]


def test_the_video_of_a_recording_is_not_one_more(tmp_path: Path) -> None:
    film(tmp_path / "film.mp4")
    convert(tmp_path, tmp_path / "out", "video", progress=False)
    assert films.find(tmp_path) == [tmp_path / "film.mp4"]


def test_frames_are_copied_to_the_bit_and_nothing_was_done(tmp_path: Path) -> None:
    source = film(tmp_path / "films" / "a.mkv")
    result = convert(tmp_path / "films", tmp_path / "out", "video", progress=False)
    assert [Path(path).name for path in result["outputs"]] == ["a.mcap"]
    recording = open_recording(result["outputs"][0])
    assert recording.video.path.read_bytes() == source.read_bytes()
    assert len(recording.events) == 0
    assert recording.info.source == "a.mkv"
    assert np.array_equal(recording.time_ns, films.read(source).time_ns)


def test_an_empty_a_truncated_and_a_lying_file_are_told_and_the_rest_goes_on(tmp_path: Path, capsys) -> None:
    whole = film(tmp_path / "films" / "whole.mkv")
    data = whole.read_bytes()
    for name, content in (
        ("cut.mkv", data[: len(data) * 2 // 3]),
        ("empty.mp4", b""),
        ("lies.mp4", np.random.default_rng(0).bytes(4096)),
    ):
        (whole.parent / name).write_bytes(content)
    with pytest.raises(Truncated):
        films.read(whole.parent / "cut.mkv")
    with pytest.raises(BadInput, match="empty"):
        films.read(whole.parent / "empty.mp4")
    with pytest.raises(BadInput, match="not a video"):
        films.read(whole.parent / "lies.mp4")
    with pytest.raises(BadInput, match="is no file"):
        films.read(tmp_path / "nowhere.mp4")
    result = convert(whole.parent, tmp_path / "out", "video", progress=False)
    assert len(result["outputs"]) == 1
    assert len(result["failed"]) == 3
    assert capsys.readouterr().err.count("not converted") == 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["whole.mcap", "whole.mkv"]
