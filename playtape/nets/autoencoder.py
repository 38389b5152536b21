"""Pictures to a grid of latents and back, alone or in the light of other pictures: the four halves of iVideoGPT's tokenizer.

The convolutional halves of a latent-diffusion autoencoder (arXiv 2112.10752), each twice (arXiv 2405.15223, section 3.1): a plain
one for the context, and one that attends to what the plain one saw of it, so that its latents need only hold what has changed.
Parameters have the published names, those of diffusers.

Shapes: `M` pictures, `N` clips, `F` pictures of a clip, `T` of its context, `C` channels, `R` rows and columns of a grid.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

HEADS = 4  # of cross-attention
Seen = list[tuple[Tensor, Tensor]]
"""Keys and values of a clip's context, [N, HEADS, T * R * R, C / HEADS] each, one pair for each block that attends."""


@dataclass(frozen=True)
class Shape:
    """Sizes of a half. `side`: of a picture; `channels`: of each level, from pictures to latents, every level but the last halves
    the side; `latent`: numbers of a cell; `blocks`: of an encoder's level, a decoder's has one more; `groups`: of the norms;
    `stem`: side in pixels of the squares that the finest level has for cells, published 1.

    `attend_to`: how many pictures of a context the cells look at, and `attend_from`, the largest side of a grid where they do.
    0 is the plain half. `said`: numbers that a decoder says of a pixel, published its three colours. `beside`: numbers of a pixel
    that a half is shown of another picture beside what it is given, published none.
    """

    side: int
    channels: tuple[int, ...]
    latent: int
    blocks: int
    groups: int
    stem: int = 1
    attend_to: int = 0
    attend_from: int = 0
    dropout: float = 0.0  # of cross-attention
    said: int = 3
    beside: int = 0

    def side_of(self, halvings: int) -> int:
        """Of a grid that was halved so often, in cells."""
        return self.side // self.stem >> halvings


class Residual(nn.Module):
    """[M, C, R, R] to [M, D, R, R]: twice norm, SiLU and a 3x3 convolution, added to the input."""

    def __init__(self, inside: int, outside: int, groups: int):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, inside, 1e-6)
        self.conv1 = nn.Conv2d(inside, outside, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, outside, 1e-6)
        self.conv2 = nn.Conv2d(outside, outside, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(inside, outside, 1) if inside != outside else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(functional.silu(self.norm1(x)))
        return self.conv_shortcut(x) + self.conv2(functional.silu(self.norm2(h)))


class Halve(nn.Module):
    """Half the side; the padding is below and to the right alone."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(functional.pad(x, (0, 1, 0, 1)))


class Double(nn.Module):
    """Twice the side."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(functional.interpolate(x, scale_factor=2.0, mode="nearest"))


class SelfAttention(nn.Module):
    """Among the cells of a grid, with one head."""

    def __init__(self, channels: int, groups: int):
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, channels, 1e-6)
        self.to_q, self.to_k, self.to_v = (nn.Linear(channels, channels) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x: Tensor) -> Tensor:
        cells = self.group_norm(x).flatten(2).transpose(1, 2)  # [M, R * R, C]
        q, k, v = (part(cells)[:, None] for part in (self.to_q, self.to_k, self.to_v))
        mixed = self.to_out[0](functional.scaled_dot_product_attention(q, k, v)[:, 0])
        return x + mixed.transpose(1, 2).unflatten(2, x.shape[2:])


class CrossAttention(nn.Module):
    """Cells of a clip's pictures look at the cells of its context's, which are looked through once for all of them."""

    def __init__(self, channels: int, side: int, context: int, groups: int, dropout: float):
        super().__init__()
        self.kv_pos_emb = nn.Parameter(torch.zeros(context * side**2, channels))
        self.q_pos_emb = nn.Parameter(torch.zeros(side**2, channels))
        self.att = nn.MultiheadAttention(channels, HEADS)  # for its parameters: its own forward repeats keys and values
        self.kv_norm, self.q_norm = nn.GroupNorm(groups, channels), nn.GroupNorm(groups, channels)
        self.dropout = dropout

    def see(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """A context's features [N, T, C, R, R], normalised over all its pictures, to keys and values."""
        cells = self.kv_norm(features.transpose(1, 2).flatten(2)).transpose(1, 2) + self.kv_pos_emb
        width = features.shape[2]
        weight, bias = self.att.in_proj_weight[width:], self.att.in_proj_bias[width:]
        k, v = functional.linear(cells, weight, bias).unflatten(-1, (2, HEADS, -1)).permute(2, 0, 3, 1, 4)
        return k, v

    def forward(self, x: Tensor, seen: tuple[Tensor, Tensor]) -> Tensor:
        """x [N * F, C, R, R] beside a context of N."""
        n, (width, *grid) = len(seen[0]), x.shape[1:]
        cells = self.q_norm(x).flatten(2).transpose(1, 2) + self.q_pos_emb
        q = functional.linear(cells, self.att.in_proj_weight[:width], self.att.in_proj_bias[:width])
        q = q.view(n, -1, HEADS, width // HEADS).transpose(1, 2)  # [N, HEADS, F * R * R, C / HEADS]
        dropout = self.dropout if self.training else 0.0
        mixed = self.att.out_proj(
            functional.scaled_dot_product_attention(q, *seen, dropout_p=dropout).transpose(1, 2).flatten(2)
        )
        mixed = functional.dropout(mixed, dropout).view(len(x), -1, width).transpose(1, 2).unflatten(2, grid)
        return functional.silu(x + mixed)


def level(
    widths: tuple[int, int], blocks: int, groups: int, name: str, resize: Callable[[int], nn.Module] | None
) -> nn.Sequential:
    """[M, C, R, R] to [M, D, R', R'], `widths` C and D: residual blocks, and under `name` what changes the side, if anything
    does."""
    inside, outside = widths
    resnets = nn.Sequential(*(Residual(inside if k == 0 else outside, outside, groups) for k in range(blocks)))
    after = nn.Sequential() if resize is None else nn.Sequential(resize(outside))
    return nn.Sequential(OrderedDict({"resnets": resnets, name: after}))


class Middle(nn.Module):
    """The coarsest level; it attends to itself where the half attends at all."""

    def __init__(self, channels: int, groups: int, *, attend: bool):
        super().__init__()
        self.resnets = nn.ModuleList(Residual(channels, channels, groups) for _ in range(2))
        self.attentions = nn.ModuleList([SelfAttention(channels, groups)] if attend else [])

    def forward(self, x: Tensor) -> Tensor:
        x = self.resnets[0](x)
        for attention in self.attentions:
            x = attention(x)
        return self.resnets[1](x)


class Half(nn.Module):
    """Levels one after the other, some of which look at a context."""

    attends: list[bool]  # of each level
    cross_att_blocks: nn.ModuleList  # of those that do

    def _look_at_context(self, shape: Shape, widths: Sequence[int], sides: Sequence[int]) -> None:
        """Make what looks at a context; `widths` and `sides` are those of each level's output."""
        self.attends = [bool(shape.attend_to) and side <= shape.attend_from for side in sides]
        self.cross_att_blocks = nn.ModuleList(
            CrossAttention(width, side, shape.attend_to, shape.groups, shape.dropout)
            for width, side, attends in zip(widths, sides, self.attends, strict=True)
            if attends
        )

    def _through(self, x: Tensor, levels: Iterable[nn.Module], seen: Seen | None) -> tuple[Tensor, list[Tensor]]:
        """What the last level gives, and what each did."""
        features, cross = [], iter(zip(self.cross_att_blocks, seen or ()))
        for part, attends in zip(levels, self.attends, strict=True):
            x = part(x)
            if attends:
                block, pair = next(cross)
                x = block(x, pair)
            features.append(x)
        return x, features

    def see(self, features: list[Tensor]) -> Seen:
        """What the plain half's levels gave of a context, each [N, T, C, R, R], to what this half attends to."""
        looked = [each for each, attends in zip(features, self.attends, strict=True) if attends]
        found = []
        for block, each in zip(self.cross_att_blocks, looked, strict=True):
            assert isinstance(block, CrossAttention)
            found.append(block.see(each))
        return found


class Encoder(Half):
    """Pictures [M, 3, side, side] in 0 to 1, with more channels for what is shown beside them, to latents [M, latent, R, R],
    R = side / stem / 2^(levels - 1)."""

    def __init__(self, shape: Shape):
        super().__init__()
        wide, groups, last = shape.channels, shape.groups, len(shape.channels) - 1
        self.stem = shape.stem
        self.conv_in = nn.Conv2d((3 + shape.beside) * shape.stem**2, wide[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(
            level(widths, shape.blocks, groups, "downsamplers", Halve if k < last else None)
            for k, widths in enumerate(zip((wide[0], *wide), wide))
        )
        self._look_at_context(shape, wide, [shape.side_of(min(k + 1, last)) for k in range(len(wide))])
        self.mid_block = Middle(wide[-1], groups, attend=bool(shape.attend_to))
        self.conv_norm_out = nn.GroupNorm(groups, wide[-1], 1e-6)
        self.conv_out = nn.Conv2d(wide[-1], shape.latent, 3, padding=1)

    def forward(self, x: Tensor, seen: Seen | None = None) -> tuple[Tensor, list[Tensor]]:
        """Latents, and what each level gave."""
        x, features = self._through(
            self.conv_in(_laid(functional.pixel_unshuffle(x, self.stem))), self.down_blocks, seen
        )
        return self.conv_out(functional.silu(self.conv_norm_out(self.mid_block(x)))), features


class Decoder(Half):
    """Latents [M, latent, R, R] to pictures [M, said, side, side], as `Encoder` the other way. The middle is a level too."""

    def __init__(self, shape: Shape):
        super().__init__()
        wide, groups, last = (*reversed(shape.channels),), shape.groups, len(shape.channels) - 1
        self.stem, self.square = shape.stem, shape.side // shape.side_of(last)
        self.conv_in = nn.Conv2d(shape.latent + shape.beside * self.square**2, wide[0], 3, padding=1)
        self.mid_block = Middle(wide[0], groups, attend=bool(shape.attend_to))
        self.up_blocks = nn.ModuleList(
            level(widths, shape.blocks + 1, groups, "upsamplers", Double if k < last else None)
            for k, widths in enumerate(zip((wide[0], *wide), wide))
        )
        sides = [shape.side_of(max(last - k, 0)) for k in range(len(wide) + 1)]
        self._look_at_context(shape, (wide[0], *wide), sides)
        self.conv_norm_out = nn.GroupNorm(groups, wide[-1], 1e-6)
        self.conv_out = nn.Conv2d(wide[-1], shape.said * shape.stem**2, 3, padding=1)

    def forward(self, x: Tensor, seen: Seen | None = None, beside: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        """Pictures, and what the middle and each level gave. `beside`: pictures that it is shown, in squares of a cell each."""
        if beside is not None:
            x = torch.cat([x, functional.pixel_unshuffle(beside, self.square)], 1)
        x, features = self._through(self.conv_in(_laid(x)), (self.mid_block, *self.up_blocks), seen)
        return functional.pixel_shuffle(self.conv_out(functional.silu(self.conv_norm_out(x))), self.stem), features


def _laid(x: Tensor) -> Tensor:
    """With the channels of a cell side by side, where that is quicker; attention leaves its grids so, and they stay so."""
    return x.contiguous(memory_format=torch.channels_last) if x.device.type == "cpu" else x
