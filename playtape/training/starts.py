"""Moments that a world can be entered at. They travel beside its weights, since nobody can play in a world that has none.

`starts.safetensors` holds what `Simulator.start` takes: `frames` uint8 [N, K, 3, H, W], as they were recorded, and `embodiment`
int64 [N], whose actions they go on with.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from playtape.clips import Clips
from playtape.clips.augmentation import Augmentation
from playtape.errors import BadInput
from playtape.models.protocols import Model, Simulator
from playtape.training.tensors import read_tensors, write_tensors

FILE = "starts.safetensors"
COUNT = 16
AS_IT_WAS = Augmentation(brightness=0, contrast=0, balance=0, shift=0)


@dataclass(frozen=True, eq=False)
class Starts:
    """See the module."""

    frames: Tensor
    embodiment: Tensor

    def __len__(self) -> int:
        return len(self.frames)


def draw_starts(model: Simulator, clips: Clips) -> Starts:
    """COUNT of them, drawn by the clips' seed."""
    drawn = replace(clips, batch=COUNT, augmentation=AS_IT_WAS)[0]
    return Starts(model.beginning(drawn.frames), drawn.embodiment)


def save_starts(folder: Path, model: Model, clips: Clips) -> None:
    """Write those of a model that needs some."""
    if isinstance(model, Simulator):
        folder.mkdir(parents=True, exist_ok=True)
        write_tensors(folder / FILE, vars(draw_starts(model, clips)))


def read_starts(folder: Path, context: int, size: tuple[int, int], bodies: int = 1) -> Starts | None:
    """Those of a checkpoint whose contexts have so many frames of `size` (height, width), and which knows so many bodies; None
    where it has none.

    Raises BadInput for a file that is none, or of another model.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    found = read_tensors(path)
    frames = found.get("frames", torch.empty(0))
    if frames.dtype != torch.uint8 or frames.ndim != 5 or frames.shape[1:] != (context, 3, *size) or not len(frames):
        raise BadInput(
            f"{path} holds {str(frames.dtype).removeprefix('torch.')} {list(frames.shape)}; it must be uint8 [N, {context}, 3, "
            f"{size[0]}, {size[1]}], as `playtape train` writes it"
        )
    body = found.get("embodiment", torch.zeros(len(frames), dtype=torch.int64))
    if body.dtype != torch.int64 or body.shape != frames.shape[:1] or body.min() < 0 or body.max() >= bodies:
        raise BadInput(
            f"{path} holds embodiments {body.flatten().tolist()[:8]}; they must be {len(frames)} of 0 to {bodies - 1}"
        )
    return Starts(frames, body)
