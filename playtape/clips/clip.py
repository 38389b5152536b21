"""The one noun that models learn from: frames and what was done between them."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from playtape.actions import Actions
from playtape.errors import BadInput


@dataclass(frozen=True, eq=False, repr=False)
class Clip:
    """Consecutive frames of one recording, or a batch of such.

    Shapes (`*b` any leading batch, T frames, C = 3 RGB, H W pixels, B buttons, A axes, E numbers a sentence):

    - `frames` uint8 [*b, T, 3, H, W].
    - `actions`: buttons bool [*b, T, B], axes float32 [*b, T, A]; row t is what was done in [time[t], time[t+1]).
    - `mask` bool [*b, T]: may this row be learned from? Never true for a recording's last frame.
    - `confidence` float32 [*b, T]: 1 for truth, less for labels of a model.
    - `text` float32 [*b, T, E]: the embedding of the instruction in force when the frame is shown, zeros where there is none.
      E is 0 where no encoder was asked for, and where it is left out.
    """

    frames: Tensor
    actions: Actions
    mask: Tensor
    confidence: Tensor
    text: Tensor = field(default_factory=lambda: torch.zeros(0))

    def __post_init__(self) -> None:
        lead = tuple(self.frames.shape[:-3])
        if self.text.shape == (0,):  # left out
            object.__setattr__(self, "text", torch.zeros((*lead, 0), device=self.frames.device))
        for name, found in (
            ("actions", self.actions.buttons.shape[:-1]),
            ("mask", self.mask.shape),
            ("confidence", self.confidence.shape),
            ("text", self.text.shape[:-1]),
        ):
            if tuple(found) != lead:
                raise BadInput(
                    f"a clip with frames [{lead}, C, H, W] needs {name} of leading shape {lead}, not {tuple(found)}"
                )

    def __repr__(self) -> str:
        shape = list(self.frames.shape)
        text = f", text={list(self.text.shape)}" if self.text.shape[-1] else ""
        return f"Clip(frames={shape}, actions={self.actions}, learnable={float(self.mask.float().mean()):.0%}{text})"

    def to(self, device: torch.device | str) -> "Clip":
        actions = Actions(self.actions.buttons.to(device), self.actions.axes.to(device))
        rest = (self.mask.to(device), self.confidence.to(device), self.text.to(device))
        return Clip(self.frames.to(device), actions, *rest)


def stack(clips: list[Clip]) -> Clip:
    """N clips of equal shape to one batch with a leading N."""
    return Clip(
        torch.stack([clip.frames for clip in clips]),
        Actions(
            torch.stack([clip.actions.buttons for clip in clips]), torch.stack([clip.actions.axes for clip in clips])
        ),
        torch.stack([clip.mask for clip in clips]),
        torch.stack([clip.confidence for clip in clips]),
        torch.stack([clip.text for clip in clips]),
    )
