"""What light and a sensor do to pictures: brightness, contrast, saturation, hue, the lamp's temperature, noise.

Operations as in `optics.py`, with the ranges of Pixels2Play. The original draws the colour ranges once a process, and the order
of the four at random; here both belong to the clip, and the order is fixed, so that saturation and hue share one conversion.
"""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from playtape.clips.optics import Operation, Size

WIDEST = 0.2  # of each of the four colour ranges; hue in turns
# Red, green and blue of a white wall under black bodies of 6,000, 9,000, 12,000 and 15,000 kelvin: entries 6, 12, 18 and 24 of
# the table that kornia's RandomPlanckianJitter took from Zini et al. 2022 (arXiv 2202.07993).
LAMPS = ((0.4979, 0.4584, 0.4468), (0.4223, 0.4648, 0.5844), (0.3787, 0.4656, 0.6532), (0.3503, 0.4653, 0.6933))
INTENSITY = (0.1, 0.6)  # of noise
SHIFT = (0.01, 0.2)  # of its hue, in turns at intensity 1
LEVELS = 2**16  # of the random numbers that become counts of light


def colour(draw: np.random.Generator, size: Size) -> Operation:
    del size
    far = draw.uniform(0, WIDEST, 4)
    brightness, contrast, saturation, hue = (far * draw.uniform(-1, 1, 4)).tolist()
    return partial(coloured, brightness=brightness, contrast=1 + contrast, saturation=1 + saturation, hue=hue)


def planckian(draw: np.random.Generator, size: Size) -> Operation:
    del size
    return partial(lit, lamp=LAMPS[draw.integers(len(LAMPS))])


def noise(draw: np.random.Generator, size: Size) -> Operation:
    """Of a sensor at high ISO: a map of wrong hues that stays for the clip, and light counted anew in every frame."""
    intensity = float(draw.uniform(*INTENSITY))
    hues = draw.standard_normal(size, np.float32) * float(draw.uniform(*SHIFT)) * intensity
    stream = np.random.default_rng(int(draw.integers(2**63)))
    return partial(noisy, intensity=intensity, hues=torch.from_numpy(hues), stream=stream)


def coloured(x: Tensor, brightness: float, contrast: float, saturation: float, hue: float) -> Tensor:
    """`brightness` is added, `contrast` and `saturation` are factors, `hue` is in turns."""
    x = (x + brightness).clamp_(0, 1).mul_(contrast).clamp_(0, 1)
    angle, chroma, high, _ = _cone(x)
    return _rgb(angle + 6 * hue, torch.minimum(chroma * saturation, high), high)


def lit(x: Tensor, lamp: tuple[float, float, float]) -> Tensor:
    """White becomes the lamp's colour; green stays."""
    return (x * (torch.tensor(lamp) / lamp[1])[:, None, None]).clamp_(0, 1)


def noisy(x: Tensor, intensity: float, hues: Tensor, stream: np.random.Generator) -> Tensor:
    """Hue and lightness of HLS disturbed; the lightness by counts whose mean is the picture's own contrast times intensity."""
    angle, chroma, high, low = _cone(x)
    light = (high + low) / 2
    counts = torch.stack([_counts(stream, float(255 * intensity * one.std(correction=0)), one.shape) for one in light])
    lighter = light + counts / 255 * (1 - light)
    chroma = chroma * (1 - (2 * lighter - 1).abs()) / (1 - (2 * light - 1).abs()).clamp_(min=1e-6)  # saturation stays
    return _rgb(angle + 6 * hues, chroma, lighter + chroma / 2).clamp_(0, 1)


def _counts(stream: np.random.Generator, mean: float, shape: torch.Size) -> Tensor:
    """Poisson numbers of one mean, by a table of its quantiles: thirty times quicker than drawing each."""
    k = np.arange(1, int(mean + 8 * mean**0.5) + 9)
    share = np.exp(-mean) * np.cumsum(np.append(1, np.cumprod(mean / k)))  # of counts up to k; the mean is below 80
    table = np.repeat(np.arange(len(share), dtype=np.uint8), np.diff((share * LEVELS).round().astype(int), prepend=0))
    at = stream.integers(0, len(table), tuple(shape), np.uint16)
    return torch.from_numpy(table.take(at))


def _cone(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """RGB [N, 3, H, W] to hue (in sixths of a turn, 0 is red and grey), chroma, highest and lowest channel: [N, H, W] each."""
    r, g, b = x.unbind(1)
    high, low = torch.maximum(torch.maximum(r, g), b), torch.minimum(torch.minimum(r, g), b)
    chroma = high - low
    safe = chroma.clamp(min=1e-6)
    hue = torch.where(high == g, (b - r) / safe + 2, (r - g) / safe + 4)
    return torch.where(high == r, (g - b) / safe, hue), chroma, high, low


def _rgb(hue: Tensor, chroma: Tensor, high: Tensor) -> Tensor:
    """The way back: a channel is its highest within a sixth of a turn from its own hue, and lowest opposite."""
    away = ((hue + own).remainder_(6) for own in (5, 3, 1))
    return torch.stack([high - chroma * torch.minimum(k, 4 - k).clamp_(0, 1) for k in away], 1)
