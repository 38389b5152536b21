"""Folders of pictures with a table of what was done: which row belongs to which picture, both ways, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from playtape.actions import Actions, ActionSpace, Axis, Events
from playtape.errors import BadInput
from playtape.recordings import Confidence, Recording, Span, Video, open_recording, write_video
from playtape.recordings.convert import convert
from playtape.recordings.formats import frames
from tests.recordings.pictures import assert_numbered, numbered

SPACE = ActionSpace(("key.w", "mouse.left"), (Axis("mouse.dx"), Axis("pad.left_x", "state")))
MS = 1_000_000


def clip(folder: Path, table: str = "", *, count: int = 6, kind: str = "png", first: int = 1, **meta: Any) -> Path:
    """Numbered grey pictures; `table` is the text of actions.csv, and the rest meta.json (10 a second, unless told)."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, picture in enumerate(numbered(count, 24, 32), start=first):
        Image.fromarray(picture).save(folder / f"img_{k}.{kind}", **({"quality": 95} if kind != "png" else {}))
    if table:
        (folder / "actions.csv").write_text(table)
    if meta != {"fps": None}:
        (folder / "meta.json").write_text(json.dumps({"fps": 10} | meta))
    return folder


def rows(recording: Recording) -> Actions:
    return SPACE.actions(recording.events, recording.time_ns)


def column(recording: Recording, name: str) -> list[float]:
    names = [*SPACE.buttons, *(axis.name for axis in SPACE.axes)]
    actions = rows(recording)
    return np.column_stack([actions.buttons, actions.axes])[:, names.index(name)].tolist()


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "bmp"])
def test_pictures_of_every_kind_in_the_order_of_their_numbers(tmp_path: Path, kind: str) -> None:
    recording = frames.read(clip(tmp_path / "a", count=12, kind=kind))
    assert_numbered(recording.video.stream(), range(12))
    assert recording.time_ns.tolist() == [100 * MS * k for k in range(12)]
    assert len(recording.events) == 0
    assert recording.warnings == ()


@pytest.mark.parametrize(("inside", "path"), [("a", "."), ("a/below", ".."), (".", "a/below/..")])
def test_a_clip_where_one_is_has_its_folder_s_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str, path: str
) -> None:
    clip(tmp_path / "a")
    (tmp_path / "a" / "below").mkdir()
    (tmp_path / "meta.json").write_text('{"game": "doom"}')
    monkeypatch.chdir(tmp_path / inside)
    recording = frames.read(Path(path))
    assert (recording.info.source, recording.info.game, recording.name) == ("a", "doom", "a")


def test_the_row_of_a_picture_is_what_was_done_from_it_on(tmp_path: Path) -> None:
    table = "frame,key.w,mouse.dx,pad.left_x\n8,1,0,0\n7,0,-3,0.5\n9,1,4,0\n10,0,0,-1\n11,0,0.0,\n12,1,9,1\n"
    recording = frames.read(clip(tmp_path / "a", table, first=7))
    assert column(recording, "key.w") == [0, 1, 1, 0, 0, 0], "the last picture has no interval"
    assert column(recording, "mouse.dx") == [-3, 0, 4, 0, 0, 0]
    assert column(recording, "pad.left_x") == [0.5, 0, 0, -1, -1, 0]
    assert recording.warnings == ()
    assert recording.spans == ()


def test_pictures_without_a_row_are_masked(tmp_path: Path) -> None:
    recording = frames.read(clip(tmp_path / "a", "frame,key.w\n1,1\n2,1\n5,1\n99,1\n"))
    time = recording.time_ns.tolist()
    assert column(recording, "key.w") == [1, 1, 0, 0, 1, 0]
    assert recording.spans == (Span(time[2], time[4], "masked", "no row of actions.csv"),)
    assert recording.warnings == (
        "2 frames have no row in actions.csv, and are masked",
        "1 rows of actions.csv are of no frame, and were left out",
    )


def test_a_table_by_time(tmp_path: Path) -> None:
    table = "time, key.w, mouse.left, mouse.dx, pad.left_x\n0.05,1,,2,\n0.15,,1,,0.5\n0.15,0,0,1.5,\n\n0.25,,,,0.5\n9.5,1,,,\n"
    recording = frames.read(clip(tmp_path / "a", table))
    assert list(recording.events) == [
        *[(50 * MS, "key.w", 1), (50 * MS, "mouse.dx", 2), (150 * MS, "mouse.left", 1), (150 * MS, "pad.left_x", 0.5)],
        *[(150 * MS, "key.w", 0), (150 * MS, "mouse.left", 0), (150 * MS, "mouse.dx", 1.5)],
    ]
    assert recording.warnings == ("1 rows of actions.csv are after the last frame, and were left out",)


def test_what_is_held_at_the_end_is_let_go_of(tmp_path: Path) -> None:
    recording = frames.read(clip(tmp_path / "a", "time,key.w\n0.2,1\n0.3,1\n"))
    assert list(recording.events) == [(200 * MS, "key.w", 1), (recording.video.end_ns, "key.w", 0)]


def test_what_meta_json_tells(tmp_path: Path) -> None:
    told = {"game": "doom", "licence": "CC0", "player": "me", "split": "test", "screen": [640, 480], "mouse_scale": 0.1}
    span = {"start_ns": 5, "end_ns": 9, "kind": "menu", "value": ""}
    more = {"text": "go left", "extra": {"map": "1"}, "source": "disk", "spans": [span]}
    recording = frames.read(clip(tmp_path / "a", **told, **more))
    info = recording.info
    assert (info.game, info.licence, info.player, info.split, info.source) == ("doom", "CC0", "me", "test", "disk")
    assert (info.screen, info.mouse_scale, dict(info.extra)) == ((640, 480), 0.1, {"hz": "10", "map": "1"})
    assert recording.spans == (Span(0, recording.video.end_ns, "text", "go left"), Span(5, 9, "menu", ""))


def test_one_meta_json_for_all_clips_and_one_for_one(tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_text('{"fps": 5, "game": "doom", "spans": [], "time_ns": [0]}')
    both = [frames.read(clip(tmp_path / "a", fps=None)), frames.read(clip(tmp_path / "b", fps=20))]
    assert [one.video.fps for one in both] == pytest.approx([5, 20])
    assert [one.info.game for one in both] == ["doom", "doom"]


def test_a_rate_that_nobody_tells_is_told_of(tmp_path: Path) -> None:
    recording = frames.read(clip(tmp_path / "a", fps=None))
    assert recording.video.fps == pytest.approx(30)
    assert recording.warnings == ("no meta.json tells how many frames a second there are; 30 was taken",)
    assert (recording.info.game, recording.info.licence) == ("not told", "not told")


def test_a_field_that_means_nothing_and_missing_pictures_are_told_of(tmp_path: Path) -> None:
    folder = clip(tmp_path / "a", FPS=3)
    (folder / "img_3.png").unlink()
    assert frames.read(folder).warnings == (
        "meta.json tells FPS, which means nothing here",
        "1 frames are missing between the first and the last",
    )


def test_both_ways_to_the_bit(tmp_path: Path) -> None:
    """A recording with frames at odd times, and events of every kind, many at one moment and in any order."""
    times = np.array([0, 40, 90, 95, 200, 333, 360]) * MS + np.array([0, 0, 0, 1000, 0, 2000, 0])
    video = Video(write_video(tmp_path / "v.mp4", numbered(7, 31, 45), time_ns=times), crop=(45, 31))
    made = [
        *[(5, "mouse.dx", -3), (5, "key.w", 1), (5, "mouse.dx", 2), (7, "mouse.wheel", 0.5), (7, "key.w", 0)],
        *[
            (100_000_007, "key.w", 1),
            (100_000_007, "key.w", 0),
            (200 * MS, "pad.left_x", 0.1),
            (201 * MS, "arm.3", 1e-6),
        ],
        (202 * MS, "mouse.left", 1),
        (video.end_ns, "mouse.left", 0),
    ]
    recording = Recording(video, Events.from_rows(made), (Span(3, 9, "text", 'say "go", now'),))
    assert frames.unsaid(recording) == []
    back = frames.read(frames.write(recording, tmp_path / "out" / "clip"))
    assert list(back.events) == list(recording.events)
    assert np.array_equal(back.time_ns, recording.time_ns)
    assert back.spans == recording.spans
    kept = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "out" / "clip").glob("*.png"))]
    assert all(np.array_equal(a, b) for a, b in zip(kept, video.stream(), strict=True))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["clip"]


def test_what_has_no_place_is_told(recording: Recording, tmp_path: Path) -> None:
    """The recording of conftest.py holds an auto-repeat; it gets a confidence and an event before its start."""
    events = Events.concatenate(Events.from_rows([(-5, "key.w", 1), (-4, "key.w", 0)]), recording.events)
    sure = Confidence(recording.time_ns, ("key.w",), np.ones((len(recording.time_ns), 1), np.float32))
    odd = Recording(recording.video, events, info=recording.info, confidence=sure)
    assert frames.unsaid(odd) == [
        "1 events before the first frame or after the last have no place, and are left out",
        "the format has no word for auto-repeat; 1 are left out",
        "the format has no place for a labeller's confidence",
    ]
    back = frames.read(frames.write(odd, tmp_path / "clip"))
    assert [row for row in recording.events if row[2] != 2] == list(back.events)


def test_convert_both_ways(tmp_path: Path) -> None:
    clip(
        tmp_path / "raw" / "one",
        "frame,key.w\n" + "\n".join(f"{k},{k % 2}" for k in range(1, 7)),
        game="doom",
        text="go",
    )
    ours = convert(tmp_path / "raw", tmp_path / "ours", "frames", progress=False)["outputs"]
    back = convert(tmp_path / "ours", tmp_path / "back", to="frames", progress=False)
    assert back["outputs"] == [str(tmp_path / "back" / "one")]
    assert back["warnings"] == {}
    one, other = open_recording(ours[0]), frames.read(tmp_path / "back" / "one")
    assert list(one.events) == list(other.events)
    assert (one.info, one.spans) == (other.info, other.spans)
    with pytest.raises(BadInput, match="already holds one"):
        convert(tmp_path / "ours", tmp_path / "back", to="frames", progress=False)
    assert convert(tmp_path / "ours", tmp_path / "back", to="frames", missing=True, progress=False)["kept"]
    assert convert(tmp_path / "ours", tmp_path / "back", to="frames", replace=True, progress=False)["outputs"]


def test_a_folder_with_anything_else_in_it_is_not_replaced(recording: Recording, tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "thesis.txt").write_text("a year of work")
    with pytest.raises(BadInput, match=r"cannot write .*clip: it holds thesis\.txt; give a folder that is new"):
        frames.write(recording, tmp_path / "clip")
    assert (tmp_path / "clip" / "thesis.txt").read_text() == "a year of work"


def test_a_write_that_fails_leaves_the_old_clip(
    recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames.write(recording, tmp_path / "clip")
    before = sorted(path.name for path in (tmp_path / "clip").iterdir())

    def full(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(frames, "told_of", full)
    with pytest.raises(BadInput, match="no space left on the disk"):
        frames.write(recording, tmp_path / "clip")
    assert sorted(path.name for path in (tmp_path / "clip").iterdir()) == before
    monkeypatch.undo()
    rename = Path.replace

    def stuck(self: Path, target: Path) -> Path:
        if self.name.endswith(".part"):
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", stuck)
    with pytest.raises(OSError, match="Input/output error|cannot write"):
        frames.write(recording, tmp_path / "clip")
    assert sorted(path.name for path in (tmp_path / "clip").iterdir()) == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("\n\n", "begins with ''; legal is such as frame,key.w,mouse.dx"),
        ("key.w,frame\n1,1\n", "begins with 'key.w,frame'"),
        ("frame\n1\n", "begins with 'frame'"),
        ("frame,key.w,key.w\n1,1,1\n", "has the column key.w twice"),
        ("frame,key.ww\n1,1\n", r"unknown input name 'key.ww'; did you mean"),
        ("frame,key.w\n", "has no rows"),
        ("frame,key.w\n1,1,1\n", "line 2 has 3 cells; legal are 2"),
        ("frame,key.w\n1,0.5\n", "line 2: key.w is '0.5'; legal is 0 or 1"),
        ("frame,key.w\n1,yes\n", "line 2: key.w is 'yes'; legal is 0 or 1"),
        ("frame,mouse.dx\n1,nan\n", "line 2: mouse.dx is 'nan'; legal is a number"),
        ("frame,mouse.dx\n1,1e39\n", "line 2: mouse.dx is '1e39'; legal is a number"),
        ("frame,key.w\n1.5,1\n", "line 2: frame is '1.5'; legal is the number of a picture"),
        ("frame,key.w\n-1,1\n", "line 2: frame is '-1'"),
        ("frame,key.w\n1e99999999,1\n", "line 2: frame is '1e99999999'"),
        ("frame,key.w\n1,1\n1,0\n", "has two rows of frame 1; legal is one"),
        ("time,key.w\nnan,1\n", "line 2: time is 'nan'; legal is seconds from 0 on"),
        ("time,key.w\n2,1\n1,0\n", "fall at its row 2, 1 s; they must not"),
        ('frame,key.w\n1,"1\n', "is no table: "),
        ("frame,key.w\n1," + "1" * 200_000 + "\n", "is no table: field larger than field limit"),
    ],
)
def test_a_table_with_something_wrong_in_it_is_told(tmp_path: Path, table: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        frames.read(clip(tmp_path / "a", table))


def test_an_empty_and_a_truncated_table(tmp_path: Path) -> None:
    folder = clip(tmp_path / "a", "frame,key.w,mouse.dx\n1,1,3\n2,0,14\n")
    table = (folder / "actions.csv").read_bytes()
    (folder / "actions.csv").write_bytes(table[:-4])
    with pytest.raises(BadInput, match="line 3 has 2 cells; legal are 3"):
        frames.read(folder)
    (folder / "actions.csv").write_bytes(b"")
    with pytest.raises(BadInput, match="begins with ''"):
        frames.read(folder)
    (folder / "actions.csv").write_bytes(b"\xff\xfe" + table)
    with pytest.raises(BadInput, match="is no UTF-8 text"):
        frames.read(folder)


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        ({"fps": 0}, "fps in .* is 0; it must be a number from 0.001 to 1000"),
        ({"fps": "30"}, "fps in .* is '30'"),
        ({"screen": [640]}, r"screen in .* is '\[640\]'; legal is \[640, 480\]"),
        ({"time_ns": [0, 1]}, "time_ns in .* has 2 times for 6 pictures"),
        ({"time_ns": [0, 5, 4, 6, 7, 8]}, "frame times must be >= 0 and rise"),
        ({"time_ns": [9]}, r"legal is \[0, 33333334, ...\], rising from 0"),
        ({"game": 3}, "game in .* is '3'; legal is a text"),
        ({"extra": {"a": 1}}, "extra in .*; legal is"),
        ({"spans": [{"start_ns": 3, "end_ns": 1, "kind": "text", "value": ""}]}, "spans in .*; legal is"),
        ({"spans": [3]}, "spans in .*; legal is"),
    ],
)
def test_a_meta_json_with_something_wrong_in_it_is_told(tmp_path: Path, meta: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        frames.read(clip(tmp_path / "a", **meta))


def test_other_files_of_that_name_are_told(tmp_path: Path) -> None:
    folder = clip(tmp_path / "a")
    for content in (b"", b"{", b"[3]", b"\xff"):
        (folder / "meta.json").write_bytes(content)
        with pytest.raises(BadInput, match=r"meta\.json (is not JSON|must be an object)"):
            frames.read(folder)


def test_what_is_no_clip_is_told(tmp_path: Path) -> None:
    folder = clip(tmp_path / "a", "frame,key.w\n1,1\n")
    with pytest.raises(BadInput, match="is a file; give the folder"):
        frames.find(folder / "img_1.png")
    (folder / "img_01.png").write_bytes((folder / "img_1.png").read_bytes())
    with pytest.raises(BadInput, match="have one number; with a table by frame legal is one picture for each"):
        frames.read(folder)
    (folder / "img_01.png").unlink()
    (folder / "img_4.png").write_bytes((folder / "img_4.png").read_bytes()[:60])
    with pytest.raises(BadInput, match=r"img_4\.png is not a readable JPEG, PNG, WEBP or BMP picture"):
        frames.read(folder)
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(folder / "img_4.png")
    with pytest.raises(BadInput, match=r"img_4\.png is 9x9, and the clip's first frame 32x24"):
        frames.read(folder)
    (tmp_path / ".b.7.part").mkdir()
    (folder / "img_4.png").replace(tmp_path / ".b.7.part" / "img_4.png")
    assert frames.find(tmp_path) == [folder], "what is half-written is no clip"
