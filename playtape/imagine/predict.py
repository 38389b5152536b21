"""`playtape predict`: what a world model says comes next, over what did: a picture, a film, and how far apart they are."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from playtape.errors import within
from playtape.imagine.drawn import film, picture
from playtape.imagine.futures import Way, able, futures, moments, spread
from playtape.nets.similarity import psnr
from playtape.recordings import find_recordings, open_recording
from playtape.recordings.atomic import check_folder, make_folder
from playtape.training import checkpoint
from playtape.training.device import seat
from playtape.training.memory import keep_freed_memory

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

    Those that the model was trained on are left out, if there are others; of more than `counts.clips` so many are looked at,
    evenly spread. Writes OUT/futures.png (rows: truth, the samples, the last frame held) and OUT/futures.mp4, the same in time.
    Gives where, `psnr` of the mean and of the best sample, `psnr_still` of the last context frame held, `frames_per_s`, and
    `warnings`. Raises BadInput for no world model, a way that it has not learned, recordings that are too short, where nothing is
    done that the model is told, and for an `out` that cannot be written to.
    """
    check_folder(out, "draw futures")
    frames, samples, clips = counts.frames, counts.samples, counts.clips
    keep_freed_memory()
    loaded = checkpoint.load(run, to="foretell")
    model: Any = loaded.model
    config = model.config
    able(model, way, str(run))
    place = seat(loaded.model, device)
    paths, told = loaded.unseen(find_recordings(data))
    recordings = [open_recording(path) for path in spread(paths, clips)]
    warnings = told + (loaded.notes(run, recordings, data) if config.acts else loaded.knows(recordings))
    stored = [loaded.stored(one) for one in recordings]
    each = -(-clips // len(stored))
    chosen = spread(moments(stored, config.tokenizer.context, frames, each, goal=config.goal), clips)
    make_folder(out, "draw futures")
    begun = time.perf_counter()
    drawn = futures(model, chosen, samples, way, place, progress=progress)
    seconds = time.perf_counter() - begun
    truth = torch.stack([each.frames[-frames:] for each in chosen])
    picture(chosen, drawn, out / "futures.png")
    film(chosen, drawn, out / "futures.mp4", loaded.hz)
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
