"""Any length of video through a model that sees a stretch at a time, as if it had seen the whole at once.

Frames come in, beliefs go out; each interval is judged with `model.reach` frames before and after it, except at the two ends
of the video, where there are none. Memory is bounded by one stretch, whatever the video's length.
"""

from collections.abc import Iterable, Iterator
from dataclasses import fields

import numpy as np
import torch
from torch import Tensor

from playtape.models.protocols import Labeler, Labels

KEEP = 256  # intervals judged in one pass: few enough for a few hundred MB, many enough that the reach around them is cheap


def stitch(model: Labeler, batches: Iterable[Tensor], keep: int = KEEP) -> Labels:
    """uint8 frames in batches of [n, 3, H, W], in order, T in all, to beliefs of T rows (the last means nothing).

    Returns Labels of float32 [T, ...] tensors on the CPU. A model whose frames beyond `reach` do not matter gives what one
    pass over the whole video would give.
    """
    parts = [_rows(model.label(frames), first, last) for frames, first, last in _stretches(batches, model.reach, keep)]
    names = [field.name for field in fields(Labels)]
    return Labels(*(torch.cat([getattr(part, name) for part in parts]) for name in names))


def _stretches(batches: Iterable[Tensor], reach: int, keep: int) -> Iterator[tuple[Tensor, int, int]]:
    """(frames, first, last): pass these frames, keep rows first to last of what comes back."""
    held, start, done = [], 0, 0  # frames in hand, number of the first of them, rows already given
    for batch in batches:
        held.append(batch)
        while start + sum(map(len, held)) >= done + keep + reach + 1:
            frames = torch.cat(held)
            stop = done + keep + reach + 1 - start
            yield frames[:stop], done - start, done - start + keep
            done += keep
            drop = max(0, done - reach - start)
            held, start = [frames[drop:]], start + drop
    frames = torch.cat(held)
    if done < start + len(frames):
        yield frames, done - start, len(frames)


def _rows(labels: Labels, first: int, last: int) -> Labels:
    return Labels(*(getattr(labels, field.name)[first:last].float().cpu() for field in fields(Labels)))


def as_numpy(labels: Labels) -> dict[str, np.ndarray]:
    return {field.name: getattr(labels, field.name).numpy() for field in fields(Labels)}
