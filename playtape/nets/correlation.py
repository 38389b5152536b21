"""Motion between neighbouring frames as a small cost volume, seen on a cylinder.

A camera that turns shifts the middle of a flat picture less than its sides: 30 degrees are 46 pixels there and 68 here, at 160
pixels for 90 degrees. On a cylinder around the camera the same turn shifts every column alike, so pictures are first unrolled
onto one. Then bands: a band is a strip of rows (or of columns), each place along it is a column of pixels, made zero-mean
and of length one, and a matrix product compares every place of a cell in frame t with every place it may have gone to in
frame t+1. The diagonals say how well each displacement explains the cell: normalised cross-correlation by blocks, for the
price of a linear layer. It is the one-dimensional relative of the correlation layer of FlowNet (arXiv 1504.06852).

The compared features are fixed (contrast-normalised luminance), so motion is there from the first training step, needs no
gradient, and survives lighting; what the motion means is learned behind it. Knows no type of ours.

Shapes: `N` clips, `T` frames, `M` pictures, `H W` pixels, `S` bands, `L` places along a band, `G` cells along a band,
`R` reach (largest displacement, in places), `D` width.
"""

import math

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
    places = w // cells
    seen = places + 2 * reach  # where a cell's places may have gone
    here = _strips(before, bands).unflatten(2, (cells, places)).permute(0, 2, 3, 1)  # [M*S, G, places, H/S]
    there = functional.pad(_strips(after, bands), (reach, reach)).unfold(2, seen, places).transpose(1, 2)
    scores = torch.bmm(here.flatten(0, 1), there.flatten(0, 1))  # [M*S*G, places, seen]
    # Entry (x, d) is score (x, x + d): the same numbers read with rows one longer.
    diagonals = scores.as_strided((len(scores), places, 2 * reach + 1), (places * seen, seen + 1, 1))
    return diagonals.mean(1).view(m, bands, cells, -1)


def _strips(x: Tensor, bands: int) -> Tensor:
    """[M, H, W] to [M*S, H/S, W], each place's column of length one. (A sum of squares is quicker here than a norm.)"""
    x = x.reshape(-1, x.shape[1] // bands, x.shape[2])
    return x * (x.square().sum(1, keepdim=True) + 0.01).rsqrt()


def cylinder(height: int, width: int, fov: float) -> Tensor:
    """Where each pixel of the unrolled picture lies in the flat one: float [H, W, 2] in -1..1, as `grid_sample` reads it.

    `fov` is the horizontal field of view in degrees. The sides keep their whole height, the middle loses what they cannot fill.
    """
    half = math.radians(fov / 2)
    angle = torch.linspace(-half, half, 2 * width + 1)[1::2]
    x = (angle.tan() / math.tan(half)).expand(height, width)
    y = torch.linspace(-1, 1, 2 * height + 1)[1::2, None] * math.cos(half) / angle.cos()
    return torch.stack([x, y], -1)


class Correlation(nn.Module):
    """Frames to the motion of each neighbouring pair; what compares frames t and t+1 sees nothing else.

    `forward(frames float [N, T, 3, H, W] in 0..1)` gives a motion vector [N, T-1, D], and for each of LEVELS the whole picture's
    agreement with each displacement, [N, T-1, VOTES, 2R+1] in [-1, 1]. H and W must divide by 8 * GRID.
    """

    flat: Tensor  # float [H, W, 2], see `cylinder`

    GRID = 5  # bands, and cells along each band
    VOTES = 4  # weighings of the cells into one displacement of the whole picture: screens have bars, hands and guns
    LEVELS = (  # (pooling, along, reach as a share of the side): fine for a step, far for a flick, coarse for a blur
        *((1, "rows", 1 / 20), (2, "rows", 3 / 4), (4, "rows", 3 / 4), (8, "rows", 3 / 4)),
        *((1, "columns", 1 / 20), (2, "columns", 1 / 5), (4, "columns", 2 / 5)),
    )

    def __init__(self, size: tuple[int, int], fov: float, hidden: int, width: int):
        super().__init__()
        height, across = size
        self.register_buffer("flat", cylinder(height, across, fov), persistent=False)
        self.reaches = [
            max(1, round(share * (across if along == "rows" else height) / pooling))
            for pooling, along, share in self.LEVELS
        ]
        spans = sum(2 * reach + 1 for reach in self.reaches)
        volumes = len(self.LEVELS)
        self.sharpness = nn.Parameter(torch.full((volumes,), 20.0))  # of the softmax over displacements
        self.cell = nn.Sequential(
            nn.Conv2d(2 * spans, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, hidden, 3, padding=1), nn.ReLU()
        )
        self.weighing = nn.Parameter(0.5 * torch.randn(volumes, self.VOTES, self.GRID**2))
        self.picture = nn.Linear(self.VOTES * spans, 2 * hidden)
        self.out = nn.Linear(hidden * self.GRID**2 + 2 * hidden, width)

    def forward(self, frames: Tensor) -> tuple[Tensor, list[Tensor]]:
        n, t = frames.shape[:2]
        with torch.no_grad():
            volumes = self.volumes(frames)  # each [N*(T-1), GRID, GRID, 2R+1]
        votes = [(3 * w).softmax(-1) @ v.flatten(1, 2) for v, w in zip(volumes, self.weighing, strict=True)]
        sure = [(3 * sharp * vote).softmax(-1).flatten(1) for vote, sharp in zip(votes, self.sharpness, strict=True)]
        picture = self.picture(torch.cat(sure, -1)).relu()
        sharpened = [(v * sharp).softmax(-1) for v, sharp in zip(volumes, self.sharpness, strict=True)]
        cells = self.cell(torch.cat([*volumes, *sharpened], -1).permute(0, 3, 1, 2))  # [N*(T-1), hidden, GRID, GRID]
        motion = self.out(torch.cat([cells.flatten(1), picture], -1))
        return motion.unflatten(0, (n, t - 1)), [vote.unflatten(0, (n, t - 1)) for vote in votes]

    def volumes(self, frames: Tensor) -> list[Tensor]:
        """The displacements at each level, along rows or columns, on one common grid."""
        n, t = frames.shape[:2]
        x = (frames.new_tensor(LUMA) @ frames.flatten(3)).view(n * t, 1, *frames.shape[3:])
        # All pictures are sampled alike, so they are the channels of one: where to read is worked out once, not N * T times.
        x = functional.grid_sample(x.transpose(0, 1), self.flat[None], align_corners=False)[0]
        levels, size = {}, x
        # Contrast is taken at each level anew: a picture made high-pass first has nothing left to pool.
        for pooling in sorted({pooling for pooling, _, _ in self.LEVELS}):
            while size.shape[-1] * pooling > x.shape[-1]:
                size = _halved(size)
            levels[pooling] = _contrast(size)
        volumes = []
        for (pooling, along, _), reach in zip(self.LEVELS, self.reaches, strict=True):
            level = levels[pooling] if along == "rows" else levels[pooling].mT
            if pooling == 1:
                level = level[:, ::2] + level[:, 1::2]  # across a motion half the pixels do, for half the price
            level = level.unflatten(0, (n, t))
            before, after = level[:, :-1].flatten(0, 1), level[:, 1:].flatten(0, 1)
            volume = displacements(before, after, self.GRID, self.GRID, reach)
            volumes.append(volume if along == "rows" else volume.transpose(1, 2))
        return volumes


class Camera(nn.Module):
    """Agreement with displacements to logits over the bins of an axis that turns the camera.

    A turn to the right by x moves the picture to the left by gain * x: one number says what all bins mean, so that a flick that
    was hardly ever seen is known from the small turns that were. How far each level is to be believed is read from `state`, for
    a slow turn, a flick and a standstill need different ones. `forward(state [N, T-1, C], votes of a Correlation)` gives
    [N, T-1, K].
    """

    within: Tensor  # float [K, 5], points of each bin from edge to edge, in typical magnitudes

    def __init__(self, along: str, size: tuple[int, int], gain: float, channels: int, centres: Tensor):
        """`along`: the "rows" (an axis x) or the "columns" (an axis y). centres [K]: the bins, in typical magnitudes.

        `gain`: the share of the picture's width by which one typical magnitude moves it; learned from there, slowly. It must be
        about right: a camera with half the true gain is wrong about every flick, and training then learns to ignore it.
        """
        super().__init__()
        side = size[1] if along == "rows" else size[0]
        self.levels = [k for k, level in enumerate(Correlation.LEVELS) if level[1] == along]
        self.places = [side / Correlation.LEVELS[k][0] for k in self.levels]
        edges = torch.cat([centres[:1], (centres[1:] + centres[:-1]) / 2, centres[-1:]])  # the bins meet half-way
        share = torch.linspace(0, 1, 5)
        self.register_buffer("within", edges[:-1, None] * (1 - share) + edges[1:, None] * share, persistent=False)
        self.sides = gain * size[1] / side  # that one typical magnitude moves the picture by, to begin with
        self.log_gain = nn.Parameter(torch.tensor(0.0))  # ten times its change since: it is to learn slowly
        self.belief = nn.Linear(channels, len(self.levels) * Correlation.VOTES)
        nn.init.zeros_(self.belief.weight)
        # Near what fits real play when nothing else is learned.
        nn.init.constant_(self.belief.bias, 0.5 / Correlation.VOTES)

    def forward(self, state: Tensor, votes: list[Tensor]) -> Tensor:
        shift = -self.within * self.sides * (self.log_gain / 10).exp()  # [K, 5], in sides
        # Far bins are wider than the peak of a fine level, so a bin's agreement is the best one within it.
        curves = [
            _read(votes[level], shift.flatten() * places).unflatten(-1, shift.shape).amax(-1)
            for level, places in zip(self.levels, self.places, strict=True)
        ]
        curve = torch.cat(curves, -2)  # [N, T-1, levels * VOTES, K]
        spread = curve.std(-1, keepdim=True) + 0.02
        curve = (curve - curve.mean(-1, keepdim=True)) / spread  # a blur agrees less with every displacement
        return (self.belief(state).unsqueeze(-2) @ curve).squeeze(-2)


def _read(curve: Tensor, at: Tensor) -> Tensor:
    """curve [..., 2R+1] over displacements -R..R, read between them at `at` [K]: [..., K]; 0 beyond R."""
    reach = curve.shape[-1] // 2
    inside = at.abs() <= reach
    at = (at + reach).clamp(0, 2 * reach)
    low = at.detach().floor().clamp_max(2 * reach - 1).long()
    part = at - low
    return (curve[..., low] * (1 - part) + curve[..., low + 1] * part) * inside


def _contrast(x: Tensor, radius: int = 4) -> Tensor:
    """[M, H, W] luminance 0..1 to what stands out of its neighbourhood, whatever the light.

    Where the sides are even, the light is measured once for a tile of 2 by 2 pixels: that is three times quicker.
    """
    m, h, w = x.shape
    tile = 1 if h % 2 or w % 2 else 2
    light = torch.cat([x, x.square()])
    mean, power = _around(_halved(light) if tile == 2 else light, radius // tile).split(m)
    spread = (power - mean.square()).clamp_min(0).sqrt() + 0.02
    # Spread out along rows first: sums over an axis of 2 are slow, those over a whole row are not.
    gain, offset = (v.repeat_interleave(tile, -1)[:, :, None] for v in (spread.reciprocal(), -mean / spread))
    return torch.addcmul(offset, x.view(m, h // tile, tile, w), gain).view(m, h, w)


def _halved(x: Tensor) -> Tensor:
    """[M, H, W] to [M, H/2, W/2], the mean of each 2 by 2. (`avg_pool2d` takes ten times as long on a CPU.)"""
    x = x[..., ::2] + x[..., 1::2]
    return (x[..., ::2, :] + x[..., 1::2, :]) / 4


def _around(x: Tensor, radius: int = 4) -> Tensor:
    """[M, H, W] to the mean over each pixel's square neighbourhood, as far as it lies in the picture.

    As two products with a banded matrix: pooling with stride 1 does the same several times slower on a CPU.
    """
    rows, columns = (_mean_of_neighbours(side, radius, x) for side in x.shape[1:])
    return rows @ (x @ columns.mT)


def _mean_of_neighbours(side: int, radius: int, like: Tensor) -> Tensor:
    places = torch.arange(side, device=like.device)
    near = ((places[:, None] - places).abs() <= radius).to(like.dtype)
    return near / near.sum(1, keepdim=True)
