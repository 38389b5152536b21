"""Do the inputs belong to these pictures? Two cheap measures from the pictures alone, numpy only.

`horizontal_shift` sees how far the view turned from one frame to the next. Its correlation with `mouse.dx` of the interval
between the two frames peaks at lag 0 where the one convention holds (all 16 views of Freedoom's demos: 0.63 to 0.99).
`still_fraction` is the share of intervals with moving inputs in which the picture stands still: a demo that has run out of
step leaves its player dead, or pushing against a wall. Legend: T frames, R C rows and columns of the reduced picture.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np

from playtape.actions import Actions, ActionSpace

__all__ = ["OUT_OF_STEP", "SAME", "horizontal_shift", "lag_correlation", "shift_between", "still_fraction", "view"]

# A still fraction above this is out of step. Freedoom's 16 views in step: 0.000-0.011; with some tics cut out: 0.52, 0.42,
# and 0.04 where the player lived on. Others' counts, with moves that walls stop: 0.00-0.14 in step, 0.38-0.89 out of it.
OUT_OF_STEP = 0.3
COLUMNS = 160
ROWS = (0.13, 0.55)  # of the height: below the messages, above the weapon and the status bar
REACH = 28  # columns of 160: a turn of some 15 degrees at a field of view of 90
TRUSTED = 0.25  # an estimate counts if its shift explains this much more of the difference than no shift does
SAME = (
    1.0  # mean absolute difference in grey levels (of 255) below which a picture stands still; h264's own noise is 0.2
)
MOVES = ("key.w", "key.s", "key.a", "key.d")


def view(frame: np.ndarray) -> np.ndarray:
    """The part of a frame that shows the world, grey and small: uint8 [H, W, 3] -> float32 [R, C], by picking pixels."""
    height, width, _ = frame.shape
    rows = slice(int(ROWS[0] * height), int(ROWS[1] * height), max(1, height // 120))
    picked = frame[rows, :: max(1, width // COLUMNS)]
    return picked.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)


def horizontal_shift(frames: Iterable[np.ndarray]) -> np.ndarray:
    """How far the picture moved right from each of T frames to the next, as a share of its width: float32 [T - 1].

    The whole number of columns with the least mean absolute difference. NaN where no shift explains the change well.
    """
    return np.array([shift_between(before, after) for before, after in pairwise(map(view, frames))], np.float32)


def lag_correlation(turn: np.ndarray, shift: np.ndarray, lags: Iterable[int] = range(-3, 4)) -> dict[int, float]:
    """Correlation of turning right, `turn[t + lag]`, with the picture moving left in `shift[t]`, for each lag.

    `turn` [T] is mouse.dx of each interval, `shift` [T - 1] is from `horizontal_shift`. Zero where it is undefined.
    """
    interval = np.flatnonzero(np.isfinite(shift))
    result = {}
    for lag in lags:
        inside = interval[(interval + lag >= 0) & (interval + lag < len(shift))]
        a, b = turn[inside + lag], -shift[inside]
        defined = len(inside) > 2 and np.ptp(a) > 0 and np.ptp(b) > 0
        result[lag] = float(np.corrcoef(a, b)[0, 1]) if defined else 0.0
    return result


def still_fraction(frames: Iterable[np.ndarray], actions: Actions, space: ActionSpace) -> float:
    """Of the intervals whose actions move or turn, the share in which the picture stands still; 0 if there are none.

    `frames` are the T frames that the actions' rows belong to (or their first ones). It cannot see a replay that is out of
    step but whose player is alive and free: a fraction above OUT_OF_STEP condemns a recording, one below does not prove it.
    """
    moving = actions.buttons[:, [i for i, name in enumerate(space.buttons) if name in MOVES]].any(axis=1)
    moving |= (actions.axes[:, [i for i, axis in enumerate(space.axes) if axis.name == "mouse.dx"]] != 0).any(axis=1)
    still = np.fromiter(_stillness(frames), bool)
    moved = moving[: len(still)]
    return float(still[moved].mean()) if moved.any() else 0.0


def _stillness(frames: Iterable[np.ndarray]) -> Iterator[bool]:
    for before, after in pairwise(map(view, frames)):
        yield bool(np.abs(after - before).mean() < SAME)


def shift_between(before: np.ndarray, after: np.ndarray) -> float:
    """How far the world moved right between two views, as a share of the width; NaN where no shift explains the change well."""
    columns = before.shape[1]
    reach = min(REACH, columns // 3)
    middle = before[:, reach : columns - reach]
    windows = np.lib.stride_tricks.sliding_window_view(after, middle.shape[1], axis=1)  # [R, 2 reach + 1, C - 2 reach]
    costs = np.abs(windows - middle[:, None]).mean(axis=(0, 2))
    best = int(costs.argmin())
    if costs[best] > (1 - TRUSTED) * costs[reach] and costs[reach] >= SAME:
        return np.nan
    return (best - reach) / columns if costs[reach] >= SAME else np.nan
