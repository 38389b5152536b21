"""What a run learns from: recordings found, held out, brought to the model's size, and drawn as batches."""

import fnmatch
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import DataLoader
from tqdm import tqdm

from playtape.actions import ActionSpace
from playtape.clips import Clip, Clips, Source, Stored, embed_all, find_encoder, observed_space, regular, session, store
from playtape.errors import BadInput
from playtape.recordings import Recording, find_recordings, open_recording
from playtape.training.processes import share
from playtape.training.words import Run

NOTHING = "none"  # as the only pattern of --data.held-out: all is learned from


@dataclass(frozen=True)
class Sources:
    """Recordings to learn from, each with its weight and its pace; those that are held out; what hands do in the former."""

    training: list[Recording]
    weights: list[float]  # per frame
    hz: list[float]  # how many frames a second its clips have; 0 takes all
    held_out: list[Recording]
    space: ActionSpace


def gather(run: Run[Any]) -> Sources:
    """All that a run's words name. Recordings whose split is "test" are left out, always."""
    found: dict[Path, Source] = {}
    for source in _named(run):
        found |= dict.fromkeys(find_recordings(source.path), source)
    recordings = [open_recording(path) for path in found]
    usable = [recording for recording in recordings if recording.info.split != "test"]
    if usable and len(usable) < len(recordings):
        print(f"left out {len(recordings) - len(usable)} recordings of split test", file=sys.stderr)
    held = _held_out(usable, run.data.held_out)
    training = [recording for recording in usable if session(recording) not in held]
    if not training:
        raise BadInput(
            f"no recording is left to train on among {len(recordings)}: {len(held)} held out, the others are of split test"
        )
    of = [found[Path(str(recording.path))] for recording in training]
    hz = [run.data.hz or source.hz for source in of]
    length = [
        len(one.time_ns) if pace else len(regular(one.time_ns, run.data.fps))
        for one, pace in zip(training, hz, strict=True)
    ]
    if max(length) < run.data.window:  # before hours of decoding
        raise BadInput(
            f"no recording is as long as one window of {run.data.window} frames; the longest has {max(length)}"
        )
    count = Counter(of)
    weights = [
        source.weight / (count[source] * frames) if source.shared else source.weight
        for source, frames in zip(of, length, strict=True)
    ]
    held_out = [recording for recording in usable if session(recording) in held]
    space = observed_space(training, run.data.fps, hz, run.data.window)
    if getattr(run.model, "acts", True):  # a tokenizer, and a world model that is told nothing, say False
        _check_done(training, space)
    return Sources(training, weights, hz, held_out, space)


def _named(run: Run[Any]) -> list[Source]:
    """What a run's words name. Says which data sets of a mix are not there: the others are drawn in their place."""
    if not run.mix:
        return [Source.parse(text) for text in run.sources]
    if len(run.sources) != 1:
        raise BadInput(f"--mix {run.mix} is drawn from one folder of data sets, not from {len(run.sources)}")
    there, absent = Source.of_mix(run.mix, Path(run.sources[0]))
    if absent:
        share = sum(source.weight for source in there)
        said = f"mix {run.mix}: not in {run.sources[0]}, so the others ({share:.1%} of it) are drawn the more"
        print(f"{said}: {', '.join(absent)}", file=sys.stderr)
    return there


def _check_done(training: list[Recording], space: ActionSpace) -> None:
    """Raises BadInput where a model that is told actions would find none; says where some recordings have none."""
    if not space.buttons and not space.axes:
        raise BadInput(
            "no button is pressed and no axis moves in the training recordings, so there is nothing to learn for a model that is "
            "told what is done; a world model learns without with --model.no-acts"
        )
    if still := sum(not len(recording.events) for recording in training):
        print(
            f"in {still} of {len(training)} recordings nothing is done: the model takes them for play without hands",
            file=sys.stderr,
        )


def brought(run: Run[Any], sources: Sources, space: ActionSpace, progress: bool) -> list[Stored]:
    """What is learned from, at the model's size, its texts embedded. Raises BadInput if nothing may be learned from it."""
    encoder = find_encoder(run.data.text) if run.data.text else None
    if encoder is not None:  # before hours of decoding: its package may be missing
        embed_all(sources.training, encoder)
    size = (run.model.height, run.model.width_px)
    crop, bodies = getattr(run.model, "crop", False), getattr(run.model, "embodiments", ())
    shown = tqdm(sources.training, desc="frames at model size", unit="recording", disable=not progress)
    stored = [
        store(recording, space, size, run.data.fps, encoder, bodies, crop=crop, hz=hz, window=run.data.window)
        for recording, hz in zip(shown, sources.hz, strict=True)
    ]
    if not any(recording.mask.any() for recording in stored):
        raise BadInput(
            "no frame of these recordings may be learned from: all of them are masked, or a policy was in control"
        )
    return stored


def _held_out(recordings: list[Recording], patterns: tuple[str, ...]) -> set[str]:
    """Whole sessions: those with a recording that matches a pattern; without patterns every tenth."""
    if patterns == (NOTHING,):
        return set()
    if patterns:
        held = {session(r) for r in recordings if any(fnmatch.fnmatch(r.name, pattern) for pattern in patterns)}
        if not held:
            names = ", ".join(one.name for one in recordings)
            raise BadInput(f"no recording matches --data.held-out {' '.join(patterns)}; there are {names}")
        return held
    sessions = sorted({session(recording) for recording in recordings})
    return set(sessions[1::10])


def pace(stored: Sequence[Stored]) -> float:
    """How many frames a second clips have: the middle one of the recordings'."""
    each = [1e9 / (float(np.median(np.diff(one.time_ns))) * one.stride) for one in stored if len(one) > 1]
    return float(f"{np.median(each):.3g}")


def batches(clips: Clips, first: int, steps: int, workers: int) -> Iterator[Clip]:
    """This process' clips of steps first, first + 1, ..., prepared ahead by worker processes."""
    order = [*map(share(), range(first, steps))]
    loader = DataLoader(
        clips, batch_size=None, sampler=order, num_workers=workers, prefetch_factor=4 if workers else None
    )
    return iter(loader)
