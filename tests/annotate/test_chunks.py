"""How a recording is cut into stretches, and when it is looked at."""

from itertools import pairwise

import numpy as np
import pytest

from playtape.annotate import Settings
from playtape.annotate.chunks import SECOND, Chunk, chunks, clock, moments, shown_size

PLAIN = Settings("m", chunk_s=60, overlap_s=10)


def cut(first: float, end: float, settings: Settings = PLAIN) -> list[tuple[float, float]]:
    found = chunks(round(first * SECOND), round(end * SECOND), settings)
    assert [chunk.number for chunk in found] == list(range(len(found)))
    return [(chunk.start_ns / SECOND, chunk.end_ns / SECOND) for chunk in found]


def test_chunks_overlap_and_cover_everything():
    assert cut(0, 130) == [(0, 60), (50, 110), (100, 130)]
    assert cut(0, 160) == [(0, 60), (50, 110), (100, 160)]
    assert cut(1.5, 20) == [(1.5, 20)]


def test_a_short_rest_joins_the_last():
    assert cut(0, 60.05) == [(0, 60.05)]
    assert cut(0, 66) == [(0, 66)]
    assert cut(0, 67) == [(0, 60), (50, 67)]


@pytest.mark.parametrize("seconds", [0.05, 1, 59, 61, 66.1, 600, 3599.983, 36_000])
@pytest.mark.parametrize("overlap", [0, 10, 30])
def test_every_moment_is_in_a_chunk_and_none_is_longer_than_allowed(seconds: float, overlap: float):
    found = chunks(7, round(seconds * SECOND) + 7, Settings("m", chunk_s=60, overlap_s=overlap))
    assert found[0].start_ns == 7
    assert found[-1].end_ns == round(seconds * SECOND) + 7
    for one, other in pairwise(found):
        assert one.end_ns - other.start_ns == overlap * SECOND
    assert all(0 < chunk.length_s <= 66 for chunk in found)


@pytest.mark.parametrize(
    ("fps", "wanted"), [(1, [0, 1, 2, 3]), (2, [0, 0.5, 1, 1.5, 2, 2.5, 3]), (0.5, [0, 2]), (0.1, [0])]
)
def test_moments_lie_within_the_chunk(fps: float, wanted: list[float]):
    times = moments(Chunk(0, 5 * SECOND, 8 * SECOND + SECOND // 4), Settings("m", frames_per_second=fps))
    assert ((times - 5 * SECOND) / SECOND).tolist() == wanted
    assert times.dtype == np.int64


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "00:00"), (59.999, "01:00"), (61, "01:01"), (4000, "66:40"), (0.5, "00:00.5"), (0.25, "00:00.25")],
)
def test_a_clock_says_minutes_and_seconds(seconds: float, said: str):
    assert clock(seconds) == said


def test_pictures_are_never_made_larger():
    assert shown_size(1920, 1080, PLAIN) == (640, 360)
    assert shown_size(192, 192, PLAIN) == (192, 192)
    assert shown_size(1, 5000, PLAIN) == (1, 360)
