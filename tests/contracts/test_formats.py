"""Every module of recordings/formats, and so each new one: what a format promises."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from playtape.actions import names
from playtape.recordings import Recording, open_recording, save_recording
from playtape.recordings.convert import convert, find_format, format_names
from playtape.recordings.nouns import KINDS

FILMS = {"something_something", "video"}  # formats that tell no action


@pytest.fixture(params=format_names())
def format_module(request) -> ModuleType:
    return find_format(request.param)


@pytest.fixture
def recordings(format_module, tmp_path) -> list[Recording]:
    """What the format reads of its own two-second example."""
    root = format_module.example(tmp_path / "example")
    paths = format_module.find(root)
    assert paths, "example() gives a folder in which find() finds nothing"
    assert paths == sorted(paths)
    assert all(isinstance(path, Path) for path in paths)
    return [format_module.read(path) for path in paths]


def test_example_is_small_and_has_play_in_it(format_module, recordings):
    for recording in recordings:
        seconds = recording.video.end_ns / 1e9
        assert 0.5 <= seconds <= 4, "example() should be about two seconds"
        assert len(recording.video) >= 10
    film = format_module.__name__.rpartition(".")[2] in FILMS
    assert (sum(len(recording.events) for recording in recordings) == 0) == film


def test_time_rises_and_stamps_match_frames(recordings):
    for recording in recordings:
        time, video = recording.time_ns, recording.video
        assert time.dtype == np.int64
        assert (np.diff(time) > 0).all()
        assert 0 <= time[0] < time[-1] < video.end_ns
        frames = list(video.stream())
        assert len(frames) == len(time) == len(video)
        assert all(frame.shape == (video.height, video.width, 3) and frame.dtype == np.uint8 for frame in frames)
        assert np.array_equal(video[len(video) // 2], frames[len(video) // 2])


def test_events_lie_inside_and_pair_up(recordings):
    for recording in recordings:
        events = recording.events
        assert (np.diff(events.time_ns) >= 0).all()
        if len(events):
            assert events.time_ns[0] >= recording.time_ns[0]
            assert events.time_ns[-1] <= recording.video.end_ns
        held: set[str] = set()
        for _, name, value in events:
            if names.is_button(name):
                assert (name in held) == (value != 1), f"{name} is pressed twice, or released or repeated while up"
                (held.discard if value == 0 else held.add)(name)
        assert not held, "buttons are still down at the end"


def test_motion_is_whole_counts(recordings):
    for recording in recordings:
        motion = recording.events.of("mouse.dx", "mouse.dy").value
        assert np.array_equal(motion, np.rint(motion))
        assert (motion != 0).all()


def test_spans_are_inside(recordings):
    for recording in recordings:
        for span in recording.spans:
            assert 0 <= span.start_ns <= span.end_ns <= recording.video.end_ns
            assert span.kind in KINDS


def test_origin_is_told(recordings):
    for recording in recordings:
        assert recording.info.game
        assert recording.info.licence


def test_round_trip_through_owamcap_is_equal(recordings, tmp_path):
    for number, recording in enumerate(recordings):
        for mode in ("reference", "copy"):
            path = save_recording(recording, tmp_path / mode / f"{number}.mcap", video=mode)
            back = open_recording(path)
            assert list(back.events) == list(recording.events)
            assert np.array_equal(back.time_ns, recording.time_ns)
            assert back.video.end_ns == recording.video.end_ns
            assert back.info == recording.info
            assert sorted(back.spans) == sorted(recording.spans)
            assert dict(back.provenance) == dict(recording.provenance)
            assert back.warnings == recording.warnings
            kept = ({name: file.read() for name, file in one.attachments.items()} for one in (back, recording))
            assert next(kept) == next(kept)
            assert (back.confidence is None) == (recording.confidence is None)
            if recording.confidence is not None:
                assert recording.confidence.equals(back.confidence)
            assert np.array_equal(back.video[0], recording.video[0])


def test_write(format_module, recordings, tmp_path):
    """What can be written is read as it was."""
    if not hasattr(format_module, "write"):
        return
    for number, recording in enumerate(recordings):
        back = format_module.read(format_module.write(recording, tmp_path / "written" / f"{number}.mcap"))
        assert list(back.events) == list(recording.events)
        assert np.array_equal(back.time_ns, recording.time_ns)
        assert back.info == recording.info
        assert sorted(back.spans) == sorted(recording.spans)


def test_gather(format_module, recordings, tmp_path):
    """A folder for many recordings is none of its format before it is finished, and holds what it was given."""
    if not hasattr(format_module, "gather"):
        return
    out = tmp_path / "gathered"
    whole = format_module.gather(out)
    paths = [whole.add(recording, f"place/{number}")[0] for number, recording in enumerate(recordings)]
    assert format_module.find(out) == []
    assert list(format_module.gather(out).held.values()) == paths
    whole.finish()
    assert format_module.find(out) == paths
    assert [len(format_module.read(path).video) for path in paths] == [len(one.video) for one in recordings]


def test_convert(format_module, tmp_path):
    root = format_module.example(tmp_path / "example")
    name = format_module.__name__.rpartition(".")[2]
    result = convert(root, tmp_path / "out", name, progress=False)
    assert len(result["outputs"]) == len(format_module.find(root))
    for path in result["outputs"]:
        assert open_recording(path).video.path.parent == Path(path).parent
