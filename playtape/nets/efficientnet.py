"""The first six stages of EfficientNet-B0 (arXiv 1905.11946): a picture to 112 maps at a sixteenth of its size.

Parameters are named and shaped as torchvision names those of `efficientnet_b0().features[0:6]`, so that its weights (and those of
models that grew out of it) load by name; torchvision itself is not needed. Batch norm can be frozen: over the frames of one
clip it would let the future into the past (`frozen`). Shapes: `M` pictures, `H W` pixels.
"""

from torch import Tensor, nn

# expansion, kernel, stride, channels, blocks of stages 1 to 5 (table 1 of the paper)
STAGES = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3))
STEM = 32
CHANNELS, STRIDE = 112, 16


def _conv(
    inside: int, outside: int, kernel: int = 1, stride: int = 1, groups: int = 1, active: bool = True
) -> nn.Sequential:
    conv = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outside), *([nn.SiLU()] if active else []))


class Squeeze(nn.Module):
    """Channels weighed by what the whole picture holds (squeeze and excitation, arXiv 1709.01507)."""

    def __init__(self, channels: int, squeezed: int):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.fc2(nn.functional.silu(self.fc1(x.mean((2, 3), keepdim=True))))
        return x * weight.sigmoid()


class Block(nn.Module):
    """An inverted bottleneck: widen, mix in place, weigh, narrow; added to its input where the shapes agree."""

    def __init__(self, inside: int, outside: int, expansion: int, kernel: int, stride: int):
        super().__init__()
        wide = inside * expansion
        parts: list[nn.Module] = [_conv(inside, wide)] if expansion > 1 else []
        parts += [_conv(wide, wide, kernel, stride, groups=wide), Squeeze(wide, max(1, inside // 4))]
        self.block = nn.Sequential(*parts, _conv(wide, outside, active=False))
        self.skips = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x) if self.skips else self.block(x)


class EfficientNetStages(nn.Sequential):
    """float [M, 3, H, W] to [M, 112, H/16, W/16]. `frozen`: batch norm keeps its statistics while training."""

    def __init__(self, frozen: bool = True):
        stages: list[nn.Module] = [_conv(3, STEM, 3, 2)]
        inside = STEM
        for expansion, kernel, stride, outside, count in STAGES:
            blocks = [Block(inside, outside, expansion, kernel, stride)]
            blocks += [Block(outside, outside, expansion, kernel, 1) for _ in range(count - 1)]
            stages.append(nn.Sequential(*blocks))
            inside = outside
        super().__init__(*stages)
        self.frozen = frozen

    def train(self, mode: bool = True) -> "EfficientNetStages":
        super().train(mode)
        if self.frozen:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self
