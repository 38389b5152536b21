"""What a person should look at next: everything with findings, and of the rest more from those of whom little was accepted.

As Pixels2Play reviews (arXiv 2601.04575): flagged files always; of the others a sample, in which an annotator with few accepted
hours of a game is drawn more often. Without annotators, a source stands for one. A verdict is a row of a csv file: the
recording's name (or its file's), and accepted or rejected.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from playtape.errors import BadInput

VERDICTS = ("accepted", "rejected")
FEW = 5  # names that a note has room for
TRUSTED_HOURS = 1.0  # accepted hours after which a recording is drawn half as often as a stranger's


def read_verdicts(path: Path | None) -> dict[str, str]:
    """Name of a recording -> accepted or rejected; the last row counts. Raises BadInput for what is no such file."""
    if path is None:
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if not {"recording", "verdict"} <= set(reader.fieldnames or ()):
                raise BadInput(
                    f"{path} must have the columns recording and verdict, not {', '.join(reader.fieldnames or ())}"
                )
            rows = [(row["recording"] or "", (row["verdict"] or "").strip()) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"cannot read the verdicts in {path}: {getattr(error, 'strerror', None) or error}") from None
    for name, verdict in rows:
        if verdict not in VERDICTS:
            raise BadInput(f"{path} has the verdict {verdict[:40]!r} of {name[:60]!r}; legal are {', '.join(VERDICTS)}")
    return {Path(name).name.removesuffix(".mcap"): verdict for name, verdict in rows}


def unmatched(rows: Iterable[Mapping[str, Any]], verdicts: Mapping[str, str]) -> list[str]:
    """A note, in a list, if verdicts are of none of these recordings. `rows` as `check` has them."""
    strange = list(verdicts.keys() - {row["name"] for row in rows})
    if not strange:
        return []
    named = ", ".join([*sorted(strange)[:FEW], *(["..."] if strange[FEW:] else [])])
    return [f"{len(strange)} of {len(verdicts)} verdicts are of no recording here: {named}"]


def next_to_review(
    rows: Iterable[Mapping[str, Any]], verdicts: Mapping[str, str], count: int, seed: int
) -> list[dict[str, Any]]:
    """Up to `count` recordings without a verdict, flagged ones first, each with why. `rows` as `check` has them."""
    rows = list(rows)
    accepted: dict[tuple[str, str], float] = defaultdict(float)
    for row in rows:
        if verdicts.get(row["name"]) == "accepted":
            accepted[_who(row)] += row["seconds"] / 3600
    waiting = [row for row in rows if row["name"] not in verdicts]
    flagged = sorted(
        (row for row in waiting if row["findings"]), key=lambda row: -len({x["kind"] for x in row["findings"]})
    )
    chosen = [
        {"path": row["path"], "why": ", ".join(dict.fromkeys(one["kind"] for one in row["findings"]))}
        for row in flagged
    ][:count]
    clean = [row for row in waiting if not row["findings"]]
    chance = np.array([1 / (TRUSTED_HOURS + accepted[_who(row)]) for row in clean])
    number = min(count - len(chosen), len(clean))
    drawn = (
        np.random.default_rng(seed).choice(len(clean), number, replace=False, p=chance / chance.sum())
        if number > 0
        else []
    )
    for i in drawn:
        who, game = _who(clean[i])
        hours = accepted[who, game]
        chosen.append(
            {
                "path": clean[i]["path"],
                "why": f"{hours:.1f} h accepted of {who or 'nobody named'} in {game or 'no game'}",
            }
        )
    return chosen


def _who(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["player"] or row["source"], row["game"]
