"""All recordings of a check in one picture: a row each, its length as a bar, findings in the colours of their kinds."""

from pathlib import Path
from typing import Any

from playtape.check.findings import KINDS
from playtape.errors import one_line
from playtape.recordings.atomic import atomic

MOST = 60  # rows: those with the most kinds of findings first
COLUMNS = 4  # of the legend
INK, BAR, GRID = "#2b2f36", "#d7dce2", "#e3e6ea"
COLOURS = (
    *("#c8324b", "#e08a00", "#8a6d1f", "#7a5bb0", "#2f6fb5", "#12888a", "#1f9d55", "#93c47d", "#d94f9b"),
    *("#5b8def", "#a0522d", "#e9b949", "#444b59", "#9aa3af", "#000000"),
    *("#6b2737", "#3e5641", "#b5838d", "#4f6d7a", "#c06e52", "#7f9f1f", "#56407a", "#0d5c63"),
)


def draw(result: dict[str, Any], path: Path) -> Path:
    """Write the picture of what `check` gives; atomic."""
    from matplotlib.figure import Figure  # takes half a second to import

    rows = sorted(result["recordings"], key=lambda row: -len({one["kind"] for one in row["findings"]}))[:MOST]
    used = [kind for kind in KINDS if any(one["kind"] == kind for row in rows for one in row["findings"])]
    colour = dict(zip(KINDS, COLOURS, strict=True))
    figure = Figure(
        figsize=(11, 1.2 + 0.3 * len(rows) + 0.25 * -(-len(used) // COLUMNS)),
        dpi=110,
        layout="constrained",
        facecolor="white",
    )
    panel = figure.subplots()
    for number, row in enumerate(rows):
        panel.barh(number, max(row["seconds"], 1e-3), height=0.8, color=BAR)
        kinds = [kind for kind in used if any(one["kind"] == kind for one in row["findings"])]
        for lane, kind in enumerate(kinds):
            height = 0.8 / len(kinds)
            panel.broken_barh(_spans(row, kind), (number - 0.4 + lane * height, height), color=colour[kind])
    names = [one_line(row["name"])[-36:] for row in rows]
    panel.set_yticks(range(len(rows)), names, fontsize=7, color=INK, parse_math=False)  # $ is no formula in a name
    panel.invert_yaxis()
    panel.set_xlabel("seconds", color=INK)
    panel.grid(axis="x", color=GRID, linewidth=0.8)
    panel.set_axisbelow(True)
    for side in ("top", "right", "left"):
        panel.spines[side].set_visible(False)
    count = len(result["recordings"])
    shown = f", {len(rows)} with the most kinds shown" if len(rows) < count else ""
    panel.set_title(
        f"{count} recordings, {result['hours']:.2g} h, {result['hours_clean']:.2g} h without a finding{shown}",
        loc="left", color=INK, fontsize=11,
    )  # fmt: skip
    for kind in used:
        panel.barh(0, 0, color=colour[kind], label=f"{kind} ({result['counts'].get(kind, 0)})")
    if used:
        figure.legend(frameon=False, labelcolor=INK, fontsize=8, ncols=COLUMNS, loc="outside lower left")
    with atomic(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:])
    return path


def _spans(row: dict[str, Any], kind: str) -> list[tuple[float, float]]:
    """(start, length) in seconds of a row's findings of a kind, none too short to be seen."""
    found = [(one["start_s"], one["end_s"] - one["start_s"]) for one in row["findings"] if one["kind"] == kind]
    return [(start, max(length, 0.004 * row["seconds"])) for start, length in found]
