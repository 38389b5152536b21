"""Recordings in NitroGen's layout: what is said there, what is read again, and what has no place."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from playtape.actions import Events
from playtape.actions.nitrogen import NITROGEN
from playtape.errors import BadInput
from playtape.recordings import Recording, Span, Video, open_recording, save_recording, write_video
from playtape.recordings.convert import convert
from playtape.recordings.formats import nitrogen
from playtape.recordings.nitrogen_audit import audit
from tests.recordings.nitrogen_files import ID, TWITCH, files, film, held, one, packed, unpacked


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
    assert Path(back) == tmp_path / "out" / "actions" / "SHARD_0000" / ID / f"{ID}_chunk_0000"
    again, before = nitrogen.read(Path(back)), open_recording(path)
    assert again.info == before.info
    assert held(again) == held(before) == [4, 5]
    assert np.array_equal(again.video[7], before.video[7])  # blacked out once, and not coded again


def way_back(tmp_path: Path, out: Path, **options: str) -> list[tuple[Recording, Recording]]:
    """All chunks through recordings and back, as the guide has it: those recordings, and what is read again."""
    paths = convert(tmp_path / "actions", tmp_path / "own", "nitrogen", options=options, progress=False)["outputs"]
    convert(tmp_path / "own", out, to="nitrogen", progress=False)
    return [
        (open_recording(path), nitrogen.read(out / Path(path).relative_to(tmp_path / "own").with_suffix("")))
        for path in paths
    ]


def same(before: Recording, again: Recording) -> bool:
    return (
        list(again.events) == list(before.events)
        and np.array_equal(again.time_ns, before.time_ns)
        and (again.info, again.spans) == (before.info, before.spans)
        and np.array_equal(again.video[3], before.video[3])
    )


def test_the_published_layout_survives_the_way_back(tmp_path: Path) -> None:
    """Two videos of one data set, of one the second and third chunk alone, and one that ends between two frames."""
    film(tmp_path, frames=100)
    film(tmp_path, f"{TWITCH}.mp4", 60, 29.97)
    chunks = [files(number=1, south=[2, 3]), files(number=2, south=[9]), files(TWITCH, rows=31, rate=30.1, south=[5])]
    unpacked(tmp_path, chunks[0] | chunks[1])
    unpacked(tmp_path, chunks[2], "SHARD_0007")
    out = tmp_path / "mine" / "actions"
    for before, again in way_back(tmp_path, out):
        assert same(before, again)
    written = {str(path.relative_to(tmp_path / "mine")) for path in (tmp_path / "mine").rglob("*") if path.is_file()}
    names = [
        f"SHARD_0000/{ID}/{ID}_chunk_0001",
        f"SHARD_0000/{ID}/{ID}_chunk_0002",
        f"SHARD_0007/{TWITCH}/{TWITCH}_chunk_0000",
    ]
    assert written == {
        *(f"actions/{name}/{file}" for name in names for file in ("actions_raw.parquet", "metadata.json")),
        *(f"videos/{Path(name).name}.mp4" for name in names),
    }
    for name in names:
        was, now = (json.loads((root / name / "metadata.json").read_text()) for root in (tmp_path / "actions", out))
        own, film_was, film_now = now.pop("playtape"), was.pop("original_video"), now.pop("original_video")
        assert own["blacked_out"] is True
        assert now == {key: value for key, value in was.items() if not key.startswith("bbox")}
        assert film_now == film_was  # whose it is, from where, and when
    told = audit(out, progress=False)
    assert (told["chunks"], told["videos"], told["lost"]) == (3, 2, {})
    assert {name: round(hours["usable"] * 3600, 2) for name, hours in told["sources"].items()} == {
        "youtube": 2,
        "twitch": 1.03,
    }
    assert told["folder"] == str(tmp_path / "mine" / "videos")


def test_rows_between_frames_survive_the_way_back(tmp_path: Path) -> None:
    """A video of half the rate, whose first frame comes after the labels' beginning, and labels that lag behind."""
    film(tmp_path, frames=40, fps=15)
    unpacked(tmp_path, files(number=1, rows=21, south=[4, 5, 9, 14, 15, 16]))
    ((before, again),) = way_back(tmp_path, tmp_path / "out" / "actions", alignment="identity", offset="1")
    assert before.provenance["first_frame_ns"] == again.provenance["first_frame_ns"]
    assert len(again.video) < 15
    assert len(before.events) == 6
    assert (list(again.events), again.info) == (list(before.events), before.info)
    assert np.array_equal(again.time_ns, before.time_ns)


def test_what_was_read_from_archives_becomes_folders_and_can_be_packed(tmp_path: Path) -> None:
    film(tmp_path)
    packed(tmp_path, files(south=[5, 6]))
    convert(tmp_path / "actions", tmp_path / "own", "nitrogen", progress=False)
    convert(tmp_path / "own", tmp_path / "mine" / "actions", to="nitrogen", progress=False)
    folder = tmp_path / "mine" / "actions" / "SHARD_0000"
    found = {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*.*"))}
    assert len(found) == 2
    archive = packed(tmp_path / "mine", found, "SHARD_0001")
    again = nitrogen.read(archive / ID / f"{ID}_chunk_0000")
    assert held(again) == held(nitrogen.read(folder / ID / f"{ID}_chunk_0000")) == [4, 5]


def test_the_way_back_of_the_way_back(tmp_path: Path) -> None:
    """What never was NitroGen's has its name, and keeps it."""
    events = [(20_000_000, "pad.south", 1), (20_100_000_000, "pad.south", 0)]
    save_recording(played(tmp_path, events), tmp_path / "data" / "deep" / "mine.mcap", video="copy")
    place = tmp_path
    for number in (0, 1):
        place = convert_back(tmp_path, place, number)
        chunks = place / "actions" / "deep" / "mine"
        assert sorted(path.name for path in chunks.iterdir()) == ["mine_chunk_0000", "mine_chunk_0001"]
        said = json.loads((chunks / "mine_chunk_0001" / "metadata.json").read_text())["original_video"]
        assert (said["source"], said["video_id"], said["start_time"]) == ("local", "mine", 20)
        second = nitrogen.read(chunks / "mine_chunk_0001")
        assert (held(second), len(second.video)) == (list(range(6)), 100)


def convert_back(tmp_path: Path, place: Path, number: int) -> Path:
    data = tmp_path / "data"
    if number:
        data = tmp_path / "again"
        convert(place / "actions", data, "nitrogen", progress=False)
    convert(data, tmp_path / f"back{number}" / "actions", to="nitrogen", progress=False)
    return tmp_path / f"back{number}"


def test_a_recording_that_is_no_longer_the_chunk_is_one_of_its_own(tmp_path: Path) -> None:
    path = one(tmp_path, south=[5, 6])
    film(tmp_path)
    chunk = nitrogen.read(path)
    short = Video(write_video(tmp_path / "short.mp4", chunk.video[:12], fps=30))
    nitrogen.write(replace(chunk, video=short, events=Events.empty()), tmp_path / "out" / "cut")
    assert [path.name for path in nitrogen.find(tmp_path / "out")] == ["cut_chunk_0000"]
    for name in ("../../evil_chunk_0000", f"{ID}/{ID}_chunk_0000", "other_chunk_0000", "x"):
        lying = replace(chunk, info=replace(chunk.info, extra={**chunk.info.extra, "chunk": name}))
        nitrogen.write(lying, tmp_path / "lies" / "a")
        assert [path.relative_to(tmp_path / "lies").as_posix() for path in nitrogen.find(tmp_path / "lies")] == [
            "a/a_chunk_0000"
        ]


def test_two_recordings_of_one_name_do_not_share_a_video(tmp_path: Path) -> None:
    """Beside `actions` a video is known by its name alone."""
    for number, name in enumerate(("a", "b")):
        recording = played(tmp_path / name, [(5 + number, "pad.south", 1)], 40, 20)
        save_recording(recording, tmp_path / "data" / name / "mine.mcap", video="copy")
    result = convert(tmp_path / "data", tmp_path / "out" / "actions", to="nitrogen", progress=False)
    (why,) = result["failed"].values()
    assert f"videos/mine.mp4 is of {tmp_path}/out/actions/a/mine/mine_chunk_0000 already" in why
    assert len(convert(tmp_path / "data", tmp_path / "apart", to="nitrogen", progress=False)["outputs"]) == 2
    kept = convert(tmp_path / "data", tmp_path / "apart", to="nitrogen", missing=True, progress=False)["kept"]
    assert len(kept) == 2


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
