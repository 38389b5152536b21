"""How a published model is trained, as typed, frozen values: what `playtape train NAME` starts from.

A recipe is a constant in its model's file. Every field is a flag of the command line.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor

from playtape.actions import ActionSpace
from playtape.clips import find_encoder
from playtape.clips.augmentation import Augmentation
from playtape.errors import BadInput, within

MOST_STEPS = 10**9
LEAST_HZ, MOST_HZ = 0.01, 1000.0  # frames a second of a clip


@dataclass(frozen=True)
class Data:
    """What a training step reads. Frames come at the size that the model's own config names."""

    fps: float = 35.0  # frames a second at most; slower recordings keep their own rate
    hz: float = 0.0  # of worlds and tokenizers: if not 0, clips take every n-th frame, about so many a second, whatever fps says
    window: int = 40  # frames a clip
    held_out: tuple[
        str, ...
    ] = ()  # recordings (by stem, * and ? allowed) for calibration; () holds out a tenth by session, none nothing
    augmentation: Augmentation = field(default_factory=Augmentation)
    text: str = ""  # the sentence encoder that instructions go through (minilm, embeddinggemma); "" leaves them out
    lose_begun_text: bool = False  # as Pixels2Play published: an instruction that began before the clip is lost

    def __post_init__(self) -> None:
        if self.text:
            find_encoder(self.text)  # a typo shows before anything is read
        within("data.fps", self.fps, 0.1, 1000)
        if self.hz != 0:
            within("data.hz", self.hz, LEAST_HZ, MOST_HZ)
        within("data.window", self.window, 2, 100_000, whole=True)


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
    precision: Literal["float32", "bfloat16"] = "float32"  # of the arithmetic; weights are float32 either way

    def __post_init__(self) -> None:
        within("optimiser.lr", self.lr, 0, 10)
        within("optimiser.final-lr", self.final_lr, 0, 10)
        within("optimiser.warmup", self.warmup, 0, 1e9, whole=True)
        within("optimiser.weight-decay", self.weight_decay, 0, 10)
        within("optimiser.clip-norm", self.clip_norm, 1e-9, 1e9)
        within("optimiser.ema", self.ema, 0, 0.999999)
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise BadInput(f"optimiser.betas is {' '.join(map(str, self.betas))}; both must be from 0 to below 1")
        if self.precision not in ("float32", "bfloat16"):
            raise BadInput(f"optimiser.precision is {self.precision!r}; legal are float32 and bfloat16")


@dataclass(frozen=True)
class Recipe:
    """`model` is the model's own Config."""

    model: Any
    steps: int
    batch: int  # clips
    data: Data = field(default_factory=Data)
    optimiser: Optimiser = field(default_factory=Optimiser)

    def __post_init__(self) -> None:
        within("steps", self.steps, 1, MOST_STEPS, whole=True)
        within("batch", self.batch, 1, 100_000, whole=True)
        if check := getattr(self.model, "check_clip", None):  # of a model that does not learn from clips of any length
            check(self.data.window)


@dataclass(frozen=True, eq=False)
class Release:
    """Weights that a model's authors published, as ours: what NAME_weights.release makes of a recipe and their state dicts."""

    config: Any
    space: ActionSpace
    weights: Mapping[str, Tensor]
    text_encoder: str = ""  # what their instructions were embedded with
