"""Actions as slots of classes, said one after the other: what Pixels2Play's policy and its inverse-dynamics model both end in.

The keys held are the first slots, in rising order and then zeros; then the mouse and pad buttons likewise; then one slot an
axis, whose classes are bins that were fitted on data. Shapes: `*b` any lead, `S` slots, `D` width.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from playtape.actions import Actions, ActionSpace
from playtape.actions.codecs import Bins
from playtape.errors import BadInput
from playtape.nets.action_decoder import ActionDecoder
from playtape.nets.drawing import gumbel
from playtape.nets.motion_bins import MotionBins
from playtape.nets.slots import from_slots, may_follow, to_slots


@dataclass(frozen=True)
class Kind:
    """Slots that share a vocabulary: the keys, the clicks, or one axis."""

    name: str
    slots: int
    classes: int
    buttons: tuple[int, ...] = ()  # columns of the action space; none for an axis
    axis: int = -1


@dataclass(frozen=True)
class Sizes:
    """How many slots and bins, and of what size the decoder is."""

    width: int = 1024
    layers: int = 3
    heads: int = 8
    dropout: float = 0.1
    keys: int = 4  # slots
    clicks: int = 2
    bins: int = 23  # of a horizontal axis, odd
    bins_dy: int = 17  # of a vertical one


def kinds(sizes: Sizes, space: ActionSpace) -> list[Kind]:
    """What an action is made of, in the order in which it is said."""
    keys = tuple(k for k, name in enumerate(space.buttons) if name.startswith("key."))
    clicks = tuple(k for k in range(len(space.buttons)) if k not in keys)
    found = [Kind("key", sizes.keys, 1 + len(keys), keys)] if keys else []
    found += [Kind("click", sizes.clicks, 1 + len(clicks), clicks)] if clicks else []
    for k, axis in enumerate(space.axes):
        count = sizes.bins_dy if axis.name.endswith(("dy", "_y")) else sizes.bins
        found.append(Kind(axis.name.replace(".", "_"), 1, count, axis=k))
    return found


class ActionTokens(nn.Module):
    """Embeddings of what was done, and a decoder from a vector to what to do. Raises BadInput for an empty action space."""

    def __init__(self, sizes: Sizes, space: ActionSpace):
        super().__init__()
        self.space, self.kinds = space, kinds(sizes, space)
        if not self.kinds:
            raise BadInput("a policy needs at least one button or axis to act with")
        self.slots = [kind for kind in self.kinds for _ in range(kind.slots)]
        self.embed = nn.ModuleDict({kind.name: nn.Embedding(kind.classes, sizes.width) for kind in self.kinds})
        self.head = nn.ModuleDict({kind.name: nn.Linear(sizes.width, kind.classes) for kind in self.kinds})
        self.bins = nn.ModuleDict(
            {k.name: MotionBins(k.classes, space.axes[k.axis].scale) for k in self.kinds if k.axis >= 0}
        )
        for table in self.embed.parameters():
            nn.init.normal_(table, std=0.1)
        self.decoder = ActionDecoder(sizes.width, sizes.heads, sizes.layers, len(self.slots), sizes.dropout)

    def fit(self, actions: Actions) -> None:
        """Bins of equal weight from the training data: actions of numpy, [T, A] axes."""
        for kind in self.kinds:
            if kind.axis < 0:
                continue
            value = actions.axes[:, kind.axis].astype("float64")
            if not value.any():
                continue
            bins = Bins.quantile(value, kind.classes)
            size = abs(value).max()
            whole = bool((value == value.round()).all())
            spread = float((value[value != 0] ** 2).mean() ** 0.5)
            self._bins(kind).set(torch.tensor(bins.edges), (-float(size), float(size)), spread, whole)

    def encode(self, actions: Actions) -> Tensor:
        """Actions of tensors, [*b, B] and [*b, A], to classes int64 [*b, S]."""
        parts = []
        for kind in self.kinds:
            if kind.axis < 0:
                parts.append(to_slots(actions.buttons[..., list(kind.buttons)], kind.slots))
            else:
                parts.append(self._bins(kind).encode(actions.axes[..., kind.axis, None]))
        return torch.cat(parts, -1)

    def decode(self, classes: Tensor, generator: torch.Generator | None = None) -> Actions:
        """Classes [*b, S] to actions; a number is drawn from within its bin."""
        lead = classes.shape[:-1]
        buttons = torch.zeros(*lead, len(self.space.buttons), dtype=torch.bool, device=classes.device)
        axes = torch.zeros(*lead, len(self.space.axes), device=classes.device)
        at = 0
        for kind in self.kinds:
            own = classes[..., at : at + kind.slots]
            if kind.axis < 0:
                buttons[..., list(kind.buttons)] = from_slots(own, len(kind.buttons))
            else:
                axes[..., kind.axis] = self._bins(kind).draw(own[..., 0], generator)
            at += kind.slots
        return Actions(buttons, axes)

    def embedded(self, classes: Tensor) -> Tensor:
        """Classes [*b, S] to vectors [*b, S, D]."""
        return torch.stack([self.embed[kind.name](classes[..., k]) for k, kind in enumerate(self.slots)], -2)

    def logits(self, answer: Tensor, classes: Tensor) -> list[Tensor]:
        """Vectors [*b, D] and the classes [*b, S] that were chosen, to logits [*b, classes] of each slot given those before."""
        lead = answer.shape[:-1]
        given = self.embedded(classes)[..., :-1, :].flatten(0, -3)
        h = self.decoder(answer.flatten(0, -2), given).unflatten(0, lead)
        return [self.head[kind.name](h[..., k, :]) for k, kind in enumerate(self.slots)]

    def by_kind(self, logits: list[Tensor]) -> dict[str, Tensor]:
        """Logits of each slot to those of each kind, [*b, slots, classes]."""
        own = {kind.name: [k for k, other in enumerate(self.slots) if other is kind] for kind in self.kinds}
        return {name: torch.stack([logits[k] for k in slots], -2) for name, slots in own.items()}

    def losses(self, logits: list[Tensor], classes: Tensor, weight: Tensor, z_loss: float) -> dict[str, Tensor]:
        """Cross-entropy of each kind, its mean over slots and over rows by `weight` [*b]; "loss" is their sum in shares of
        knowing nothing, and the squared normalisers by `z_loss`. Weights that are all 0 give 0.
        """
        weight = weight / weight.sum().clamp_min(1e-6)
        parts: dict[str, Tensor] = {}
        total = logits[0].new_zeros(())
        for kind, score in zip(self.kinds, self.by_kind(logits).values(), strict=True):
            own = [k for k, other in enumerate(self.slots) if other is kind]
            score = score.float()
            normaliser = score.logsumexp(-1)
            entropy = normaliser - score.gather(-1, classes[..., own, None])[..., 0]
            parts[kind.name] = (entropy.mean(-1) * weight).sum()
            z = (normaliser.square().mean(-1) * weight).sum()
            total = total + parts[kind.name] / math.log(max(2, kind.classes)) + z_loss * z
        return {"loss": total, **parts}

    def choose(
        self, answer: Tensor, temperature: float | Tensor = 1.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """Slot by slot, each given those before it: vectors [N, D] to classes int64 [N, S]. Temperature of all, or [N].

        Drawn with Gumbel noise (see `nets.drawing`); that of all slots is made at once.
        """
        decoding, chosen, rows = self.decoder.start(), [], len(answer)
        h, before, last = self.decoder.step(answer, decoding), None, None
        widest = max(kind.classes for kind in self.kinds)
        heat = temperature[:, None] if isinstance(temperature, Tensor) else temperature
        noise = gumbel((len(self.slots), rows, widest), generator, answer.device) * heat
        for k, kind in enumerate(self.slots):
            score = self.head[kind.name](h).float()
            if kind.axis < 0:
                first = torch.full((rows,), -1, device=score.device)
                allowed = may_follow(before if before is not None and last is kind else first, kind.classes - 1)
                score = score.masked_fill(~allowed, -math.inf)
            before, last = (score + noise[k, :, : kind.classes]).argmax(-1), kind
            chosen.append(before)
            if k + 1 < len(self.slots):
                h = self.decoder.step(self.embed[kind.name](before).to(answer.dtype), decoding)
        return torch.stack(chosen, -1)

    def _bins(self, kind: Kind) -> MotionBins:
        bins = self.bins[kind.name]
        assert isinstance(bins, MotionBins)
        return bins
