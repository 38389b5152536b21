"""A real number as a distribution over fixed centres, and back.

A target between two centres gives both a share, so that the expectation of the target distribution is the target itself
(as in DreamerV3, arXiv 2301.04104, section "twohot"). Shapes: `*b` any batch shape, `K` rising centres.
"""

import torch
from torch import Tensor
from torch.nn import functional


def two_hot(value: Tensor, centres: Tensor) -> Tensor:
    """value [*b] to probabilities [*b, K]; values beyond the outer centres become the outer centre."""
    value = value.clamp(centres[0], centres[-1]).contiguous()
    right = torch.searchsorted(centres, value).clamp(1, len(centres) - 1)
    low, high = centres[right - 1], centres[right]
    share = ((value - low) / (high - low)).unsqueeze(-1)
    left_hot = functional.one_hot(right - 1, len(centres))
    return left_hot * (1 - share) + functional.one_hot(right, len(centres)) * share


def expectation(logits: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """logits [*b, K] to mean and standard deviation, each [*b]."""
    probability = logits.softmax(-1)
    mean = probability @ centres
    variance = (probability @ centres.square() - mean.square()).clamp_min(0)
    return mean, variance.sqrt()
