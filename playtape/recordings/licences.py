"""What may be done with a recording: the licences of all that it was made from travel with it.

A recording names its own (`Info.licence`). What was made by a model keeps those of the recordings that the model learned from, in
its provenance, as a JSON list. One that forbids commercial use forbids it for all that is made from it.
"""

import json
import re
from collections.abc import Iterable, Mapping

from playtape.recordings.nouns import Recording

KEY = "licences"  # in the provenance
UNTOLD = ("", "not told")
UNREAD = "unreadable list of licences"
NONCOMMERCIAL = re.compile(r"\bNC\b|non-?\s?commercial|research[- ]only|academic use only", re.IGNORECASE)


def licences(recording: Recording) -> list[str]:
    """Those of a recording and of what made it, sorted; what is not told is left out."""
    return joined([recording.info.licence], inherited(recording.provenance))


def inherited(provenance: Mapping[str, str]) -> list[str]:
    """Those that came with what made a recording. A list that is damaged is told as one unknown licence."""
    try:
        told = json.loads(provenance.get(KEY, "[]"))
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, list) or not all(isinstance(each, str) for each in told):
        return [UNREAD]
    return told


def joined(*parts: Iterable[str]) -> list[str]:
    """All that some parts name, each once, sorted."""
    return sorted({each.strip() for part in parts for each in part} - {*UNTOLD})


def note(of: Iterable[str]) -> dict[str, str]:
    """What provenance says of these; nothing where there are none."""
    named = joined(of)
    return {KEY: json.dumps(named)} if named else {}


def forbidding(of: Iterable[str]) -> list[str]:
    """Those that forbid commercial use."""
    return [each for each in of if NONCOMMERCIAL.search(each)]
