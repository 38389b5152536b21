"""`report.html` beside the labels: what was done, what was set aside and why, and whether what came out can be true.

Made of the ledger alone, so it costs no look at a label. One file, no script, nothing loaded. A key that is held far more or
less often than where the model was calibrated, and a model that is unsure of most, are what to look at before anything is
trained on the labels.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from playtape.errors import one_line
from playtape.label.decode import Calibration
from playtape.label.ledger import DONE, QUARANTINED, Line
from playtape.label.tasks import BINS
from playtape.pages import shared
from playtape.recordings.atomic import atomic
from playtape.training.checkpoint import Loaded

NAME = "report.html"
BOUNDS = (0.5, 0.6, 0.7)  # of --min-confidence, at edges of bins
EXAMPLES = 3  # videos named for each reason
USUAL = (0.5, 2.0)  # times the prior; beyond, a rate is marked
SEEN = 100  # intervals that a button must be held, by the prior or the labels, before its rate says anything


def write_report(out: Path, lines: Sequence[Line], loaded: Loaded) -> Path:
    """Of all lines, those of earlier runs too. Returns its path."""
    done = [line for line in lines if line.state == DONE]
    aside = [line for line in lines if line.state == QUARANTINED]
    sections = [_counts(done, aside), _rates(done, loaded), _confidence(done), _aside(aside)]
    title = f"{out.resolve().name or 'labels'}: labels of {loaded.name}"
    style = shared("theme.css") + files("playtape.label").joinpath("report.css").read_text("utf-8")
    page = files("playtape.label").joinpath("report.html").read_text("utf-8")
    for mark, text in (
        ("STYLE", style),
        ("TITLE", _text(title)),
        ("MODEL", loaded.hash[:12]),
        ("BODY", "\n".join(sections)),
    ):
        page = page.replace(f"<!--{mark}-->", text)
    path = out / NAME
    with atomic(path) as temporary:
        temporary.write_text(page, "utf-8")
    return path


def _counts(done: Sequence[Line], aside: Sequence[Line]) -> str:
    hours, work = sum(line.video_seconds for line in done) / 3600, sum(line.seconds for line in done) / 3600
    intervals, idle = sum(line.intervals for line in done), sum(line.stats.get("idle", 0) for line in done)
    facts = {
        "videos labelled": f"{len(done):,}",
        "hours of video": f"{hours:,.2f}",
        "quarantined": f"{len(aside):,}",
        "intervals": f"{intervals:,}",
        "idle, no key and no motion": _share(idle, intervals),
        "times real time, a worker": f"{hours / work:.1f}" if work else "–",
    }
    told = "".join(f"<div><b>{value}</b><span>{name}</span></div>" for name, value in facts.items())
    return f'<section class="facts">{told}</section>'


def _rates(done: Sequence[Line], loaded: Loaded) -> str:
    """How often each button is held, beside how often it was in the recordings that the model was calibrated by."""
    intervals = sum(line.intervals for line in done)
    held, pressed, moved = (_summed(done, name) for name in ("held", "pressed", "moved"))
    hours = sum(line.video_seconds for line in done) / 3600
    calibration = Calibration.of(loaded.train, loaded.space)
    prior = dict(zip(loaded.space.buttons, calibration.rate)) if calibration.rate else {}
    rows = [_rate(name, held[name], pressed[name], intervals, hours, prior.get(name)) for name in loaded.space.buttons]
    for axis in loaded.space.axes:
        share = moved[axis.name] / intervals if intervals else 0.0
        rows.append(
            f"<tr><td>{_text(axis.name)} moves</td><td>{_bar(share)}</td><td>{share:.2%}</td>{'<td></td>' * 3}</tr>"
        )
    source = (
        f"Where calibrated: the true input of {_text(', '.join(calibration.held_out))}, by which the model was calibrated. "
        f"Marked: beyond {USUAL[0]:g} to {USUAL[1]:g} times as often."
        if prior
        else "The checkpoint does not say how often its keys were held in the true input that it was calibrated by."
    )
    head = (
        "<tr><th>input</th><th></th><th>held</th><th>presses a minute</th><th>where calibrated</th><th>times</th></tr>"
    )
    return _card(
        "How often", f'<table class="rates"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>', source
    )


def _rate(name: str, held: int, pressed: int, intervals: int, hours: float, prior: float | None) -> str:
    share = held / intervals if intervals else 0.0
    times, mark = "", ""
    if prior is not None:
        enough = max(held, prior * intervals) >= SEEN
        ratio = share / prior if prior else float("inf") if share else 1.0
        times = "" if not held and not prior else f"{ratio:.2f}" if prior else "never before"
        mark = ' class="odd"' if enough and not USUAL[0] <= ratio <= USUAL[1] else ""
    before = "" if prior is None else f"{prior:.2%}"
    minute = pressed / hours / 60 if hours else 0.0
    cells = (_text(name), _bar(share, prior), f"{share:.2%}", f"{minute:.1f}", before, times)
    return f"<tr{mark}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _bar(share: float, prior: float | None = None) -> str:
    tick = "" if prior is None else f'<i style="left:{min(prior, 1):.2%}"></i>'
    return f'<span class="bar"><b style="width:{min(share, 1):.2%}"></b>{tick}</span>'


def _confidence(done: Sequence[Line]) -> str:
    counts = [sum(line.stats.get("confidence", [0] * BINS)[bin_] for line in done) for bin_ in range(BINS)]
    total, most = sum(counts), max([*counts, 1])
    columns = "".join(
        f'<div title="{bin_ / BINS:.2f} to {(bin_ + 1) / BINS:.2f}: {count:,} intervals, {_share(count, total)}">'
        f'<b style="height:{count / most:.2%}"></b></div>'
        for bin_, count in enumerate(counts)
    )
    scale = "<p class='scale'><span>0</span><span>0.5</span><span>1, sure, or nothing is done</span></p>"
    bounds = [(bound, _share(sum(counts[round(bound * BINS) :]), total)) for bound in BOUNDS]
    kept = ", ".join(f"{bound:g} keeps {share}" for bound, share in bounds)
    note = (
        "How sure the model was of each interval: of all that is held, moves or might, around it. "
        f"--min-confidence leaves the intervals below a bound without input: {kept}."
    )
    return _card("Confidence", f'<div class="columns">{columns}</div>{scale}', note)


def _aside(aside: Sequence[Line]) -> str:
    if not aside:
        return _card("Quarantined", "<p>Nothing.</p>", "")
    kinds: dict[str, list[Line]] = defaultdict(list)
    for line in aside:
        kinds[_kind(line)].append(line)
    rows = []
    for lines in sorted(kinds.values(), key=lambda lines: (-len(lines), lines[0].name)):
        named = "<br>".join(_text(line.source or line.name) for line in lines[:EXAMPLES])
        more = f"<br>and {len(lines) - EXAMPLES:,} more" if len(lines) > EXAMPLES else ""
        rows.append(f"<tr><td>{len(lines):,}</td><td>{_text(lines[0].reason)}</td><td>{named}{more}</td></tr>")
    head = "<tr><th>videos</th><th>why (of the first)</th><th>which</th></tr>"
    table = f'<table class="aside"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>'
    return _card("Quarantined", table, "The ledger names every one. `playtape label ... --again` tries them once more.")


def _kind(line: Line) -> str:
    """A reason without what is particular to one video."""
    plain = line.reason.replace(line.source, "it") if line.source else line.reason
    plain = re.sub(r"(same bytes as|same file as) .*", r"\1", plain)
    return re.sub(r"\d[\d.,]*", "N", re.sub(r"'[^']*'", "'...'", plain))


def _summed(done: Sequence[Line], name: str) -> Counter[str]:
    total: Counter[str] = Counter()
    for line in done:
        counts: Mapping[str, Any] = line.stats.get(name, {})
        total.update({key: int(value) for key, value in counts.items()})
    return total


def _card(title: str, body: str, note: str) -> str:
    words = re.sub("`([^`]+)`", r"<code>\1</code>", note)
    hint = f'<p class="hint">{words}</p>' if note else ""
    return f'<section><h2>{title}</h2><div class="scroll">{body}</div>{hint}</section>'


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


def _text(text: str) -> str:
    return escape(one_line(text))
