"""How far a player's mouse moves the picture cannot be seen in a video: the same turn is 50 counts of one hand, 200 of another.

So a labeller's motion has the sensitivity of its training data. One factor mends it; a few labelled seconds of the same hands
give it: what they truly moved over what the labeller says they did, in the mean of both axes (D2E's scale ratio, not inverted).
"""

from dataclasses import replace

import numpy as np

from playtape.actions import Actions, ActionSpace
from playtape.errors import BadInput
from playtape.models.protocols import Labels

FACTORS = (1e-3, 1e3)  # that are legal: beyond, it is a slip of the finger and no hand
MOTION = ("mouse.dx", "mouse.dy")


def measured(truth: Actions, labels: Labels, space: ActionSpace) -> float:
    """The factor on motion by which T rows of beliefs come to what was truly done. Raises BadInput where one of them is still."""
    columns = _columns(space)
    true = float(np.abs(truth.axes[:-1, columns]).sum())
    said = float(labels.mean[:-1, columns].abs().sum())
    if not true or not said:
        raise BadInput(
            f"a mouse scale needs motion that is there and that the model sees; the labelled recording has {true:g} counts of "
            f"{' and '.join(space.axes[column].name for column in columns) or 'no mouse axis'}, and the model says {said:g}; "
            "give the factor as a number, or a recording and a model that have motion"
        )
    return round(true / said, 4)


def scaled(labels: Labels, space: ActionSpace, factor: float) -> Labels:
    """The same beliefs with mouse motion times `factor`."""
    if factor == 1:
        return labels
    mean, std = labels.mean.clone(), labels.std.clone()
    mean[..., _columns(space)] *= factor
    std[..., _columns(space)] *= factor
    return replace(labels, mean=mean, std=std)


def _columns(space: ActionSpace) -> list[int]:
    return [column for column, axis in enumerate(space.axes) if axis.name in MOTION]
