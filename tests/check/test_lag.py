"""By how much the picture answers late: known lags are told in milliseconds, and nothing is where there is nothing to tell by."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import playtape
from playtape.actions import Actions, ActionSpace, Events
from playtape.check.check import check
from playtape.check.glance import Glance
from playtape.check.lag import Lag, estimated, turned
from playtape.check.lags import moved, of_all
from playtape.cli import main
from playtape.errors import BadInput
from playtape.recordings import Recording, Span, open_recording
from playtape.recordings.respan import respan
from tests.check.conftest import STEP, Turning

SAMPLE = Path(playtape.__file__).parent / "samples" / "doom.mcap"
FRAME = STEP / 1e9


def views(recording: Recording, events: Events | None = None, *, down: bool = False) -> dict[str, Lag]:
    seen = Glance.of(recording, np.ones(len(recording.time_ns) - 1, bool), 4000, down=down)
    if events is not None:
        recording = replace(recording, events=events)
    return {lag.view: lag for lag in estimated(recording, seen)}


@pytest.fixture
def wall(turning: Turning, tmp_path: Path) -> Recording:
    return open_recording(turning.save(tmp_path / "wall.mcap"))


@pytest.mark.parametrize("by", [-6, -1, 0, 1, 2])
def test_a_shift_of_whole_frames_is_told(wall: Recording, by: int) -> None:
    """Inputs that come late are answered too early."""
    lag = views(wall, wall.events.shifted(by * STEP).between(0, wall.video.end_ns))["turn"]
    assert lag.seconds == pytest.approx(-by * FRAME, abs=0.1 * FRAME)
    assert lag.low <= lag.seconds <= lag.high
    assert lag.high - lag.low < FRAME
    assert lag.found == (by != 0)


def test_half_a_frame_is_told(turning: Turning, tmp_path: Path) -> None:
    """Each motion in four parts over its interval, as a real mouse's is; moved by half of one, it falls into two."""
    rows = [
        (t * STEP + part * STEP // 4, "mouse.dx", by / 4)
        for t, by in enumerate(turning.dx[:-1])
        if by
        for part in range(4)
    ]
    turning.events = Events.from_rows(rows).shifted(STEP // 2).between(0, 12 * 10**9)
    lag = views(open_recording(turning.save(tmp_path / "half.mcap")))["turn"]
    assert lag.seconds == pytest.approx(-FRAME / 2, abs=0.15 * FRAME)


def test_the_sample_of_doom_is_in_step_and_a_frame_is_seen() -> None:
    recording = open_recording(SAMPLE)
    step = int(np.median(np.diff(recording.time_ns)))
    seen = Glance.of(recording, np.ones(len(recording.time_ns) - 1, bool), 4000)
    said = {}
    for by in (-1, 0, 1):
        events = recording.events.shifted(by * step).between(0, recording.video.end_ns)
        said[by] = estimated(replace(recording, events=events), seen)[0]
    assert abs(said[0].seconds) < 0.25e-9 * step
    assert said[1].found
    assert said[-1].found
    assert (said[-1].seconds - said[1].seconds) * 1e9 == pytest.approx(2 * step, rel=0.1)


def test_inputs_of_another_recording_tell_nothing(wall: Recording) -> None:
    other = Turning(5).events
    assert not any(lag.known for lag in views(wall, other).values())


def test_held_keys_whose_push_decays_tell_it_too(turning: Turning, tmp_path: Path) -> None:
    """A craft: a held key pushes, three quarters of the spin stay. It answers at once, though it turns fastest late."""
    draw = np.random.default_rng(3)
    held = np.repeat(draw.integers(-1, 2, 40), 6)[:240]
    spin = np.zeros(240)
    for t in range(239):
        spin[t + 1] = 0.75 * spin[t] + 1.2 * held[t]
    heading = np.concatenate([[0], np.cumsum(np.round(spin[1:]))]).astype(int)[:240]
    turning.frames = np.stack([np.roll(turning.wall, -2 * by, axis=1)[:, :160] for by in heading])
    buttons = np.stack([held == 1, held == -1], axis=1)
    space = ActionSpace(("key.d", "key.a"), ())
    turning.events = space.events(Actions(buttons, np.zeros((240, 0), np.float32)), turning.time_ns)
    craft = open_recording(turning.save(tmp_path / "craft.mcap"))
    lag = views(craft)["turn"]
    assert set(lag.inputs) == {"key.a", "key.d"}
    assert abs(lag.seconds) < FRAME / 10
    late = views(craft, craft.events.shifted(2 * STEP).between(0, craft.video.end_ns))["turn"]
    assert late.seconds - lag.seconds == pytest.approx(-2 * FRAME, abs=FRAME / 4)
    assert not turned(craft, Glance.of(craft, np.ones(239, bool), 4000), np.ones(239, bool)).known  # no finding by keys


def test_looking_up_and_down_tells_it(turning: Turning, tmp_path: Path) -> None:
    tall = np.random.default_rng(1).integers(40, 256, (40, 20, 3), dtype=np.uint8)
    tall = np.repeat(np.repeat(tall, 8, axis=0), 8, axis=1)
    turning.frames = np.stack([np.roll(tall, -2 * by, axis=0)[:120] for by in turning.heading])
    turning.events = Events.from_rows(
        (t * STEP + STEP // 2, "mouse.dy", float(by)) for t, by in enumerate(turning.dx[:-1]) if by
    )
    recording = open_recording(turning.save(tmp_path / "tilt.mcap"))
    lag = views(recording, recording.events.shifted(STEP).between(0, recording.video.end_ns), down=True)["tilt"]
    assert lag.seconds == pytest.approx(-FRAME, abs=0.15 * FRAME)


def test_too_little_is_said_to_be_too_little(turning: Turning, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    turning.events = Events.from_rows([(10**9, "key.w", 1), (2 * 10**9, "key.w", 0)])
    path = turning.save(tmp_path / "still.mcap")
    check_code = main(["check", str(path), "--lag", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert check_code in (0, 1)
    assert result["recordings"][0]["lag"]["lag_ms"] is None
    assert "no button is pressed 3 times" in result["recordings"][0]["lag"]["why"]
    assert result["lag"] == {
        "lag_ms": None,
        "interval": None,
        "why": "of no recording there is enough evidence",
        "recordings": 1,
        "known": 0,
    }


def test_all_is_the_median_of_each() -> None:
    def row(lag: float | None) -> dict:
        return {"lag": {"lag_ms": lag, "interval": None if lag is None else [lag - 1, lag + 1], "why": None}}

    found = of_all([row(10.0), row(None), row(12.0), row(50.0)])
    assert (found["lag_ms"], found["known"], found["recordings"]) == (12.0, 3, 4)
    assert found["interval"] == [10.0, 50.0]
    assert of_all([row(10.0), {"lag": None}])["interval"] == [9.0, 11.0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One recording in step, and one whose inputs are two frames late."""
    Turning(0).save(tmp_path / "data" / "right.mcap")
    late = Turning(1)
    late.events = late.events.shifted(2 * STEP).between(0, 12 * 10**9)
    path = late.save(tmp_path / "data" / "sub" / "late.mcap")
    respan(open_recording(path), add=[Span(0, 10**9, "text", "turn")])
    return tmp_path / "data"


def test_inputs_are_moved_into_new_recordings(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    late, out = folder / "sub" / "late.mcap", tmp_path / "aligned"
    before = late.read_bytes()
    assert main(["check", str(folder), "--workers", "1", "--align", str(out)]) == 1  # a lag of two frames is a finding
    said = capsys.readouterr().out
    assert "lag -100 ms" in said
    assert f"not moved: {folder / 'right.mcap'}: its lag may be 0" in said
    assert "Wrote 1 recording with inputs moved" in said
    assert late.read_bytes() == before
    new = open_recording(out / "sub" / "late.mcap")
    assert [span.value for span in new.spans if span.kind == "text"] == ["turn"]
    assert new.video.path.samefile(late.with_suffix(".mp4"))
    again = check(out, workers=1, lag=True, progress=False)
    assert abs(again["lag"]["lag_ms"]) < 10
    assert int(new.provenance["events_shifted_ns"]) == pytest.approx(-100e6, abs=5e6)
    assert main(["check", str(folder), "--workers", "1", "--align", str(out)]) == 2
    assert "already holds late.mcap" in capsys.readouterr().err


def test_the_originals_are_never_in_the_way(folder: Path) -> None:
    with pytest.raises(BadInput, match="where the recordings themselves are"):
        check(folder, workers=1, align=folder, progress=False)
    (folder.parent / "file").write_text("")
    with pytest.raises(BadInput, match="is a file; give a folder"):
        check(folder, workers=1, align=folder.parent / "file", progress=False)


def test_what_is_held_at_the_edges_stays_held(wall: Recording) -> None:
    rows = [(0, "key.w", 1), (10**9, "key.w", 0), (2 * 10**8, "mouse.dx", 5), (11 * 10**9, "key.a", 1)]
    recording = replace(wall, events=Events.from_rows(rows))
    early = moved(recording, -5 * 10**8)
    assert list(early.events)[:2] == [(0, "key.w", 1.0), (5 * 10**8, "key.w", 0.0)]
    assert "mouse.dx" not in early.events.counts()  # it was before the first picture now
    late = moved(recording, 2 * 10**9)
    assert "key.a" not in late.events.counts()
    assert moved(early, 5 * 10**8).provenance["events_shifted_ns"] == "0"
