"""Which clips a world model is judged by, whose actions it is told instead, and what is resampled for intervals.

As published where there are enough recordings: one clip of each, from its first frame on. Otherwise several, evenly spread over
each. Shapes: `K` frames of a context, `F` of a future.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from playtape.clips import Stored
from playtape.evaluate.bootstrap import Bootstrap, units_of
from playtape.imagine.futures import Moment, moments, spread


@dataclass(frozen=True, eq=False)
class Chosen:
    """A moment of recording number `recording`; `mask` bool [F]: may the row that led to a frame be learned from?"""

    moment: Moment
    recording: int
    mask: np.ndarray


def choose(stored: Sequence[Stored], context: int, frames: int, clips: int, *, goal: bool) -> list[Chosen]:
    """At most `clips` of all recordings, as `moments` are. Raises BadInput if no recording is long enough."""
    seen = context - goal
    long = [number for number, one in enumerate(stored) if len(one) >= one.reach(seen + frames)]
    if not long:
        moments(stored, context, frames, 1, goal=goal)  # raises, and says how long the longest is
    each, found = -(-clips // len(long)), []
    for number in long:
        step = stored[number].stride
        for moment in moments([stored[number]], context, frames, each, goal=goal):
            first = moment.start + (seen - 1) * step
            rows = slice(first, first + frames * step, step)
            found.append(Chosen(moment, number, stored[number].mask[rows].copy()))
    return spread(found, clips)


def exchanged(bodies: Sequence[int], seed: int) -> list[int]:
    """For each clip another one, drawn once for all: nobody has its own. Clips of one body, which `bodies` says of each, exchange
    among themselves, where an action means the same; one that is alone has that of any other."""
    draw, other = np.random.default_rng(seed), np.arange(len(bodies))
    for body in sorted(set(bodies)):
        order = draw.permutation([k for k, one in enumerate(bodies) if one == body])
        if len(order) > 1:
            other[order] = np.roll(order, 1)
        else:
            other[order] = (order + draw.integers(1, len(bodies))) % len(bodies)
    return other.tolist()


def resampled(chosen: Sequence[Chosen], stored: Sequence[Stored], seed: int) -> tuple[np.ndarray, Bootstrap]:
    """Which unit each clip belongs to, int [N], and draws of units: recordings, or blocks of time of a single one."""
    recordings = sorted({one.recording for one in chosen})  # clips are in their order
    starts = [[one.moment.start for one in chosen if one.recording == k] for k in recordings]
    times = [np.append(stored[k].time_ns[start], 0) for k, start in zip(recordings, starts, strict=True)]
    units, number, unit = units_of(times, [np.ones(len(start), bool) for start in starts])
    return np.concatenate(units), Bootstrap.of(number, unit, seed)
