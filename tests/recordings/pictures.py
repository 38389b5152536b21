"""Frames that can be told apart from their pictures alone."""

from collections.abc import Iterable

import numpy as np

EPOCH = 1_750_000_000_000_000_000  # log time of the first frame in files that imitate a recorder


def numbered(count: int, height: int = 48, width: int = 64) -> np.ndarray:
    """uint8 [N, H, W, 3]: frame n is grey of a level that only n has, so that a frame can be told from its picture."""
    level = (np.arange(count) * 37 % 200 + 28).astype(np.uint8)
    return np.broadcast_to(level[:, None, None, None], (count, height, width, 3)).copy()


def levels(frames: Iterable[np.ndarray]) -> list[int]:
    """The grey level of each frame."""
    return [round(float(frame.mean())) for frame in frames]


def assert_numbered(frames: Iterable[np.ndarray], numbers: Iterable[int]) -> None:
    """These are the frames of `numbered` with these numbers (encoding moves a grey by 2 at most)."""
    got = np.array(levels(frames))
    want = np.array([n * 37 % 200 + 28 for n in numbers])
    assert got.shape == want.shape
    assert np.abs(got - want).max(initial=0) <= 2, (got, want)
