import time

import numpy as np
import pytest
import torch

from playtape.clips import regular, resize
from playtape.clips.resize import middle, stride


def test_batch_and_threads_do_not_change_a_bit() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (5, 90, 120, 3), np.uint8)
    together = resize(frames, (40, 80))
    assert together.shape == (5, 3, 40, 80)
    assert together.dtype == torch.uint8
    assert all(torch.equal(together[i], resize(frames[i], (40, 80))) for i in range(5))
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    assert torch.equal(together, resize(frames, (40, 80)))
    torch.set_num_threads(threads)


def test_a_picture_of_the_right_size_is_left_alone() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (40, 80, 3), np.uint8)
    assert np.array_equal(resize(frame, (40, 80)).permute(1, 2, 0).numpy(), frame)


@pytest.mark.parametrize("size", [(60, 91), (91, 60), (64, 64), (2, 3)])
def test_a_crop_is_the_middle_square_made_smaller(size: tuple[int, int]) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, *size, 3), np.uint8)
    side = min(size)
    top, left = ((n - side) // 2 for n in size)
    square = frames[:, top : top + side, left : left + side]
    assert torch.equal(resize(frames, (16, 16), crop=True), resize(square, (16, 16)))
    assert torch.equal(resize(frames, (side, side), crop=True).movedim(-3, -1), torch.from_numpy(square))


def test_a_crop_has_the_shape_that_is_asked_for() -> None:
    assert middle((240, 320), (64, 64)) == (0, 40, 240, 240)
    assert middle((240, 320), (32, 64)) == (40, 0, 160, 320)
    assert middle((240, 320), (192, 256)) == (0, 0, 240, 320)
    assert middle((1, 500), (9, 1)) == (0, 249, 1, 1)


def test_a_circle_stays_one_and_the_squashed_one_does_not() -> None:
    y, x = np.mgrid[0:120, 0:180]
    frame = np.where((y - 59.5) ** 2 + (x - 89.5) ** 2 < 40**2, 255, 0).astype(np.uint8)[..., None].repeat(3, -1)
    for crop, wide, high in ((True, 43, 43), (False, 28, 43)):
        seen = resize(frame, (64, 64), crop=crop)[0] > 127
        assert abs(int(seen.any(0).sum()) - wide) <= 1
        assert abs(int(seen.any(1).sum()) - high) <= 1


def test_light_is_kept() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    assert abs(resize(frame, (40, 80)).float().mean() - frame.mean()) < 1


def test_a_recording_at_the_rate_is_taken_whole() -> None:
    time_ns = (np.arange(100) * 1e9 / 35).round().astype(np.int64)
    assert np.array_equal(regular(time_ns, 35), np.arange(100))
    assert np.array_equal(regular(time_ns, 60), np.arange(100))  # nothing is made up


def test_a_faster_one_is_sampled_at_the_nearest_frames() -> None:
    time_ns = (np.arange(600) * 1e9 / 60).round().astype(np.int64)
    keep = regular(time_ns, 20)
    assert np.array_equal(keep, np.arange(0, 600, 3))
    keep = regular(time_ns, 35)
    assert abs(len(keep) - 350) <= 1
    assert (np.diff(keep) > 0).all()
    error = np.abs(time_ns[keep] - time_ns[0] - np.arange(len(keep)) * 1e9 / 35)
    assert error.max() <= 1e9 / 120 + 2


def test_a_gap_costs_nothing_and_changes_nothing_beside_it() -> None:
    draw = np.random.default_rng(0)
    for gap in (3, 40, 1000):
        steps = draw.uniform(0.2, 2.6, 300)
        steps[150] = gap
        time_ns = (np.cumsum(steps) / 60 * 1e9).astype(np.int64)
        period = 1e9 / 20
        grid = time_ns[0] + np.arange(int((time_ns[-1] - time_ns[0]) / period) + 1) * period  # as it is defined
        nearest = np.unique(np.abs(time_ns[None] - grid[:, None]).argmin(1))
        assert np.array_equal(regular(time_ns, 20), nearest)
    year = np.concatenate([time_ns, time_ns + 365 * 86_400 * 10**9])
    start = time.perf_counter()
    assert 290 / 3 < len(regular(year, 20)) < 600
    assert time.perf_counter() - start < 0.5


def test_jitter_does_not_change_the_rate() -> None:
    draw = np.random.default_rng(0)
    time_ns = ((np.arange(1200) / 60 + draw.uniform(-1e-3, 1e-3, 1200)) * 1e9).astype(np.int64)
    assert abs(len(regular(time_ns, 20)) - 400) <= 1  # a greedy threshold gives 16.8 frames a second here


@pytest.mark.parametrize(
    ("rate", "hz", "frames", "every"),
    [
        (10, 3, 0, 3),
        (5, 3, 0, 2),
        (12.5, 3, 0, 4),
        (2, 3, 0, 1),
        (1, 3, 0, 1),
        (30, 3, 0, 10),
        (30, 3, 16, 6),
        (30, 3, 200, 1),
        (30, 1e-9, 16, 6),
        (30, 1e-320, 16, 6),
        (30, 0.01, 0, 99),
    ],
)
def test_a_stride_is_whole_and_no_longer_than_the_recording_lets(
    rate: float, hz: float, frames: int, every: int
) -> None:
    time_ns = (np.arange(100) * 1e9 / rate).round().astype(np.int64)
    assert stride(time_ns, hz, frames) == every
    assert stride(time_ns[:1], hz, frames) == 1
