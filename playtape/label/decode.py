"""From beliefs to one decision: which buttons are held when, and how far each axis moved.

Buttons: the most probable path through held and free for each button (Viterbi), where the state head votes for each
interval and the transition head for each change; a weight of 0 leaves plain thresholds. Axes: the expectation, in whole
counts, or zero within the dead zone. All settings were chosen on held-out recordings (calibration.py).

Shapes: `T` intervals, `B` buttons, `A` axes.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from playtape.actions import Actions, ActionSpace
from playtape.errors import BadInput
from playtape.models.protocols import Labels

TINY = 1e-6
BLOCK = 65_536  # intervals whose logarithms are in memory together


@dataclass(frozen=True)
class Calibration:
    """What held-out recordings said of a model. The defaults are those of a model that was never calibrated."""

    temperature: tuple[float, ...]  # [B]: probability = sigmoid(logit / temperature)
    threshold: tuple[float, ...]  # [B]: held if the calibrated probability is above
    dead_zone: tuple[float, ...]  # [A], in the axis' unit: less counts as no motion
    spread: tuple[float, ...]  # [A]: factor on the predicted standard deviation
    transition: float = 0.0  # weight of the transition head
    held_out: tuple[str, ...] = ()  # names of the recordings it was fitted on
    rate: tuple[
        float, ...
    ] = ()  # [B]: share of their intervals in which each button was truly held; () if nobody counted

    @classmethod
    def none(cls, space: ActionSpace) -> "Calibration":
        buttons, axes = len(space.buttons), len(space.axes)
        return cls((1.0,) * buttons, (0.5,) * buttons, (0.5,) * axes, (1.0,) * axes)

    @classmethod
    def of(cls, train: Mapping[str, Any], space: ActionSpace) -> "Calibration":
        """From a checkpoint's train.json."""
        found = train.get("calibration")
        if not found:
            return cls.none(space)
        if not isinstance(found, Mapping) or not {"temperature", "threshold", "dead_zone", "spread"} <= set(found):
            raise BadInput(
                f"train.json: calibration must be an object of temperature, threshold, dead_zone, spread, not {found!r}"
            )
        lengths = {"temperature": len(space.buttons), "threshold": len(space.buttons)}
        lengths |= {"dead_zone": len(space.axes), "spread": len(space.axes)}
        if found.get("rate"):
            lengths["rate"] = len(space.buttons)
        for name, length in lengths.items():
            values = found[name]
            if not isinstance(values, list) or len(values) != length or not all(map(_sound, values)):
                raise BadInput(f"train.json: calibration.{name} must be {length} numbers of 0 or more, not {values!r}")
        if not all(found["temperature"]) or not _sound(found.get("transition", 0)):
            raise BadInput("train.json: calibration's temperatures must be above 0, and its transition 0 or more")
        known = [*lengths, "transition", "held_out"]
        return cls(**{key: _tuple(found[key]) for key in known if key in found})

    def to_json(self) -> dict[str, Any]:
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def calibrated(held: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Probabilities [T, B] with their temperatures applied."""
    return 1 / (1 + np.exp(-logit(held) / np.array(calibration.temperature)))


def decode(labels: Labels, calibration: Calibration, space: ActionSpace) -> Actions:
    """T rows of decided actions; the last row, which has no interval, is zero."""
    held = calibrated(labels.held.numpy().astype(np.float64), calibration)
    votes = logit(held) - logit(np.array(calibration.threshold))
    path = most_probable(votes, labels.pressed.numpy(), labels.released.numpy(), calibration.transition)
    moved = labels.mean.numpy()
    moved = np.where(np.abs(moved) < np.array(calibration.dead_zone), 0, moved)
    sums = np.array([axis.kind == "sum" for axis in space.axes], bool)
    moved = np.where(sums, np.round(moved), moved)  # hands make whole counts
    path[-1:], moved[-1:] = False, 0
    return Actions(path, moved.astype(np.float32))


def most_probable(votes: np.ndarray, pressed: np.ndarray, released: np.ndarray, weight: float) -> np.ndarray:
    """bool [T, B]: the path that maximises the sum of `votes` (log odds of held) over held intervals, plus `weight` times the
    log probabilities of every change and every staying. The state before the first interval is free at no cost."""
    if weight == 0:
        return votes > 0
    free, held = np.zeros(votes.shape[1]), votes[0].astype(np.float64)
    from_held, from_free = np.zeros(votes.shape, bool), np.zeros(votes.shape, bool)
    for start in range(0, len(votes), BLOCK):  # logarithms of a day at once would fill the memory
        rows = slice(start, start + BLOCK)
        changes = (pressed[rows], 1 - pressed[rows], released[rows], 1 - released[rows])
        logs = [(weight * np.log(np.clip(p, TINY, 1 - TINY))).astype(np.float64) for p in changes]
        for t, vote, press, stay_free, release, stay_held in zip(range(start, len(votes)), votes[rows], *logs):
            if t == 0:
                continue
            let_go, stayed = held + release, free + stay_free
            kept, begun = held + stay_held, free + press
            from_held[t], from_free[t] = let_go > stayed, begun > kept
            free, held = np.maximum(let_go, stayed), vote + np.maximum(kept, begun)
    path = np.zeros(votes.shape, bool)
    path[-1] = held > free
    for t in range(len(votes) - 1, 0, -1):
        path[t - 1] = np.where(path[t], ~from_free[t], from_held[t])
    return path


def logit(p: np.ndarray) -> np.ndarray:
    p = np.clip(p, TINY, 1 - TINY)
    return np.log(p) - np.log1p(-p)


def _sound(value: object) -> bool:
    return isinstance(value, (int, float)) and 0 <= value < float("inf")


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
