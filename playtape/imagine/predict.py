"""`playtape predict`: what a world model says comes next, over what did: a picture, a film, and how far apart they are."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from playtape.errors import within
from playtape.imagine.futures import Moment, Way, able, futures, moments, spread
from playtape.nets.similarity import psnr
from playtape.recordings import find_recordings, open_recording, write_video
from playtape.recordings.atomic import atomic, check_folder, make_folder
from playtape.training import checkpoint
from playtape.training.device import seat
from playtape.training.memory import keep_freed_memory

GAP = 4  # pixels between rows
LEAST = 96  # pixels: smaller pictures are shown at a whole multiple
FILM_FPS = 4.0
MOST_COLUMNS = 32
PUBLISHED = Way()


@dataclass(frozen=True)
class Counts:
    """How many frames are foretold, how many times, of how many moments."""

    frames: int = 14
    samples: int = 4
    clips: int = 4

    def __post_init__(self) -> None:
        for name, most in (("frames", 10_000), ("samples", 1000), ("clips", 1000)):
            within(f"--{name}", getattr(self, name), 1, most, whole=True)


def predict(
    run: Path,
    data: Path,
    out: Path,
    counts: Counts,
    *,
    way: Way = PUBLISHED,
    device: str = "auto",
    progress: bool = True,
) -> dict[str, Any]:
    """Foretell moments of the recordings in `data` under what was truly done.

    Of more recordings than `counts.clips` so many are looked at, evenly spread. Writes OUT/futures.png (rows: truth, then the
    samples) and OUT/futures.mp4, the same in time. Gives where, `psnr` of the mean and of the best sample, `psnr_still` of the
    last context frame held, `frames_per_s`, and `warnings`. Raises BadInput for no world model, a way that it has not learned,
    recordings that are too short, where nothing is done that the model is told, and for an `out` that cannot be written to.
    """
    check_folder(out, "draw futures")
    frames, samples, clips = counts.frames, counts.samples, counts.clips
    keep_freed_memory()
    loaded = checkpoint.load(run, to="foretell")
    model: Any = loaded.model
    config = model.config
    able(model, way, str(run))
    place = seat(loaded.model, device)
    recordings = [open_recording(path) for path in spread(find_recordings(data), clips)]
    warnings = loaded.notes(run, recordings, data) if config.acts else loaded.knows(recordings)
    stored = [loaded.stored(one) for one in recordings]
    each = -(-clips // len(stored))
    chosen = moments(stored, config.tokenizer.context, frames, each, goal=config.goal)[:clips]
    make_folder(out, "draw futures")
    begun = time.perf_counter()
    drawn = futures(model, chosen, samples, way, place, progress=progress)
    seconds = time.perf_counter() - begun
    truth = torch.stack([each.frames[-frames:] for each in chosen])
    _picture(chosen, drawn, out / "futures.png")
    _film(chosen, drawn, out / "futures.mp4")
    like = psnr(drawn, truth[:, None])  # [N, S, F]
    still = torch.stack([one.frames[-frames - 1] for one in chosen])[:, None]
    return {
        "output": str(out),
        "picture": str(out / "futures.png"),
        "film": str(out / "futures.mp4"),
        "clips": [{"recording": one.name, "frame": one.start} for one in chosen],
        "psnr": float(like.mean()),
        "psnr_best": float(like.mean(2).max(1).values.mean()),
        "psnr_still": float(psnr(still, truth).mean()),
        "frames_per_s": drawn[:, :, :, 0, 0, 0].numel() / seconds,
        "warnings": warnings,
    }


def _rows(moment: Moment, drawn: Tensor) -> list[Tensor]:
    """Truth [K + F, 3, H, W], and each future after the same context."""
    context = moment.frames[: len(moment.frames) - drawn.shape[1]]
    return [moment.frames, *(torch.cat([context, each]) for each in drawn)]


def _picture(chosen: list[Moment], drawn: Tensor, path: Path) -> None:
    from PIL import Image

    strips = []
    for moment, of in zip(chosen, drawn, strict=True):
        rows = _rows(moment, of)
        columns = np.unique(np.linspace(0, len(rows[0]) - 1, min(len(rows[0]), MOST_COLUMNS)).round().astype(int))
        strips += [_beside([row[t] for t in columns]) for row in rows]
        strips.append(np.full((GAP, strips[-1].shape[1], 3), 255, np.uint8))
    with atomic(path) as temporary:
        Image.fromarray(np.concatenate(strips[:-1])).save(temporary, format="PNG")


def _film(chosen: list[Moment], drawn: Tensor, path: Path) -> None:
    """Truth over each future, clips side by side."""
    columns = [_rows(moment, of) for moment, of in zip(chosen, drawn, strict=True)]
    shown = [
        np.concatenate([_beside([column[row][t] for column in columns]) for row in range(len(columns[0]))])
        for t in range(len(columns[0][0]))
    ]
    write_video(path, shown, fps=FILM_FPS, crf=12)


def _beside(pictures: list[Tensor]) -> np.ndarray:
    """uint8 [3, H, W] each to one row [H', W', 3], small ones larger."""
    row = torch.cat(pictures, 2).permute(1, 2, 0).numpy()
    times = -(-LEAST // row.shape[0])
    return row.repeat(times, 0).repeat(times, 1)
