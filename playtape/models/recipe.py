"""How a published model is trained, as typed, frozen values: what `playtape train NAME` starts from.

A recipe is a constant in its model's file. Every field is a flag of the command line.
"""

from dataclasses import dataclass, field
from typing import Any

from playtape.clips.augmentation import Augmentation


@dataclass(frozen=True)
class Data:
    """What a training step reads. Frames come at the size that the model's own config names."""

    fps: float = 35.0  # frames a second at most; slower recordings keep their own rate
    window: int = 40  # frames a clip
    held_out: tuple[
        str, ...
    ] = ()  # recordings (by stem, * and ? allowed) for calibration; () holds out a tenth by session
    augmentation: Augmentation = field(default_factory=Augmentation)


@dataclass(frozen=True)
class Optimiser:
    """AdamW with linear warm-up and linear decay to `final_lr`, and an average of the weights."""

    lr: float = 2e-3
    final_lr: float = 2e-5
    warmup: int = 100  # steps
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.98)
    clip_norm: float = 1.0
    ema: float = 0.998  # decay a step of the averaged weights, which are the ones kept


@dataclass(frozen=True)
class Recipe:
    """`model` is the model's own Config."""

    model: Any
    steps: int
    batch: int  # clips
    data: Data = field(default_factory=Data)
    optimiser: Optimiser = field(default_factory=Optimiser)
