"""One pass over a recording's pictures, to a few numbers a frame: enough for every check that looks. Legend: T frames."""

from dataclasses import dataclass

import numpy as np

from playtape.recordings import Recording
from playtape.recordings.desync import shift_between, view

BLACK = 12  # of 255, mean of a row or column: what compression leaves of a black border
HASH = (8, 9)  # rows and columns whose neighbours are compared
LIGHTER = 8  # of 255: floors and skies are even, and compression would toss coins over them
TURNS = 2000  # intervals of which the shift is measured: it is the slow part, and these tell the lag


@dataclass(frozen=True, eq=False)
class Glance:
    """`change` float32 [T - 1]: mean absolute grey difference to the next frame, of 255. `shift` float32 [T - 1]: how far the
    picture moved right, as a share of its width; NaN where that was not measured, or cannot be. `border` int16 [T, 4]: black
    rows and columns at top, bottom, left, right, -1 for a picture that is black nearly everywhere. `mark` uint64 [T]: a number
    that pictures which look alike share, `size` (width, height).
    """

    change: np.ndarray
    shift: np.ndarray
    border: np.ndarray
    mark: np.ndarray
    size: tuple[int, int]

    @classmethod
    def at(cls, recording: Recording, turning: np.ndarray) -> "Glance":
        """Decodes the whole video once. `turning` bool [T - 1]: intervals in which a turn is worth measuring."""
        wanted = np.flatnonzero(turning)
        wanted = set(wanted[np.linspace(0, len(wanted) - 1, min(TURNS, len(wanted))).astype(int)].tolist())
        change, shift, border, mark, before = [], [], [], [], None
        for number, frame in enumerate(recording.video.stream()):
            seen = view(frame)
            if before is not None:
                change.append(float(np.abs(seen - before).mean()))
                shift.append(shift_between(before, seen) if number - 1 in wanted else np.nan)
            border.append(_border(frame))
            mark.append(_mark(frame))
            before = seen
        size = recording.video.width, recording.video.height
        return cls(
            np.array(change, np.float32),
            np.array(shift, np.float32),
            np.array(border, np.int16).reshape(-1, 4),
            np.array(mark, np.uint64),
            size,
        )


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
