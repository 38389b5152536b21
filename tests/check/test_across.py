"""The same play twice: found where it recurs, however it is cut and stamped, and not in play that only resembles it."""

import numpy as np

from playtape.check.across import repeated
from playtape.check.findings import Limits

STEP = 50_000_000


def marks(seed: int, count: int = 400, start: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed).integers(0, 2**63, 1000, dtype=np.uint64)
    return np.arange(count, dtype=np.int64) * STEP, draw[start : start + count]


def test_different_play_is_not_the_same() -> None:
    assert repeated({str(seed): marks(seed) for seed in range(5)}, Limits()) == {}


def test_a_part_of_another_recording_is_told_at_the_later_name() -> None:
    time, mark = marks(1)
    copied = mark.copy()
    copied[100:300] = marks(2)[1][150:350]
    found = repeated({"b": (time, copied), "a": marks(2), "c": marks(3)}, Limits())
    assert list(found) == ["b"]
    (one,) = found["b"]
    assert one.kind == "repeated-play"
    assert abs(one.start_ns - 100 * STEP) <= STEP
    assert abs(one.end_ns - 299 * STEP) <= STEP
    assert "in a, from 7.5 s on" in one.text or "in a, from 7.4 s on" in one.text


def test_a_copy_at_other_moments_with_some_pictures_changed_is_found() -> None:
    time, mark = marks(1)
    draw = np.random.default_rng(0)
    changed = np.where(draw.random(len(mark)) < 0.3, draw.integers(0, 2**63, len(mark), dtype=np.uint64), mark)
    jitter = time + draw.integers(0, 8_000_000, len(time)) + 1_234_567_891
    (one,) = repeated({"a": (time, mark), "b": (jitter, changed)}, Limits())["b"]
    assert one.end_ns - one.start_ns > 18e9


def test_a_loop_within_a_recording() -> None:
    time, mark = marks(1)
    looped = np.concatenate([mark[:200], mark[:200]])
    (one,) = repeated({"a": (time, looped)}, Limits())["a"]
    assert abs(one.start_ns - 200 * STEP) <= STEP
    assert "in this recording, from 0.0 s on" in one.text


def test_short_or_dull_likeness_is_none() -> None:
    time, mark = marks(1)
    short = marks(2)[1].copy()
    short[50:200] = mark[50:200]
    assert repeated({"a": (time, mark), "b": (time, short)}, Limits()) == {}
    menu = np.resize(mark[:3], 400)  # three pictures in turn, in both
    assert repeated({"a": (time, menu), "b": (time, menu)}, Limits()) == {}


def test_empty_recordings() -> None:
    nothing = (np.zeros(0, np.int64), np.zeros(0, np.uint64))
    assert repeated({"a": nothing, "b": marks(1)}, Limits()) == {}
