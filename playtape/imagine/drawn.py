"""Futures as a picture and as a film: what happened, each future below it, and the last frame held, which is what to beat.

Shapes: `K` frames of the context, `F` foretold ones, `H W` pixels of the model's pictures.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from playtape.imagine.futures import Moment
from playtape.nets.similarity import psnr
from playtape.recordings import write_video
from playtape.recordings.atomic import atomic

LEAST = 96  # pixels: smaller pictures are shown at a whole multiple
LABEL, HEAD, GAP = 132, 26, 12  # pixels: of the words to the left, of those above a moment, between two moments
MOST_COLUMNS = 32
INK, FAINT, PAPER, FORETOLD = (30, 30, 30), (120, 120, 120), (255, 255, 255), (190, 75, 40)


def picture(chosen: Sequence[Moment], drawn: Tensor, path: Path) -> None:
    """Of each moment a row for what happened, one for each of its futures `drawn` uint8 [N, S, F, 3, H, W], and one for the last
    frame held; a column a frame, and a line where foretelling begins."""
    panels = [_panel(moment, of) for moment, of in zip(chosen, drawn, strict=True)]
    gap = np.full((GAP, panels[0].shape[1], 3), PAPER, np.uint8)
    with atomic(path) as temporary:
        Image.fromarray(np.concatenate([part for panel in panels for part in (panel, gap)][:-1])).save(
            temporary, format="PNG"
        )


def film(chosen: Sequence[Moment], drawn: Tensor, path: Path, fps: float) -> None:
    """What happened over each future, clips side by side, at `fps`; an edge is red while it is foretold."""
    columns = [_rows(moment, of)[:-1] for moment, of in zip(chosen, drawn, strict=True)]
    context = columns[0][0][1].shape[0] - drawn.shape[2]
    shown = []
    for t in range(len(columns[0][0][1])):
        rows = [_beside([column[row][1][t] for column in columns]) for row in range(len(columns[0]))]
        if t >= context:
            for row in rows[1:]:
                row[:2] = row[:, :2] = FORETOLD
        shown.append(np.concatenate(rows))
    write_video(path, shown, fps=fps, crf=12)


def _rows(moment: Moment, drawn: Tensor) -> list[tuple[str, Tensor]]:
    """What each row is, and its frames uint8 [K + F, 3, H, W]: truth, futures after the same context, and the last frame held."""
    k = len(moment.frames) - drawn.shape[1]
    truth, context = moment.frames[k:], moment.frames[:k]
    held = context[-1:].expand_as(truth)
    later = [*((f"future {number}", each) for number, each in enumerate(drawn, 1)), ("last frame held", held)]
    told = [(f"{name}\n{float(psnr(each, truth).mean()):.1f} dB", torch.cat([context, each])) for name, each in later]
    return [("what happened", moment.frames), *told]


def _panel(moment: Moment, drawn: Tensor) -> np.ndarray:
    """uint8 [H', W', 3]"""
    rows, k = _rows(moment, drawn), len(moment.frames) - drawn.shape[1]
    count = len(moment.frames)
    columns = np.unique(np.linspace(0, count - 1, min(count, MOST_COLUMNS)).round().astype(int)).tolist()
    strips = [_beside([frames[t] for t in columns]) for _, frames in rows]
    height, width = strips[0].shape[:2]
    sheet = Image.new("RGB", (LABEL + width, HEAD + height * len(rows)), PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, ((name, _), strip) in enumerate(zip(rows, strips, strict=True)):
        sheet.paste(Image.fromarray(strip), (LABEL, HEAD + number * height))
        draw.multiline_text((6, HEAD + number * height + height // 2 - 12), name, fill=INK)
    side = width // len(columns)
    for place, t in enumerate(columns):
        draw.text((LABEL + place * side + 4, HEAD - 14), f"{t - k + 1:+d}" if t >= k else "given", fill=FAINT)
    draw.text((6, 2), f"{moment.name}, from its frame {moment.start}", fill=INK)
    begins = LABEL + side * sum(t < k for t in columns)
    draw.line((begins - 1, HEAD, begins - 1, sheet.height), fill=FORETOLD, width=2)
    return np.asarray(sheet)


def _beside(pictures: Sequence[Tensor]) -> np.ndarray:
    """uint8 [3, H, W] each to one row [H', W', 3], small ones larger."""
    row = np.concatenate([each.numpy() for each in pictures], 2).transpose(1, 2, 0)
    times = -(-LEAST // row.shape[0])
    return row.repeat(times, 0).repeat(times, 1)
