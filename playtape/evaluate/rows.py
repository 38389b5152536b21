"""Two recordings of one video become rows on one grid: the truth's frame intervals. Baselines are rows too.

Legend: T intervals, B buttons, A axes. Row t is what was done in [time_ns[t], time_ns[t+1]) of the truth's frames; the
last frame has no interval, so T is frames - 1. Knows no metric.
"""

from dataclasses import dataclass

import numpy as np

from playtape.actions import ActionSpace, Axis, Events
from playtape.actions.names import GENERIC, INPUTS, POINTER, kind
from playtape.errors import BadInput
from playtape.recordings.recording import Confidence, Recording


@dataclass(frozen=True, eq=False)
class Rows:
    """One side on the grid. `probability` is P(held) for each button, NaN where unknown."""

    buttons: np.ndarray  # bool [T, B]
    axes: np.ndarray  # float64 [T, A]
    probability: np.ndarray  # float64 [T, B]

    @property
    def has_probability(self) -> bool:
        """Is there any probability at all?"""
        return bool(np.isfinite(self.probability).any())


@dataclass(frozen=True, eq=False)
class Pair:
    """Truth and prediction of one recording on the truth's grid. `covered`: intervals that both files cover and the truth
    does not mask."""

    name: str
    time_ns: np.ndarray  # int64 [T + 1]
    truth: Rows
    predicted: Rows
    covered: np.ndarray  # bool [T]


def common_space(recordings: list[Recording]) -> ActionSpace:
    """All inputs that any of these recordings uses or has confidence for, in the vocabulary's order.

    `key.left_shift` becomes `key.shift` where another recording does not know the side. The pointer's position is left
    out. Raises BadInput if there is no input at all.
    """
    found: set[str] = set()
    for recording in recordings:
        found |= set(recording.events.counts())
        found |= set(recording.confidence.names) if recording.confidence else set()
    found = {GENERIC[name] if GENERIC.get(name) in found else name for name in found} - set(POINTER)
    names = [name for name in INPUTS if name in found]
    if not names:
        raise BadInput("neither the truth nor the prediction has a single input event, so there is nothing to compare")
    axes = [Axis(name, "state" if kind(name) == "state" else "sum") for name in names if kind(name) != "button"]
    return ActionSpace(tuple(name for name in names if kind(name) == "button"), tuple(axes))


def pair(name: str, truth: Recording, predicted: Recording, space: ActionSpace) -> Pair:
    """Both recordings on the truth's grid. Raises BadInput if they have no interval in common."""
    time = truth.time_ns
    begin, end = int(predicted.time_ns[0]), int(predicted.video.end_ns)
    covered = (time[:-1] >= begin) & (time[1:] <= end)
    if covered.any() and not (covered := covered & ~truth.masked(time)).any():
        raise BadInput(f"{name}: all of it is masked in the truth, so there is nothing to judge by")
    if not covered.any():
        raise BadInput(
            f"{name}: the truth runs from {time[0] / 1e9:.3f} to {time[-1] / 1e9:.3f} s and the prediction from "
            f"{begin / 1e9:.3f} to {end / 1e9:.3f} s; they must share at least one frame interval"
        )
    nothing = np.full((len(time) - 1, len(space.buttons)), np.nan)
    known = nothing if predicted.confidence is None else probabilities(predicted.confidence, time, space.buttons)
    return Pair(
        name, time, rows(truth.events, time, space, nothing), rows(predicted.events, time, space, known), covered
    )


def rows(events: Events, time_ns: np.ndarray, space: ActionSpace, probability: np.ndarray) -> Rows:
    """Events on the grid, without the last frame, which has no interval."""
    actions = space.actions(events, time_ns)
    return Rows(actions.buttons[:-1], actions.axes[:-1].astype(np.float64), probability)


def probabilities(confidence: Confidence, time_ns: np.ndarray, buttons: tuple[str, ...]) -> np.ndarray:
    """P(held) [T, B] on the grid: what the labelled interval says that lies under the middle of each interval.

    NaN for a button without confidence, and before the first labelled interval.
    """
    middle = time_ns[:-1] + np.diff(time_ns) // 2
    row = np.searchsorted(confidence.time_ns, middle, side="right") - 1
    found = np.full((len(middle), len(buttons)), np.nan)
    for column, button in enumerate(buttons):
        sources = [i for i, name in enumerate(confidence.names) if button in (name, GENERIC.get(name))]
        if sources and len(confidence.time_ns):
            value = confidence.value[np.maximum(row, 0)][:, sources].max(axis=1)
            found[:, column] = np.where(row >= 0, value, np.nan)
    return found


def baselines(pair: Pair) -> dict[str, Rows]:
    """What needs no model, made from the truth itself: a prediction is worth what it has above these.

    `never_pressed`: no button, no motion. `copy_previous`: the truth's previous interval. `mean`: each button's share
    of the time as its probability (held where that is above one half), each axis' mean.
    """
    truth = pair.truth
    share = np.broadcast_to(truth.buttons[pair.covered].mean(axis=0), truth.buttons.shape)
    mean = np.broadcast_to(truth.axes[pair.covered].mean(axis=0), truth.axes.shape)
    previous = Rows(_later(truth.buttons), _later(truth.axes), _later(truth.buttons).astype(np.float64))
    return {
        "never_pressed": Rows(np.zeros_like(truth.buttons), np.zeros_like(truth.axes), np.zeros(truth.buttons.shape)),
        "copy_previous": previous,
        "mean": Rows(share > 0.5, mean, share),
    }


def _later(values: np.ndarray) -> np.ndarray:
    """Each row one interval later; the first row is zero."""
    return np.concatenate([np.zeros_like(values[:1]), values[:-1]])
