"""What may be written. Each broken rule is one clear sentence, raised before anything is on the disk."""

import dataclasses
import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from playtape.actions import Events
from playtape.errors import BadInput
from playtape.recordings import Confidence, Recording, Span, Video, open_recording, save_recording
from playtape.recordings.nouns import Clock
from playtape.recordings.writing import Sheet

ROOT = Path(__file__).resolve().parents[2]


def with_events(recording: Recording, *rows: tuple[int, str, float]) -> Recording:
    return dataclasses.replace(recording, events=Events.from_rows(rows))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"events": Events.from_rows([(-5, "key.w", 1)])}, "event is at -5 ns; .* legal is >= 0 ns"),
        (
            {"events": Events.from_rows([(5, "mouse.wheel", 300)])},
            "wheel step of 300 notches does not fit; legal is .-273",
        ),
        ({"spans": (Span(9, 5, "text", "x"),)}, r"span text 'x' covers \[9, 5\) ns"),
        ({"spans": (Span(-9, 5, "text", "x"),)}, r"it must start at >= 0"),
        ({"clock": Clock(-1)}, "clock starts at -1 ns; log times must be >= 0"),
        (
            {"confidence": Confidence(np.array([5, 4]), ("key.w",), np.ones((2, 1), np.float32))},
            "times of confidence must not fall",
        ),
    ],
)
def test_rules(recording, tmp_path, change, sentence):
    before = sorted(tmp_path.iterdir())
    with pytest.raises(BadInput, match=sentence):
        save_recording(dataclasses.replace(recording, **change), tmp_path / "a.mcap")
    assert sorted(tmp_path.iterdir()) == before


def test_events_before_the_first_frame_are_fine_where_a_wall_clock_can_say_them(recording, tmp_path):
    early = dataclasses.replace(with_events(recording, (-5, "mouse.dx", 1)), clock=Clock(1000))
    assert list(open_recording(save_recording(early, tmp_path / "a.mcap")).events) == [(-5, "mouse.dx", 1)]


@pytest.mark.parametrize(("keywords", "sentence"), [({"video": "move"}, "legal are 'reference' and 'copy'")])
def test_keywords(recording, tmp_path, keywords, sentence):
    with pytest.raises(BadInput, match=sentence):
        save_recording(recording, tmp_path / "a.mcap", **keywords)
    with pytest.raises(BadInput, match=r"must end in .mcap"):
        save_recording(recording, tmp_path / "a.mp4")


def test_messages_of_a_topic_must_not_fall_back(tmp_path):
    with (tmp_path / "a.mcap").open("wb") as file:
        sheet = Sheet(file)
        sheet.message(10, "keyboard", b"{}")
        sheet.message(5, "screen", b"{}")  # another topic
        with pytest.raises(BadInput, match="'keyboard' at 9 ns comes after one at 10 ns"):
            sheet.message(9, "keyboard", b"{}")
        with pytest.raises(BadInput, match="'mouse' at -1 ns"):
            sheet.message(-1, "mouse", b"{}")


def test_confidence_must_fit_its_times():
    with pytest.raises(BadInput, match=r"must be \[3, 1\]"):
        Confidence(np.arange(3), ("key.w",), np.ones((2, 1), np.float32))


def test_open_buttons_are_released_at_the_end_and_told(recording, tmp_path):
    held = with_events(recording, (10, "key.w", 1), (20, "key.w", 1), (30, "key.a", 0), (40, "mouse.left", 1))
    back = open_recording(save_recording(held, tmp_path / "a.mcap"))
    assert list(back.events) == [
        (10, "key.w", 1),
        (20, "key.w", 2),
        (30, "key.a", 0),
        (40, "mouse.left", 1),
        (2_000_000_000, "key.w", 0),
        (2_000_000_000, "mouse.left", 0),
    ]
    told = "\n".join(back.warnings)
    assert "2 buttons were still down at the end and have been released" in told
    assert "1 presses of held buttons were marked as auto-repeat" in told
    assert "1 releases are of buttons that were not down" in told


def test_video_that_is_gone_or_changed(recording, tmp_path):
    with recording.video.path.open("ab") as file:
        file.write(b"x")
    with pytest.raises(BadInput, match="changed while it was being read"):
        save_recording(recording, tmp_path / "a.mcap")
    recording.video.path.unlink()
    with pytest.raises(BadInput, match="was removed"):
        save_recording(recording, tmp_path / "a.mcap")
    assert list(tmp_path.iterdir()) == []


def failing(error: BaseException, after: int):
    """`Sheet.message` that raises after some messages."""
    original, count = Sheet.message, 0

    def message(self, *row):
        nonlocal count
        count += 1
        if count > after:
            raise error
        original(self, *row)

    return message


@pytest.mark.parametrize("mode", ["reference", "copy"])
@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), RuntimeError("x")]
)
def test_nothing_half_written_stays(recording, tmp_path, monkeypatch, error, mode):
    out = tmp_path / "out"
    old = save_recording(recording, out / "old.mcap", video=mode)
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    monkeypatch.setattr(Sheet, "message", failing(error, 20))
    expected = BadInput if isinstance(error, OSError) else type(error)
    for path in (old, out / "new.mcap"):
        with pytest.raises(expected) as caught:
            save_recording(recording, path, video=mode)
        if expected is BadInput:
            assert (
                str(caught.value)
                == f"cannot write {path}: no space left on the disk; nothing was written, free some and try again"
            )
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before


FULL = """
import resource, signal, sys
from playtape.recordings import open_recording, save_recording
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
save_recording(open_recording(sys.argv[1]), sys.argv[2])
"""


def test_really_full_disk(recording, tmp_path):
    """The kernel refuses bytes beyond a file-size limit, as a full disk does. In a process of its own, since limits only fall."""
    many = np.arange(200_000)
    noise = np.random.default_rng(0).integers(1, 10_000, len(many))
    events = Events(many * 5_000, np.full(len(many), Events.from_rows([(0, "mouse.dx", 1)]).input[0]), noise)
    there = save_recording(dataclasses.replace(recording, events=events), tmp_path / "in" / "a.mcap")
    (tmp_path / "out").mkdir()
    words = [sys.executable, "-c", FULL, str(there), str(tmp_path / "out" / "a.mcap")]
    done = subprocess.run(words, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 1
    assert "BadInput: " in done.stderr
    assert "no space left" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_folder_that_cannot_be_written(recording, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInput, match="cannot write"):
        save_recording(recording, tmp_path / "file" / "a.mcap")


def test_saving_onto_itself(recording, tmp_path):
    """Opening, changing and saving under the same name must not lose anything."""
    path = save_recording(recording, tmp_path / "a.mcap", video="copy")
    again = open_recording(path)
    save_recording(dataclasses.replace(again, spans=(Span(0, 1, "text", "x"),)), path, video="copy")
    assert len(open_recording(path).spans) == 1
    assert len(Video(path.with_suffix(".mp4"))) == 60
