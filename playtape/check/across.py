"""The same play twice, in two recordings or in one: marks of pictures that recur at one distance in time, for long.

As songs are recognised: every mark votes for the distance between its two places, and only a copy, cut or encoded anew, has
many votes for one distance without a break. A menu, or a corner that many recordings begin in, has few different marks.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

import numpy as np

from playtape.check.findings import Finding, Limits

GRAIN_NS = 100_000_000  # distances are told apart so finely
BREAK_NS = 1_500_000_000  # without a common mark ends a run
DIFFERENT = 15  # marks in a run
COMMON = 50  # places of a mark: one that is everywhere tells nothing

Marks = tuple[np.ndarray, np.ndarray]
"""Of one recording: times int64 [T] and marks uint64 [T] of its frames."""


def repeated(marks: Mapping[str, Marks], limits: Limits) -> dict[str, list[Finding]]:
    """What recurs, told at its later place: in the later recording by name, or later in the same one."""
    names = sorted(marks)
    places: dict[int, list[tuple[int, int]]] = defaultdict(list)  # mark -> (recording, time)
    for number, name in enumerate(names):
        time, mark = marks[name]
        new = np.append(True, mark[1:] != mark[:-1]) if len(mark) else np.zeros(0, bool)
        for when, what in zip(time[new].tolist(), mark[new].tolist(), strict=True):
            places[what].append((number, when))
    votes: dict[tuple[int, int, int], list[tuple[int, int]]] = defaultdict(list)
    for what, where in places.items():
        if 1 < len(where) <= COMMON:
            for i, (other, before) in enumerate(where):
                for number, when in where[i + 1 :]:
                    for grain in {(when - before) // GRAIN_NS, (when - before + GRAIN_NS // 2) // GRAIN_NS}:
                        votes[number, other, grain].append((when, what))
    found: dict[str, list[Finding]] = defaultdict(list)
    for (number, other, grain), agreed in votes.items():
        if number == other and abs(grain) * GRAIN_NS < limits.repeated_s * 1e9:
            continue
        for start, end in _runs(sorted(agreed), limits):
            found[names[number]].append(_told(names[other] if number != other else "", start, end, grain))
    return {name: _longest(listed) for name, listed in found.items()}


def _runs(agreed: list[tuple[int, int]], limits: Limits) -> Iterator[tuple[int, int]]:
    time = np.array([when for when, _ in agreed])
    cuts = np.flatnonzero(np.diff(time) > BREAK_NS) + 1
    for part in np.split(np.arange(len(agreed)), cuts):
        start, end = int(time[part[0]]), int(time[part[-1]])
        if end - start >= limits.repeated_s * 1e9 and len({agreed[i][1] for i in part}) >= DIFFERENT:
            yield start, end


def _told(other: str, start: int, end: int, grain: int) -> Finding:
    where = f"in {other}" if other else "in this recording"
    before = (start - grain * GRAIN_NS) / 1e9
    text = f"{(end - start) / 1e9:.1f} s of the same pictures are {where}, from {before:.1f} s on"
    return Finding(start, end, "repeated-play", text)


def _longest(listed: list[Finding]) -> list[Finding]:
    """Without those that lie within a longer one: a distance between two grains votes for both."""
    kept: list[Finding] = []
    for one in sorted(listed, key=lambda finding: finding.start_ns - finding.end_ns):
        if not any(other.start_ns <= one.start_ns and one.end_ns <= other.end_ns for other in kept):
            kept.append(one)
    return sorted(kept)
