"""A clip as one line of event tokens, as a next-event model learns it (D2E's NEP-tau, arXiv 2510.05684, section 3.2).

-E sum_t log p(a_t | o_1 .. o_min(t + tau, T), a_1 .. a_t-1): what hands did is shifted by tau, sorted among the screens, and only
then put into words (the published packer shifts after wording, so its times are of another moment than its places). A frame is
`period` ticks of the grid, whatever its own stamp.

With `delay` frames of shift, actions[t] stands between frames t + delay and t + delay + 1. So a line of frames s .. T-1 holds
the rows s - delay .. T-1 - delay, each whole: it begins where the row before is known, to tell a press from a hold. All its gaps
are full, as they are in the middle of a video. Knows no network.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from playtape.actions import Actions, ActionSpace, strokes
from playtape.actions.event_tokens import Codec
from playtape.actions.strokes import SCREEN, STROKE


class Pace(NamedTuple):
    period: int  # ticks a frame
    delay: int  # frames that what hands did stands behind


class Line(NamedTuple):
    words: NDArray[np.int64]  # [L], by the codec's numbers
    weight: NDArray[np.float32]  # [L]: how much each word is learned from
    hands: NDArray[np.bool_]  # [L]: of what hands did, not of screens
    first: int  # the first frame that is in it; all later ones are


def line(
    actions: Actions,
    mask: NDArray[np.bool_],
    confidence: NDArray[np.float32],
    space: ActionSpace,
    codec: Codec,
    pace: Pace,
    start: int = 0,
) -> Line:
    """Numpy rows of T frames. The line's own first frame is at tick `start`.

    A row that is masked, or whose neighbours are (was it pressed now? let go?), has no events in the line, and nothing is learned
    from its gap: neither that something was done there, nor that nothing was. The gap behind the last frame closes as well.
    """
    frames, (period, delay) = len(mask), pace
    known = np.zeros(frames, bool)
    known[1:-1] = mask[:-2] & mask[1:-1] & mask[2:]
    weight = known * confidence
    done = strokes.of_actions(actions, space, period)
    row = done["tick"] // period
    kept = known[row] & (row < frames - delay)
    first = delay + 1
    screens = np.zeros(frames + 1 - first, STROKE)
    screens["tick"], screens["kind"] = np.arange(first, frames + 1) * period, SCREEN
    closes = np.arange(first, frames + 1) - 1 - delay  # the row whose gap a screen ends
    worth = np.concatenate([weight[row[kept]], np.where(closes > 0, weight[closes], 0)])
    done = done[kept]
    done["tick"] += delay * period
    every = np.concatenate([done, screens])
    order = np.argsort(every["tick"], kind="stable")  # at one tick, hands come first
    every, worth = every[order], worth[order]
    every["tick"] += start - first * period
    words, which = codec.encode(every)
    stop = len(words) - 6 - codec.image  # of the screen behind the last frame only that it comes
    words, which = words[:stop], which[:stop]
    learned = np.where(words == codec.picture, 0, worth[which]).astype(np.float32)
    return Line(words, learned, every["kind"][which] != SCREEN, first)
