"""Mixing along time without a direction: past and future count alike.

A stack of one-dimensional ConvNeXt blocks (arXiv 2201.03545): depthwise convolution over time, then a two-layer MLP per
step, added to the input. Being a convolution it knows no absolute position, so a window may be of any length and the
same moment is judged alike wherever it stands, but for the edges within `reach`. Shapes: `N` clips, `T` steps, `D` width.
"""

from torch import Tensor, nn


class TemporalBlock(nn.Module):
    """[N, T, D] to [N, T, D]; output t sees steps t-kernel//2 .. t+kernel//2."""

    def __init__(self, width: int, kernel: int, expansion: int = 3, dropout: float = 0.0):
        super().__init__()
        self.along = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, expansion * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(expansion * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.mlp(self.norm(self.along(x.mT).mT))


class TemporalStack(nn.Sequential):
    """`depth` blocks; `reach` is how many steps to either side one output can see."""

    def __init__(self, width: int, depth: int, kernel: int = 7, dropout: float = 0.0):
        super().__init__(*(TemporalBlock(width, kernel, dropout=dropout) for _ in range(depth)))
        self.reach = depth * (kernel // 2)
