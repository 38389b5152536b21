"""The answers for a recording's chunks -> its instructions as spans, each event told once.

Chunks overlap, so that an event at a border is seen whole by one of them; what both tell is one event. The rules stand in
`_again`. An instruction without an end holds until the next one, but never into a stretch of which nothing is known.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from playtape.annotate.answer import Answer, Instruction
from playtape.annotate.chunks import SECOND, Chunk
from playtape.recordings import Span


@dataclass
class Told:
    """An instruction on the recording's clock, and the chunk that told it first."""

    start_ns: int
    end_ns: int | None
    text: str
    chunk: int


def spans(chunks: Sequence[Chunk], answers: Sequence[Answer | None], gap_s: float) -> tuple[list[Span], Counter[str]]:
    """Text spans in order of start, all within the chunks; and how many instructions were left out, by reason."""
    told, mended = merged(chunks, answers, gap_s)
    found = []
    for number, one in enumerate(told, start=1):
        known = _known_until(chunks, answers, one)
        until = min(known, told[number].start_ns) if number < len(told) else known
        end = until if one.end_ns is None else min(one.end_ns, known)
        if end > one.start_ns:
            found.append(Span(one.start_ns, end, "text", one.text))
    return found, mended


def merged(chunks: Sequence[Chunk], answers: Sequence[Answer | None], gap_s: float) -> tuple[list[Told], Counter[str]]:
    """What was told up to now, in order of start, each event once; and how many instructions were left out, by reason.

    None is a chunk without an answer.
    """
    told: list[Told] = []
    mended: Counter[str] = Counter()
    for chunk, answer in zip(chunks, answers, strict=False):
        if answer is None:
            continue
        earlier = [one for one in told if _continues(chunk, answers, one.chunk)]
        mine: list[Told] = []
        for one in answer.instructions:
            new = _placed(one, chunk)
            seen = bool(chunk.number) and new.start_ns == chunk.start_ns < chunks[chunk.number - 1].end_ns
            twin = _again(new, earlier, gap_s, seen)
            if twin is not None:
                mended["instructions were told again by the next stretch and are one"] += 1
                _prolong(twin, new)
            elif mine and same(mine[-1].text, new.text):
                mended["instructions were told twice and are one"] += 1
                _prolong(mine[-1], new)
            elif mine and new.start_ns - mine[-1].start_ns < gap_s * SECOND:
                mended[f"instructions began within {gap_s:g} s of the one before and were left out"] += 1
            else:
                mine.append(new)
        told = sorted(told + mine, key=lambda one: one.start_ns)
    return told, mended


def _prolong(one: Told, again: Told) -> None:
    """What is said again in the same words holds until both ends; no end is the later one."""
    if same(one.text, again.text):
        one.end_ns = None if one.end_ns is None or again.end_ns is None else max(one.end_ns, again.end_ns)


def _placed(one: Instruction, chunk: Chunk) -> Told:
    """On the recording's clock, within the chunk."""
    start = chunk.start_ns + round(one.start_s * SECOND)
    end = None if one.end_s is None else min(chunk.start_ns + round(one.end_s * SECOND), chunk.end_ns)
    return Told(min(start, chunk.end_ns - 1), end, one.text, chunk.number)


def _continues(chunk: Chunk, answers: Sequence[Answer | None], number: int) -> bool:
    """Was everything from an earlier chunk up to this one answered?"""
    return all(answer is not None for answer in answers[number : chunk.number])


def _again(new: Told, earlier: Sequence[Told], gap_s: float, seen: bool) -> Told | None:
    """The instruction of an earlier chunk that is told again, if it is one:

    - one that began less than the gap before or after, since no two instructions are so near each other;
    - one in force when this one begins, in the same words;
    - the one in force when this one begins, if that is its chunk's first picture and the chunk before has `seen` it too: there
      nothing was said to begin.
    """
    near = [one for one in earlier if abs(one.start_ns - new.start_ns) < gap_s * SECOND]
    if near:
        return min(near, key=lambda one: abs(one.start_ns - new.start_ns))
    begun = [one for one in earlier if one.start_ns <= new.start_ns]
    force = [one for one in begun if (one is begun[-1] if one.end_ns is None else one.end_ns >= new.start_ns)]
    return next((one for one in reversed(force) if seen or same(one.text, new.text)), None)


def _known_until(chunks: Sequence[Chunk], answers: Sequence[Answer | None], one: Told) -> int:
    """Where the answered stretch that an instruction begins in ends."""
    number = one.chunk
    while number + 1 < len(chunks) and answers[number + 1] is not None:
        number += 1
    return chunks[number].end_ns


def same(one: str, other: str) -> bool:
    """Do two instructions differ in capitals, punctuation and articles at most?"""
    return _bare(one) == _bare(other)


def _bare(text: str) -> list[str]:
    return [word for word in re.findall(r"\w+", text.casefold()) if word not in ("a", "an", "the")]
