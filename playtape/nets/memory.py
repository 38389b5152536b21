"""What attention layers keep between calls: a ring for an endless stream, a list that grows for a short one, and a trunk with
branches for many streams that began as one.

None is copied as it is filled. Shapes: `N` sequences, `T` tokens now, `H` heads, `E` head size, `C` places of a ring.
"""

from collections.abc import Sequence
from copy import copy

import torch
from torch import Tensor

from playtape.nets.transformer import attended


class Ring:
    """Keys and values [N, H, C, E] of one layer, written in place at the places that `aim` names."""

    at: Tensor
    chosen: Tensor | None = None  # the sequences that a part is of, where they are no neighbours

    def __init__(self, count: int, heads: int, places: int, size: int, like: Tensor):
        self.keys = torch.zeros(count, heads, places, size, dtype=like.dtype, device=like.device)
        self.values = torch.zeros_like(self.keys)

    def aim(self, at: Tensor) -> None:
        """The places int64 [N, T] of the next call's tokens."""
        self.at = at

    def join(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        rows = torch.arange(len(keys), device=keys.device) if self.chosen is None else self.chosen
        self.keys[rows[:, None], :, self.at] = keys.transpose(1, 2)
        self.values[rows[:, None], :, self.at] = values.transpose(1, 2)
        return (self.keys, self.values) if self.chosen is None else (self.keys[rows], self.values[rows])

    look = staticmethod(attended)

    def rows(self, index: Sequence[int]) -> "Ring":
        """A part of a whole ring that shares its memory, so that what is joined to it is in the whole. Neighbours in rising
        order are read in place; others are copied together whenever they are read.
        """
        part, first = copy(self), index[0]
        if list(index) == list(range(first, first + len(index))):
            part.keys, part.values = self.keys[first : first + len(index)], self.values[first : first + len(index)]
        else:
            part.chosen = torch.tensor(index, device=self.keys.device)
        return part

    def clear(self, index: Sequence[int]) -> None:
        """Forget these sequences. A mask hides what is old, but not a NaN: 0 times NaN is NaN."""
        self.keys[list(index)], self.values[list(index)] = 0, 0


class Grown:
    """Keys and values of one layer for at most `places` tokens, one call after the other."""

    def __init__(self, places: int):
        self.places, self.used = places, 0

    def join(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        if not self.used:
            shape = (*keys.shape[:2], self.places, keys.shape[3])
            self.keys, self.values = keys.new_empty(shape), values.new_empty(shape)
        stop = self.used + keys.shape[2]
        self.keys[:, :, self.used : stop], self.values[:, :, self.used : stop] = keys, values
        self.used = stop
        return self.keys[:, :, :stop], self.values[:, :, :stop]

    look = staticmethod(attended)


class Branch:
    """Keys and values of one layer for M sequences, each S neighbours of which began as one of N: M = N * S.

    The common part `trunk`, [N, H, P, E] each, is kept once and looked at by all of its S at once; each grows by itself for at
    most `places` tokens. What is behind `used` may be written again: a stream can be wound back.
    """

    def __init__(self, trunk: tuple[Tensor, Tensor], count: int, places: int):
        self.trunk, self.used = trunk, 0
        _, heads, _, size = trunk[0].shape
        self.keys, self.values = (part.new_empty(count, heads, places, size) for part in trunk)

    def join(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        stop = self.used + keys.shape[2]
        self.keys[:, :, self.used : stop], self.values[:, :, self.used : stop] = keys, values
        self.used = stop
        return self.keys[:, :, :stop], self.values[:, :, :stop]

    def look(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
        """`mask` is of the branch alone, [T, K]: every token sees the whole trunk."""
        trunk_keys, trunk_values = self.trunk
        each, now = len(queries) // len(trunk_keys), queries.shape[2]
        q = queries * queries.shape[3] ** -0.5
        together = q.unflatten(0, (-1, each)).transpose(1, 2).flatten(2, 3)  # [N, H, S * T, E]
        old = (together @ trunk_keys.mT).unflatten(2, (each, now)).transpose(1, 2).flatten(0, 1)  # [M, H, T, P]
        new = q @ keys.mT
        if mask is not None:
            new = new.masked_fill(~mask, -torch.inf)
        weight = torch.cat([old, new], -1).softmax(-1)
        old, new = weight.split([old.shape[3], new.shape[3]], -1)
        together = old.unflatten(0, (-1, each)).transpose(1, 2).flatten(2, 3) @ trunk_values
        return together.unflatten(2, (each, now)).transpose(1, 2).flatten(0, 1) + new @ values
