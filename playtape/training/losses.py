"""What a model loses on recordings that it has not learned from, one recording at a time, so that they can be resampled."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from playtape.clips import Stored, cut, stack
from playtape.errors import BadInput
from playtape.models.protocols import Model, Trainable


@dataclass(frozen=True)
class Chunk:
    """Frames [start, stop) of a recording: how many may be learned from, and their mean `nats` a slot of each kind."""

    start: int
    stop: int
    frames: float
    nats: dict[str, float]


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


def losses(model: object, recordings: Iterable[Stored], window: int) -> Losses:
    """Each chunk of `window` frames by itself, as in training."""
    rows: list[dict[str, float]] = []
    frames: list[float] = []
    for one in recordings:
        found = list(chunks(model, one, window))
        frames.append(sum(chunk.frames for chunk in found))
        kinds = found[0].nats if found else ()
        rows.append({kind: sum(chunk.frames * chunk.nats[kind] for chunk in found) for kind in kinds})
    kinds = rows[0] if rows else ()
    return Losses({kind: np.array([row[kind] for row in rows]) for kind in kinds}, np.array(frames))


@torch.no_grad()
def chunks(model: object, one: Stored, window: int) -> Iterator[Chunk]:
    """A recording's stretches of `window` frames one after the other; a rest that fills none is left out."""
    assert isinstance(model, Model)
    assert isinstance(model, Trainable)
    device = next(model.parameters()).device
    for start in range(0, max(1, len(one) - window + 1), window):
        stop = min(len(one), start + window)
        clip = stack([cut(one, start, stop)])
        nats = {kind: float(value) for kind, value in model.losses(clip.to(device)).items()}
        yield Chunk(start, stop, float((clip.mask * clip.confidence).sum()), nats)
