"""Moments that a world can be entered at. They travel beside its weights, since nobody can play in a world that has none.

`starts.safetensors` holds `frames`, uint8 [N, K, 3, H, W]: what `Simulator.start` takes, as it was recorded.
"""

from dataclasses import replace
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


def draw_starts(model: Simulator, clips: Clips) -> Tensor:
    """uint8 [COUNT, K, 3, H, W], drawn by the clips' seed."""
    return model.beginning(replace(clips, batch=COUNT, augmentation=AS_IT_WAS)[0].frames)


def save_starts(folder: Path, model: Model, clips: Clips) -> None:
    """Write those of a model that needs some."""
    if isinstance(model, Simulator):
        folder.mkdir(parents=True, exist_ok=True)
        write_tensors(folder / FILE, {"frames": draw_starts(model, clips)})


def read_starts(folder: Path, size: tuple[int, int]) -> Tensor | None:
    """Those of a checkpoint whose pictures are of `size` (height, width); None where it has none.

    Raises BadInput for a file that is none, or of another size.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    frames = read_tensors(path).get("frames", torch.empty(0))
    if frames.dtype != torch.uint8 or frames.ndim != 5 or frames.shape[2:] != (3, *size) or not len(frames):
        raise BadInput(
            f"{path} holds {str(frames.dtype).removeprefix('torch.')} {list(frames.shape)}; it must be uint8 [N, K, 3, "
            f"{size[0]}, {size[1]}], as `playtape train` writes it"
        )
    return frames
