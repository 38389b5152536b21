"""`report.html` beside the labels: from what and how they were made, a few pictures with their keys, what was set aside and why,
and whether what came out can be true.

Its numbers are the ledger's, so they cost no look at a label; its pictures and timelines are of a handful of labels, however many
there are. One file, no script, nothing loaded. A key that is held far more or less often than where the model was calibrated,
and a model that is unsure of most, are what to look at before anything is trained on the labels.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from playtape.label.decode import Calibration
from playtape.label.glimpses import glimpses
from playtape.label.ledger import DONE, QUARANTINED, SAME_BYTES, SAME_FILE, Line
from playtape.label.markup import bar, card, counted, length, share, text
from playtape.label.origin import Asked, again, origin, steps
from playtape.label.pictures import strip, timelines
from playtape.label.tasks import BINS
from playtape.pages import shared
from playtape.recordings.atomic import atomic
from playtape.training.checkpoint import Loaded

NAME = "report.html"
BOUNDS = (0.5, 0.6, 0.7)  # of --min-confidence, at edges of bins
EXAMPLES = 3  # videos named for each reason
TWINS = 20  # videos named that others are the same as
USUAL = (0.5, 2.0)  # times the prior; beyond, a rate is marked
SEEN = 100  # intervals that a button must be held, by the prior or the labels, before its rate says anything
FEW = "too few to say"
TWIN = re.compile(f"^(?:{SAME_BYTES}|row \\d+ {SAME_FILE}) ")


def write_report(out: Path, lines: Sequence[Line], loaded: Loaded, asked: Asked | None = None) -> Path:
    """Of all lines, those of earlier runs too. Returns its path."""
    asked = asked or Asked()
    done = [line for line in lines if line.state == DONE]
    twins, broken = [], []
    for line in lines:
        if line.state == QUARANTINED:
            (twins if TWIN.match(line.reason) else broken).append(line)
    shown = glimpses(out, done, loaded)
    sections = [
        _counts(done, broken, twins),
        origin(done, shown, loaded, asked),
        strip(shown, len(done)),
        timelines(shown, len(done)),
        _rates(done, loaded),
        _confidence(done),
        _broken(broken, again(out, asked, next((line.settings for line in [*done, *broken]), {}))),
        _twins(twins),
        steps(out, done, shown),
    ]
    title = f"{out.resolve().name or 'labels'}: labels of {loaded.name}"
    style = shared("theme.css") + files("playtape.label").joinpath("report.css").read_text("utf-8")
    page = files("playtape.label").joinpath("report.html").read_text("utf-8")
    for mark, said in (
        ("STYLE", style),
        ("TITLE", text(title)),
        ("SUMMARY", _summary(done)),
        ("BODY", "\n".join(filter(None, sections))),
    ):
        page = page.replace(f"<!--{mark}-->", said)
    path = out / NAME
    with atomic(path) as temporary:
        temporary.write_text(page, "utf-8")
    return path


def _summary(done: Sequence[Line]) -> str:
    seconds = sum(line.video_seconds for line in done)
    return f"{counted(len(done), 'video')}, {' '.join(length(seconds))}; all runs into this folder"


def _counts(done: Sequence[Line], broken: Sequence[Line], twins: Sequence[Line]) -> str:
    seconds, work = sum(line.video_seconds for line in done), sum(line.seconds for line in done)
    intervals, idle = sum(line.intervals for line in done), sum(line.stats.get("idle", 0) for line in done)
    long, unit = length(seconds)
    facts = {
        "video labelled" if len(done) == 1 else "videos labelled": f"{len(done):,}",
        f"{unit} of video": long,
        "interval" if intervals == 1 else "intervals": f"{intervals:,}",
        f"{'idle or left out' if _unsure(done) else 'idle'}, no key and no motion": share(idle, intervals),
        "times real time, a worker": f"{seconds / work:.1f}" if work else "–",
        "quarantined": f"{len(broken):,}",
    } | ({"the same bytes as another": f"{len(twins):,}"} if twins else {})
    told = "".join(f"<div><b>{value}</b><span>{name}</span></div>" for name, value in facts.items())
    return f'<section class="facts">{told}</section>'


def _unsure(done: Sequence[Line]) -> bool:
    """Were intervals left without input because the model was not sure of them?"""
    return any(line.settings.get("min_confidence") for line in done)


def _rates(done: Sequence[Line], loaded: Loaded) -> str:
    """How often each button is held, beside how often it was in the recordings that the model was calibrated by."""
    intervals = sum(line.intervals for line in done)
    held, pressed, moved = (_summed(done, name) for name in ("held", "pressed", "moved"))
    hours = sum(line.video_seconds for line in done) / 3600
    calibration = Calibration.of(loaded.train, loaded.space)
    prior = dict(zip(loaded.space.buttons, calibration.rate)) if calibration.rate else {}
    rows = [_rate(name, held[name], pressed[name], intervals, hours, prior.get(name)) for name in loaded.space.buttons]
    for axis in loaded.space.axes:
        part = moved[axis.name] / intervals if intervals else 0.0
        rows.append(
            f"<tr><td>{text(axis.name)} moves</td><td>{bar(part)}</td><td>{part:.2%}</td>{'<td></td>' * 3}</tr>"
        )
    source = (
        f"Where calibrated: the true input of {text(', '.join(calibration.held_out))}, by which the model was calibrated; the "
        f"tick in a bar stands there. Marked: beyond {USUAL[0]:g} to {USUAL[1]:g} times as often. “{FEW}”: held in fewer than "
        f"{SEEN} intervals here, and so few are expected by the calibration, so that a ratio would mean nothing."
        if prior
        else "The checkpoint does not say how often its keys were held in the true input that it was calibrated by."
    )
    if _unsure(done):
        source += " What --min-confidence left without input counts as not held here, so shares are too small."
    head = (
        "<tr><th>input</th><th></th><th>held</th><th>presses a minute</th><th>where calibrated</th><th>times</th></tr>"
    )
    return card(
        "How often", f'<table class="rates"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>', source
    )


def _rate(name: str, held: int, pressed: int, intervals: int, hours: float, prior: float | None) -> str:
    part = held / intervals if intervals else 0.0
    times, mark = "", ""
    if prior is not None:
        enough = max(held, prior * intervals) >= SEEN
        ratio = part / prior if prior else float("inf") if part else 1.0
        times = FEW if not enough else f"{ratio:.2f}" if prior else "never before"
        mark = ' class="few"' if not enough else "" if USUAL[0] <= ratio <= USUAL[1] else ' class="odd"'
    before = "" if prior is None else f"{prior:.2%}"
    minute = pressed / hours / 60 if hours else 0.0
    cells = (text(name), bar(part, prior), f"{part:.2%}", f"{minute:.1f}", before, times)
    return f"<tr{mark}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _confidence(done: Sequence[Line]) -> str:
    counts = [sum(line.stats.get("confidence", [0] * BINS)[bin_] for line in done) for bin_ in range(BINS)]
    total, most = sum(counts), max([*counts, 1])
    columns = "".join(
        f'<div title="{bin_ / BINS:.2f} to {(bin_ + 1) / BINS:.2f}: {count:,} intervals, {share(count, total)}">'
        f'<b style="height:{count / most:.2%}"></b></div>'
        for bin_, count in enumerate(counts)
    )
    scale = "<p class='scale'><span>0</span><span>0.5</span><span>1, sure, or nothing is done</span></p>"
    bounds = [(bound, share(sum(counts[round(bound * BINS) :]), total)) for bound in BOUNDS]
    kept = ", ".join(f"{bound:g} keeps {share}" for bound, share in bounds)
    note = (
        "How sure the model was of each interval: of all that is held, moves or might, around it. "
        f"--min-confidence leaves the intervals below a bound without input: {kept}."
    )
    return card("Confidence", f'<div class="columns">{columns}</div>{scale}', note)


def _broken(broken: Sequence[Line], command: str) -> str:
    if not broken:
        return card("Quarantined", "<p>Nothing: every video could be labelled.</p>")
    kinds: dict[str, list[Line]] = defaultdict(list)
    for line in broken:
        kinds[_kind(line)].append(line)
    rows = [
        (len(lines), text(lines[0].reason), _named(lines))
        for lines in sorted(kinds.values(), key=lambda lines: (-len(lines), lines[0].name))
    ]
    hint = f'<p class="hint">The ledger names every one. To try them once more: {command}</p>'
    return card("Quarantined", _table(("videos", "why (of the first)", "which"), rows) + hint)


def _twins(twins: Sequence[Line]) -> str:
    """Nothing is wrong with these."""
    if not twins:
        return ""
    firsts: dict[str, list[Line]] = defaultdict(list)
    for line in twins:
        firsts[TWIN.sub("", line.reason)].append(line)
    ordered = sorted(firsts.items(), key=lambda first: (-len(first[1]), first[0]))
    rows = [(len(lines), text(first), _named(lines)) for first, lines in ordered[:TWINS]]
    more = f"; {len(ordered) - TWINS:,} more like these are in the ledger" if len(ordered) > TWINS else ""
    note = (
        f"Not broken: each video is labelled once, and these are copies{more}. The ledger counts them as quarantined."
    )
    return card("The same bytes as another", _table(("copies", "labelled as", "which"), rows), note)


def _table(head: Sequence[str], rows: Sequence[tuple[int, str, str]]) -> str:
    """A number and two texts that are markup already."""
    first = "".join(f"<th>{name}</th>" for name in head)
    rest = "".join(f"<tr><td>{count:,}</td><td>{why}</td><td>{which}</td></tr>" for count, why, which in rows)
    return f'<table class="aside"><thead><tr>{first}</tr></thead><tbody>{rest}</tbody></table>'


def _named(lines: Sequence[Line]) -> str:
    more = f"<br>and {len(lines) - EXAMPLES:,} more" if len(lines) > EXAMPLES else ""
    return "<br>".join(text(line.source or line.name) for line in lines[:EXAMPLES]) + more


def _kind(line: Line) -> str:
    """A reason without what is particular to one video."""
    plain = line.reason.replace(line.source, "it") if line.source else line.reason
    return re.sub(r"\d[\d.,]*", "N", re.sub(r"'[^']*'", "'...'", plain))


def _summed(done: Sequence[Line], name: str) -> Counter[str]:
    total: Counter[str] = Counter()
    for line in done:
        counts: Mapping[str, Any] = line.stats.get(name, {})
        total.update({key: int(value) for key, value in counts.items()})
    return total
