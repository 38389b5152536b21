"""What attention layers keep between calls: a ring for an endless stream, and a list that grows for a short one.

Neither is ever copied as it is filled. Shapes: `N` sequences, `T` tokens now, `H` heads, `E` head size, `C` places of a ring.
"""

import torch
from torch import Tensor


class Ring:
    """Keys and values [N, H, C, E] of one layer, written in place at the places that `aim` names."""

    at: Tensor

    def __init__(self, count: int, heads: int, places: int, size: int, like: Tensor):
        self.keys = torch.zeros(count, heads, places, size, dtype=like.dtype, device=like.device)
        self.values = torch.zeros_like(self.keys)

    def aim(self, at: Tensor) -> None:
        """The places int64 [N, T] of the next call's tokens."""
        self.at = at

    def join(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        rows = torch.arange(len(keys), device=keys.device)[:, None]
        self.keys[rows, :, self.at] = keys.transpose(1, 2)
        self.values[rows, :, self.at] = values.transpose(1, 2)
        return self.keys, self.values


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
