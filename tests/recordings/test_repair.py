"""Files cut at any byte, damaged, or left by a killed recorder: their prefix, or a typed error. Never nonsense."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader

from playtape.actions import Events
from playtape.errors import BadInput, Truncated
from playtape.recordings import (
    Info,
    Recording,
    RecordingWriter,
    Span,
    Video,
    find_recordings,
    open_recording,
    repair,
    save_recording,
    summary,
    write_video,
)
from playtape.recordings.writing import Sheet
from tests.recordings.pictures import EPOCH, assert_numbered, numbered

MS = 1_000_000


def many_events(count: int) -> Events:
    """Motion every half millisecond, and a key that goes down and up."""
    rng = np.random.default_rng(0)
    rows = [(i * MS // 2, "mouse.dx", int(rng.integers(1, 999))) for i in range(count)]
    return Events.from_rows(rows + [(i * MS, "key.w", i % 2 == 0) for i in range(1, count // 20)])


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> tuple[Path, list]:
    """(a recording of several chunks, its events)."""
    folder = tmp_path_factory.mktemp("large")
    video = Video(write_video(folder / "v.mp4", numbered(60), fps=30))
    events = many_events(3000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sheet.__init__, "__kwdefaults__", {"chunk_size": 16_000})
        path = save_recording(Recording(video, events, info=Info(game="cut")), folder / "whole.mcap")
    return path, list(events)


def cut_to(path: Path, size: int) -> Path:
    cut = path.with_name("cut.mcap")
    cut.write_bytes(path.read_bytes()[:size])
    return cut


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_cut_at_any_byte(large, data):
    path, events = large
    cut = cut_to(path, data.draw(st.integers(0, path.stat().st_size - 1)))
    with pytest.raises(BadInput) as refused:
        open_recording(cut)
    assert isinstance(refused.value, Truncated) or "is empty" in str(refused.value)
    out = path.with_name("fixed.mcap")
    out.unlink(missing_ok=True)
    try:
        result = repair(cut, out)
    except Truncated:
        assert not out.exists()
        return
    assert not result["complete"]
    back = list(open_recording(out).events) if result["messages"] > 0 and has_screen(out) else []
    moves = [row for row in events if row[1] == "mouse.dx"]
    assert [row for row in back if row[1] == "mouse.dx"] == moves[: sum(row[1] == "mouse.dx" for row in back)]
    keys = [row for row in events if row[1] == "key.w"]
    assert [row for row in back if row[1] == "key.w"] == keys[: sum(row[1] == "key.w" for row in back)]


def has_screen(path: Path) -> bool:
    """May the file be cut so early that it names no video? Then that is what opening it says."""
    if summary(path)["video"] is not None:
        return True
    with pytest.raises(BadInput, match="refers to no video"):
        open_recording(path)
    return False


def test_a_later_cut_keeps_more(large):
    path, events = large
    size = path.stat().st_size
    kept = []
    for part in (0.3, 0.5, 0.7, 0.9):
        repair(cut_to(path, int(size * part)), path.with_name("fixed.mcap"))
        kept.append(len(open_recording(path.with_name("fixed.mcap")).events))
    assert kept == sorted(kept)
    assert kept[0] > 0.1 * len(events)
    assert kept[-1] > 0.6 * len(events)


def test_whole_files_pass_unchanged(large):
    path, events = large
    result = repair(path, path.with_name("copy.mcap"))
    assert result["complete"]
    assert result["damage"] == []
    back = open_recording(path.with_name("copy.mcap"))
    assert list(back.events) == events
    assert back.info.game == "cut"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_flipped_bit_is_found(large, data):
    """Whatever bit flips, the file is refused, or reads exactly as before."""
    path, events = large
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    bad = path.with_name("flipped.mcap")
    bad.write_bytes(content)
    try:
        found = list(open_recording(bad).events)
    except BadInput:
        return
    assert found == events


def test_a_wrong_crc_is_named_and_the_rest_can_be_kept(large):
    path, events = large
    content = bytearray(path.read_bytes())
    with path.open("rb") as file:
        summary = make_reader(file).get_summary()
        assert summary is not None
        assert len(summary.chunk_indexes) > 5
        chunk = summary.chunk_indexes[3]
    content[chunk.chunk_start_offset + chunk.chunk_length // 2] ^= 0xFF
    bad = path.with_name("bad.mcap")
    bad.write_bytes(content)
    with pytest.raises(BadInput, match=r"is damaged: .*(CRC|decompressed); `playtape repair .* keeps what is good"):
        open_recording(bad)
    result = repair(bad, path.with_name("fixed.mcap"))
    assert any("chunk" in what for what in result["damage"])
    back = list(open_recording(path.with_name("fixed.mcap")).events)
    assert len(events) * 0.8 < len(back) < len(events)
    assert set(back) <= set(events)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\x89MCAP0\r\n", "holds no whole message"),
        (b"\x89MC", "ends within its first 8 bytes"),
        (b"junk" * 99, "is not an MCAP file"),
    ],
)
def test_hopeless_files(tmp_path, content, sentence):
    path = tmp_path / "a.mcap"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=sentence) as error:
        repair(path, tmp_path / "out.mcap")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out.mcap").exists()


def test_names_that_cannot_be(large, tmp_path):
    path, _ = large
    with pytest.raises(BadInput, match="onto itself"):
        repair(path, path)
    with pytest.raises(BadInput, match=r"must end in .mcap"):
        repair(path, tmp_path / "out.mp4")
    with pytest.raises(BadInput, match="there is no file"):
        repair(tmp_path / "none.mcap", tmp_path / "out.mcap")


def test_foreign_topics_and_schemas_are_copied_as_they_are(mcap, tmp_path):
    rows = [(EPOCH + i, "eeg", {"a": i}) for i in range(50)] + [(EPOCH, "keyboard", {"event_type": "press", "vk": 87})]
    path = mcap(rows, schemas={"keyboard": "owa.env.desktop.msg.KeyboardEvent"})
    out = tmp_path / "other" / "copy.mcap"
    assert repair(path, out)["messages"] == 60 + 51
    back = open_recording(out)  # its video is found from the new folder
    assert list(back.events) == [(0, "key.w", 1)]
    assert "50 messages of unknown topics were ignored: eeg (50)" in back.warnings


def play(writer: RecordingWriter, frames: np.ndarray) -> list:
    """Append numbered frames with a few events each; gives the events."""
    rows = []
    for number, frame in enumerate(frames):
        time = writer.frame(frame)
        rows += [(time + 5 * MS, "mouse.dx", number % 7 + 1), (time + 5 * MS, "mouse.dy", -1)]
        if number % 10 in (2, 6):
            rows.append((time + 6 * MS, "key.w", number % 10 == 2))
        for row in rows[-3 if number % 10 in (2, 6) else -2 :]:
            writer.event(*row)
    return [(time, name, float(value)) for time, name, value in rows]


def test_live_recording(tmp_path):
    path = tmp_path / "new" / "run.mcap"
    with RecordingWriter(path, fps=35, info=Info(game="g"), provenance={"player": "p"}) as writer:
        writer.span(Span(0, 5, "text", "go"))
        rows = play(writer, numbered(80))
        assert find_nothing(path.parent)
    assert sorted(file.name for file in path.parent.iterdir()) == ["run.mcap", "run.mp4"]
    back = open_recording(path)
    assert list(back.events) == rows
    assert back.warnings == ()
    assert (back.info.game, back.provenance, len(back.spans)) == ("g", {"player": "p"}, 1)
    assert_numbered(back.video.stream(), range(80))
    assert back.time_ns.tolist() == [-(-k * 10**9 // 35) for k in range(80)]


def find_nothing(folder: Path) -> bool:
    with pytest.raises(BadInput, match="no recording"):
        find_recordings(folder)
    return True


def test_live_recording_with_its_own_times(tmp_path):
    times = [0, 33 * MS, 90 * MS, 91 * MS, 3000 * MS]
    with RecordingWriter(tmp_path / "run.mcap") as writer:
        for time, frame in zip(times, numbered(5), strict=True):
            writer.frame(frame, time)
        with pytest.raises(BadInput, match="frame 5 is at 5 ns"):
            writer.frame(numbered(1)[0], 5)
        writer.event(3100 * MS, "key.w", 1)
    back = open_recording(tmp_path / "run.mcap")
    assert back.time_ns.tolist() == times
    assert [row[1:] for row in back.events] == [("key.w", 1), ("key.w", 0)]  # released at the end


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_was_recorded_before_an_error_is_a_recording(tmp_path, error):
    with pytest.raises(error), RecordingWriter(tmp_path / "run.mcap", fps=35) as writer:
        rows = play(writer, numbered(20))
        raise error
    assert list(open_recording(tmp_path / "run.mcap").events) == rows
    assert sorted(file.name for file in tmp_path.iterdir()) == ["run.mcap", "run.mp4"]


def test_a_recording_without_a_frame_leaves_nothing(tmp_path):
    with RecordingWriter(tmp_path / "run.mcap", fps=35):
        pass
    assert list(tmp_path.iterdir()) == []


def test_full_disk_while_recording(tmp_path, monkeypatch):
    import errno

    def full(self):
        raise OSError(errno.ENOSPC, "No space left on device")

    sentence = r"no space left on the disk; free some, then `playtape repair .*run.mcap.part --out .*run.mcap` keeps"
    with pytest.raises(BadInput, match=sentence), RecordingWriter(tmp_path / "run.mcap", fps=35) as writer:
        play(writer, numbered(100))
        writer.event(3000 * MS, "key.w", 1)
        monkeypatch.setattr("playtape.recordings.writing.Sheet.flush", full)
        writer.event(6000 * MS, "key.w", 0)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["run.mcap.part", "run.mp4.part"]
    repair(tmp_path / "run.mcap.part", tmp_path / "run.mcap")
    assert len(open_recording(tmp_path / "run.mcap").events) > 100


SCRIPT = """
import sys, time
import numpy as np
from playtape.recordings import RecordingWriter
rng = np.random.default_rng(0)
with RecordingWriter(sys.argv[1], fps=35, gop=10) as writer:
    for number in range(100_000):
        at = writer.frame(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8))
        writer.event(at + 5_000_000, "mouse.dx", number % 7 + 1)
        if number == 300: print("enough", flush=True)
"""


def test_killed_while_recording(tmp_path):
    path = tmp_path / "run.mcap"
    root = Path(__file__).parents[2]
    child = subprocess.Popen([sys.executable, "-c", SCRIPT, path], stdout=subprocess.PIPE, cwd=root)
    assert child.stdout is not None
    assert child.stdout.readline() == b"enough\n"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["run.mcap.part", "run.mp4.part"]
    result = repair(tmp_path / "run.mcap.part", tmp_path / "fixed.mcap")
    assert result["video_repaired"]
    back = open_recording(tmp_path / "fixed.mcap")
    assert len(back.video) > 200
    assert len(back.events) > 200
    assert list(back.events) == [(-(-k * 10**9 // 35) + 5 * MS, "mouse.dx", k % 7 + 1) for k in range(len(back.events))]
    assert sum(1 for _ in back.video.stream()) == len(back.video)


def test_live_parts_cut_at_many_bytes(tmp_path):
    """Both halves of a killed recording, cut independently."""
    writer = RecordingWriter(tmp_path / "run.mcap", fps=35, gop=10)
    with writer:
        rows = play(writer, numbered(120))
        writer._container.close()
        writer._sheet.flush()
        parts = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
        writer._container = type("Closed", (), {"close": lambda self: None, "mux": lambda self, packet: None})()
    rng = np.random.default_rng(0)
    kept = 0
    for trial in range(25):
        folder = tmp_path / str(trial)
        folder.mkdir()
        for name, content in parts.items():
            (folder / name).write_bytes(content[: int(rng.integers(0, len(content) + 1))])
        try:
            result = repair(folder / "run.mcap.part", folder / "fixed.mcap")
        except Truncated:
            continue
        if result["video"] is None:
            continue
        back = open_recording(folder / "fixed.mcap")
        assert list(back.events) == rows[: len(back.events)]
        frames = list(back.video.stream())
        assert_numbered(frames, range(len(frames)))
        kept += 1
    assert kept > 10


def test_repairing_is_quick(large):
    start = time.process_time()
    repair(large[0], large[0].with_name("quick.mcap"))
    assert time.process_time() - start < 1.5


@pytest.mark.parametrize("name", ["x.xyz", "x", "x.mp3", "x.webm"])
def test_a_video_that_cannot_be_named_or_held_so(tmp_path, name):
    video = write_video(tmp_path / "v.mkv", numbered(10), fps=30)
    with pytest.raises(BadInput, match=rf"^cannot write .*{name}.*(it must end in|ends in \.mkv)") as error:
        repair(video, tmp_path / name)
    assert ".part" not in str(error.value)
    assert [file.name for file in tmp_path.iterdir()] == ["v.mkv"]


@pytest.mark.parametrize(
    ("source", "codec", "pix_fmt", "name", "sentence"),
    [
        ("v.mp4", "libx264", "yuv420p", "x.avi", "cannot write h264 video to .*x.avi; give an --out that ends in .mkv"),
        (
            "v.h264",
            "libx264",
            "yuv420p",
            "x.mkv",
            "v.h264 keeps no presentation times .h264., so it cannot be repaired",
        ),
        ("v.gif", "gif", "rgb8", "x.mkv", "cannot write gif video to .*x.mkv; give an --out that ends in .mov"),
    ],
)
def test_a_refusal_names_what_would_do(encode, tmp_path, source, codec, pix_fmt, name, sentence):
    video = encode(source, numbered(10), codec=codec, pix_fmt=pix_fmt, bframes=2 if codec == "libx264" else 0)
    with pytest.raises(BadInput, match=sentence) as error:
        repair(video, tmp_path / name)
    assert ".part" not in str(error.value)
    assert [file.name for file in tmp_path.iterdir()] == [source]


def test_a_target_that_cannot_be_made_is_not_the_sources_fault(tmp_path):
    video = write_video(tmp_path / "v.mkv", numbered(10), fps=30)
    with pytest.raises(BadInput, match=r"^cannot write /proc/none/v.mkv: "):
        repair(video, Path("/proc/none/v.mkv"))
    (tmp_path / "folder.mkv").mkdir()
    with pytest.raises(BadInput, match=r"^cannot write .*folder.mkv: it is a folder"):
        repair(video, tmp_path / "folder.mkv")
