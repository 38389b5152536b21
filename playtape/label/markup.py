"""Pieces of the report's page: numbers in words and bars, and a text that never becomes markup."""

import re
from html import escape

from playtape.errors import one_line

UNITS = ((7200.0, 3600.0, "hours"), (120.0, 60.0, "minutes"))  # from so many seconds on, so many to one


def text(said: str) -> str:
    """What a person or a file says, on one line."""
    return escape(one_line(said))


def card(title: str, body: str, note: str = "") -> str:
    """A section. `note` is shown below; of it, what stands in backquotes is code."""
    words = re.sub("`([^`]+)`", r"<code>\1</code>", note)
    hint = f'<p class="hint">{words}</p>' if note else ""
    return f'<section><h2>{title}</h2><div class="scroll">{body}</div>{hint}</section>'


def share(part: float, whole: float) -> str:
    """In percent; a dash of nothing."""
    return f"{part / whole:.1%}" if whole else "–"


def bar(part: float, prior: float | None = None) -> str:
    """A share from 0 to 1 as a bar, with a tick where it was expected."""
    tick = "" if prior is None else f'<i style="left:{min(prior, 1):.2%}"></i>'
    return f'<span class="bar"><b style="width:{min(part, 1):.2%}"></b>{tick}</span>'


def counted(count: int, what: str) -> str:
    """1 video, 2 videos."""
    return f"{count:,} {what if count == 1 else what + 's'}"


def length(seconds: float) -> tuple[str, str]:
    """A duration as a number and the unit that fits it: 45.2 seconds, 12 minutes, 3.5 hours."""
    scale, unit = next(((scale, unit) for least, scale, unit in UNITS if seconds >= least), (1.0, "seconds"))
    number = f"{seconds / scale:,.1f}".removesuffix(".0")
    return number, unit[:-1] if number == "1" else unit


def clock(time_ns: int) -> str:
    """A moment of a video: 1:02:03.4, and 2:03.4 in its first hour."""
    tenths = time_ns // 100_000_000
    minutes, rest = divmod(tenths, 600)
    hours, left = divmod(minutes, 60)
    start = f"{hours}:{left:02}" if hours else f"{left}"
    return f"{start}:{rest // 10:02}.{rest % 10}"
