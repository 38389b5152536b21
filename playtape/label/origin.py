"""The report's sections of where the labels come from, by which model and flags, and under which licences; and what to do next,
as commands with this labelling's own paths."""

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playtape.errors import one_line
from playtape.label.glimpses import Shown
from playtape.label.ledger import Line
from playtape.label.markup import card, counted, text
from playtape.recordings.licences import forbidding, joined
from playtape.training.checkpoint import Loaded

TOLD = ("licence", "license")  # columns of a manifest
MOST_WORDS = 8  # of a command line that are told again; beyond, a shell made them of a glob
TRUTH = "TRUTH"  # stands for a folder that nobody has named


@dataclass(frozen=True)
class Asked:
    """What the labelling was told, so that the page can say how to do it again."""

    words: tuple[str, ...] = ()  # videos, folders, ...
    model: Path | None = None  # None: the one that comes with Playtape


def origin(done: Sequence[Line], shown: Sequence[Shown], loaded: Loaded, asked: Asked) -> str:
    """A list of facts."""
    games = sorted({*_column(done, ("game",)), *(each.game for each in shown if each.game)})
    facts = {
        "model": _model(done, loaded, asked),
        "games" if len(games) > 1 else "game": text(", ".join(games)) or "no recording of these videos tells",
        "licences": _licences(done, shown, loaded),
        "flags": _flags(done),
    }
    rows = "".join(f"<dt>{name}</dt><dd>{said}</dd>" for name, said in facts.items())
    return card("Made from", f'<dl class="facts-list">{rows}</dl>')


def _model(done: Sequence[Line], loaded: Loaded, asked: Asked) -> str:
    where = "the one that comes with Playtape" if asked.model is None else f"<code>{text(str(asked.model))}</code>"
    learned = len(loaded.train.get("trained_on") or ())
    of = f", learned from {counted(learned, 'recording')}" if learned else ""
    others = sum(line.settings.get("model", loaded.hash) != loaded.hash for line in done)
    more = f"; <em>{counted(others, 'label')} of another model</em>" if others else ""
    return f"{text(loaded.name)}, {where}{of}, weights <code>{loaded.hash[:12]}</code>{more}"


def _licences(done: Sequence[Line], shown: Sequence[Shown], loaded: Loaded) -> str:
    named = joined(loaded.licences, _column(done, TOLD), *(each.licences for each in shown))
    bad = {*forbidding(named)}
    each = ", ".join(
        f'<span class="forbids">{text(one)}<b>non-commercial</b></span>' if one in bad else f"<span>{text(one)}</span>"
        for one in named
    )
    looked = f"the model and {len(shown)} of {counted(len(done), 'label')}" if len(shown) < len(done) else ""
    hint = f"<small>as {looked} tell; every label names its own</small>" if looked else ""
    silent = (
        "" if loaded.licences else "<small>the model does not say under which licences its recordings stood</small>"
    )
    return f"{each or 'none told'}{hint}{silent}"


def _column(done: Sequence[Line], names: Sequence[str]) -> list[str]:
    """What a manifest says of its videos."""
    return sorted({str(line.extra[name]).strip() for line in done for name in names if line.extra.get(name)})


def _flags(done: Sequence[Line]) -> str:
    """Those that labels depend on; where runs had different ones, how many labels are of each."""
    sorts = Counter(_told(line.settings) for line in done if line.settings)
    if not sorts:
        return "not told"
    return "<br>".join(
        told if len(sorts) == 1 else f"{told} <small>{counted(count, 'label')}</small>"
        for told, count in sorted(sorts.items())
    )


def _told(settings: dict[str, Any]) -> str:
    idle, least = settings.get("idle_seconds"), settings.get("min_confidence", 0.0)
    said = {
        "--min-confidence": f"{least:g}" if least else "not given: every interval keeps its input",
        "--drop-idle-seconds": "not given: pauses stay" if idle is None else f"{idle:g}",
        "--mouse-scale": f"{settings.get('mouse_scale', 1.0):g}",
    }
    return "; ".join(f"<code>{flag}</code> {value}" for flag, value in said.items())


def steps(out: Path, done: Sequence[Line], shown: Sequence[Shown]) -> str:
    """What to do with the labels, in the order in which it makes sense."""
    truth = _truth(shown)
    rows = {
        "look": ("playtape", "view", str(out), "--html", str(out / "look.html")),
        "check": ("playtape", "check", str(out), "--write"),
        "evaluate": ("playtape", "evaluate", "actions", truth, str(out)),
        "train": ("playtape", "train", "p2p-tiny", str(out), "--out", "runs/policy"),
    }
    if not done:
        return ""
    why = {
        "look": "a page that plays the first twelve with their keys",
        "check": "what is wrong with them, written into them as notes",
        "evaluate": f"{TRUTH} is a folder of recordings of the same names with the true input"
        if truth == TRUTH
        else "beside the true input, which lies beside the videos",
        "train": "a small policy; docs/guide/policy.md has larger ones",
    }
    body = "".join(f"<dt>{name}</dt><dd>{command(row)}<small>{why[name]}</small></dd>" for name, row in rows.items())
    return card("What next", f'<dl class="facts-list">{body}</dl>')


def again(out: Path, asked: Asked, settings: dict[str, Any]) -> str:
    """The same labelling, which tries once more what is quarantined."""
    words = ["playtape", "label", *([str(asked.model)] if asked.model else []), *asked.words, "--out", str(out)]
    if not asked.words or len(asked.words) > MOST_WORDS:
        words = ["playtape", "label", "...", "--out", str(out)]
    least, idle, scale = (settings.get(name) for name in ("min_confidence", "idle_seconds", "mouse_scale"))
    words += ["--min-confidence", _number(least)] if least else []
    words += ["--drop-idle-seconds", _number(idle)] if idle is not None else []
    words += ["--mouse-scale", _number(scale)] if scale not in (None, 1.0) else []
    return command([*words, "--again"])


def _number(value: float) -> str:
    """Read back, it is the same to the bit: labels of another number are refused."""
    return short if float(short := f"{value:g}") == value else repr(value)


def command(words: Sequence[str]) -> str:
    """As a shell takes it."""
    return f"<code>{text(' '.join(word if word == '...' else shlex.quote(one_line(word)) for word in words))}</code>"


def _truth(shown: Sequence[Shown]) -> str:
    """The folder of the recordings that lie beside the videos, if all lie in one."""
    folders = {str(each.truth.parent) for each in shown if each.truth is not None}
    return folders.pop() if len(folders) == 1 else TRUTH
