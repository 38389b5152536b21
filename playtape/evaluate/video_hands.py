"""What an inverse dynamics model reads from generated video of the actions that it was generated under.

Beside it, what the same model reads from the video that happened, which is the most that can be asked for, and from the last
frame held, which shows nothing being done; and from video that was generated under another clip's actions, of those: a world that
merely goes on as recordings do gives none of them back. Each is read in clips as short as the generated one, at the world's size
of pictures, so that they differ in the video alone. Beliefs count as held at one half, without calibration.

Shapes: `M` videos, `T` frames, `K` of the context, `F` of the future, `B` buttons and `A` axes that both models know.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from playtape.actions import Actions
from playtape.clips import resize
from playtape.errors import BadInput
from playtape.evaluate.bootstrap import Bootstrap
from playtape.evaluate.video_scores import leaves_of
from playtape.models.protocols import Follower, Labeler, Labels
from playtape.training.checkpoint import Loaded
from playtape.training.device import find_device

TOGETHER = 8  # videos that are looked at together
NEAR = 0.03  # rates may differ by this share, as in `clips.regular`
COUNTS = ("right held", "wrong held", "wrong free", "right free")
FLAT = 1e-9  # an axis that varies by less than this share of its size does not vary
PRODUCTS = 6  # sums an axis: how many, x, y, xx, yy, xy


@dataclass(eq=False)
class Hands:
    """A labeller, and what it read so far: sums [n, 4 + 6 A] of the clips of each kind of video."""

    idm: Loaded
    world: Loaded
    device: str = "auto"
    read: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises BadInput for models of two rates, and for those that know no action in common."""
        ours, theirs = self.world.hz, self.idm.hz
        if abs(ours - theirs) > NEAR * ours:
            raise BadInput(
                f"--idm learned from {theirs:g} frames a second and the world from {ours:g}; they must be of one rate"
            )
        spaces = [each.space for each in (self.idm, self.world)]
        self.buttons = [name for name in spaces[0].buttons if name in spaces[1].buttons]
        names = [[axis.name for axis in space.axes] for space in spaces]
        self.axes = [name for name in names[0] if name in names[1]]
        if not self.buttons and not self.axes:
            told = [", ".join([*space.buttons, *axes]) for space, axes in zip(spaces, names)]
            raise BadInput(f"--idm knows {told[0]} and the world {told[1]}: they need an action in common")
        self._places = [
            ([space.buttons.index(b) for b in self.buttons], [axes.index(a) for a in self.axes])
            for space, axes in zip(spaces, names)
        ]
        self.device = find_device(self.device)
        self.idm.model.to(self.device)

    def add(self, who: str, videos: Tensor, told: Actions, mask: Tensor) -> None:
        """Videos uint8 [n, S, K + F, 3, H, W] that should show what was told, [n, F] rows, where `mask` [n, F] is true."""
        n, s = videos.shape[:2]
        held, moved = self._look(videos.flatten(0, 1), told.buttons.shape[1])
        buttons, axes = self._places[1]
        rows = (told.buttons[..., buttons], told.axes[..., axes].double(), mask[..., None].double())
        truth, should, weight = (row.repeat_interleave(s, 0) for row in rows)
        counts = [
            ((a * b).double() * weight).sum((1, 2))
            for a, b in ((held, truth), (held, ~truth), (~held, truth), (~held, ~truth))
        ]
        ones = torch.ones_like(should)
        products = [ones, moved, should, moved * moved, should * should, moved * should]
        sums = torch.stack([(each * weight).sum(1) for each in products], 1)  # [M, 6, A]
        columns = torch.cat([torch.stack(counts, 1), sums.flatten(1)], 1)
        self.read.setdefault(who, []).append(columns.unflatten(0, (n, s)).mean(1).numpy())

    def _look(self, videos: Tensor, rows: int) -> tuple[Tensor, Tensor]:
        """Videos [M, T, 3, H, W] to what is held, bool [M, F, B], and moved, [M, F, A], in their last `rows` intervals."""
        model, (buttons, axes) = self.idm.model, self._places[0]
        assert isinstance(model, Labeler | Follower)
        held, moved = [], []
        with torch.inference_mode():
            for part in videos.split(TOGETHER):
                seen = resize(part.movedim(-3, -1), (model.config.height, model.config.width_px))
                labels = _judged(model, seen.to(self.device))
                held.append(labels.held[:, -rows:, buttons].cpu() > 0.5)
                moved.append(labels.mean[:, -rows:, axes].double().cpu())
        return torch.cat(held), torch.cat(moved)

    def recovered(self, units: np.ndarray, bootstrap: Bootstrap) -> dict[str, Any]:
        """Of each kind of video, with intervals: `accuracy` and `f1` of all buttons together, `never_pressed`, the accuracy of
        hands that do nothing, and Pearson's correlation of each axis."""
        found: dict[str, Any] = {"buttons": self.buttons, "axes": self.axes}
        for who, parts in self.read.items():
            rows = np.concatenate(parts)
            sums = np.stack([rows[units == unit].sum(0) for unit in range(bootstrap.weights.shape[1])])
            leaves = leaves_of(*bootstrap.interval(_told, sums))
            names = ("accuracy", "f1", "never_pressed")
            found[who] = dict(zip(names, leaves)) if self.buttons else {}
            found[who]["pearson"] = dict(zip(self.axes, leaves[len(names) :]))
        return found


def _judged(model: Labeler | Follower, frames: Tensor) -> Labels:
    """uint8 [M, T, 3, H, W] to beliefs of T-1 rows."""
    if isinstance(model, Labeler):
        return model.judge(model.look(frames))
    each = [vars(model.follow([video])) for video in frames]
    return Labels(**{name: torch.stack([one[name][:-1] for one in each]) for name in each[0]})


def _told(sums: np.ndarray) -> np.ndarray:
    """[..., 4 + 6 A] to accuracy, F1, accuracy of never pressing, and the correlation of each axis: [..., 3 + A]."""
    counts, products = sums[..., : len(COUNTS)], sums[..., len(COUNTS) :]
    right, false, missed, free = np.moveaxis(counts, -1, 0)
    number, x, y, xx, yy, xy = np.moveaxis(products.reshape(*products.shape[:-1], PRODUCTS, -1), -2, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = right + false + missed + free
        told = [(right + free) / total, 2 * right / (2 * right + false + missed), (false + free) / total]
        varied = [number * square - mean * mean for mean, square in ((x, xx), (y, yy))]
        known = (varied[0] > FLAT * number * xx) & (varied[1] > FLAT * number * yy)
        pearson = np.where(known, (number * xy - x * y) / np.sqrt(varied[0] * varied[1]), np.nan)
    return np.concatenate([np.stack(told, -1), pearson], -1)
