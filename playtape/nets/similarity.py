"""How alike two pictures are, by their pixels: PSNR in dB, and SSIM (Wang et al. 2004).

Both take uint8 and agree with the published protocol of iVideoGPT: PSNR with an epsilon of 1e-8, SSIM in float32 with Gaussian
windows of 11 pixels (sigma 1.5) that lie wholly inside the picture, the mean over windows and colours. Shapes: `*b` any leading
batch, which may broadcast; `H W` pixels.
"""

import torch
from torch import Tensor
from torch.nn import functional

from playtape.errors import BadInput

EPS = 1e-8  # of PSNR, on a scale of 0 to 1
WINDOW, SIGMA = 11, 1.5  # pixels
MEANS, SPREADS = 0.01**2, 0.03**2  # what keeps SSIM's two quotients finite, on a scale of 0 to 1


def psnr(one: Tensor, other: Tensor) -> Tensor:
    """Of uint8 [*b, 3, H, W] in dB: [*b]. Equal pictures have 80, by the epsilon."""
    error = ((one.double() - other.double()) / 255).square().mean((-3, -2, -1))
    return -10 * (error + EPS).log10()


def ssim(one: Tensor, other: Tensor) -> Tensor:
    """Of uint8 [*b, 3, H, W]: float32 [*b], 1 for equal pictures. Raises BadInput for pictures smaller than a window."""
    if min(one.shape[-2:]) < WINDOW:
        size = f"{one.shape[-2]} x {one.shape[-1]}"
        raise BadInput(f"pictures are {size} pixels; SSIM needs at least {WINDOW} x {WINDOW}")
    x, y = one.float() / 255, other.float() / 255
    mean_x, mean_y = _blurred(x), _blurred(y)
    spread_x, spread_y = _blurred(x * x) - mean_x * mean_x, _blurred(y * y) - mean_y * mean_y
    both = _blurred(x * y) - mean_x * mean_y
    alike = (2 * mean_x * mean_y + MEANS) / (mean_x.square() + mean_y.square() + MEANS)
    return (alike * (2 * both + SPREADS) / (spread_x + spread_y + SPREADS)).mean((-3, -2, -1))


def _blurred(x: Tensor) -> Tensor:
    """[*b, C, H, W] weighed by a Gaussian window around each pixel that has one: [*b, C, H - 10, W - 10]."""
    place = torch.arange(WINDOW, device=x.device) - WINDOW // 2
    weight = (-(place.float() / SIGMA).square() / 2).exp()
    weight = weight / weight.sum()
    flat = x.reshape(-1, 1, *x.shape[-2:])
    flat = functional.conv2d(functional.conv2d(flat, weight.view(1, 1, -1, 1)), weight.view(1, 1, 1, -1))
    return flat.view(*x.shape[:-2], *flat.shape[-2:])
