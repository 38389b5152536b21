"""The report's sections of what can be looked at: pictures with their keys, and the timelines of their videos."""

import math
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np

from playtape.label.glimpses import STATES, Glimpse, Shown
from playtape.label.markup import card, clock, counted, length, share, text

ARROWS = "→↘↓↙←↖↑↗"  # + is right, and down: names.py
WORDS = {"idle": "nothing done", "masked": "masked"}
LEGEND = {"active": "something held or moving", "idle": "idle", "masked": "masked, not to be learned from"}


def strip(shown: Sequence[Shown], videos: int) -> str:
    """The pictures of all videos shown, of so many labelled."""
    figures = [_figure(each, glimpse, named=videos > 1) for each in shown for glimpse in each.glimpses]
    if not figures:
        return ""
    note = (
        f"{counted(len(figures), 'moment')} of {_of(len(shown), videos)}, each with what the label says of the interval that it "
        "begins. Not a fair sample: chosen to show play, different inputs, and some rest. Only the true input, or your own eyes, "
        "can tell whether they are right."
    )
    return card("What the labels say", f'<div class="strip">{"".join(figures)}</div>', note)


def _figure(shown: Shown, glimpse: Glimpse, *, named: bool) -> str:
    when = clock(glimpse.time_ns)
    keys = "".join(
        f'<kbd title="{text(name)}, probability {chance:.2f}">{text(key(name))}</kbd>' for name, chance in glimpse.held
    )
    keys += "".join(f'<kbd class="moves">{text(each)}</kbd>' for each in motions(glimpse.moved))
    said = f'<p class="keys">{keys}</p>' if keys else f'<p class="none">{WORDS.get(glimpse.state, glimpse.state)}</p>'
    width, height = glimpse.size
    source = f"data:image/jpeg;base64,{glimpse.jpeg}"
    image = f'<img src="{source}" width="{width}" height="{height}" alt="{text(shown.name)} at {when}">'
    name = f"<small>{_name(shown)}</small>" if named else ""
    return f"<figure>{image}<b>{when}</b><figcaption>{said}{name}</figcaption></figure>"


def _name(shown: Shown) -> str:
    """Its last part; all of it where a mouse rests."""
    return f'<span title="{text(shown.name)}">{text(PurePosixPath(shown.name).name)}</span>'


def key(name: str) -> str:
    """As it stands on a keyboard: key.w is W, key.left_shift is left shift; of other devices the device stays."""
    device, _, rest = name.partition(".")
    short = rest.replace("_", " ")
    return (short.upper() if len(short) == 1 else short) if device == "key" else f"{device} {short}"


def motions(moved: dict[str, float]) -> list[str]:
    """Axes in words; the mouse's two as one arrow with its counts."""
    right, down = moved.get("mouse.dx", 0.0), moved.get("mouse.dy", 0.0)
    found = []
    if right or down:
        arrow = ARROWS[round(math.atan2(down, right) / (math.pi / 4)) % 8]
        found.append(f"mouse {arrow} {max(1, round(math.hypot(right, down)))}")
    rest = {name: value for name, value in moved.items() if name not in ("mouse.dx", "mouse.dy")}
    return [*found, *(f"{key(name)} {value:+.2g}" for name, value in rest.items())]


def timelines(shown: Sequence[Shown], videos: int) -> str:
    """One for each video shown: of each stretch of it, how much is play, rest and masked."""
    if not shown:
        return ""
    legend = "".join(f'<span><i class="{state}"></i>{words}</span>' for state, words in LEGEND.items())
    rows = []
    for each in shown:
        parts = {state: each.shares[STATES.index(state)] for state in LEGEND}
        told = ", ".join(f"{state} {share(part, 1)}" for state, part in parts.items())
        rows.append(
            f'<div class="lane"><p><span title="{text(each.name)}">{text(each.name)}</span>'
            f"<small>{' '.join(length(each.end_ns / 1e9))}: {told}</small></p>{_lane(each)}</div>"
        )
    note = f"{_of(len(shown), videos)}, each from its beginning to its end. Ticks: where the pictures above are from."
    return card("When something is done", f'<p class="legend">{legend}</p>{"".join(rows)}', note)


def _lane(shown: Shown) -> str:
    """Masked intervals stand on the floor, play on them, rest is what is left. Drawn in a box of 1,000 by 100."""
    masked = shown.timeline[:, STATES.index("masked")]
    busy = masked + shown.timeline[:, STATES.index("active")]
    ticks = "".join(
        f'<line x1="{place:.0f}" x2="{place:.0f}" y1="0" y2="100"/>'
        for place in (1000 * glimpse.time_ns / shown.end_ns for glimpse in shown.glimpses)
    )
    words = f"{text(shown.name)}: shares of play, rest and masked intervals over time"
    return (
        f'<svg viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label="{words}">'
        f'<path class="active" d="{_steps(busy)}"/><path class="masked" d="{_steps(masked)}"/>{ticks}</svg>'
    )


def _steps(shares: np.ndarray) -> str:
    """A closed path of columns from the floor."""
    width = 1000 / len(shares)
    tops = (f"V{100 - 100 * part:.0f}H{width * (place + 1):.1f}" for place, part in enumerate(shares.tolist()))
    return f"M0 100{''.join(tops)}V100Z"


def _of(shown: int, videos: int) -> str:
    return counted(shown, "video") if shown == videos else f"{shown} of {counted(videos, 'video')}"
