"""Each frame by itself to one vector: what is on screen, at a resolution where a muzzle flash or a menu still reads.

Shapes: `M` pictures, `H W` pixels, `D` width.
"""

from torch import Tensor, nn

CHANNELS = (24, 32, 48, 32)


class Appearance(nn.Module):
    """float [M, 3, H, W] around 0 to [M, D]. Keeps where things are: the last map is flattened, not pooled."""

    def __init__(self, size: tuple[int, int], width: int):
        super().__init__()
        a, b, c, d = CHANNELS
        self.maps = nn.Sequential(
            *(nn.Conv2d(3, a, 8, stride=4, padding=2), nn.ReLU()),
            *(nn.Conv2d(a, b, 3, stride=2, padding=1), nn.ReLU()),
            *(nn.Conv2d(b, c, 3, stride=2, padding=1), nn.ReLU()),
            *(nn.Conv2d(c, d, 3, padding=1), nn.ReLU()),
        )
        rows, columns = (-(-side // 16) for side in size)  # a quarter and two halvings, rounded up
        self.out = nn.Linear(d * rows * columns, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.maps(x).flatten(1))
