"""What a model loses on recordings that it has not learned from, one recording at a time, so that they can be resampled."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from playtape.clips import Stored, cut, stack
from playtape.errors import BadInput
from playtape.models.protocols import Trainable


@dataclass(frozen=True, eq=False)
class Losses:
    """`sums[kind]` float64 [N]: of N recordings, over their learnable frames; `frames` float64 [N]: how many those are."""

    sums: dict[str, np.ndarray]
    frames: np.ndarray

    def means(self) -> dict[str, float]:
        """Nats a slot over all frames of all recordings. Raises BadInput if there is none."""
        if not self.frames.sum():
            raise BadInput("no frame of these recordings may be learned from, so there is nothing to compare with")
        return {kind: float(sums.sum() / self.frames.sum()) for kind, sums in self.sums.items()}


@torch.no_grad()
def losses(model: object, recordings: Iterable[Stored], window: int) -> Losses:
    """Each chunk of `window` frames by itself, as in training; the rest of a recording that fills none is left out."""
    assert isinstance(model, Trainable)
    rows: list[dict[str, float]] = []
    frames: list[float] = []
    for one in recordings:
        rows.append({})
        frames.append(0.0)
        for start in range(0, max(1, len(one) - window + 1), window):
            clip = stack([cut(one, start, min(len(one), start + window))])
            count = float((clip.mask * clip.confidence).sum())
            frames[-1] += count
            for kind, value in model.losses(clip).items():
                rows[-1][kind] = rows[-1].get(kind, 0.0) + count * float(value)
    kinds = rows[0] if rows else ()
    return Losses({kind: np.array([row[kind] for row in rows]) for kind in kinds}, np.array(frames))
