"""Recordings in NitroGen's layout: what is said there, what is read again, and what has no place."""

import json
from pathlib import Path

import numpy as np
import pytest

from playtape.actions import Events
from playtape.actions.nitrogen import NITROGEN
from playtape.errors import BadInput
from playtape.recordings import Recording, Span, Video, open_recording, write_video
from playtape.recordings.convert import convert
from playtape.recordings.formats import nitrogen
from tests.recordings.nitrogen_files import ID, files, film, held, unpacked


def played(
    tmp_path: Path, events: list[tuple[int, str, float]], frames: int = 1300, fps: float = 60, **more
) -> Recording:
    pictures = (np.full((32, 32, 3), 60 + k % 90, np.uint8) for k in range(frames))
    return Recording(Video(write_video(tmp_path / "made.mp4", pictures, fps=fps)), Events.from_rows(events), **more)


def test_what_is_written_is_in_chunks_of_twenty_seconds(tmp_path: Path) -> None:
    recording = played(
        tmp_path, [(20_000_000, "pad.south", 1), (20_100_000_000, "pad.south", 0), (25_000_000, "pad.left_y", 0.5)]
    )
    folder = nitrogen.write(recording, tmp_path / "out" / "mine")
    first, second = sorted(folder.iterdir())
    said = json.loads((second / "metadata.json").read_text())
    times = [said["original_video"][key] for key in ("start_time", "end_time", "duration", "start_frame", "end_frame")]
    assert times == [20, 1300 / 60, 100 / 60, 1200, 1299]
    assert (said["chunk_size"], said["chunk_id"], said["uuid"]) == (100, "0001", "mine_chunk_0001_actions")
    assert nitrogen.find(tmp_path / "out") == [first, second]
    found = [nitrogen.read(path) for path in (first, second)]
    assert [len(one.video) for one in found] == [1200, 100]
    assert held(found[0]) == list(range(1, 1199))
    assert held(found[1]) == list(range(6))
    axes = NITROGEN.actions(found[0].events, found[0].time_ns).axes[:-1, 1]
    assert axes[0] == 0
    assert (axes[1:] == 0.5).all()
    with pytest.raises(BadInput, match="holds 2 chunks; give the folder of one"):
        nitrogen.read(folder)


def test_what_came_from_a_chunk_can_be_written_and_read_again(tmp_path: Path) -> None:
    film(tmp_path)
    (path,) = convert(unpacked(tmp_path, files(south=[5, 6])), tmp_path / "own", "nitrogen", progress=False)["outputs"]
    (back,) = convert(tmp_path / "own", tmp_path / "out", "owamcap", to="nitrogen", progress=False)["outputs"]
    assert Path(back).name == f"{ID}_chunk_0000"
    again, before = nitrogen.read(Path(back)), open_recording(path)
    assert again.info == before.info
    assert held(again) == held(before) == [4, 5]
    assert np.array_equal(again.video[7], before.video[7])  # blacked out once, and not coded again


def test_odd_pictures_stay_odd(tmp_path: Path) -> None:
    pictures = np.full((20, 33, 35, 3), 90, np.uint8)
    video = Video(write_video(tmp_path / "odd.mp4", pictures, fps=20), crop=(35, 33))
    again = nitrogen.read(nitrogen.write(Recording(video, Events.empty()), tmp_path / "out" / "odd"))
    assert again.video[0].shape == (33, 35, 3)
    assert len(again.video) == 20


def test_what_has_no_place_is_told_or_refused(tmp_path: Path) -> None:
    spans = (Span(0, 9, "text", "go"),)
    events = [(5, "key.w", 1), (6, "key.w", 0), (7, "pad.left_trigger", 0.4), (8, "pad.south", 1), (9, "pad.south", 0)]
    recording = played(tmp_path, events, 40, 20, spans=spans)
    assert nitrogen.unsaid(recording) == [
        "the format has no column for key.w (2); these events are left out",
        "triggers are 0 or 1 in the format; 1 events in between were rounded",
        "the format has no place for spans: text (1)",
    ]
    keys = played(tmp_path, events[:2], 40, 20)
    with pytest.raises(BadInput, match=r"only a gamepad's inputs, and this recording none \(key\.w, \.\.\.\)"):
        nitrogen.write(keys, tmp_path / "out" / "keys")
    assert not (tmp_path / "out").exists()


def test_what_is_written_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    recording = played(tmp_path, [(20_000_000, "pad.south", 1)], 40, 20)
    folder = nitrogen.write(recording, tmp_path / "out" / "mine")
    nitrogen.write(recording, folder)
    (chunk,) = folder.iterdir()
    told = chunk / "metadata.json"
    said = json.loads(told.read_text())

    def refused(name: str) -> None:
        before = sorted(path.relative_to(folder) for path in folder.rglob("*"))
        with pytest.raises(BadInput, match=f"cannot write .*mine: it holds {name}, which Playtape did not write"):
            nitrogen.write(recording, folder)
        assert sorted(path.relative_to(folder) for path in folder.rglob("*")) == before

    for path in (folder / "notes.txt", chunk / "actions_processed.parquet"):
        path.write_text("a stranger's")
        refused(path.relative_to(folder).parts[0])
        path.unlink()
    (folder / "empty").mkdir()
    refused("empty")
    (folder / "empty").rmdir()
    for text in (json.dumps({key: said[key] for key in said if key != "playtape"}), "{", "[]", "[" * 200_000):
        told.write_text(text)  # as NVIDIA's
        refused(chunk.name)
    told.write_text(json.dumps(said))
    nitrogen.write(recording, folder)
    (tmp_path / "out" / "file").write_text("a stranger's")
    with pytest.raises(BadInput, match="it is a file"):
        nitrogen.write(recording, tmp_path / "out" / "file")
    assert sorted(path.name for path in (tmp_path / "out" / "videos").iterdir()) == ["mine.mp4"]


def test_what_is_written_appears_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from playtape.recordings.formats import _nitrogen_writing

    def full(path: Path, *_: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(_nitrogen_writing, "_write_table", full)
    with pytest.raises(BadInput, match="no space left on the disk"):
        nitrogen.write(played(tmp_path, [], 40, 20), tmp_path / "out" / "mine")
    assert sorted(path.name for path in (tmp_path / "out").rglob("*")) == ["mine.mp4", "videos"]
