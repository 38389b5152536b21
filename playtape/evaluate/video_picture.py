"""The picture of `playtape evaluate video`: PSNR by frame of the future, beside what needs no model."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from playtape.evaluate.causality_picture import COLOURS
from playtape.evaluate.picture import GRID, INK
from playtape.recordings.atomic import atomic

LINES = (  # of the curves, by name: colour, dashes, and what it is
    ("best", COLOURS[3], "-", "best of {}"),
    ("mean", COLOURS[0], "-", "mean of {}"),
    ("told_others", COLOURS[4], "-", "told another clip's actions"),
    ("still", COLOURS[1], "--", "last frame held"),
    ("average", COLOURS[2], "--", "mean picture"),
    ("coded", INK, ":", "what happened, in the model's codes"),
)


def draw(curves: Mapping[str, Sequence[float]], samples: int, path: Path) -> Path:
    """dB of each frame of the future, [F] by name; those that are missing are left out."""
    from matplotlib.figure import Figure  # takes half a second to import
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7.5, 4.8), dpi=110, layout="constrained", facecolor="white")
    panel = figure.subplots()
    for name, colour, dashes, what in LINES:
        if name in curves:
            frames = range(1, len(curves[name]) + 1)
            mark = "o" if len(frames) < 20 else ""
            panel.plot(
                frames,
                curves[name],
                dashes,
                color=colour,
                label=what.format(samples),
                linewidth=1.6,
                marker=mark,
                markersize=4,
            )
    panel.set_title("How like what happened, by how far ahead", loc="left", color=INK)
    panel.set_xlabel("frames after the context", color=INK)
    panel.set_ylabel("PSNR, dB", color=INK)
    panel.grid(color=GRID, linewidth=0.8)
    panel.set_axisbelow(True)
    panel.tick_params(length=0, colors=INK)
    panel.legend(frameon=False)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    for side in panel.spines.values():
        side.set_visible(False)
    with atomic(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:])
    return path
