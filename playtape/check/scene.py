"""What shows that pictures are not play, whatever the inputs: cuts, blank and still pictures, overlays, beginnings and ends.

Asked for with `--scenes`, for a game may do any of this rightly: it cuts at a death, shows a status bar, waits for its player.
Legend: T frames, S sampled intervals, G blocks.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from playtape.actions.runs import runs
from playtape.check.findings import Finding, Limits
from playtape.recordings.desync import SAME

BLOCKS = (12, 16)  # rows and columns
SHADES = 32  # of grey, in a histogram
SAMPLES_S = 10  # intervals a second whose blocks are kept
DARK, EVEN = 8.0, 4.0  # of 255: a picture darker than this, or one whose pixels differ less, shows nothing
AROUND_S = 0.5
STANDS_OUT = (
    4.0  # times all jumps around it: a fast turn takes several frames, and had 2.7 at most in 15 clean recordings
)
ENDS = 0.1  # of a recording, and at most ENDS_S: where intros and outros are looked for
ENDS_S = 60.0
MOVING = 1.0  # grey levels of change, for a block to move
ALIKE = 0.7  # correlation of two pictures' pixels: a flash, or a light that goes on, leaves the place as it was
LIVELY = 150  # sampled intervals in which most of the picture moves, to judge overlays by
ALONE, APART = 0.25, 0.2  # correlation of a block with the rest of the picture, and of all of them with what is around
TOGETHER = 0.6  # of what is around with the rest
BOX = (6, 48)  # blocks of an overlay, at least and at most
FILLED = 0.6  # of its rectangle


@dataclass
class Scenes:
    """What one pass keeps: `light` of T frames (mean, deviation), `jump` of T - 1 intervals (how much the histogram changes, 0 to
    1), `alike` (correlation of the two pictures), and changes of G blocks in S intervals."""

    every: int = 1
    light: list[tuple[float, float]] = field(default_factory=list)
    jump: list[float] = field(default_factory=list)
    alike: list[float] = field(default_factory=list)
    blocks: list[np.ndarray] = field(default_factory=list)
    _shades: np.ndarray | None = None

    def see(self, small: np.ndarray, before: np.ndarray | None) -> None:
        """The next picture, grey and small, and the one before it."""
        self.light.append((float(small.mean()), float(small.std())))
        counts = np.bincount((small.ravel() * (SHADES / 256)).astype(int).clip(0, SHADES - 1), minlength=SHADES)
        shades = counts / counts.sum()
        if before is not None and self._shades is not None:
            if len(self.jump) % self.every == 0:
                self.blocks.append(means(np.abs(small - before), BLOCKS).astype(np.float16))
            self.jump.append(float(np.abs(shades - self._shades).sum() / 2))
            self.alike.append(float(_correlation(small.reshape(-1, 1), before.ravel())[0]))
        self._shades = shades


def findings(seen: Scenes, change: np.ndarray, time_ns: np.ndarray, end_ns: int, limits: Limits) -> Iterator[Finding]:
    """All of this file, in no order. `change` float32 [T - 1] as a Glance has it."""
    blank, cuts = list(_blank(seen, time_ns, end_ns, limits)), list(_cuts(seen, time_ns, limits))
    yield from blank
    yield from cuts
    yield from _still(change, time_ns, blank, limits)
    yield from _overlays(seen, end_ns)
    yield from _ends([*blank, *cuts], time_ns, end_ns)


def _blank(seen: Scenes, time_ns: np.ndarray, end_ns: int, limits: Limits) -> Iterator[Finding]:
    light = np.array(seen.light, np.float32).reshape(-1, 2)
    bounds = np.append(time_ns, end_ns)
    for first, last in runs((light[:, 0] < DARK) | (light[:, 1] < EVEN)):
        seconds = (bounds[last] - bounds[first]) / 1e9
        if seconds >= limits.blank_s:
            what = "black" if light[first:last, 0].mean() < DARK else "of one colour"
            text = f"the picture is {what} for {seconds:.1f} s (limit {limits.blank_s:g} s)"
            yield Finding(int(bounds[first]), int(bounds[last]), "blank", text)


def _cuts(seen: Scenes, time_ns: np.ndarray, limits: Limits) -> Iterator[Finding]:
    """Where the histogram jumps, and neither before nor after, to a picture of another place."""
    jump = np.array(seen.jump, np.float32)
    if not len(jump):
        return
    around = max(2, round(AROUND_S * 1e9 / float(np.median(np.diff(time_ns)))))
    for t in np.flatnonzero(jump > limits.cut):
        near = np.concatenate([jump[max(0, t - around) : t], jump[t + 1 : t + 1 + around]])
        if jump[t] > STANDS_OUT * near.max(initial=0) and seen.alike[t] < ALIKE:
            text = f"{jump[t]:.0%} of the picture's brightness changes at once (limit {limits.cut:.0%})"
            yield Finding(int(time_ns[t]), int(time_ns[t + 1]), "cut", text)


def _still(change: np.ndarray, time_ns: np.ndarray, blank: list[Finding], limits: Limits) -> Iterator[Finding]:
    for first, last in runs(change < SAME):
        start, end = int(time_ns[first]), int(time_ns[last])
        if (end - start) / 1e9 < limits.still_s or any(one.start_ns <= start and end <= one.end_ns for one in blank):
            continue
        text = f"the picture stands still for {(end - start) / 1e9:.1f} s (limit {limits.still_s:g} s)"
        yield Finding(start, end, "still", text)


def _overlays(seen: Scenes, end_ns: int) -> Iterator[Finding]:
    """Rectangles that move on their own, as a face beside the play does; and borders that stand while the rest moves."""
    if len(seen.blocks) < LIVELY:
        return
    change = np.array(seen.blocks, np.float32)  # [S, G]
    rest = np.median(change, axis=1)
    lively = rest > MOVING
    if lively.sum() < LIVELY:
        return
    log = np.log1p(change)
    alike = _correlation(log, np.log1p(rest))
    alone = ((change.mean(axis=0) > MOVING) & (alike < ALONE)).reshape(BLOCKS)
    grid = log.reshape(-1, *BLOCKS)
    for top, bottom, left, right in _boxes(alone):
        around = np.zeros(BLOCKS, bool)
        around[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2] = True
        around[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1] = False  # blocks that the edge runs through
        if not around.any():
            continue
        inside = grid[:, top:bottom, left:right].mean(axis=(1, 2))
        outside = grid[:, around].mean(axis=1)
        apart = _correlation(inside[:, None], outside)[0] < APART
        if not apart or _correlation(outside[:, None], np.log1p(rest))[0] < TOGETHER:
            continue
        yield Finding(
            0, end_ns, "overlay", f"a part of the picture moves on its own: {_place(top, bottom, left, right)}"
        )
    standing = (change[lively].mean(axis=0) < MOVING / 2).reshape(BLOCKS)
    sides = {"top": standing, "bottom": standing[::-1], "left": standing.T, "right": standing.T[::-1]}
    widths = {name: int(np.argmin(np.append(rows.all(axis=1), False))) / len(rows) for name, rows in sides.items()}
    found = [f"{width:.0%} at the {name}" for name, width in widths.items() if width > 0]
    if found and max(widths.values()) < 1:
        yield Finding(0, end_ns, "layout", f"borders of the picture stand while the rest moves: {', '.join(found)}")


def _ends(marks: list[Finding], time_ns: np.ndarray, end_ns: int) -> Iterator[Finding]:
    """What lies before the last break near the beginning, and after the first one near the end."""
    start = int(time_ns[0])
    reach = min(ENDS * (end_ns - start), ENDS_S * 1e9)
    early = [one for one in marks if one.end_ns <= start + reach]
    late = [one for one in marks if one.start_ns >= end_ns - reach]
    if early:
        last = max(one.end_ns for one in early)
        yield Finding(
            start, last, "intro", f"what comes before a break {(last - start) / 1e9:.1f} s after the beginning"
        )
    if late:
        first = min(one.start_ns for one in late)
        text = f"what comes after a break {(end_ns - first) / 1e9:.1f} s before the end"
        yield Finding(first, end_ns, "outro", text)


def means(picture: np.ndarray, parts: tuple[int, int]) -> np.ndarray:
    """Of so many rows and columns of parts: float [h, w] to [rows * columns]; zeros where there are fewer pixels than that."""
    height, width = (n // count for n, count in zip(picture.shape, parts, strict=True))
    if not height or not width:
        return np.zeros(parts[0] * parts[1], picture.dtype)
    cut = picture[: height * parts[0], : width * parts[1]]
    return cut.reshape(parts[0], height, parts[1], width).mean(axis=(1, 3)).ravel()


def _correlation(columns: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Of each column [S, G] with [S]; 0 where it does not vary."""
    a, b = columns - columns.mean(axis=0), other - other.mean()
    size = np.sqrt((a**2).sum(axis=0) * (b**2).sum())
    return np.where(size > 0, (a * b[:, None]).sum(axis=0) / np.where(size > 0, size, 1), 0)


def _boxes(alone: np.ndarray) -> Iterator[tuple[int, int, int, int]]:
    """Rectangles that connected blocks fill well, in blocks: top, bottom, left, right."""
    from scipy.ndimage import find_objects, label  # a quarter of a second to import

    numbered, _ = label(alone)
    for number, place in enumerate(find_objects(numbered), 1):
        part = numbered[place] == number
        if BOX[0] <= part.sum() <= BOX[1] and part.mean() >= FILLED:
            rows, columns = place
            yield rows.start, rows.stop, columns.start, columns.stop


def _place(top: int, bottom: int, left: int, right: int) -> str:
    (height, width) = BLOCKS
    return (
        f"from {left / width:.0%} to {right / width:.0%} of its width, "
        f"and from {top / height:.0%} to {bottom / height:.0%} of its height"
    )
