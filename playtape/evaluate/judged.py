"""What a run's checkpoints lose on recordings. Measured once and kept in the run's folder, since that can take an hour.

What is kept is of certain weights and certain recordings: names, sizes and dates of their files, wherever those lie. What cannot
be read, or does not fit, is measured again.
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from playtape.actions import Actions
from playtape.clips import Clip, Stored
from playtape.errors import BadInput
from playtape.models.protocols import Model, Trainable
from playtape.recordings import Recording
from playtape.recordings.timeline import signature
from playtape.training import checkpoint
from playtape.training.device import seat
from playtape.training.losses import Losses, losses

FILE = "judged.json"  # in a run's folder


@dataclass(frozen=True, eq=False)
class Judged:
    """A run: the losses of its checkpoints by their steps, and what speaks against judging it by these recordings."""

    losses: dict[int, Losses]
    warnings: list[str]


def judge(run: Path, recordings: Sequence[Recording], kind: str) -> Judged:
    """Of all checkpoints of a run. Raises BadInput, before anything is measured, if they know no slots of this kind."""
    files, found = _files(recordings), {}
    warnings: list[str] = []
    before = _read(run / FILE)
    stored: list[Stored] = []
    form = None
    for step, folder in checkpoints(run):
        loaded = checkpoint.load(folder, to="play")
        seat(loaded.model, "cpu")
        legal = kinds(loaded.model)
        if kind not in legal:
            raise BadInput(f"--kind is {kind!r}; legal are {', '.join(legal)}: what {run} has learned")
        warnings = loaded.knows(recordings)
        lost = _remembered(before.get(loaded.hash), files, len(recordings), legal)
        if lost is None:
            needed = (loaded.space, loaded.model.config)
            if form != needed:  # once a run, unless somebody put another's checkpoint into it
                stored, form = [loaded.stored(one) for one in recordings], needed
            measured = losses(loaded.model, stored, loaded.train.get("window", 64))
            lost = Losses({name: measured.sums[name] for name in legal}, measured.frames)
            sums = {name: column.tolist() for name, column in lost.sums.items()}
            before[loaded.hash] = {"step": step, "recordings": files, "frames": lost.frames.tolist(), "sums": sums}
            with suppress(OSError):  # a folder that is only read
                checkpoint.write_json(run / FILE, before)
        found[step] = lost
    return Judged(found, warnings)


def checkpoints(run: Path) -> list[tuple[int, Path]]:
    """A run's last checkpoint and those that it kept on the way, by their steps."""
    folders = [*(run / checkpoint.KEPT).glob("*"), run]
    steps = [checkpoint.read_json(folder / checkpoint.FILES[3]).get("steps") for folder in folders]
    told = sorted({step: folder for step, folder in zip(steps, folders) if type(step) is int}.items())
    if not told:
        raise BadInput(
            f"{run / checkpoint.FILES[3]} does not say of how many steps the run is; it must be what it wrote"
        )
    return told


@torch.no_grad()
def kinds(model: object) -> list[str]:
    """What a policy's loss has parts of: asked with a frame of nothing, since only the model knows."""
    assert isinstance(model, Model)
    assert isinstance(model, Trainable)
    picture = torch.zeros(1, 1, 3, model.config.height, model.config.width_px, dtype=torch.uint8)
    idle = Actions(torch.zeros(1, 1, len(model.space.buttons)) > 0, torch.zeros(1, 1, len(model.space.axes)))
    parts = model.losses(Clip(picture, idle, torch.zeros(1, 1) > 0, torch.ones(1, 1)))
    return [name for name in parts if name != "loss"]


def _files(recordings: Sequence[Recording]) -> str:
    """What these recordings are told from others by."""
    every = [path for one in recordings for path in (one.path, one.video.path) if path is not None]
    told = json.dumps([(path.name, *signature(path)) for path in every])
    return hashlib.sha256(told.encode()).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        return checkpoint.read_json(path)
    except BadInput:
        return {}


def _remembered(entry: object, files: str, count: int, legal: list[str]) -> Losses | None:
    """What was kept of a checkpoint, if it is of these recordings and right."""
    if not isinstance(entry, dict) or entry.get("recordings") != files:
        return None
    try:
        frames = np.array(entry["frames"], np.float64)
        sums = {name: np.array(entry["sums"][name], np.float64) for name in legal}
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    whole = all(column.shape == (count,) and np.isfinite(column).all() for column in (frames, *sums.values()))
    return Losses(sums, frames) if whole and frames.min() >= 0 else None
