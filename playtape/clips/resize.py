"""THE resize. Training, labelling, serving and playing all call this one, so that a model never sees a picture made in
another way than those it learned from (Pixels2Play lost its online quality to two resizers).

Bilinear with antialiasing in fixed point on uint8. The picture is squashed to the size, as Pixels2Play does it, or of a model
that crops, the middle of it is taken, as iVideoGPT learns; never letterboxed. The result does not depend on the batch that a
frame is in, nor on the number of threads.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


def resize(frames: np.ndarray | Tensor, size: tuple[int, int], *, crop: bool = False) -> Tensor:
    """uint8 [*b, H, W, 3] RGB to uint8 [*b, 3, height, width]; `size` is (height, width).

    `crop`: of the picture, the largest part about its middle that has the shape of `size`, and not all of it squashed.
    """
    x = torch.as_tensor(frames).movedim(-1, -3)
    if crop:
        top, left, height, width = middle((x.shape[-2], x.shape[-1]), size)
        x = x[..., top : top + height, left : left + width]
    lead = x.shape[:-3]
    x = x.reshape(-1, *x.shape[-3:])
    if tuple(x.shape[-2:]) != tuple(size):
        x = functional.interpolate(x, size=size, mode="bilinear", antialias=True, align_corners=False)
    return x.contiguous().view(*lead, 3, *size)


def middle(picture: tuple[int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The largest part of a picture (height, width) that has the shape of `size`: (top, left, height, width)."""
    height = min(picture[0], max(1, round(picture[1] * size[0] / size[1])))
    width = min(picture[1], max(1, round(picture[0] * size[1] / size[0])))
    return (picture[0] - height) // 2, (picture[1] - width) // 2, height, width


def pixels(frames: Tensor) -> Tensor:
    """What a model drew, 0 to 1, as pictures are everywhere else: uint8."""
    return (frames.clamp(0, 1) * 255).round().to(torch.uint8)


def regular(time_ns: np.ndarray, fps: float) -> np.ndarray:
    """Which frames a model of `fps` frames a second looks at: rising frame numbers int64 [n].

    A recording at about that rate (within 3 %), or slower, is taken whole. A faster one is sampled at the frames nearest to
    a regular grid, and the intervals of those frames are between their own times, so that no stamp is ever made up.
    """
    if len(time_ns) < 2:
        return np.arange(len(time_ns))
    period = 1e9 / fps
    if np.median(np.diff(time_ns)) > 0.97 * period:
        return np.arange(len(time_ns))
    place = (time_ns - time_ns[0]) / period
    beside = np.unique(
        np.floor(place).astype(np.int64)[:, None] + (0, 1)
    )  # of the grid, what lies in a gap is nearest to its ends
    grid = time_ns[0] + beside[beside <= int(place[-1])] * period
    right = np.searchsorted(time_ns, grid).clip(1, len(time_ns) - 1)
    nearer_left = grid - time_ns[right - 1] <= time_ns[right] - grid
    return np.unique(right - nearer_left)


def stride(time_ns: np.ndarray, hz: float, frames: int = 0) -> int:
    """Every how many-th frame comes nearest to `hz` a second, as long as a recording has so many `frames` of them, or without a
    number two; at least 1.

    Unlike `regular`, all intervals are of one length, and a clip may begin at any frame.
    """
    if len(time_ns) < 2:
        return 1
    nearest = 1e9 / (float(np.median(np.diff(time_ns))) * hz)
    return max(1, round(min(nearest, len(time_ns) // frames if frames else len(time_ns) - 1)))
