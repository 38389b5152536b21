"""Recordings gathered in one LeRobot data set: what is in it, what is asked before anything is lost, and what a cut leaves."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from playtape import cli
from playtape.actions import ActionSpace, Axis, Events
from playtape.clips import resize
from playtape.errors import BadInput
from playtape.recordings import Confidence, Info, Recording, Span, Video, open_recording, save_recording, write_video
from playtape.recordings.convert import convert
from playtape.recordings.formats import _lerobot_gather, _video_files, lerobot
from playtape.recordings.formats._lerobot_rows import steady
from tests.recordings.pictures import assert_numbered, numbered

SCREEN = "observation.images.screen"
ABOUT = Info(game="a game", source="here", licence="CC0-1.0", screen=(64, 48), mouse_scale=0.1, extra={"map": "one"})


def recording(folder: Path, name: str, events: list, *spans: Span, fps: float = 10, count: int = 12, **other) -> Path:
    video = Video(write_video(folder / f"{name}.mp4", numbered(count), fps=fps))
    made = Recording(video, Events.from_rows(events), spans, ABOUT, **other)
    return save_recording(made, folder / f"{name}.mcap")


@pytest.fixture
def tapes(tmp_path: Path) -> Path:
    """Two recordings whose hands have other keys, in folders of their own."""
    root = tmp_path / "tapes"
    tenth = 10**8
    told = [Span(0, 4 * tenth, "text", "go"), Span(6 * tenth, 12 * tenth, "text", "stop")]
    recording(root / "one", "a", [(tenth, "key.w", 1), (3 * tenth, "key.w", 0), (5 * tenth, "mouse.dx", 7)], *told)
    earned = [Span(2 * tenth, 3 * tenth, "reward", "2.5"), Span(11 * tenth, 12 * tenth, "end", "")]
    recording(
        root / "two", "b", [(tenth, "pad.left_x", 0.5), (4 * tenth, "key.a", 1), (4 * tenth, "key.a", 0)], *earned
    )
    return root


def gathered(root: Path, out: Path, **words) -> dict:
    words = {"resize": lambda frames, size: resize(frames, size).movedim(-3, -1).numpy()} | words
    return convert(root, out, to="lerobot", progress=False, **words)


def table(out: Path, number: int) -> dict:
    return pq.read_table(out / f"data/chunk-000/file-{number:03}.parquet").to_pydict()


def test_what_a_data_set_holds(tapes, tmp_path):
    out = tmp_path / "out"
    result = gathered(tapes, out)
    assert result["outputs"] == [str(out / "episode_000000"), str(out / "episode_000001")]
    info = json.loads((out / "meta" / "info.json").read_text())
    assert (info["codebase_version"], info["fps"], info["total_frames"], info["splits"]) == (
        "v3.0",
        10,
        24,
        {"train": "0:2"},
    )
    assert info["features"]["action"]["names"] == ["key.a", "key.w", "mouse.dx", "pad.left_x"]
    assert info["features"][SCREEN]["shape"] == [48, 64, 3]
    first, second = table(out, 0), table(out, 1)
    assert [row[1] for row in first["action"]] == [0, 1, 1, *[0] * 9]
    assert [row[2] for row in first["action"]] == [0] * 5 + [7] + [0] * 6
    assert [row[0] for row in second["action"]] == [0] * 4 + [1] + [0] * 7
    assert [row[3] for row in second["action"]] == [0] + [0.5] * 11
    assert second["next.reward"] == [0, 0, 2.5, *[0] * 9]
    assert second["next.done"] == [False] * 11 + [True]
    assert (first["index"], second["index"]) == (list(range(12)), list(range(12, 24)))
    assert (set(first["episode_index"]), set(second["episode_index"])) == ({0}, {1})
    texts = pq.read_table(out / "meta" / "tasks.parquet")["__index_level_0__"].to_pylist()
    assert [texts[k] for k in first["task_index"]] == ["go"] * 4 + [""] * 2 + ["stop"] * 6
    assert Video(out / f"videos/{SCREEN}/chunk-000/file-001.mp4").fps == 10


def test_the_list_of_episodes_and_its_statistics(tapes, tmp_path):
    gathered(tapes, tmp_path / "out")
    rows = pq.read_table(tmp_path / "out" / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    assert [row["tasks"] for row in rows] == [["go", "", "stop"], [""]]
    assert [(row["dataset_from_index"], row["dataset_to_index"]) for row in rows] == [(0, 12), (12, 24)]
    assert [row[f"videos/{SCREEN}/to_timestamp"] for row in rows] == [1.2, 1.2]
    stats = json.loads((tmp_path / "out" / "meta" / "stats.json").read_text())
    whole = np.concatenate([table(tmp_path / "out", k)["action"] for k in range(2)])
    for name, found in (("mean", whole.mean(0)), ("std", whole.std(0)), ("min", whole.min(0)), ("max", whole.max(0))):
        assert np.allclose(stats["action"][name], found, atol=1e-6)
    assert stats["action"]["count"] == [24]
    assert np.shape(stats[SCREEN]["mean"]) == (3, 1, 1)
    shown = np.concatenate([numbered(12)] * 2) / 255
    assert np.allclose(np.ravel(stats[SCREEN]["mean"]), shown.mean((0, 1, 2)), atol=0.01)
    assert np.allclose(np.ravel(stats[SCREEN]["std"]), shown.std((0, 1, 2)), atol=0.01)
    assert np.allclose(np.ravel(stats[SCREEN]["q50"]), np.quantile(shown, 0.5, method="inverted_cdf"), atol=0.01)


def test_the_way_back(tapes, tmp_path):
    """Own recordings come back: inputs and texts on the grid, spans of other kinds, where they are from."""
    path = tapes / "one" / "a.mcap"
    was = open_recording(path)
    control = Span(123, 456_789, "control", "human")
    save_recording(replace(was, spans=(*was.spans, control), provenance={"model": "m"}), path)
    gathered(tapes, tmp_path / "out")
    back = lerobot.read(tmp_path / "out" / "episode_000000")
    space = ActionSpace(("key.w",), (Axis("mouse.dx"),))
    for one, two in zip(*((a.buttons, a.axes) for a in (space.actions(r.events, r.time_ns) for r in (was, back)))):
        assert np.array_equal(one, two)
    assert sorted(back.spans) == sorted([*was.spans, control])
    assert back.info == replace(ABOUT, extra={"map": "one", "session": "out/episode_000000"})
    assert back.provenance == {"model": "m"}
    assert back.video.path.read_bytes() == (tapes / "one" / "a.mp4").read_bytes()  # copied, as it was


def test_what_stays_and_what_is_anew(tapes, tmp_path):
    out = tmp_path / "out"
    gathered(tapes / "one", out)
    with pytest.raises(BadInput, match="already holds data; --missing keeps"):
        gathered(tapes / "two", out)
    before = (out / f"videos/{SCREEN}/chunk-000/file-000.mp4").stat().st_mtime_ns
    shutil.copytree(tapes / "two", tapes / "one" / "two")
    result = gathered(tapes / "one", out, missing=True)
    assert (result["kept"], result["outputs"]) == ([str(out / "episode_000000")], [str(out / "episode_000001")])
    assert (out / f"videos/{SCREEN}/chunk-000/file-000.mp4").stat().st_mtime_ns == before
    assert [row[1] for row in table(out, 0)["action"]] == [0, 1, 1, *[0] * 9]  # laid out anew, with more names
    recording(tapes / "one", "a", [(0, "key.z", 1)], Span(0, 10**9, "text", "other"), count=8)
    assert len(gathered(tapes / "one", out, replace=True)["outputs"]) == 2
    assert len(lerobot.read(out / "episode_000000").video) == 8
    assert table(out, 1)["index"] == list(range(8, 20))
    assert len(lerobot.find(out)) == 2


def test_a_cut_leaves_no_data_set_that_looks_whole(tapes, tmp_path, monkeypatch):
    """Killed within the second: the first stays as it is, and --missing goes on."""
    out = tmp_path / "out"
    gathered(tapes / "one", out)
    shutil.copytree(tapes / "two", tapes / "one" / "two")

    def killed(*_):
        raise SystemError("as if killed")

    with monkeypatch.context() as patch:
        patch.setattr(_lerobot_gather, "write_table", killed)
        patch.setattr(_lerobot_gather.Gathering, "finish", lambda self: None)
        with pytest.raises(SystemError):
            gathered(tapes / "one", out, missing=True)
    assert not (out / "meta" / "info.json").exists()
    assert lerobot.find(out) == []
    (out / "data" / "chunk-000" / ".file-001.123.part.parquet").write_bytes(b"PAR1")  # what a kill leaves of a write
    result = gathered(tapes / "one", out, missing=True)
    assert (len(result["kept"]), len(result["outputs"])) == (1, 1)
    assert sorted(file.name for file in out.glob("data/*/*")) == ["file-000.parquet", "file-001.parquet"]
    assert [len(lerobot.read(path).video) for path in lerobot.find(out)] == [12, 12]


def test_a_cut_at_the_very_end_needs_only_an_end(tapes, tmp_path):
    gathered(tapes, tmp_path / "out")
    (tmp_path / "out" / "meta" / "info.json").unlink()
    result = gathered(tapes, tmp_path / "out", missing=True)
    assert (len(result["kept"]), result["outputs"]) == (2, [])
    assert len(lerobot.find(tmp_path / "out")) == 2


def test_ctrl_c_leaves_a_whole_data_set_of_what_was_done(tapes, tmp_path, monkeypatch):
    reads = []

    def read(path):
        reads.append(path)
        if len(reads) == 2:
            raise KeyboardInterrupt
        return open_recording(path)

    monkeypatch.setattr("playtape.recordings.formats.owamcap.read", read)
    with pytest.raises(KeyboardInterrupt):
        gathered(tapes, tmp_path / "out")
    assert len(lerobot.find(tmp_path / "out")) == 1
    assert len(gathered(tapes, tmp_path / "out", missing=True)["kept"]) == 1
    assert len(lerobot.find(tmp_path / "out")) == 2


def test_a_video_that_was_replaced_alone_is_made_again(tapes, tmp_path):
    out = tmp_path / "out"
    gathered(tapes, out)
    (out / "meta" / "info.json").unlink()  # as while something is added
    write_video(out / f"videos/{SCREEN}/chunk-000/file-001.mp4", numbered(5), fps=10)
    with pytest.raises(BadInput, match=r"file-001.mp4 is not the video that 'two/b' was given.*--missing"):
        lerobot.gather(out).finish()
    assert not (out / "meta" / "info.json").exists()
    assert gathered(tapes, out, missing=True)["outputs"] == [str(out / "episode_000001")]
    assert_numbered(lerobot.read(out / "episode_000001").video.stream(), range(12))


def test_one_that_cannot_be_read_is_left_out(tapes, tmp_path, capsys):
    (tapes / "one" / "a.mp4").write_bytes(b"")
    result = gathered(tapes, tmp_path / "out")
    assert list(result["failed"]) == [str(tapes / "one" / "a.mcap")]
    assert len(lerobot.find(tmp_path / "out")) == 1
    assert "not converted" in capsys.readouterr().err


def test_pictures_of_one_size(tapes, tmp_path):
    video = write_video(tapes / "two" / "b.mp4", numbered(12, 32, 50), fps=10)
    save_recording(Recording(Video(video), Events.empty()), tapes / "two" / "b.mcap")
    result = gathered(tapes, tmp_path / "out")
    assert (lerobot.read(tmp_path / "out" / "episode_000001").video[3].shape) == (48, 64, 3)
    assert "50x32 and were made 64x48" in next(iter(result["warnings"].values()))[0]
    assert "were made 64x48" in result["warnings"][str(tmp_path / "out" / "episode_000001")][0]
    failed = gathered(tapes, tmp_path / "other", resize=None)["failed"]
    assert "is 50x32, and the data set 64x48; all must be of one size" in next(iter(failed.values()))


def test_odd_sizes_are_padded_and_cut_again(tmp_path):
    video = Video(write_video(tmp_path / "v.mp4", numbered(10, 33, 47), fps=10), crop=(47, 33))
    path = lerobot.write(Recording(video, Events.from_rows([(5, "key.w", 1)])), tmp_path / "out")
    back = lerobot.read(path)
    assert back.video[4].shape == (33, 47, 3)
    assert json.loads((path / "meta/info.json").read_text())["features"][SCREEN]["shape"] == [34, 48, 3]


def test_nothing_was_done_in_any(tmp_path):
    film = Video(write_video(tmp_path / "v.mp4", numbered(10), fps=10))
    back = lerobot.read(lerobot.write(Recording(film, Events.empty()), tmp_path / "out"))
    assert (len(back.events), back.warnings) == (0, ("no action is told",))


@pytest.mark.parametrize("fps", [29.97, 60000 / 1001, 35])
def test_rates_are_exact(tmp_path, fps):
    video = Video(write_video(tmp_path / "v.mp4", numbered(40), fps=fps))
    path = lerobot.write(Recording(video, Events.from_rows([(5, "key.w", 1)])), tmp_path / "out")
    told = json.loads((path / "meta/info.json").read_text())["fps"]
    assert told == pytest.approx(fps, abs=1e-9)
    assert isinstance(told, int) == (fps == 35)
    assert np.array_equal(lerobot.read(path).time_ns, video.time_ns)


def test_a_rate_that_varies_is_refused_or_laid_on_a_steady_one(tmp_path, capsys):
    """A frame at 0.5 s and none until 1.2 s: what was on screen is shown again, and nothing is shown before it was there."""
    stamps = [0, 100, 210, 290, 400, 500, 1200, 1300, 1400, 1500]
    video = Video(write_video(tmp_path / "in" / "v.mp4", numbered(10), time_ns=[s * 10**6 for s in stamps]))
    save_recording(
        Recording(
            video,
            Events.from_rows([(505 * 10**6, "key.w", 1), (1150 * 10**6, "key.w", 0), (215 * 10**6, "mouse.dx", 3)]),
        ),
        tmp_path / "in" / "v.mcap",
    )
    with pytest.raises(BadInput, match=r"at a rate that varies .*; --fps lays it on one"):
        gathered(tmp_path / "in", tmp_path / "out")
    assert lerobot.find(tmp_path / "out") == [] if (tmp_path / "out").exists() else True
    words = ["convert", str(tmp_path / "in"), "--to", "lerobot", "--out", str(tmp_path / "out"), "--fps", "10"]
    assert cli.main(words) == 0
    assert "laid on 10 frames a second: 10 of 10 frames, 6 shown again" in capsys.readouterr().out
    back = lerobot.read(tmp_path / "out" / "episode_000000")
    assert_numbered(back.video.stream(), [0, 1, 2, 3, 4, *[5] * 7, 6, 7, 8, 9])
    rows = table(tmp_path / "out", 0)
    assert [row[0] for row in rows["action"]] == [0] * 5 + [1] * 7 + [0] * 4
    assert [row[1] for row in rows["action"]] == [0, 0, 3, *[0] * 13]  # 215 ms: after frame 2 is seen, at 210
    assert rows["timestamp"] == pytest.approx([t / 10 for t in range(16)])


def test_a_faster_one_is_thinned_out_to_the_first_ones_rate(tmp_path):
    recording(tmp_path / "in", "a", [(5, "key.w", 1)], fps=10)
    recording(tmp_path / "in", "b", [(int(k * 1e9 / 30) + 9, "mouse.dx", 1) for k in range(36)], fps=30, count=36)
    result = gathered(tmp_path / "in", tmp_path / "out")
    assert_numbered(lerobot.read(tmp_path / "out" / "episode_000001").video.stream(), range(0, 36, 3))
    assert [row[1] for row in table(tmp_path / "out", 1)["action"]] == [3] * 12  # of three intervals each, none lost
    assert "12 of 36 frames, 0 shown again" in result["warnings"][str(tmp_path / "out" / "episode_000001")][0]


def test_nothing_is_seen_before_it_was_on_screen():
    """Any stamps: what stands at a place began by the time from which its row counts, and these times rise."""
    rng = np.random.default_rng(0)
    for fps in (7, 10, 24, 30, 61):
        time = np.cumsum(rng.choice([1, 8, 16, 33, 34, 250, 900], 300)) * 1_000_000
        frames, starts = steady(time, fps)
        assert (np.diff(starts) > 0).all()
        assert (np.diff(frames) >= 0).all()
        assert (time[frames] <= starts).all()
        assert np.abs(starts - time[0] - np.arange(len(frames)) * 1e9 / fps).max() <= 0.5e9 / fps


def test_what_is_lost_is_told(tmp_path):
    video = Video(write_video(tmp_path / "v.mp4", numbered(12), fps=10))
    sure = Confidence(video.time_ns, ("key.w",), np.ones((12, 1), np.float32))
    one = Recording(video, Events.empty(), (Span(0, 10**9, "control", "policy m"),), ABOUT, sure)
    said = lerobot.gather(tmp_path / "out").add(one, "v")[1]
    assert [sentence[:40] for sentence in said] == [
        "LeRobot has no place for who was in cont",
        "the format has no place for a labeller's",
    ]


def test_a_folder_of_somebody_else(tapes, tmp_path):
    from tests.recordings.lerobot_sets import v3

    root = v3(tmp_path / "theirs")
    before = {file: file.read_bytes() for file in root.rglob("*") if file.is_file()}
    with pytest.raises(BadInput, match=r"holds data/chunk-000/file-000.parquet, which is none of Playtape's"):
        gathered(tapes, root, missing=True)
    assert {file: file.read_bytes() for file in root.rglob("*") if file.is_file()} == before


def test_not_into_itself_and_not_at_another_rate(tapes, tmp_path):
    out = tmp_path / "out"
    gathered(tapes, out)
    for place in (out, out / ".." / "out"):
        with pytest.raises(BadInput, match="where it is itself; give another --out"):
            convert(out, place, "lerobot", to="lerobot", replace=True)
    with pytest.raises(BadInput, match="has 10 frames a second, not 20; give another --out"):
        gathered(tapes, out, missing=True, fps=20)
    with pytest.raises(BadInput, match=r"--fps is 20, but a recording of owamcap keeps its own rate"):
        convert(out, tmp_path / "back", "lerobot", fps=20)
    for fps in (0, -1, float("nan"), 1e9):
        with pytest.raises(BadInput, match="fps is .*; it must be a number from 0.1 to 1000"):
            gathered(tapes, tmp_path / "new", fps=fps)


def test_a_full_disk(tapes, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_video_files.shutil, "copyfile", full)
    with pytest.raises(BadInput, match="no space left on the disk"):
        gathered(tapes, tmp_path / "out")
    assert not (tmp_path / "out" / "meta").exists()


def test_rewards_that_are_none(tmp_path):
    video = Video(write_video(tmp_path / "v.mp4", numbered(12), fps=10))
    with pytest.raises(BadInput, match="has a reward that is no finite number"):
        lerobot.write(Recording(video, Events.empty(), (Span(0, 9, "reward", "much"),)), tmp_path / "out")


def test_long_lists_take_several_files(tmp_path, monkeypatch):
    for module in ("_lerobot_gather", "_lerobot_finish", "_lerobot_dataset"):
        monkeypatch.setattr(f"playtape.recordings.formats.{module}.CHUNK", 2)
    for k in range(5):
        recording(tmp_path / "in", f"{k}", [(5, "key.w", 1)], Span(0, 10**9, "text", f"task {k}"), count=4 + k)
    out = tmp_path / "out"
    gathered(tmp_path / "in", out)
    assert [len(lerobot.read(path).video) for path in lerobot.find(out)] == [4, 5, 6, 7, 8]
    assert [lerobot.read(path).spans[0].value for path in lerobot.find(out)] == [f"task {k}" for k in range(5)]
    names = sorted(str(file.relative_to(out / "meta")) for file in out.glob("meta/episodes/*/*.parquet"))
    assert names == [f"episodes/chunk-00{k // 2}/file-00{k % 2}.parquet" for k in range(3)]
    assert (out / f"videos/{SCREEN}/chunk-002/file-000.mp4").is_file()
    assert json.loads((out / "meta" / "stats.json").read_text())["action"]["count"] == [30]
