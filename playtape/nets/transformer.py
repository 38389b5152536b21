"""A pre-norm transformer block as large policies use it: RMS norm on queries and keys, rotary positions, SwiGLU, and a K/V cache.

The block of Pixels2Play (arXiv 2601.04575): queries and keys are normalised over the whole width before it is split into heads,
rotary angles turn interleaved pairs, nothing has a bias. Parameters have the published names. Without that norm it is the block
of LLaMA (arXiv 2302.13971), whose angles turn halves of a head: the same, once its query and key rows are put in pairs.
One forward serves training and playing: a `Memory` keeps what earlier calls saw, and hands back all that may be looked at.

Shapes: `N` sequences, `T` tokens now, `K` tokens that may be looked at, `D` width, `H` heads, `E` = D/H.
"""

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional


class RMSNorm(nn.Module):
    """x / rms(x) * scale over the last dimension, in float32."""

    def __init__(self, width: int, eps: float = 1e-5):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return functional.rms_norm(x.float(), self.scale.shape, self.scale.float(), self.eps).to(x.dtype)


class Memory(Protocol):
    """What one attention layer saw before. Keys come in turned already, so their order does not matter."""

    def join(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Those of now, [N, H, T, E], to all that may be looked at, [N, H, K, E]."""
        ...

    def look(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
        """Attention of queries [N, H, T, E] to what `join` gave, and to whatever else it keeps."""
        ...


def rotary(position: Tensor, size: int, base: float = 10_000.0) -> Tensor:
    """Unit complex numbers, complex64 [*b, T, E/2], at the angles of integer positions [*b, T] for heads of `size` E.

    Angles are taken in float64: after a day of play a position is some ten million, where float32 is a radian coarse.
    """
    rate = base ** (-torch.arange(0, size, 2, device=position.device, dtype=torch.float64) / size)
    angle = position.double().unsqueeze(-1) * rate
    return torch.polar(torch.ones_like(angle), angle).to(torch.complex64)


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Turn each pair (2i, 2i+1) of x [N, H, T, E] by its position's angle, [T, E/2] or one a sequence, [N, 1, T, E/2]."""
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * angles).flatten(-2).to(x.dtype)


class Attention(nn.Module):
    """`sinks`: learned keys and values that every token sees and no position turns. `normed`: queries and keys are."""

    def __init__(self, width: int, heads: int, dropout: float = 0.0, sinks: int = 0, *, normed: bool = True):
        super().__init__()
        self.heads = heads
        self.c_attn = nn.Linear(width, 3 * width, bias=False)
        self.c_proj = nn.Linear(width, width, bias=False)
        self.q_norm, self.k_norm = (RMSNorm(width) if normed else nn.Identity() for _ in range(2))
        self.dropout = nn.Dropout(dropout)
        if sinks:
            self.k_sinks = nn.Parameter(0.02 * torch.randn(1, heads, sinks, width // heads))
            self.v_sinks = nn.Parameter(0.02 * torch.randn(1, heads, sinks, width // heads))
        self.sinks = sinks

    def forward(self, x: Tensor, angles: Tensor, mask: Tensor | None, memory: Memory | None = None) -> Tensor:
        """x [N, T, D]; `mask` bool, [T, sinks + K] or one a sequence, [N, 1, T, sinks + K]: True where a token may look."""
        q, k, v = self.c_attn(x).chunk(3, -1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (self.q_norm(q), self.k_norm(k), v))
        q, k = rotate(q, angles), rotate(k, angles)
        if memory is not None:
            k, v = memory.join(k, v)
        if self.sinks:
            k, v = (
                torch.cat([part.to(own.dtype).expand(len(x), -1, -1, -1), own], 2)
                for part, own in ((self.k_sinks, k), (self.v_sinks, v))
            )
        look = attended if memory is None else memory.look
        seen = look(q, k, v, mask)
        return self.dropout(self.c_proj(seen.transpose(1, 2).flatten(2)))


def attended(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """Softmax attention; where there is no mask, to everything.

    To learn in bfloat16 on a CPU it is three products of whole matrices: the fused one's way back takes 22 ms there where these
    take 10 (torch 2.13, 480 tokens, 36 heads of 32).
    """
    learning = torch.is_grad_enabled() and queries.requires_grad
    if mask is None or mask.dim() != 2 or not (learning and queries.is_cpu and queries.dtype == torch.bfloat16):
        return functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    away = torch.zeros_like(mask, dtype=queries.dtype).masked_fill_(~mask, -torch.inf)
    q, k, v = (part.flatten(0, 1) for part in (queries, keys, values))
    score = torch.baddbmm(away, q, k.transpose(1, 2), alpha=q.shape[-1] ** -0.5)
    return torch.bmm(score.softmax(-1), v).view(*queries.shape[:3], -1)


class SwiGLU(nn.Module):
    """w2(silu(w1 x) * w3 x), with w1 and w3 in one matrix; hidden is 8/3 of the width, up to a multiple of 8, where not given."""

    def __init__(self, width: int, hidden: int = 0):
        super().__init__()
        hidden = hidden or hidden_of(width)
        self.w13 = nn.Linear(width, 2 * hidden, bias=False)
        self.w2 = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.w13(x).chunk(2, -1)
        return self.w2(functional.silu(gate) * value)


def hidden_of(width: int) -> int:
    """8/3 of the width, rounded down, then up to a multiple of 8: 2736 for 1024."""
    return -(-(8 * width // 3) // 8) * 8


class Block(nn.Module):
    """[N, T, D] to [N, T, D]: attention and SwiGLU, each on the normalised input and added to it."""

    def __init__(
        self,
        width: int,
        heads: int,
        dropout: float = 0.0,
        sinks: int = 0,
        *,
        hidden: int = 0,
        normed: bool = True,
        eps: float = 1e-5,
    ):
        super().__init__()
        self.self_attention = Attention(width, heads, dropout, sinks, normed=normed)
        self.self_attention_norm = RMSNorm(width, eps)
        self.ffn = SwiGLU(width, hidden)
        self.ffn_norm = RMSNorm(width, eps)

    def forward(self, x: Tensor, angles: Tensor, mask: Tensor | None, memory: Memory | None = None) -> Tensor:
        x = x + self.self_attention(self.self_attention_norm(x), angles, mask, memory)
        return x + self.ffn(self.ffn_norm(x))
