"""The pictures of `playtape evaluate causality`: lines over training steps, with the bands of their intervals."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from playtape.evaluate.picture import GRID, INK
from playtape.recordings.atomic import atomic

# The first five of the colours by Okabe and Ito that are told apart on white, also by those who see fewer.
COLOURS = ("#000000", "#e69f00", "#56b4e9", "#009e73", "#d55e00", "#cc79a7", "#0072b2")
FAR = 10  # times the first step: from there on the axis of steps is logarithmic


def draw_toy(curves: Mapping[str, Mapping[str, Any]], by_hand: float, path: Path) -> Path:
    """c of each network over steps (`steps`, `mean`, `low`, `high`; the last two may be None), and that of a written solution."""
    figure, (panel,) = _figure(1)
    panel.axhline(by_hand, color=INK, linewidth=1, linestyle=":")
    panel.annotate("written by hand", (0.01, by_hand), xycoords=("axes fraction", "data"), va="bottom", color=INK)
    for colour, (name, curve) in zip(COLOURS, curves.items()):
        _line(panel, colour, name, curve["steps"], curve["mean"], curve["low"], curve["high"])
    _axes(panel, "causality c, nats", next(iter(curves.values()))["steps"])
    panel.set_ylim(top=by_hand * 1.1)
    panel.set_title("The toy problem: how much more the obstacle counts than the brake light", loc="left", color=INK)
    panel.legend(frameon=False, loc="center left")
    return _written(figure, path)


def draw_scores(lines: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> Path:
    """Two panels over steps: causality score and test loss. A line a run: its points have `steps`, `score` (`value`, `low`,
    `high`) and `perplexity`, None where there are no keys."""
    figure, panels = _figure(2)
    known = sorted({point["steps"] for points in lines.values() for point in points})
    for number, (name, points) in enumerate(lines.items()):
        colour, steps = COLOURS[number % len(COLOURS)], [point["steps"] for point in points]
        score = [[point["score"][key] for point in points] for key in ("value", "low", "high")]
        _line(panels[0], colour, name, steps, *score)
        if all(point["perplexity"] is not None for point in points):
            _line(panels[1], colour, name, steps, [point["perplexity"] for point in points], None, None)
    _axes(panels[0], "causality score, nats", known)
    _axes(panels[1], "test loss: keyboard perplexity", known)
    panels[0].legend(frameon=False)
    return _written(figure, path)


def _figure(panels: int) -> tuple[Any, Any]:
    from matplotlib.figure import Figure  # takes half a second to import

    figure = Figure(figsize=(7.5 * panels, 4.8), dpi=110, layout="constrained", facecolor="white")
    return figure, figure.subplots(1, panels, squeeze=False)[0]


def _line(
    panel: Any, colour: str, name: str, steps: Sequence[int], value: Sequence[float], low: Any, high: Any
) -> None:
    mark = "o" if len(steps) < 20 else ""
    panel.plot(steps, value, color=colour, label=name, linewidth=1.6, marker=mark, markersize=4)
    if low is None:
        return
    if len(steps) == 1:
        panel.vlines(steps, low, high, color=colour, linewidth=1.6)
    panel.fill_between(steps, low, high, color=colour, alpha=0.15, linewidth=0)


def _axes(panel: Any, what: str, steps: Sequence[int]) -> None:
    if steps and steps[-1] >= FAR * max(1, steps[0]):
        panel.set_xscale("symlog" if steps[0] < 1 else "log")
    panel.set_xlabel("training steps", color=INK)
    panel.set_ylabel(what, color=INK)
    panel.grid(color=GRID, linewidth=0.8)
    panel.set_axisbelow(True)
    panel.tick_params(length=0, colors=INK)
    for side in panel.spines.values():
        side.set_visible(False)


def _written(figure: Any, path: Path) -> Path:
    with atomic(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:])
    return path
