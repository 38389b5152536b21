"""LPIPS, version 0.1 on VGG16 (arXiv 1801.03924): how far two pictures are apart for people, by features of a classifier.

After each of VGG16's five groups of convolutions the features of a pixel are brought to length 1; the squared differences
are weighed by channel, averaged over the picture, and added up. Published weights are in two files, VGG16's and those of the
channels, or in one: `renamed` takes either. Frozen; pictures have gradients.

Shapes: `M` pictures, `H W` pixels, 16 or more.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from playtape.errors import BadInput

GROUPS = (
    (64, 64),
    (128, 128),
    (256, 256, 256),
    (512, 512, 512),
    (512, 512, 512),
)  # channels; a pooling between two groups
PLACES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))  # of the convolutions among torchvision's layers
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of pictures from -1 to 1
EPS = 1e-10


class Lpips(nn.Module):
    """See the module. Random until `load_state_dict(renamed(...))`."""

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        inside, groups = 3, []
        for channels in GROUPS:
            group = nn.ModuleList()
            for outside in channels:
                group.append(nn.Conv2d(inside, outside, 3, padding=1))
                inside = outside
            groups.append(group)
        self.groups = nn.ModuleList(groups)
        self.weigh = nn.ParameterList(torch.rand(channels[-1]) for channels in GROUPS)
        self.register_buffer("shift", torch.tensor(SHIFT).view(3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE).view(3, 1, 1), persistent=False)
        self.requires_grad_(False)

    def maps(self, pictures: Tensor) -> list[Tensor]:
        """float [M, 3, H, W] in 0 to 1 to the features after each group, each pixel's of length 1: [M, C, H/2^k, W/2^k]."""
        x, found = (2 * pictures - 1 - self.shift) / self.scale, []
        for number, group in enumerate(self.groups):
            x = functional.max_pool2d(x, 2) if number else x
            assert isinstance(group, nn.ModuleList)
            for conv in group:
                x = conv(x).relu()
            found.append(x / (x.square().sum(1, keepdim=True).sqrt() + EPS))
        return found

    def apart(self, one: list[Tensor], other: list[Tensor]) -> Tensor:
        """How far apart pictures of these `maps` are: [M]."""
        parts = [
            torch.einsum("mchw,c->m", (x - y).square(), weight) / (x.shape[2] * x.shape[3])
            for x, y, weight in zip(one, other, self.weigh, strict=True)
        ]
        return torch.stack(parts).sum(0)

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        """float [M, 3, H, W] in 0 to 1: [M]."""
        return self.apart(self.maps(one), self.maps(other))


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published weights by our names. Raises BadInput if one is missing, of another shape, or not finite.

    VGG16's may be named as torchvision names them or as the package lpips does.
    """
    with torch.device("meta"):
        wanted = Lpips().state_dict()
    found = {}
    for ours, right in wanted.items():
        theirs = _theirs(ours)
        weight = next((state[name] for name in theirs if name in state), None)
        if weight is None:
            raise BadInput(
                f"the weights of LPIPS lack {theirs[0]}: give VGG16's and those of its channels, in one file or in two"
            )
        shape = (1, *right.shape, 1, 1) if ours.startswith("weigh.") else tuple(right.shape)
        if weight.shape not in (shape, right.shape) or not weight.is_floating_point():
            said = f"{str(weight.dtype).removeprefix('torch.')} {list(weight.shape)}"
            raise BadInput(f"{theirs[0]} is {said} and must be floats {list(shape)} in LPIPS on VGG16")
        found[ours] = weight.reshape(right.shape).float()
        if not found[ours].isfinite().all():
            raise BadInput(f"{theirs[0]} is not all finite, so nothing can be judged by it")
    return found


def _theirs(ours: str) -> tuple[str, ...]:
    """What others call it: groups.1.0.bias is features.5.bias or net.slice2.5.bias, and weigh.1 is lin1.model.1.weight."""
    part, group, *rest = ours.split(".")
    if part == "weigh":
        return (f"lin{group}.model.1.weight", f"lins.{group}.model.1.weight")
    place = PLACES[int(group)][int(rest[0])]
    return (f"features.{place}.{rest[1]}", f"net.slice{int(group) + 1}.{place}.{rest[1]}")
