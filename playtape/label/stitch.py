"""Any length of video through a model that sees a stretch at a time, as if it had seen the whole at once.

Frames come in, beliefs go out. Each two neighbouring frames are looked at once, as they come; each interval is judged with
`model.reach` rows before and after it, except at the two ends of the video, where there are none. Memory is bounded by one
stretch, whatever the video's length.

A video may be cut into parts, judged anywhere and in any order: a part is a run of whole stretches, looks at the same batches
of frames and judges the same rows together as one pass over the video does, so that joined they are its beliefs to the last
bit. Other batches would not do: matrix products of another shape round otherwise.

R rows: the intervals of R + 1 frames; row i lies between frames i and i + 1.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import torch
from torch import Tensor

from playtape.models.protocols import Labeler, Labels, Rows

KEEP = 256  # intervals judged in one pass: many enough that the reach around them is cheap
BATCH = 32  # frames looked at together


@dataclass(frozen=True)
class Part:
    """Rows [first, last) of a video. `start` and `stop`: the frames to feed, in batches that end at multiples of the batch
    size."""

    first: int
    last: int
    start: int
    stop: int

    @property
    def entered(self) -> int:
        """How many frames stand before the first whole batch: one, if the part does not begin with the video."""
        return 1 if self.start else 0


def parts(frames: int, reach: int, rows: int, *, keep: int = KEEP, batch: int = BATCH) -> list[Part]:
    """Cut a video of so many frames into parts of `rows` intervals (a multiple of `keep`); the last is what remains."""
    assert rows % keep == 0
    whole = max(0, (frames - 1 - reach) // keep) * keep  # up to here, all stretches are full and have their future
    cuts = [0, *(cut for cut in range(rows, whole + 1, rows) if cut < frames - 1), frames - 1]
    return [_part(a, b, frames, reach, batch) for a, b in pairwise(cuts)]


def _part(first: int, last: int, frames: int, reach: int, batch: int) -> Part:
    before = max(0, first - reach) + 1  # the later frame of the earliest row that matters
    start = before // batch * batch
    after = frames if last == frames - 1 else last + reach  # the later frame of the latest
    return Part(first, last, max(0, start - 1), min(frames, (after // batch + 1) * batch))


def stitch(model: Labeler, batches: Iterable[Tensor], keep: int = KEEP) -> Labels:
    """uint8 frames in batches of [n, 3, H, W], in order, T >= 2 in all, to beliefs of T rows (the last repeats the one before).

    Returns Labels of float32 [T, ...] tensors on the CPU: what one pass over the whole video would give.
    """
    return joined([stitch_part(model, batches, keep=keep)])


def stitch_part(model: Labeler, batches: Iterable[Tensor], part: Part | None = None, *, keep: int = KEEP) -> Labels:
    """Beliefs of a part's rows, of its frames in the batches that `Part` says; without one, of all rows there are."""
    looks = (model.look(frames[None]) for frames in _pairs(batches))
    judged = [_kept(model.judge(rows), first, last) for rows, first, last in _stretches(looks, model.reach, keep, part)]
    return _joined(judged)


def joined(labels: Sequence[Labels]) -> Labels:
    """The beliefs of a video's parts, in their order, as T rows: the last, which has no interval, repeats the one before."""
    whole = _joined(labels)
    ends = (torch.cat([belief, belief[-1:]]) for belief in (getattr(whole, field.name) for field in fields(Labels)))
    return Labels(*ends)


def _joined(labels: Sequence[Labels]) -> Labels:
    return Labels(*(torch.cat([getattr(one, field.name) for one in labels]) for field in fields(Labels)))


def _pairs(batches: Iterable[Tensor]) -> Iterator[Tensor]:
    """The same batches, each with the last frame of the one before: every two neighbours are together once."""
    last = None
    for batch in batches:
        frames = batch if last is None else torch.cat([last, batch])
        last = batch[-1:]
        if len(frames) > 1:
            yield frames


def _stretches(looks: Iterable[Rows], reach: int, keep: int, part: Part | None) -> Iterator[tuple[Rows, int, int]]:
    """(rows [1, n, ...], first, last): judge these rows, keep first to last of what comes back."""
    held: list[Rows] = []
    start = part.start if part else 0  # number of the first row in hand
    done = part.first if part else 0  # rows before this one are not asked for, or given already
    count = 0  # rows in hand
    for look in looks:
        held.append(look)
        count += look[0].shape[1]
        while start + count >= done + keep + reach and (part is None or done < part.last):
            rows, first = _cat(held), max(start, done - reach)
            yield _cut(rows, first - start, done + keep + reach - start), done - first, done - first + keep
            done += keep
            drop = max(0, done - reach - start)
            held, start, count = [_cut(rows, drop, count)], start + drop, count - drop
    if done < (part.last if part else start + count):
        first = max(start, done - reach)
        yield _cut(_cat(held), first - start, count), done - first, start + count - first


def _cat(looks: list[Rows]) -> Rows:
    return tuple(torch.cat(parts, 1) for parts in zip(*looks, strict=True))


def _cut(rows: Rows, first: int, last: int) -> Rows:
    """In memory of their own: some matrix libraries round by where in memory a row begins."""
    return tuple(row[:, first:last].clone() for row in rows)


def _kept(labels: Labels, first: int, last: int) -> Labels:
    return Labels(*(getattr(labels, field.name)[0, first:last].float().cpu() for field in fields(Labels)))
