"""How a foreign file's wall clock is laid over its video."""

import numpy as np
import pytest

from playtape.errors import BadInput
from playtape.recordings import open_recording
from playtape.recordings.clocks import fit
from playtape.recordings.nouns import Clock
from tests.recordings.pictures import EPOCH

MS = 1_000_000
SECOND = 1000 * MS


def late_screens(seconds: int, drift_ppm: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """(log_time, pts) of a pipeline that drops unchanged frames: most messages come late, by up to half a second."""
    rng = np.random.default_rng(0)
    pts = np.sort(rng.choice(np.arange(seconds * 60), seconds * 10, replace=False)) * (SECOND // 60)
    delay = np.where(rng.random(len(pts)) < 0.3, rng.uniform(0, 2, len(pts)), rng.exponential(120, len(pts))) * MS
    log = EPOCH + pts + np.rint(pts * drift_ppm / 1e6).astype(np.int64) + delay.astype(np.int64)
    return log, pts


def test_the_earliest_messages_count():
    log, pts = late_screens(300)
    clock = fit("auto", log, pts, None)
    assert clock.mode == "envelope"
    assert abs(clock.anchor_ns - EPOCH) < 2 * MS
    least_squares = int((log - pts - EPOCH).mean()) + EPOCH
    assert least_squares - EPOCH > 50 * MS
    assert clock.residual_ns < 1 * MS


@pytest.mark.parametrize("drift", [-60.0, 40.0, 300.0])
def test_drift_is_found_in_long_recordings(drift):
    log, pts = late_screens(1200, drift)
    clock = fit("envelope", log, pts, None)
    assert clock.drift_ppm == pytest.approx(drift, abs=5)
    truth = EPOCH + pts + np.rint(pts * drift / 1e6).astype(np.int64)
    assert np.abs(clock.video_time(truth) - pts).max() < 5 * MS


def test_drift_is_not_guessed_in_short_ones_nor_believed_when_absurd():
    assert fit("envelope", *late_screens(60, 100.0), None).drift_ppm == 0
    assert fit("envelope", *late_screens(600, 5000.0), None).drift_ppm == 0


def test_first_screen_decides_in_the_papers_mode():
    log, pts = late_screens(60)
    log[0] = EPOCH + pts[0] + 33 * MS
    clock = fit("first-screen", log, pts, None)
    assert (clock.mode, clock.anchor_ns, clock.drift_ppm) == ("first-screen", EPOCH + 33 * MS, 0.0)


def test_mapping_is_exact_without_drift_and_rising_with_it():
    times = EPOCH + np.arange(0, 3600 * SECOND, 7_777_777_777)
    assert np.array_equal(Clock(EPOCH).video_time(times), times - EPOCH)
    mapped = Clock(EPOCH, "cues", 100.0).video_time(times)
    assert (np.diff(mapped) > 0).all()
    assert mapped[-1] == pytest.approx((times[-1] - EPOCH) / 1.0001, abs=2)


def test_modes_of_opening(mcap, recording, tmp_path):
    path = mcap([(EPOCH + 5 * MS, "keyboard", {"event_type": "press", "vk": 87})])
    for mode in ("auto", "envelope", "first-screen", "exact"):
        assert open_recording(path, clock=mode).events.time_ns.tolist() == [5 * MS]
    with pytest.raises(BadInput, match="has no UTC subtitles to set the clock by"):
        open_recording(path, clock="cues")
    with pytest.raises(BadInput, match="unknown clock 'sundial'; legal are auto, exact, cues, envelope, first-screen"):
        open_recording(path, clock="sundial")


def test_our_own_files_are_exact_even_where_screens_are_late(mcap):
    own = {"anchor_ns": str(EPOCH - 3), "mode": "cues", "drift_ppm": "17.0", "residual_ns": "5"}
    path = mcap([(EPOCH + 5 * MS, "keyboard", {"event_type": "press", "vk": 87})], metadata={"clock": own})
    back = open_recording(path)
    assert back.events.time_ns.tolist() == [5 * MS + 3]
    assert (back.clock.mode, back.clock.drift_ppm, back.clock.residual_ns) == ("cues", 17.0, 5)
    bad = mcap([], metadata={"clock": {"anchor_ns": "noon"}}, name="bad.mcap")
    with pytest.raises(BadInput, match="clock record that is not numbers"):
        open_recording(bad)
