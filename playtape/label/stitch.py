"""Any length of video through a model that sees a stretch at a time, as if it had seen the whole at once.

Frames come in, beliefs go out. Each two neighbouring frames are looked at once, as they come; each interval is judged with
`model.reach` rows before and after it, except at the two ends of the video, where there are none. Memory is bounded by one
stretch, whatever the video's length.
"""

from collections.abc import Iterable, Iterator
from dataclasses import fields

import torch
from torch import Tensor

from playtape.models.protocols import Labeler, Labels, Rows

KEEP = 256  # intervals judged in one pass: many enough that the reach around them is cheap


def stitch(model: Labeler, batches: Iterable[Tensor], keep: int = KEEP) -> Labels:
    """uint8 frames in batches of [n, 3, H, W], in order, T >= 2 in all, to beliefs of T rows (the last repeats the one before).

    Returns Labels of float32 [T, ...] tensors on the CPU: what one pass over the whole video would give.
    """
    looks = (model.look(frames[None]) for frames in _pairs(batches))
    parts = [_kept(model.judge(rows), first, last) for rows, first, last in _stretches(looks, model.reach, keep)]
    whole = (torch.cat([getattr(part, field.name) for part in parts]) for field in fields(Labels))
    return Labels(*(torch.cat([belief, belief[-1:]]) for belief in whole))


def _pairs(batches: Iterable[Tensor]) -> Iterator[Tensor]:
    """The same batches, each with the last frame of the one before: every two neighbours are together once."""
    last = None
    for batch in batches:
        frames = batch if last is None else torch.cat([last, batch])
        last = batch[-1:]
        if len(frames) > 1:
            yield frames


def _stretches(looks: Iterable[Rows], reach: int, keep: int) -> Iterator[tuple[Rows, int, int]]:
    """(rows [1, n, ...], first, last): judge these rows, keep first to last of what comes back."""
    held: list[Rows] = []
    start, count, done = 0, 0, 0  # number of the first row in hand, how many there are, rows already given
    for look in looks:
        held.append(look)
        count += look[0].shape[1]
        while start + count >= done + keep + reach:
            rows = _cat(held)
            yield _cut(rows, 0, done + keep + reach - start), done - start, done - start + keep
            done += keep
            drop = max(0, done - reach - start)
            held, start, count = [_cut(rows, drop, count)], start + drop, count - drop
    if done < start + count:
        yield _cat(held), done - start, count


def _cat(looks: list[Rows]) -> Rows:
    return tuple(torch.cat(parts, 1) for parts in zip(*looks, strict=True))


def _cut(rows: Rows, first: int, last: int) -> Rows:
    return tuple(row[:, first:last] for row in rows)


def _kept(labels: Labels, first: int, last: int) -> Labels:
    return Labels(*(getattr(labels, field.name)[0, first:last].float().cpu() for field in fields(Labels)))
