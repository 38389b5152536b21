"""The codes of the next frame of lines that go on (nets/line.py), from what is kept of them (nets/memory.py).

Exact: code by code, each given those before it. Fast: all of them in a few passes, the surest first (MaskGIT, arXiv 2202.04200).

Shapes: `M` lines, `T` tokens that are not kept yet, `J` codes of a frame, `D` width; a common beginning has `P` tokens.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from playtape.nets.drawing import Draw
from playtape.nets.line import Line
from playtape.nets.memory import Branch


def exact(line: Line, memories: Sequence[Branch], x: Tensor, count: int, draw: Draw) -> Tensor:
    """Behind tokens [M, T, D], which are kept then, code by code: int64 [M, J]. The last one is not kept yet."""
    codes: list[Tensor] = []
    for _ in range(count):
        hidden = written(line, memories, x, x.shape[1])[:, -1]
        codes.append(draw(line.head(hidden)))
        x = line.later(codes[-1])[:, None]
    return torch.stack(codes, 1)


def fast(line: Line, memories: Sequence[Branch], x: Tensor, count: int, passes: int, draw: Draw) -> Tensor:
    """Behind tokens [M, T, D], which are kept then, all in so many passes: int64 [M, J]. None of them is kept yet."""
    codes = torch.zeros(len(x), count, dtype=torch.int64, device=x.device)
    hid = torch.ones_like(codes, dtype=torch.bool)
    for number in range(1, passes + 1):
        asked = torch.where(hid[..., None], line.blank, line.later(codes))
        hidden = written(line, memories, torch.cat([x, asked], 1), x.shape[1])[:, -count:]
        x = x[:, :0]  # it is kept now
        logits = line.head(hidden)
        codes = torch.where(hid, draw(logits), codes)
        left = int(count * math.cos(math.pi / 2 * number / passes))
        sure = draw.sureness(logits, codes).masked_fill(~hid, torch.inf)
        hid = torch.zeros_like(hid).scatter(1, sure.argsort(1)[:, :left], True) if left else torch.zeros_like(hid)
    return codes


def written(line: Line, memories: Sequence[Branch], x: Tensor, keep: int) -> Tensor:
    """The next tokens [M, T, D], mixed: the first `keep` see what is before them and stay, the others see everything."""
    used, length, start = memories[0].used, x.shape[1], memories[0].trunk[0].shape[2]  # P
    new = torch.arange(length, device=x.device)
    mask = None
    if length > 1:
        sees = (new[:, None] >= new[None]) | (new[:, None] >= keep)
        mask = functional.pad(sees, (used, 0), value=True)
    out = line.body(x, start + used + new, mask, memories)
    for memory in memories:
        memory.used = used + keep
    return out
