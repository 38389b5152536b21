"""How far a mouse turns the camera: measured from play, since every player has a sensitivity of their own.

Between two frames the picture shifts against the mouse. By how much is found by phase correlation (Kuglin and Hines, 1975) of
rows or columns of brightness, for the intervals of the largest motion that still leaves both frames much in common.
"""

from collections.abc import Sequence

import numpy as np

from playtape.clips import Stored

PAIRS = 400  # at most, of all recordings
FEW = 12  # pairs that agree, below which nothing is known
TYPICAL = (0.3, 2.5)  # typical magnitudes; less is lost in the grid of pixels, more leaves too little in common
FAR = 0.35  # of the side: no shift beyond is believed


def gain(recordings: Sequence[Stored], axis: int, scale: float, along: str) -> float | None:
    """By which share of the picture's width a motion of `scale` of that axis moves it. None where too little agrees.

    `along`: "rows" for an axis that turns to the right, "columns" for one that turns down.
    """
    found = []
    for one in recordings:
        moved = np.abs(one.actions.axes[:-1, axis]) / scale
        fit = np.flatnonzero((moved > TYPICAL[0]) & (moved < TYPICAL[1]) & one.mask[:-1])
        rows = fit[:: max(1, len(fit) * len(recordings) // PAIRS)]
        for t in rows:
            shift = _shift(_line(one.frames[t], along), _line(one.frames[t + 1], along))
            if shift is not None:
                found.append(-shift / (one.actions.axes[t, axis] / scale))
    found = np.array(found)
    agreeing = found[found > 0]  # a turn to the right moves the picture to the left
    if len(agreeing) < FEW or len(agreeing) < 0.7 * len(found):
        return None
    side, width = one.frames.shape[-1 if along == "rows" else -2], one.frames.shape[-1]
    return float(np.median(agreeing)) * side / width


def _line(frame: np.ndarray, along: str) -> np.ndarray:
    """Brightness uint8 [3, H, W] by bands of the middle of the picture across the direction: float64 [bands, side]."""
    grey = frame.astype(np.float64).mean(0)
    grey = grey if along == "rows" else grey.T
    bands = np.array_split(grey[len(grey) // 5 : -len(grey) // 5], 8)
    lines = np.stack([band.mean(0) for band in bands])
    return (lines - lines.mean(1, keepdims=True)) * np.hanning(lines.shape[1])


def _shift(before: np.ndarray, after: np.ndarray) -> float | None:
    """How far lines [bands, side] moved to the right, in sides; None where nothing is clear."""
    side = before.shape[1]
    product = np.fft.rfft(after, 2 * side) * np.fft.rfft(before, 2 * side).conj()
    peak = np.fft.irfft((product / (np.abs(product) + 1e-9 + 0.01 * np.abs(product).max())).sum(0))
    reach = int(FAR * side)
    curve = np.concatenate([peak[-reach:], peak[: reach + 1]])
    top = int(curve.argmax())
    if not 0 < top < len(curve) - 1 or curve[top] < 4 * curve.std():
        return None
    left, middle, right = curve[top - 1 : top + 2]
    return (top - reach + 0.5 * (left - right) / (left - 2 * middle + right)) / side
