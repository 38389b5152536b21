"""The timeline of truth over prediction as a picture: a lane for each button, a curve for each axis.

In a lane the truth is the upper bar and the prediction the lower one, with P(held) as a line over it. Legend: T intervals.
"""

from pathlib import Path
from typing import Any

import numpy as np

from playtape.actions import ActionSpace
from playtape.actions.runs import runs
from playtape.errors import printable
from playtape.evaluate.honest import MOVEMENT
from playtape.evaluate.rows import Pair
from playtape.recordings.atomic import atomic

WINDOW_NS = 20_000_000_000  # what a picture can show; of longer recordings the part with the most presses
TRUTH, RIGHT, WRONG, SHADE, INK, GRID = "#2f6fb5", "#e08a00", "#c8324b", "#f3b04a", "#2b2f36", "#e3e6ea"


def draw(pair: Pair, space: ActionSpace, path: Path) -> Path:
    """Write the picture of one recording (.png, .svg or .pdf); atomic. Buttons that neither side uses have no lane."""
    from matplotlib.figure import Figure  # takes half a second to import

    rows = _window(pair)
    time = pair.time_ns[rows.start : rows.stop + 1] / 1e9
    lanes, axes = _used_buttons(pair, space, rows), _used_axes(pair, space, rows)
    heights = [0.42 * max(len(lanes), 1), *([1.5] * len(axes))]
    figure = Figure(figsize=(16, 1.5 + sum(heights)), dpi=110, layout="constrained", facecolor="white")
    panels = figure.subplots(len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    _lanes(panels[0], pair, space, rows, lanes, time)
    for panel, axis in zip(panels[1:], axes, strict=True):
        _curve(panel, pair, rows, axis, space.axes[axis].name, time)
    for panel in panels:
        _plain(panel, time)
    panels[-1].set_xlabel("seconds", color=INK)
    panels[0].set_title(_title(pair, rows), loc="left", color=INK, fontsize=12, pad=24)
    _legend(panels[0], pair.predicted.has_probability)
    with atomic(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:])
    return path


def _window(pair: Pair) -> slice:
    """Which intervals to show: all of a short recording, else the 20 s in which the truth changes most."""
    time, covered = pair.time_ns, np.flatnonzero(pair.covered)
    first, last = int(covered[0]), int(covered[-1]) + 1
    if time[last] - time[first] <= WINDOW_NS:
        return slice(first, last)
    changes = np.zeros(len(time), np.int64)
    changes[1:-1] = (pair.truth.buttons[1:] != pair.truth.buttons[:-1]).sum(axis=1)
    total = np.concatenate([[0], np.cumsum(changes)])
    starts = np.arange(first, last)
    starts = starts[time[starts] + WINDOW_NS <= time[last]]
    ends = np.searchsorted(time, time[starts] + WINDOW_NS, side="right") - 1
    best = int(np.argmax(total[ends] - total[starts]))
    return slice(int(starts[best]), int(ends[best]))


def _used_buttons(pair: Pair, space: ActionSpace, rows: slice) -> list[int]:
    used = (pair.truth.buttons[rows] | pair.predicted.buttons[rows]).any(axis=0)
    names = sorted(space.buttons, key=lambda name: MOVEMENT.index(name) if name in MOVEMENT else len(MOVEMENT))
    return [space.buttons.index(name) for name in names if used[space.buttons.index(name)]]


def _used_axes(pair: Pair, space: ActionSpace, rows: slice) -> list[int]:
    used = (pair.truth.axes[rows] != 0).any(axis=0) | (pair.predicted.axes[rows] != 0).any(axis=0)
    return [axis for axis in range(len(space.axes)) if used[axis]]


def _lanes(panel: Any, pair: Pair, space: ActionSpace, rows: slice, lanes: list[int], time: np.ndarray) -> None:
    for y, button in zip(range(len(lanes))[::-1], lanes, strict=True):  # the first lane on top
        truth, side = pair.truth.buttons[rows, button], pair.predicted.buttons[rows, button]
        bars = ((truth, y + 0.06, TRUTH), (side & truth, y - 0.38, RIGHT), (side & ~truth, y - 0.38, WRONG))
        for held, low, colour in bars:
            panel.broken_barh(_bars(held, time), (low, 0.32), color=colour, linewidth=0)
        missed = _bars(truth & ~side, time)
        panel.broken_barh(missed, (y - 0.38, 0.32), facecolor="none", edgecolor=WRONG, linewidth=0.9)
        _shade(panel, pair.predicted.probability[rows, button], y, time)
    panel.set_yticks(range(len(lanes))[::-1], [space.buttons[button] for button in lanes])
    panel.set_ylim(-0.5, max(len(lanes), 1) - 0.5)


def _shade(panel: Any, probability: np.ndarray, y: int, time: np.ndarray) -> None:
    """P(held) as a line over the prediction's bar, with a shade under it."""
    if np.isfinite(probability).any():
        height = y - 0.38 + 0.36 * np.nan_to_num(np.append(probability, probability[-1]))
        panel.fill_between(time, y - 0.38, height, step="post", color=SHADE, alpha=0.45, linewidth=0)
        panel.step(time, height, where="post", color=INK, linewidth=0.5)


def _curve(panel: Any, pair: Pair, rows: slice, axis: int, name: str, time: np.ndarray) -> None:
    for side, colour, width in ((pair.truth, TRUTH, 1.6), (pair.predicted, RIGHT, 1.1)):
        values = side.axes[rows, axis]
        panel.step(time, np.append(values, values[-1]), where="post", color=colour, linewidth=width)
    panel.axhline(0, color=INK, linewidth=0.5)
    panel.set_ylabel(name, rotation=0, ha="right", va="center", color=INK)


def _bars(held: np.ndarray, time: np.ndarray) -> list[tuple[float, float]]:
    """(start, length) in seconds of every run of True."""
    return [(time[start], time[end] - time[start]) for start, end in runs(held)]


def _plain(panel: Any, time: np.ndarray) -> None:
    panel.set_xlim(time[0], time[-1])
    panel.grid(axis="x", color=GRID, linewidth=0.8)
    panel.set_axisbelow(True)
    panel.tick_params(length=0, colors=INK)
    for side in panel.spines.values():
        side.set_visible(False)


def _title(pair: Pair, rows: slice) -> str:
    start, end = pair.time_ns[rows.start] / 1e9, pair.time_ns[rows.stop] / 1e9
    return f"{printable(pair.name)}: truth above prediction, {start:.1f} to {end:.1f} s"


def _legend(panel: Any, probability: bool) -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=TRUTH, label="truth"),
        Patch(facecolor=RIGHT, label="predicted, right"),
        Patch(facecolor=WRONG, label="predicted, wrong"),
        Patch(facecolor="none", edgecolor=WRONG, label="missed"),
    ]
    handles += [Patch(facecolor=SHADE, alpha=0.45, label="P(held)")] if probability else []
    place = {"loc": "lower right", "bbox_to_anchor": (1, 1), "borderaxespad": 0.2}
    panel.legend(handles=handles, ncols=len(handles), frameon=False, fontsize=9, **place)
