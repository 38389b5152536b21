"""Many buttons as a few classes: the numbers of those that are down, rising, then zeros.

With K buttons and S slots a picture of the keyboard is S classes of K + 1 (0 is "no further button"), as in Pixels2Play (arXiv
2601.04575). Of more than S buttons the last in the order are lost. Shapes: `*b` any lead, `K` buttons, `S` slots.
"""

import torch
from torch import Tensor


def to_slots(held: Tensor, slots: int) -> Tensor:
    """bool [*b, K] to classes int64 [*b, S], 0 to K."""
    count = held.shape[-1]
    number = torch.arange(1, count + 1, device=held.device).masked_fill(~held, count + 1)  # those that are up come last
    first = number.sort(-1).values[..., :slots]
    first = torch.nn.functional.pad(first, (0, slots - first.shape[-1]), value=count + 1)
    return first.masked_fill(first > count, 0)


def from_slots(classes: Tensor, count: int) -> Tensor:
    """Classes [*b, S] to bool [*b, K]. In any order, and repeated ones count once."""
    held = torch.zeros(*classes.shape[:-1], count + 1, dtype=torch.bool, device=classes.device)
    return held.scatter(-1, classes, torch.ones_like(classes, dtype=torch.bool))[..., 1:]


def may_follow(before: Tensor, count: int) -> Tensor:
    """Which classes may stand in the slot after classes `before` [*b]: bool [*b, K + 1]. Only what `to_slots` can give.

    `before` is -1 for the first slot. After a zero there are only zeros.
    """
    number = torch.arange(count + 1, device=before.device)
    rising = (number > before.unsqueeze(-1)) & (before.unsqueeze(-1) != 0)
    return rising | (number == 0)
