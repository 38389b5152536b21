"""Real files of others: OWAMcap of three versions, Pixels2Play annotations, and the ecosystem's own reader."""

import warnings

import numpy as np
import pytest

from playtape.errors import BadInput
from playtape.recordings import open_recording, repair, save_recording, summary
from playtape.recordings.formats import owamcap

MS = 1_000_000


@pytest.mark.parametrize(
    ("name", "frames", "size", "keys", "pointer"),
    [("0.3.2", 49, (906, 578), 24, 578), ("0.5.1", 18, (1025, 1017), 20, 218)],
)
def test_old_recordings(samples, tmp_path, name, frames, size, keys, pointer):
    recording = open_recording(samples / f"{name}.mcap")
    assert len(recording.video) == frames
    assert (recording.video.width, recording.video.height) == size
    counts = recording.events.counts()
    assert sum(n for key, n in counts.items() if key.startswith("key.")) == keys
    assert counts["mouse.x"] == counts["mouse.y"] == pointer
    assert recording.clock.mode == "cues"
    assert sum(1 for _ in recording.video.stream()) == frames
    last = list(recording.video.stream())[-1]
    assert np.array_equal(recording.video[frames - 1], last)
    back = open_recording(save_recording(recording, tmp_path / "again.mcap"))
    assert back.video[0].shape == recording.video[0].shape
    held = {"key.c": 1, "key.left_control": 1}  # down at the end; released on writing
    assert {k: n + held.get(k, 0) for k, n in counts.items()} == back.events.counts()
    assert list(back.events)[:-2] == list(recording.events)


@pytest.mark.parametrize(("name", "envelope_ms", "first_ms"), [("0.3.2", 20.3, 1.9), ("0.5.1", 10.5, 11.8)])
def test_clocks_against_the_subtitles(samples, name, envelope_ms, first_ms):
    """How far the other ways to lay the clock are from the UTC subtitles on these files."""
    truth = open_recording(samples / f"{name}.mcap").clock.anchor_ns
    for mode, distance in (("envelope", envelope_ms), ("first-screen", first_ms)):
        anchor = open_recording(samples / f"{name}.mcap", clock=mode).clock.anchor_ns
        assert (anchor - truth) / MS == pytest.approx(distance, abs=0.2)


def test_the_video_may_hold_one_frame_more(samples):
    assert not any("no screen message" in what for what in open_recording(samples / "0.5.1.mcap").warnings)
    assert any("snapshots of held keys disagree" in what for what in open_recording(samples / "0.5.1.mcap").warnings)


def test_current_recording_without_its_video(samples):
    with pytest.raises(BadInput, match=r"refers to the video 'example.mkv', but there is no file"):
        open_recording(samples / "example.mcap")
    result = summary(samples / "example.mcap")
    assert result["topics"] == {
        "window": 11,
        "keyboard/state": 11,
        "mouse/state": 11,
        "screen": 590,
        "mouse": 209,
        "keyboard": 32,
    }
    assert result["inputs"]["key.escape"] == 2


def test_cut_samples(samples, tmp_path):
    content = (samples / "0.3.2.mcap").read_bytes()
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(content[: len(content) - 900])
    (tmp_path / "0.3.2.mkv").write_bytes((samples / "0.3.2.mkv").read_bytes())
    assert repair(cut, tmp_path / "fixed.mcap")["messages"] == 669
    assert len(open_recording(tmp_path / "fixed.mcap").events) > 1000


@pytest.mark.parametrize(
    ("name", "frames", "users", "events"), [("user_only", 157, 157, 2117), ("system_and_user", 741, 250, 6228)]
)
def test_annotations(annotations, name, frames, users, events):
    result = summary(annotations / f"{name}.proto")
    assert (result["frames"], result["user_known"], result["events"]) == (frames, users, events)
    assert (result["system_known"], result["fps"], sum(result["inputs"].values())) == (frames - users, 20.0, events)
    assert (result["game"], result["variant"], result["recorder"], result["warnings"]) == ("msdos", "quake", 13, [])


def test_their_reader_opens_ours_without_a_warning(tmp_path):
    highlevel = pytest.importorskip("mcap_owa.highlevel", reason="mcap-owa-support is not installed")
    pytest.importorskip("owa.msgs", reason="owa-msgs is not installed")
    path = owamcap.example(tmp_path) / "example.mcap"
    topics = ["screen", "keyboard", "keyboard/state", "mouse", "mouse/raw", "mouse/state"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with highlevel.OWAMcapReader(path) as reader:
            decoded = [(message.topic, message.decoded) for message in reader.iter_messages(topics=topics)]
            assert {"recording", "clock", "media"} <= {record.name for record in reader.iter_metadata()}
        screen = [message for topic, message in decoded if topic == "screen"][30]
        assert screen.resolve_relative_path(str(path)).to_rgb_array().shape == (48, 64, 3)
    motion = sum(message.dx for topic, message in decoded if topic == "mouse/raw")
    assert motion == open_recording(path).events.of("mouse.dx").value.sum() == 59
