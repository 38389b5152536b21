"""Motion between neighbouring frames as a small cost volume, one matrix product a band.

A band is a strip of rows (or of columns). Each place along it is a column of pixels, made zero-mean and of length one, and
one matrix product compares every place along the strip in frame t with every place in frame t+1. Its diagonals say how
well each displacement explains each cell of the picture: normalised cross-correlation by blocks, for the price of one
linear layer. It is the one-dimensional relative of the correlation layer of FlowNet (arXiv 1504.06852).

The compared features are fixed (contrast-normalised luminance), so motion is there from the first training step, needs no
gradient, and survives lighting; what the motion means is learned behind it. Knows no type of ours.

Shapes: `N` clips, `T` frames, `M` pictures, `H W` pixels, `S` bands, `L` places along a band, `G` cells along a band,
`R` reach (largest displacement, in places), `D` width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def displacements(before: Tensor, after: Tensor, bands: int, cells: int, reach: int) -> Tensor:
    """How well each displacement along a row explains each cell of a `bands` by `cells` grid.

    before, after: [M, H, W]; H divides by `bands`, W by `cells`.
    Returns [M, S, G, 2*reach+1]: the mean over the cell's places x of the correlation of before[x] with after[x + d], d from
    -reach to reach, in [-1, 1]; places outside the picture count as zero.
    """
    m, _, w = before.shape
    length = w + 2 * reach
    scores = torch.bmm(
        _strips(before, bands).mT, functional.pad(_strips(after, bands), (reach, reach))
    )  # [M*S, L, L+2R]
    # Entry (x, d) is score (x, x + d): the same numbers read with rows one longer.
    diagonals = scores.as_strided((m * bands, w, 2 * reach + 1), (w * length, length + 1, 1))
    return diagonals.reshape(m, bands, cells, w // cells, 2 * reach + 1).mean(3)


def _strips(x: Tensor, bands: int) -> Tensor:
    """[M, H, W] to [M*S, H/S, W], each place's column of length one. (A sum of squares is quicker here than a norm.)"""
    x = x.reshape(-1, x.shape[1] // bands, x.shape[2])
    return x * (x.square().sum(1, keepdim=True) + 0.01).rsqrt()


class Correlation(nn.Module):
    """Frames to one motion vector for each neighbouring pair.

    `forward(frames float [N, T, 3, H, W] in 0..1)` gives [N, T-1, D]; entry t compares frames t and t+1 and nothing else. H and W
    must divide by 8 * GRID.
    """

    GRID = 5  # bands, and cells along each band
    LEVELS = (  # (pooling, along): the reach doubles with pooling, so that a slow turn and a flick are both seen
        *((2, "rows"), (4, "rows"), (8, "rows")),
        *((2, "columns"), (4, "columns")),
    )

    def __init__(self, reach: int, hidden: int, width: int):
        super().__init__()
        self.reach = reach
        span = 2 * reach + 1
        volumes = len(self.LEVELS)
        self.sharpness = nn.Parameter(torch.full((volumes,), 20.0))  # of the softmax over displacements
        self.cell = nn.Sequential(
            nn.Conv2d(2 * volumes * span, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, hidden, 3, padding=1), nn.ReLU()
        )
        self.picture = nn.Linear(volumes * span, 2 * hidden)  # the whole picture's vote on the displacement
        self.out = nn.Linear(hidden * self.GRID**2 + 2 * hidden, width)

    def forward(self, frames: Tensor) -> Tensor:
        n, t = frames.shape[:2]
        with torch.no_grad():
            volumes = self.volumes(frames)  # each [N*(T-1), GRID, GRID, 2R+1]
        votes = torch.cat(
            [(3 * sharp * v.mean((1, 2))).softmax(-1) for v, sharp in zip(volumes, self.sharpness, strict=True)], -1
        )
        sharpened = [(v * sharp).softmax(-1) for v, sharp in zip(volumes, self.sharpness, strict=True)]
        cells = self.cell(torch.cat([*volumes, *sharpened], -1).permute(0, 3, 1, 2))  # [N*(T-1), hidden, GRID, GRID]
        return self.out(torch.cat([cells.flatten(1), self.picture(votes).relu()], -1)).view(n, t - 1, -1)

    def volumes(self, frames: Tensor) -> list[Tensor]:
        """The displacements at each level, along rows then along columns, on one common grid."""
        n, t = frames.shape[:2]
        x = torch.einsum("ntchw,c->nthw", frames, frames.new_tensor(LUMA)).flatten(0, 1)[:, None]
        pooled = {p: functional.avg_pool2d(x, p)[:, 0] for p in {pooling for pooling, _ in self.LEVELS}}
        # Contrast is taken at each level anew: a picture made high-pass first has nothing left to pool.
        levels = {p: _contrast(level) for p, level in pooled.items()}
        volumes = []
        for pooling, along in self.LEVELS:
            level = levels[pooling].unflatten(0, (n, t))
            before, after = level[:, :-1].flatten(0, 1), level[:, 1:].flatten(0, 1)
            if along == "rows":
                volumes.append(displacements(before, after, self.GRID, self.GRID, self.reach))
            else:
                volumes.append(displacements(before.mT, after.mT, self.GRID, self.GRID, self.reach).transpose(1, 2))
        return volumes


def _contrast(x: Tensor) -> Tensor:
    """[M, H, W] luminance 0..1 to what stands out of its neighbourhood, whatever the light."""
    around = functional.avg_pool2d(x[:, None], 9, stride=1, padding=4, count_include_pad=False)[:, 0]
    x = x - around
    spread = functional.avg_pool2d(x.square()[:, None], 9, stride=1, padding=4, count_include_pad=False)[:, 0].sqrt()
    return x / (spread + 0.02)
