"""What a lens does to pictures: crop, tilt, sideways shift, blur, sharpness. Colours: `colours.py`; chances: `augmentation.py`.

Each maker draws once and gives an Operation: float32 pictures [N, 3, H, W] in [0, 1] to the same, each picture for itself.
The ranges are Pixels2Play's (arXiv 2601.04575, its released `rand_augment.py`), the crop's iVideoGPT's (2405.15223).
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

Operation = Callable[[Tensor], Tensor]
Size = tuple[int, int]  # height, width

FARTHEST = 0.03  # of the width, either way
KERNELS = (3, 5, 7)  # pixels; the original asks kornia for 3 to 7 and gets Gaussians of 3 by 7
SIGMA = (0.1, 2.0)  # pixels
SHARPNESS = (0.5, 1.5)  # 1 changes nothing, below it blurs
RATIO = (0.9, 1.1)  # width to height of a crop, in the picture's own; iVideoGPT's
TRIES = 10  # for a crop that lies inside
CHUNK = 2**17  # numbers: half a MB of floats stays in the cache; the whole clip at once takes more than twice as long


def apply(frames: Tensor, operations: list[Operation]) -> Tensor:
    """Operations in order over frames uint8 [T, 3, H, W], in floats from the first to the last, then rounded once."""
    if not operations:
        return frames
    out = torch.empty(frames.shape, dtype=torch.uint8)
    step = max(1, CHUNK // frames[0].numel())
    for start in range(0, len(frames), step):
        x = frames[start : start + step] / 255
        for operation in operations:
            x = operation(x)
        out[start : start + step] = (x * 255).round_().clamp_(0, 255)
    return out


def crop(draw: np.random.Generator, size: Size, most: float) -> Operation:
    """A part of the picture as large as all of it, slightly stretched; at most a share of the area is cut away."""
    for _ in range(TRIES):
        area, ratio = draw.uniform(1 - most, 1), np.exp(draw.uniform(*np.log(RATIO)))
        part = np.array([area * ratio, area / ratio]) ** 0.5  # width, height
        if (part <= 1).all():
            break
    else:
        part = np.ones(2)
    corner = draw.uniform(size=2) * (1 - part)
    return partial(cropped, grid=placed(corner, part, size))


def tilt(draw: np.random.Generator, size: Size, degrees: float) -> Operation:
    """The picture's corners turned about its upper left one, and held inside: a turn that becomes a slight perspective."""
    return partial(warped, grid=tilted(float(draw.uniform(-degrees, degrees)), size))


def translation(draw: np.random.Generator, size: Size) -> Operation:
    return partial(translated, pixels=size[1] * float(draw.uniform(-FARTHEST, FARTHEST)))


def blur(draw: np.random.Generator, size: Size) -> Operation:
    """Half the time out of focus, half the time moved along a line."""
    del size
    width = int(draw.choice(KERNELS))
    if draw.random() < 0.5:
        line = gaussian(width, float(draw.uniform(*SIGMA)))
        return partial(blurred, kernels=(line[:, None], line[None]))
    return partial(blurred, kernels=(motion(width, float(draw.uniform(0, 360)), float(draw.uniform(-1, 1))),))


def sharpness(draw: np.random.Generator, size: Size) -> Operation:
    del size
    return partial(sharpened, factor=float(draw.uniform(*SHARPNESS)))


def tilted(degrees: float, size: Size) -> Tensor:
    """Where each pixel comes from: [1, H, W, 2] in [-1, 1]. Positive is clockwise; what comes from outside is black."""
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)  # x, y
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    turned = (corners @ np.array([[cos, sin], [-sin, cos]])).clip(0, 1)
    y, x = np.meshgrid(*((np.arange(n) + 0.5) / n for n in size), indexing="ij")
    source = np.stack([x, y, np.ones_like(x)], -1) @ _perspective(turned, corners).T
    return torch.from_numpy(2 * source[..., :2] / source[..., 2:] - 1).float()[None]


def placed(corner: np.ndarray, part: np.ndarray, size: Size) -> Tensor:
    """Where each pixel comes from, [1, H, W, 2] in [-1, 1]: the part (width, height) at a corner (left, top), all in 0 to 1."""
    y, x = np.meshgrid(*((np.arange(n) + 0.5) / n for n in size), indexing="ij")
    return torch.from_numpy(2 * (corner + np.stack([x, y], -1) * part) - 1).float()[None]


def cropped(x: Tensor, grid: Tensor) -> Tensor:
    """Bilinear; at the picture's rim, the rim."""
    return functional.grid_sample(x, grid.expand(len(x), -1, -1, -1), padding_mode="border", align_corners=False)


def _perspective(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The 3 by 3 matrix that takes four points [4, 2] to four others, in homogeneous coordinates."""
    rows = []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    return np.append(np.linalg.solve(np.array(rows), target.ravel()), 1).reshape(3, 3)


def warped(x: Tensor, grid: Tensor) -> Tensor:
    """Bilinear, black outside."""
    return functional.grid_sample(x, grid.expand(len(x), -1, -1, -1), align_corners=False)


def translated(x: Tensor, pixels: float) -> Tensor:
    """To the right by a number of pixels that need not be whole; black comes in."""
    whole = int(np.floor(pixels))
    margin, width = abs(whole) + 1, x.shape[-1]
    padded = functional.pad(x, (margin, margin))
    start = margin - whole
    return padded[..., start : start + width].lerp(padded[..., start - 1 : start - 1 + width], pixels - whole)


def gaussian(width: int, sigma: float) -> np.ndarray:
    """[width], of sum 1."""
    line = np.exp(-0.5 * ((np.arange(width) - width // 2) / sigma) ** 2)
    return line / line.sum()


def motion(width: int, degrees: float, direction: float) -> np.ndarray:
    """A line through the middle of [width, width], of sum 1; direction 1 or -1 makes one end heavy and the other empty.

    Each point of the line is shared by the four pixels about it, so that every angle has the same length: the original
    takes the nearest pixel.
    """
    radius = width // 2
    kernel = np.zeros((width, width))
    for t, weight in zip(range(-radius, radius + 1), np.linspace(1 + direction, 1 - direction, width), strict=True):
        y, x = radius - t * np.sin(np.deg2rad(degrees)), radius + t * np.cos(np.deg2rad(degrees))
        for row in (int(y), int(y) + 1):
            for column in (int(x), int(x) + 1):
                share = max(0, 1 - abs(y - row)) * max(0, 1 - abs(x - column))
                kernel[min(row, width - 1), min(column, width - 1)] += weight * share
    return kernel / kernel.sum()


def blurred(x: Tensor, kernels: tuple[np.ndarray, ...]) -> Tensor:
    """One kernel [h, w] after the other. Edges are repeated: the original's motion blur draws a dark rim."""
    height, width = x.shape[-2:]
    for kernel in kernels:  # shifted sums: three to eight times quicker here than conv2d with one channel
        down, right = (n // 2 for n in kernel.shape)
        padded = functional.pad(x, (right, right, down, down), mode="replicate")
        x = torch.zeros_like(x)
        for row, column in np.argwhere(kernel > 1e-6).tolist():
            part = padded[..., row : row + height, column : column + width]
            x.add_(part, alpha=float(kernel[row, column]))
    return x


def sharpened(x: Tensor, factor: float) -> Tensor:
    """Away from (or, below 1, towards) the mean of 3 by 3 pixels whose middle counts five times; the rim stays, as in Pillow."""
    rows = x[..., :-2, :] + x[..., 1:-1, :] + x[..., 2:, :]
    inner = x[..., 1:-1, 1:-1]
    smooth = (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:] + 4 * inner) / 13
    out = x.clone()
    out[..., 1:-1, 1:-1] = smooth.lerp(inner, factor)
    return out.clamp_(0, 1)
