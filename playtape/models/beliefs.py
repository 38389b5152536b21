"""From a labeller's logits to its loss and to its beliefs, whatever network stands before them.

Three heads: is a button held in the interval, does its state change at its start, and how far does each axis move, as odds over
bins. Buttons are independent of each other, as in VPT (arXiv 2206.11795), so that each has a probability of its own to calibrate
and to filter by. Knows no network.

Shapes: `N` clips, `T` intervals, `B` buttons, `A` axes, `K` bins.
"""

import torch
from torch import Tensor
from torch.nn import functional

from playtape.actions import ActionSpace
from playtape.clips import Clip
from playtape.models.protocols import Labels, Model
from playtape.nets.two_hot import expectation, two_hot

HEADS = {
    "held": "buttons",
    "change": "buttons",
    "axis": "axes",
}  # of a labeller with these beliefs, and whose rows they are

Logits = tuple[Tensor, Tensor, Tensor]
"""held [N, T, B], change [N, T, B, 2] (press, release), axis [N, T, A, K]."""


def mu_law(bins: int, limit: float, mu: float) -> Tensor:
    """Rising centres [K] from -limit to limit, the closer together the nearer to 0 and the larger `mu`."""
    place = torch.linspace(-1, 1, bins)
    return place.sign() * limit * ((1 + mu) ** place.abs() - 1) / mu


def losses(logits: Logits, clip: Clip, centres: Tensor, scale: Tensor) -> dict[str, Tensor]:
    """Mean over learnable intervals of: the buttons' and the changes' log losses, summed over buttons, and the axes'.

    `clip` has one frame more than there are intervals. `scale` [A] is what the centres are counted in.
    """
    held_logits, change_logits, axis_logits = logits
    weight = (clip.mask * clip.confidence)[:, :-1].float()
    weight = weight / weight.sum().clamp_min(1)  # [N, T]
    held = clip.actions.buttons[:, :-1].float()
    value = clip.actions.axes[:, :-1] / scale
    known = weight.clone()
    known[:, 0] = 0  # what came before the window is not seen, so its first interval may or may not be a change
    held_loss = functional.binary_cross_entropy_with_logits(held_logits, held, reduction="none").sum(-1)
    change_loss = functional.binary_cross_entropy_with_logits(change_logits, changes(held), reduction="none").sum(
        (-2, -1)
    )
    # Large motions are rare and most of what a hand does, so they weigh more; and the logits learn their true odds all the
    # same, because the weight is in the distribution that is compared.
    rare = 1 + 2 * centres.abs()
    axis_loss = -(two_hot(value, centres) * rare * (axis_logits + rare.log()).log_softmax(-1)).sum((-2, -1))
    parts = {
        "held": (held_loss * weight).sum(),
        "change": (change_loss * known).sum(),
        "axes": (axis_loss * weight).sum(),
    }
    return {"loss": parts["held"] + parts["change"] + parts["axes"], **parts}


def labels(logits: Logits, centres: Tensor, scale: Tensor) -> Labels:
    """Beliefs of T rows; the axes in their own unit."""
    held, change, axis = logits
    mean, std = expectation(axis, centres)
    change = change.sigmoid()
    return Labels(held.sigmoid(), change[..., 0], change[..., 1], mean * scale, std * scale)


def changes(held: Tensor) -> Tensor:
    """Button states [N, T, B] to changes [N, T, B, 2]: 1 where it becomes held, 1 where it becomes free; row 0 against free."""
    before = functional.pad(held[:, :-1], (0, 0, 1, 0))
    return torch.stack([(held > before).float(), (held < before).float()], -1)


def inherited(model: Model, other: Model, *, anew: bool = False) -> dict[str, Tensor]:
    """The weights of `model` as `other`, of the same kind and size, has them, what it knows of each input going by its name.

    Inputs that `other` does not know keep the weights of `model`; `anew`: so does how far an axis turns the camera.
    """
    mine, theirs = model.state_dict(), other.state_dict()
    for key, value in mine.items():
        part, _, rest = key.partition(".")
        if part in HEADS:
            _take_rows(value, theirs[key], _names(model.space, HEADS[part]), _names(other.space, HEADS[part]))
        elif part == "cameras":
            number, _, inner = rest.partition(".")
            axis, known = model.space.axes[int(number)].name, [each.name for each in other.space.axes]
            at = f"cameras.{known.index(axis)}.{inner}" if axis in known else ""
            if at in theirs and not (anew and inner == "log_gain"):
                value.copy_(theirs[at])
        else:
            value.copy_(theirs[key])
    return mine


def _names(space: ActionSpace, which: str) -> list[str]:
    return list(space.buttons) if which == "buttons" else [axis.name for axis in space.axes]


def _take_rows(into: Tensor, of: Tensor, names: list[str], known: list[str]) -> None:
    """Copy each input's rows, of which all inputs have as many; the heads lie one input after the other."""
    for k, name in enumerate(names):
        if name in known:
            at = known.index(name)
            into.unflatten(0, (len(names), -1))[k].copy_(of.unflatten(0, (len(known), -1))[at])
