"""The one noun that models learn from: frames and what was done between them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from playtape.actions import Actions
from playtape.errors import BadInput


@dataclass(frozen=True, eq=False, repr=False)
class Clip:
    """Consecutive frames of one recording, or a batch of such.

    Shapes (`*b` any leading batch, T frames, C = 3 RGB, H W pixels, B buttons, A axes):

    - `frames` uint8 [*b, T, 3, H, W].
    - `actions`: buttons bool [*b, T, B], axes float32 [*b, T, A]; row t is what was done in [time[t], time[t+1]).
    - `mask` bool [*b, T]: may this row be learned from? Never true for a recording's last frame.
    - `confidence` float32 [*b, T]: 1 for truth, less for labels of a model.
    """

    frames: Tensor
    actions: Actions
    mask: Tensor
    confidence: Tensor

    def __post_init__(self) -> None:
        lead = tuple(self.frames.shape[:-3])
        for name, found in (
            ("actions", self.actions.buttons.shape[:-1]),
            ("mask", self.mask.shape),
            ("confidence", self.confidence.shape),
        ):
            if tuple(found) != lead:
                raise BadInput(
                    f"a clip with frames [{lead}, C, H, W] needs {name} of leading shape {lead}, not {tuple(found)}"
                )

    def __repr__(self) -> str:
        shape = list(self.frames.shape)
        return f"Clip(frames={shape}, actions={self.actions}, learnable={float(self.mask.float().mean()):.0%})"

    def to(self, device: torch.device | str) -> "Clip":
        actions = Actions(self.actions.buttons.to(device), self.actions.axes.to(device))
        return Clip(self.frames.to(device), actions, self.mask.to(device), self.confidence.to(device))


def stack(clips: list[Clip]) -> Clip:
    """N clips of equal shape to one batch with a leading N."""
    return Clip(
        torch.stack([clip.frames for clip in clips]),
        Actions(
            torch.stack([clip.actions.buttons for clip in clips]), torch.stack([clip.actions.axes for clip in clips])
        ),
        torch.stack([clip.mask for clip in clips]),
        torch.stack([clip.confidence for clip in clips]),
    )
