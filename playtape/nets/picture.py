"""One picture to one token, by EfficientNet's first stages as Pixels2Play has it, or by a small stack that a CPU can train.

Shapes: `M` pictures, `H W` pixels, `D` width.
"""

from typing import Literal

from torch import Tensor, nn

from playtape.nets.appearance import Appearance
from playtape.nets.efficientnet import CHANNELS, STRIDE, EfficientNetStages


class Picture(nn.Module):
    """uint8 [M, 3, H, W] to [M, D]."""

    def __init__(
        self,
        kind: Literal["efficientnet", "small"],
        size: tuple[int, int],
        width: int,
        *,
        norm_over_batch: bool = False,
    ):
        """`norm_over_batch`: the published batch norm, over the pictures given; else with its stored statistics."""
        super().__init__()
        if kind == "small":
            self.features: nn.Module = Appearance(size, width)
            self.mlp: nn.Module = nn.LayerNorm(width)
            self.normalise = (4.0, -2.0)
        else:
            self.features = EfficientNetStages(frozen=not norm_over_batch)
            rows, columns = (-(-side // STRIDE) for side in size)
            self.mlp = nn.Sequential(nn.Linear(CHANNELS * rows * columns, width), nn.LayerNorm(width))
            self.normalise = (1.0, 0.0)

    def forward(self, frames: Tensor) -> Tensor:
        gain, offset = self.normalise
        x = frames.to(next(self.parameters()).dtype).mul_(gain / 255).add_(offset)
        return self.mlp(self.features(x).flatten(1))
