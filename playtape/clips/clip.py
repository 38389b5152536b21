"""The one noun that models learn from: frames and what was done between them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from playtape.actions import Actions
from playtape.errors import BadInput

LEFT_OUT = torch.zeros(0)
REST = ("mask", "confidence", "text", "reward", "ended", "embodiment")  # a clip's fields after frames and actions


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
    - `reward` float32 [*b, T]: what a row earned, and `ended` bool [*b, T]: whether it was the last that the game allowed. NaN
      and false where nothing is told of rewards, and where they are left out.
    - `embodiment` int64 [*b]: which of several bodies acts, where a model knows several; else 0.
    """

    frames: Tensor
    actions: Actions
    mask: Tensor
    confidence: Tensor
    text: Tensor = LEFT_OUT
    reward: Tensor = LEFT_OUT
    ended: Tensor = LEFT_OUT
    embodiment: Tensor = LEFT_OUT

    def __post_init__(self) -> None:
        lead, device = tuple(self.frames.shape[:-3]), self.frames.device
        for name, nothing in (
            ("text", torch.zeros((*lead, 0))),
            ("reward", torch.full(lead, torch.nan)),
            ("ended", torch.zeros(lead, dtype=torch.bool)),
            ("embodiment", torch.zeros(lead[:-1], dtype=torch.int64)),
        ):
            if getattr(self, name) is LEFT_OUT:
                object.__setattr__(self, name, nothing.to(device))
        for name, found in (
            ("actions", self.actions.buttons.shape[:-1]),
            ("mask", self.mask.shape),
            ("confidence", self.confidence.shape),
            ("text", self.text.shape[:-1]),
            ("reward", self.reward.shape),
            ("ended", self.ended.shape),
            ("embodiment", (*self.embodiment.shape, *lead[-1:])),
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
        return Clip(self.frames.to(device), actions, *(getattr(self, name).to(device) for name in REST))


def stack(clips: list[Clip]) -> Clip:
    """N clips of equal shape to one batch with a leading N."""
    return Clip(
        torch.stack([clip.frames for clip in clips]),
        Actions(
            torch.stack([clip.actions.buttons for clip in clips]), torch.stack([clip.actions.axes for clip in clips])
        ),
        *(torch.stack([getattr(clip, name) for clip in clips]) for name in REST),
    )
