"""What a model said -> instructions that keep the rules, or what is wrong with it in words that the model can be told.

Mended is what can only be meant one way: code fences, words around the JSON, a comma too many, seconds for MM:SS, an order that
the times themselves tell, an end a moment past the stretch. A JSON that was cut is not closed: what is missing is not known.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from playtape.annotate.chunks import clock

SLACK_S = 2.0  # a time may lie so far past the chunk's end: times are told in whole seconds
LONGEST, LONGEST_NARRATIVE, LONGEST_ANSWER = 300, 4000, 400_000  # characters
MOST_BRACES = 5000  # of an answer are looked behind for an object
STAMP = re.compile(r"(?:(\d{1,2}):)?(\d{1,3}):([0-5]\d(?:\.\d+)?)")
NUMBER = re.compile(r"(\d{1,6}(?:\.\d+)?)\s*s?")
COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', re.DOTALL)
THOUGHT = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
NOTHING = ("", "null", "none")


@dataclass(frozen=True)
class Instruction:
    """A goal, in seconds of its chunk; it holds in [start_s, end_s), and without an end until the next."""

    start_s: float
    end_s: float | None
    text: str


@dataclass(frozen=True)
class Answer:
    """What a model said of a chunk, its instructions in order of start; `mended` counts what was put right."""

    narrative: str
    instructions: tuple[Instruction, ...]
    mended: Counter[str] = field(default_factory=Counter)


class Malformed(ValueError):
    """An answer that cannot be used. `faults` are sentences for the model, and for people."""

    def __init__(self, faults: list[str]):
        super().__init__("; ".join(faults))
        self.faults = faults


def read(raw: str, length_s: float, gap_s: float) -> Answer:
    """The answer for a chunk of `length_s`. Raises Malformed.

    The rules: an object with a text `narrative` (up to 4,000 characters) and a list `instructions`, each with a `start`, an `end`
    or null, and an `instruction` of 1 to 300 characters; times within the chunk, ends after starts; no more instructions than
    fit `gap_s` apart.
    """
    mended: Counter[str] = Counter()
    told = _found(raw, mended)
    narrative, items = told.get("narrative", ""), told["instructions"]
    faults = []
    if not isinstance(narrative, str) or len(narrative) > LONGEST_NARRATIVE:
        faults.append(f'"narrative" must be a text of at most {LONGEST_NARRATIVE} characters')
    if not isinstance(items, list):
        raise Malformed([*faults, '"instructions" must be a list'])
    most = most_instructions(length_s, gap_s)
    if len(items) > most:
        raise Malformed(
            [*faults, f"{len(items)} instructions for {clock(length_s)}, but at most {most} fit {gap_s:g} s apart"]
        )
    found = []
    for number, item in enumerate(items, start=1):
        try:
            found.append(_instruction(item, length_s, mended))
        except Malformed as error:
            faults += [f"instruction {number}: {fault}" for fault in error.faults]
    if faults:
        raise Malformed(faults)
    kept = [one for one in found if one is not None]
    ordered = sorted(kept, key=lambda one: one.start_s)
    if ordered != kept:
        mended["answers were put in order of time"] += 1
    return Answer(_line(narrative), tuple(ordered), mended)


def most_instructions(length_s: float, gap_s: float) -> int:
    """How many starts there can be in a chunk; without a gap one a second."""
    return int(length_s // max(gap_s, 1.0)) + 1


def _found(raw: str, mended: Counter[str]) -> dict[str, Any]:
    """The last object with "instructions" in the text: what comes before may be thought, or the question said again."""
    if len(raw) > LONGEST_ANSWER:
        raise Malformed([f"the answer has {len(raw)} characters, at most {LONGEST_ANSWER} are legal"])
    text = THOUGHT.sub("", raw).strip()
    found = list(_objects(text))
    if not found:
        text = COMMA.sub(lambda match: match[1] or "", text)
        found = list(_objects(text))
        mended["answers had commas too many"] += bool(found)
    if not found:
        cut = "{" in text and '"instructions"' in text
        raise Malformed(["the JSON is cut or broken" if cut else 'there is no JSON object with "instructions" in it'])
    start, end, told = found[-1]
    if re.sub(r"```(?:json)?", "", text[:start] + text[end:]).strip():
        mended["answers had words around the JSON"] += 1
    elif start or end < len(text):
        mended["answers stood in a code fence"] += 1
    return told


def _objects(text: str) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """(start, end, object) of the JSON objects with "instructions" that stand in no other."""
    decoder = json.JSONDecoder(strict=False)  # newlines within texts are meant as such
    at = text.find("{")
    for _ in range(MOST_BRACES):
        if at < 0:
            return
        try:
            told, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            if "instructions" in told:
                yield at, end, told
        at = text.find("{", end)


def _instruction(item: Any, length_s: float, mended: Counter[str]) -> Instruction | None:
    """One of the list. None where it begins as the chunk ends, so that the next chunk sees it better."""
    if not isinstance(item, dict):
        raise Malformed(['it must be an object with "start", "end" and "instruction"'])
    text, faults = item.get("instruction"), []
    if not isinstance(text, str) or not _line(text):
        faults.append('"instruction" must be a text')
    elif len(_line(text)) > LONGEST:
        faults.append(f'"instruction" has {len(_line(text))} characters, at most {LONGEST} are legal')
    start, end = (_seconds(item.get(name), mended) for name in ("start", "end"))
    said = {name: json.dumps(item.get(name))[:40] for name in ("start", "end")}
    if start is None:
        faults.append(f'"start" is {said["start"]}; give it as MM:SS')
    elif start > length_s + SLACK_S:
        faults.append(f'"start" is {said["start"]}, but the stretch ends at {clock(length_s)}')
    if end is None and not _is_open(item.get("end")):
        faults.append(f'"end" is {said["end"]}; give it as MM:SS, or null')
    elif end is not None and end > length_s + SLACK_S:
        faults.append(f'"end" is {said["end"]}, but the stretch ends at {clock(length_s)}')
    elif end is not None and start is not None and end <= start:
        faults.append(f'"end" is {said["end"]}, which is not after its "start" {said["start"]}')
    if faults:
        raise Malformed(faults)
    assert start is not None
    assert isinstance(text, str)
    if start >= length_s:
        mended["instructions began as their stretch ended and were left to the next"] += 1
        return None
    if end is not None and end > length_s:
        mended["ends a moment past the stretch were put to its end"] += 1
        end = length_s
    return Instruction(start, end, _line(text))


def _is_open(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.strip().lower() in NOTHING)


def _seconds(value: Any, mended: Counter[str]) -> float | None:
    """MM:SS, H:MM:SS or a number of seconds. None for anything else."""
    if isinstance(value, str):
        said = value.strip()
        match = STAMP.fullmatch(said)
        if match and not (match[1] and int(match[2]) > 59):
            return int(match[1] or 0) * 3600 + int(match[2]) * 60 + float(match[3])
        match = NUMBER.fullmatch(said)
        value = float(match[1]) if match else None
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 <= value < 1e6
        or not math.isfinite(value)
    ):
        return None
    mended["times were given in seconds"] += 1
    return float(value)


def _line(text: str) -> str:
    """On one line, without control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
