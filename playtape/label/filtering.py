"""Which intervals of a labelled recording may be learned from. Two steps; what the first masks, the second does not judge:

1. confidence, of what is active alone: held, changing, or not held though the model half believes it. Of twenty keys nineteen
   rest, and are easy; a mean over all of them is always near 1, and an idle interval always sure;
2. the idle cap: resting is part of play, so a pause keeps its beginning and its end, and the middle of a long one is masked.

How sure each active input is: of a button, the calibrated probability that what was decided is so (calibration.py); of an axis,
that of lying within NEAR of what was decided. An interval's confidence is their product, and its geometric mean over REACH_S to
either side: an onset that is a frame or two beside its place is wrong in an interval that is itself sure. Nothing is deleted.

Shapes: `T` intervals, `B` buttons, `A` axes, `N` = B + A inputs. Rows beyond T, as that of the last frame, are not read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from playtape.actions import Actions, ActionSpace
from playtape.actions.runs import runs
from playtape.errors import within
from playtape.recordings import Span

FLOOR = 0.02  # a button that is not held is active from this probability on
REACH_S = (
    0.12  # chosen on two demos of Doom that the shipped model did not learn from: 0.05 to 0.23 s do nearly as well
)
NEAR = 0.25  # of an axis' decided value
LEAST = 1e-4  # a product is not to be decided by one input alone
STICK = 0.1  # of an axis' scale: a stick that rests nearer to its middle is idle, as NitroGen has it
STRATA = ("idle", "held", "transition")


@dataclass(frozen=True, eq=False)
class Sure:
    """`each` float64 [T, N]: how sure the decision of each active input is, NaN where it rests. `joint` [T]: their product, NaN
    where all rest. `confidence` [T]: what is filtered by, 1 where all rests for REACH_S around. `stratum` int [T], of STRATA."""

    each: np.ndarray
    joint: np.ndarray
    confidence: np.ndarray
    stratum: np.ndarray


@dataclass(frozen=True, eq=False)
class Filtered:
    """`masked` bool [T], `unsure` of them those whose decisions are not to be believed; `spans` of kind "masked" with reasons;
    `confidence` [T], what was compared with `least`.

    `report`: intervals, share kept, and how many each step masked; and for each stratum of the decisions (idle, held, transition)
    its intervals, the share kept of them, and their mean confidence (of active inputs: None for idle ones).
    """

    masked: np.ndarray
    unsure: np.ndarray
    spans: tuple[Span, ...]
    confidence: np.ndarray
    report: dict[str, Any]


def filtered(
    actions: Actions,
    value: np.ndarray,
    time_ns: np.ndarray,
    space: ActionSpace,
    *,
    least: float = 0.0,
    idle_s: float = np.inf,
) -> Filtered:
    """Both steps. `value` [T, N] is what `recordings.Confidence` holds: P(held) of buttons, standard deviations of axes.

    `time_ns` int64 [T + 1]; `least` of the confidence; `idle_s` of a pause are kept. Raises BadInput for a `least`
    outside 0 to 1 or an `idle_s` below 0.
    """
    within("min-confidence", least, 0, 1)
    within("drop-idle-seconds", idle_s, 0, np.inf)
    judged = sure(actions, value, time_ns, space)
    doubtful = unsure(judged, least)
    pause = idle(actions, time_ns, space, idle_s, doubtful)
    masked = doubtful | pause
    reasons = [(doubtful, f"confidence below {least:g}"), (pause, f"nothing done for more than {idle_s:g} s")]
    report = {
        "intervals": len(masked),
        "kept": _share(~masked),
        "unsure": int(doubtful.sum()),
        "idle": int(pause.sum()),
        "strata": {name: _stratum(judged, ~masked, number) for number, name in enumerate(STRATA)},
    }
    return Filtered(masked, doubtful, _spans(reasons, time_ns), judged.confidence, report)


def sure(actions: Actions, value: np.ndarray, time_ns: np.ndarray, space: ActionSpace) -> Sure:
    """See the class; arguments as `filtered` has them."""
    count, buttons = len(value), len(space.buttons)
    held, moved = actions.buttons[:count], actions.axes[:count].astype(np.float64)
    chance = value[:, :buttons].astype(np.float64)
    change = np.zeros_like(held)
    change[1:] = held[1:] != held[:-1]
    right = np.where(held, chance, 1 - chance)
    active = held | change | (chance > FLOOR)
    near, moving = _near(moved, value[:, buttons:].astype(np.float64), space)
    each = np.concatenate([np.where(active, right, np.nan), np.where(moving, near, np.nan)], axis=1)
    some = ~np.isnan(each).all(axis=1)
    log = np.log(np.clip(np.where(np.isnan(each), 1, each), LEAST, 1)).sum(axis=1)
    stratum = np.where(change.any(axis=1), 2, np.where(some_done(actions, space, count), 1, 0))
    return Sure(each, np.where(some, np.exp(log), np.nan), np.exp(_smooth(log, time_ns)), stratum)


def unsure(judged: Sure, least: float) -> np.ndarray:
    """bool [T]: intervals whose decisions are less sure than `least`."""
    return judged.confidence < least


def least_for(confidence: np.ndarray, share: float) -> float:
    """The threshold that keeps about this share of the intervals, the surest ones."""
    return float(np.quantile(confidence, 1 - share)) if len(confidence) else 0.0


def idle(
    actions: Actions, time_ns: np.ndarray, space: ActionSpace, most_s: float, apart: np.ndarray | None = None
) -> np.ndarray:
    """bool [T]: of every pause longer than `most_s` what is beyond, its middle; of one at either end of the video, all but
    `most_s` beside the play. `apart` bool [T]: intervals already masked, which end a pause."""
    count = len(time_ns) - 1
    still = ~some_done(actions, space, count)
    if apart is not None:
        still &= ~apart
    most = most_s * 1e9
    excess = np.zeros(count, bool)
    for first, last in runs(still):
        start, end = int(time_ns[first]), int(time_ns[last])
        if end - start <= most:
            continue
        before = 0 if first == 0 else most if last == count else most / 2
        inside = np.arange(first, last)
        excess[first:last] = (time_ns[inside] >= start + before) & (time_ns[inside + 1] <= end - (most - before))
    return excess


def some_done(actions: Actions, space: ActionSpace, count: int) -> np.ndarray:
    """bool [count]: is a button held, does something move, or is a stick away from its middle?"""
    least = np.array([0.0 if axis.kind == "sum" else STICK * axis.scale for axis in space.axes])
    return actions.buttons[:count].any(axis=1) | (np.abs(actions.axes[:count]) > least).any(axis=1)


def _near(moved: np.ndarray, spread: np.ndarray, space: ActionSpace) -> tuple[np.ndarray, np.ndarray]:
    """[T, A] twice: the chance that the truth lies within NEAR of what was decided, and whether the axis is active.

    Near nothing is a quarter of a usual motion, no less: the truth is as good as never 0 where something moves a little.
    """
    from scipy.special import erf

    scale = np.array([axis.scale for axis in space.axes]).reshape(1, -1)
    reach = NEAR * np.maximum(np.abs(moved), scale / 2)
    chance = erf(reach / np.maximum(spread, 1e-9 * scale) / np.sqrt(2))
    return chance, (moved != 0) | (chance < 1 - FLOOR)


def _smooth(log: np.ndarray, time_ns: np.ndarray) -> np.ndarray:
    """Means over REACH_S to either side, [T]."""
    if not len(log):
        return log
    usual = float(np.median(np.diff(time_ns))) / 1e9
    reach = max(1, round(REACH_S / usual))
    total = np.concatenate([[0.0], np.cumsum(log)])
    middle = np.arange(len(log))
    first, last = np.maximum(middle - reach, 0), np.minimum(middle + reach + 1, len(log))
    return np.minimum((total[last] - total[first]) / (last - first), 0.0)


def _spans(reasons: Sequence[tuple[np.ndarray, str]], time_ns: np.ndarray) -> tuple[Span, ...]:
    return tuple(
        sorted(
            Span(int(time_ns[first]), int(time_ns[last]), "masked", why)
            for mask, why in reasons
            for first, last in runs(mask)
        )
    )


def _stratum(judged: Sure, kept: np.ndarray, number: int) -> dict[str, Any]:
    inside = judged.stratum == number
    known = judged.confidence[inside & ~np.isnan(judged.joint)]
    mean = None if STRATA[number] == "idle" or not len(known) else round(float(known.mean()), 4)
    return {"intervals": int(inside.sum()), "kept": _share(kept[inside]), "confidence": mean}


def _share(true: np.ndarray) -> float | None:
    return round(float(true.mean()), 4) if len(true) else None
