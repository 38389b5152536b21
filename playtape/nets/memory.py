"""What attention layers keep between calls: a ring for an endless stream, and a list that grows for a short one.

Neither is copied as it is filled. Shapes: `N` sequences, `T` tokens now, `H` heads, `E` head size, `C` places of a ring.
"""

from collections.abc import Sequence
from copy import copy

import torch
from torch import Tensor


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
