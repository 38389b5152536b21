"""The curves of a run as one picture, from its log."""

import json
from pathlib import Path

from PIL import Image, ImageDraw

WIDTH, PANEL, MARGIN = 900, 180, 48
INK, LINE, GRID = (30, 30, 30), (31, 97, 160), (225, 225, 225)


def draw_curves(log: Path, out: Path) -> Path | None:
    """A panel for each logged loss over steps, linear axes from the smallest to the largest value. None if nothing is logged."""
    rows = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    if not rows:
        return None
    skipped = ("step", "lr", "gradient_norm", "steps_per_s", "without_label")
    names = list(dict.fromkeys(key for row in rows for key in row if key not in skipped))
    picture = Image.new("RGB", (WIDTH, PANEL * len(names)), "white")
    draw = ImageDraw.Draw(picture)
    for panel, name in enumerate(names):
        shown = [row for row in rows if name in row]
        _panel(draw, panel * PANEL, name, [row["step"] for row in shown], [row[name] for row in shown])
    picture.save(out)
    return out


def _panel(draw: ImageDraw.ImageDraw, top: int, name: str, steps: list[int], values: list[float]) -> None:
    low, high = min(values), max(values)
    left, right, upper, lower = MARGIN + 20, WIDTH - 16, top + 26, top + PANEL - 24
    span, reach = max(high - low, 1e-9), max(steps[-1] - steps[0], 1)
    for share in (0.0, 0.5, 1.0):
        y = lower - share * (lower - upper)
        draw.line((left, y, right, y), fill=GRID)
        if share == 0 or high > low:
            draw.text((8, y - 6), f"{low + share * span:.3g}", fill=INK)
    points = [
        (left + (step - steps[0]) / reach * (right - left), lower - (value - low) / span * (lower - upper))
        for step, value in zip(steps, values, strict=True)
    ]
    draw.line(points, fill=LINE, width=2)
    if len(points) == 1:
        x, y = points[0]
        draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=LINE)
    draw.text((left, top + 8), f"{name}: {values[-1]:.4g} at step {steps[-1]}", fill=INK)
