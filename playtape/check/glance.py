"""One pass over a recording's pictures, to a few numbers a frame: enough for every check that looks. Legend: T frames, M
measured intervals.
"""

from dataclasses import dataclass

import numpy as np

from playtape.check.scene import SAMPLES_S, Scenes, means
from playtape.recordings import Recording
from playtape.recordings.desync import REACH, view

BLACK = 12  # of 255, mean of a row or column: what compression leaves of a black border
HASH = (8, 9)  # rows and columns whose neighbours are compared
LIGHTER = 8  # of 255: floors and skies are even, and compression would toss coins over them
PARTS = 4  # a side: the picture's parts whose change is told apart
UP = 16  # rows up and down that motion is looked for


@dataclass(frozen=True, eq=False)
class Glance:
    """`change` float32 [T - 1]: mean absolute grey difference to the next frame, of 255, where the world is shown; `cells`
    float32 [T - 1, 16]: logarithms of 1 + the same of each part of the whole picture.

    `at` int64 [M]: intervals in which motion was measured; `across` float32 [M, 2 R + 1]: how badly the picture moved right by
    -R to R columns fits the next one, in grey levels; `down` likewise by rows, empty unless asked for.

    `border` int16 [T, 4]: black rows and columns at top, bottom, left, right, -1 for a picture that is black nearly everywhere.
    `mark` uint64 [T]: a number that pictures which look alike share. `size` (width, height). `scenes`: what scene.py asks for.
    """

    change: np.ndarray
    cells: np.ndarray
    at: np.ndarray
    across: np.ndarray
    down: np.ndarray
    border: np.ndarray
    mark: np.ndarray
    size: tuple[int, int]
    scenes: Scenes | None = None

    @classmethod
    def of(
        cls, recording: Recording, wanted: np.ndarray, most: int, *, down: bool = False, scenes: bool = False
    ) -> "Glance":
        """Decodes the whole video once. Motion is measured in at most `most` of the intervals `wanted` bool [T - 1]."""
        at = np.flatnonzero(wanted)
        at = at[np.unique(np.linspace(0, len(at) - 1, min(most, len(at))).astype(int))]
        measured = set(at.tolist())
        change, cells, across, below, border, mark = [], [], [], [], [], []
        before = parts = None
        kept = Scenes(max(1, round(recording.video.fps / SAMPLES_S))) if scenes else None
        for number, frame in enumerate(recording.video.stream()):
            seen, small = view(frame), _small(frame)
            if before is not None:
                change.append(float(np.abs(seen - before).mean()))
                cells.append(np.log1p(means(np.abs(small - parts), (PARTS, PARTS))))
                if number - 1 in measured:
                    across.append(_misfit(before, seen, min(REACH, seen.shape[1] // 3)))
                    if down:
                        below.append(_misfit(before.T, seen.T, min(UP, seen.shape[0] // 3)))
            if kept is not None:
                kept.see(small, parts)
            border.append(_border(frame))
            mark.append(_mark(frame))
            before, parts = seen, small
        return cls(
            np.array(change, np.float32),
            np.array(cells, np.float32).reshape(-1, PARTS**2),
            at,
            np.array(across or np.zeros((0, 1)), np.float32),
            np.array(below or np.zeros((0, 1)), np.float32),
            np.array(border, np.int16).reshape(-1, 4),
            np.array(mark, np.uint64),
            (recording.video.width, recording.video.height),
            kept,
        )


def looked_up(curve: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Of each row of `curve` [M, 2 R + 1] the value at `moved` [M] pixels, between whole ones by a straight line."""
    reach = curve.shape[1] // 2
    place = moved.clip(-reach, reach) + reach
    first = np.minimum(place.astype(int), 2 * reach - 1)
    row, share = np.arange(len(curve)), place - first
    return curve[row, first] * (1 - share) + curve[row, first + 1] * share


def _misfit(before: np.ndarray, after: np.ndarray, reach: int) -> np.ndarray:
    """Mean absolute difference of the middle of one picture and each place of the other: float [2 reach + 1]."""
    columns = before.shape[1]
    middle = before[:, reach : columns - reach]
    width = middle.shape[1]
    return np.array([np.abs(after[:, k : k + width] - middle).mean() for k in range(2 * reach + 1)])


def _small(frame: np.ndarray) -> np.ndarray:
    """Grey and small, by picking pixels of the whole picture: uint8 [H, W, 3] to float32 [h, w]."""
    height, width, _ = frame.shape
    picked = frame[:: max(1, height // 96), :: max(1, width // 128)]
    return picked.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)


def _border(frame: np.ndarray) -> tuple[int, int, int, int]:
    light = frame.max(axis=2)
    rows, columns = (np.flatnonzero(light.mean(axis=axis) > BLACK) for axis in (1, 0))
    height, width = light.shape
    if len(rows) < height / 4 or len(columns) < width / 4:
        return -1, -1, -1, -1
    return int(rows[0]), int(height - 1 - rows[-1]), int(columns[0]), int(width - 1 - columns[-1])


def _mark(frame: np.ndarray) -> int:
    """A difference hash: whether each of 8 x 8 places is clearly lighter than the one to its right, by means of blocks."""
    height, width = (n // cells for n, cells in zip(frame.shape, HASH))
    if not height or not width:
        return 0
    grey = frame[: height * HASH[0], : width * HASH[1]].mean(axis=2)
    cells = grey.reshape(HASH[0], height, HASH[1], width).mean(axis=(1, 3))
    return int.from_bytes(np.packbits(cells[:, :-1] > cells[:, 1:] + LIGHTER).tobytes(), "big")
