"""Does what is left of a picture tell the buttons, because the drawn controller was not blacked out to its edge?

A linear probe looks at a band around each blacked-out rectangle of a recording, frame by frame: what the overlay shows in frame t
is what was done before it, row t - 1 of the actions. It learns from the first half and is judged on the second, so that what only
holds for a scene does not count. Play itself moves the picture, so the same band somewhere else is the measure beside it.
"""

from dataclasses import dataclass

import numpy as np

from playtape.actions.nitrogen import COLUMNS, NITROGEN, table
from playtape.recordings.formats._nitrogen_videos import Rectangle
from playtape.recordings.nouns import Recording

BAND = 12  # pixels
CELL = 4  # of such squares the mean colours are looked at
FEWEST = 10  # frames of a half in which a button is held, and in which it is not
RIDGE = 1e-2  # of the mean square of what is seen


@dataclass(frozen=True)
class Leak:
    """The areas under the curve (0.5 is chance) of each button, beside what is blacked out and elsewhere; NaN if it is hardly
    pressed."""

    beside: dict[str, float]
    elsewhere: dict[str, float]

    def worst(self) -> tuple[str, float, float] | None:
        """The button that is told best, how well, and how well elsewhere; None if none is pressed enough."""
        known = {name: area for name, area in self.beside.items() if area == area}
        if not known:
            return None
        name = max(known, key=known.__getitem__)
        return name, known[name], self.elsewhere[name]


def rectangles(recording: Recording) -> list[Rectangle]:
    """What was blacked out of a recording's pictures."""
    said = recording.info.extra.get("blacked_out", "").replace(",", " ").split()
    sides = iter(map(int, said))
    return list(zip(sides, sides, sides, sides, strict=True))


def leak(recording: Recording) -> Leak:
    """Probe a recording that `read` of this format gave."""
    video, boxes = recording.video, rectangles(recording)
    width, height = video.width, video.height
    hidden = np.zeros((height, width), bool)
    for left, top, right, bottom in boxes:
        hidden[top:bottom, left:right] = True
    beside = _band(boxes, hidden)
    turned = [(width - right, height - bottom, width - left, height - top) for left, top, right, bottom in boxes]
    elsewhere = _band(turned, hidden) & ~beside
    seen = [np.empty((len(video), 3 * _cells(band)[1])) for band in (beside, elsewhere)]
    cells = [_cells(band) for band in (beside, elsewhere)]
    for t, frame in enumerate(video.stream()):
        for features, band, (cell, count) in zip(seen, (beside, elsewhere), cells, strict=True):
            pixels = frame[band].astype(np.float64)
            size = np.maximum(np.bincount(cell, minlength=count), 1)
            features[t] = np.concatenate([np.bincount(cell, pixels[:, c], count) / size for c in range(3)])
    buttons, _ = table(NITROGEN.actions(recording.events, recording.time_ns))
    told = [dict(zip(COLUMNS, areas(each[1:], buttons[:-1]).tolist(), strict=True)) for each in seen]
    return Leak(*told)


def _band(boxes: list[Rectangle], hidden: np.ndarray) -> np.ndarray:
    """bool [H, W]: what is at most BAND away from the boxes, and neither in them nor blacked out."""
    near = np.zeros_like(hidden)
    for left, top, right, bottom in boxes:
        near[max(0, top - BAND) : bottom + BAND, max(0, left - BAND) : right + BAND] = True
    for left, top, right, bottom in boxes:
        near[max(0, top) : bottom, max(0, left) : right] = False
    return near & ~hidden


def _cells(band: np.ndarray) -> tuple[np.ndarray, int]:
    """Of each pixel of a band the number of its cell, and how many cells there are."""
    rows, columns = np.nonzero(band)
    found, number = np.unique(rows // CELL * band.shape[1] + columns // CELL, return_inverse=True)
    return number, len(found)


def areas(features: np.ndarray, held: np.ndarray) -> np.ndarray:
    """float64 [B]: how well a ridge regression on the first half of features [T, F] ranks the second half of held bool [T, B]."""
    middle = len(features) // 2
    found = np.full(held.shape[1], np.nan)
    if not features.shape[1]:
        return found
    centre = features[:middle].mean(0)
    scale = features[:middle].std(0) + 0.5  # half a grey level: what a codec does to a still picture is none of ours
    seen = (features - centre) / scale
    gram = seen[:middle] @ seen[:middle].T
    gram[np.diag_indices(middle)] += RIDGE * np.trace(gram) + 1e-9
    target = held[:middle] - held[:middle].mean(0)
    guess = seen[middle:] @ (seen[:middle].T @ np.linalg.solve(gram, target))  # [T - middle, B]
    for b in range(held.shape[1]):
        first, second = held[:middle, b], held[middle:, b]
        if min(first.sum(), (~first).sum(), second.sum(), (~second).sum()) >= FEWEST:
            found[b] = _area(guess[:, b], second)
    return found


def _area(guess: np.ndarray, held: np.ndarray) -> float:
    """The share of pairs of a held and a free frame that the guess puts in the right order."""
    free = np.sort(guess[~held])
    below, level = np.searchsorted(free, guess[held], "left"), np.searchsorted(free, guess[held], "right")
    return float((below + level).mean() / (2 * len(free)))
