"""The laws of a sweep as a picture: perplexity over frames, a colour a size, points with intervals, floors dashed; points
that are not in a law are hollow."""

from pathlib import Path
from typing import Any

import numpy as np

from playtape.evaluate.picture import GRID, INK
from playtape.evaluate.power_law import PowerLaw
from playtape.recordings.atomic import atomic

COLOURS = ("#2f6fb5", "#e08a00", "#3c8d5a", "#c8324b", "#7a5bb0", "#6b7280")
BEYOND = 4.0  # times the most data: how far a law is drawn


def draw(result: dict[str, Any], path: Path) -> Path:
    """Write what `evaluate_scaling` gives as .png, .svg or .pdf; atomic."""
    from matplotlib.figure import Figure  # takes half a second to import

    figure = Figure(figsize=(9, 5.5), dpi=110, layout="constrained", facecolor="white")
    panel = figure.subplots()
    for number, (name, size) in enumerate(result["sizes"].items()):
        if not size["points"]:
            continue
        colour = COLOURS[number % len(COLOURS)]
        frames = np.array([point["frames"] for point in size["points"]], float)
        loss = np.array([[point["loss"][end] for end in ("value", "low", "high")] for point in size["points"]], float)
        spread = None if np.isnan(loss[:, 1:]).any() else np.abs(loss[:, 1:] - loss[:, :1]).T  # one recording has none
        left_out = np.array([bool(point["lacks"]) for point in size["points"]])
        label = f"{name}, {size['parameters'] / 1e6:.2g}M parameters"
        if law := size["law"]:
            floor, scale, alpha = (law[part]["value"] for part in ("floor", "scale", "alpha"))
            label += f": {floor:.3f} + ({scale:.3g} / D)$^{{{alpha:.2f}}}$"
            reach = np.geomspace(frames.min(), frames.max() * BEYOND)
            panel.plot(reach, PowerLaw(floor, scale, alpha).loss(reach), color=colour, linewidth=1.5)
            panel.axhline(floor, color=colour, linewidth=0.8, linestyle=(0, (4, 4)))
        else:
            label += ": no law"
        panel.errorbar(frames, loss[:, 0], yerr=spread, fmt="o", color=colour, capsize=3, markersize=5, label=label)
        panel.plot(
            frames[left_out], loss[left_out, 0], "o", color="white", markeredgecolor=colour, markersize=5, zorder=3
        )
    panel.set_xscale("log")
    panel.set_xlabel("frames learned from", color=INK)
    panel.set_ylabel(f"perplexity of {result['kind']}, held out", color=INK)
    panel.grid(color=GRID, linewidth=0.8)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    panel.legend(frameon=False, labelcolor=INK)
    with atomic(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:])
    return path
