"""Minutes of play divided into what is learned from, what decisions are fitted on, and what the result is judged by.

By whole recordings where there are enough of them. Else by stretches of a recording, with a gap between any two of a kind that
differs: then the judgement is of the same day, map and settings, and says less of others. Knows no model.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from playtape.errors import BadInput
from playtape.recordings import Recording, Span, save_recording

ROLES = ("learn", "fit", "judge")
SHARES = (5, 1, 2)  # of eight parts
WHOLE = 8  # recordings; with fewer, they are divided
PARTS = 16  # of all the play, where recordings are divided, and more where they are long
LEAST_S, MOST_S = 5.0, 60.0  # of a stretch
GAP_NS = 1_000_000_000  # at both ends of a stretch that is not learned from: a labeller looks that far, about


@dataclass(frozen=True)
class Stretch:
    """[start_ns, end_ns) of a recording, and what it is for."""

    recording: Recording
    start_ns: int
    end_ns: int
    role: str

    @property
    def minutes(self) -> float:
        return (self.end_ns - self.start_ns) / 6e10


def divide(recordings: Sequence[Recording], seed: int) -> list[Stretch]:
    """All play, each of the three roles at least once; in an order in which any first part of what is learned is a fair one.

    Raises BadInput where there is too little of it.
    """
    whole = [Stretch(one, int(one.time_ns[0]), one.video.end_ns, "learn") for one in recordings]
    if len(whole) < WHOLE:
        whole = [part for one in whole for part in _parts(one, sum(one.minutes for one in whole) * 60 / PARTS)]
    if len(whole) < sum(SHARES):
        seconds = sum(one.minutes for one in whole) * 60
        least = LEAST_S * sum(SHARES)
        raise BadInput(
            f"there are {seconds:.0f} s of play; learning from some and judging by others takes {least:.0f} s"
        )
    order = random.Random(seed).sample(whole, len(whole))
    bounds = [0, *(round(len(order) * sum(SHARES[: k + 1]) / sum(SHARES)) for k in range(len(ROLES)))]
    return [replace(one, role=role) for k, role in enumerate(ROLES) for one in order[bounds[k] : bounds[k + 1]]]


def _parts(one: Stretch, seconds: float) -> list[Stretch]:
    """About as many seconds each, none left over."""
    length = one.end_ns - one.start_ns
    count = max(1, round(length / 1e9 / min(MOST_S, max(LEAST_S, seconds))))
    edges = [one.start_ns + length * k // count for k in range(count + 1)]
    return [replace(one, start_ns=start, end_ns=end) for start, end in pairwise(edges)]


def shared(stretches: Sequence[Stretch], recordings: Sequence[Recording]) -> bool:
    """Is a recording divided?"""
    return len(stretches) > len(recordings)


def written(stretches: Sequence[Stretch], folder: Path) -> list[Path]:
    """The recordings of these stretches of one role, all else of them masked, in a folder; videos are referred to."""
    paths = []
    for number, recording in enumerate({id(one.recording): one.recording for one in stretches}.values()):
        mine = sorted((one for one in stretches if one.recording is recording), key=lambda one: one.start_ns)
        begin, end = int(recording.time_ns[0]), recording.video.end_ns
        gap = 0 if mine[0].role == "learn" else GAP_NS
        seen = [(one.start_ns + gap * (one.start_ns > begin), one.end_ns - gap * (one.end_ns < end)) for one in mine]
        hidden = zip([begin, *(stop for _, stop in seen)], [*(start for start, _ in seen), end], strict=True)
        spans = tuple(Span(start, stop, "masked", f"not to {mine[0].role}") for start, stop in hidden if stop > start)
        name = f"{number:03}-{recording.name}.mcap"  # two may have one name
        paths.append(save_recording(replace(recording, spans=(*recording.spans, *spans)), folder / name))
    return paths
