"""Maps for our own games: rooms of blocks by a number, free floor connected, borders walled. Numbers alone decide them.

A map is an int array [H, W]: 0 is free, k > 0 the k-th kind of wall. Distances over the floor are in cells.
"""

from collections import deque

import numpy as np


def blocks(number: int, side: int, share: float, kinds: int) -> np.ndarray:
    """A square hall with blocks, pillars and walls over about `share` of its floor; map `number` is always the same."""
    rng = np.random.default_rng(7000 + number)
    walls = np.zeros((side, side), int)
    walls[0] = walls[-1] = walls[:, 0] = walls[:, -1] = 1 + int(rng.integers(kinds))
    for _ in range(400):
        if (walls[1:-1, 1:-1] > 0).mean() >= share:
            break
        high, wide = ((1, 1), (1, 3), (3, 1), (2, 2), (1, 5), (5, 1))[int(rng.integers(6))]
        y, x = (int(rng.integers(2, side - 2 - extent + 1)) for extent in (high, wide))
        trial = walls.copy()
        trial[y : y + high, x : x + wide] = 1 + int(rng.integers(kinds))
        if connected(trial):
            walls = trial
    return walls


def connected(walls: np.ndarray) -> bool:
    """Can every free cell be reached from every other?"""
    free = np.argwhere(walls == 0)
    return len(free) > 0 and bool(np.isfinite(distances(walls, tuple(free[0]))[walls == 0]).all())


def distances(walls: np.ndarray, goal: tuple[int, int]) -> np.ndarray:
    """Steps over free cells to `goal` (row, column), float [H, W]; infinite where there is no way."""
    far = np.full(walls.shape, np.inf)
    far[goal] = 0
    line = deque([goal])
    while line:
        y, x = line.popleft()
        for row, column in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
            if walls[row, column] == 0 and not np.isfinite(far[row, column]):
                far[row, column] = far[y, x] + 1
                line.append((row, column))
    return far


def clear(walls: np.ndarray, x: float, y: float, to_x: float, to_y: float) -> bool:
    """Is there no wall between two places? Walks the line in steps of a twentieth of a cell."""
    steps = max(2, int(20 * np.hypot(to_x - x, to_y - y)))
    share = np.arange(steps) / (steps - 1)  # linspace takes ten times as long
    return not walls[(y + (to_y - y) * share).astype(int), (x + (to_x - x) * share).astype(int)].any()


def slide(walls: np.ndarray, x: float, y: float, dx: float, dy: float, radius: float) -> tuple[float, float]:
    """Move a body of `radius` by (dx, dy), along walls where it would run into one."""
    if not _blocked(walls, x + dx, y, radius):
        x += dx
    if not _blocked(walls, x, y + dy, radius):
        y += dy
    return x, y


def _blocked(walls: np.ndarray, x: float, y: float, radius: float) -> bool:
    return bool(walls[int(y - radius) : int(y + radius) + 1, int(x - radius) : int(x + radius) + 1].any())
