"""What a policy believes of clips with replaced frames, beside what it believes of the same clips as they are.

Knows which clips (`Plan`), their frames, and a `Foreteller`; knows no checkpoint. A slot's belief is given the true slots
before it. Shapes: `B` clips of a batch, `N` of a pass, `T` frames, `C` chunks, `S` slots of a kind, `M` numbers that are
read at each chunk's end, `U` units of resampling.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from playtape.clips import Clip, Stored, cut, regular, session, stack
from playtape.evaluate.bootstrap import Bootstrap, units_of
from playtape.evaluate.swaps import Batch, Place, plan
from playtape.models.protocols import Foreteller
from playtape.recordings import Recording

CHUNKS = 10
DRAWS = 4  # batches of each game
SHARES = {"score": 0.5, "all_replaced": 1.0}  # of a clip's frames: the published one, and all
HEADLINE, SUM = "mean_over_slots", "sum_over_slots"
AT_ONCE = 256  # frames in one pass

Column = tuple[str, str]  # which share, and the mean or sum over which slots


@dataclass(frozen=True, eq=False)
class Plan:
    """What every policy is asked, the same clips with the same frames replaced, and how to resample what it says.

    `ends` int64 [C]: where a clip is read. `units`: of each recording, which unit each of its intervals belongs to.
    """

    frames: int
    ends: np.ndarray
    batches: list[Batch]
    units: dict[int, np.ndarray]
    bootstrap: Bootstrap
    notes: list[str]

    @classmethod
    def of(cls, recordings: Sequence[Recording], frames: int, fps: float, seed: int) -> "Plan":
        """Raises BadInput where there is no other scene to take frames from."""
        times = [recording.time_ns[regular(recording.time_ns, fps)] for recording in recordings]
        places = [
            Place(recording.name, recording.info.game, session(recording), len(time) - 1)
            for recording, time in zip(recordings, times, strict=True)
        ]
        batches, notes = plan(places, frames, DRAWS, seed)
        ends = np.arange(1, CHUNKS + 1) * frames // CHUNKS - 1
        read: dict[int, np.ndarray] = {}
        for batch in batches:
            for k, start in zip(batch.recording.tolist(), batch.start):
                read.setdefault(k, np.zeros(places[k].intervals, bool))[start + ends] = True
        units, number, unit = units_of([times[k] for k in read], list(read.values()))
        return cls(frames, ends, batches, dict(zip(read, units)), Bootstrap.of(number, unit, seed), notes)

    def units_of(self, batch: Batch) -> np.ndarray:
        """Of each reading of a batch: int64 [B, C]."""
        clips = zip(batch.recording.tolist(), batch.start)
        return np.array([self.units[k][start + self.ends] for k, start in clips])


@dataclass(frozen=True, eq=False)
class Measured:
    """What was read of one policy."""

    columns: list[Column]  # M
    sums: np.ndarray  # float64 [U, M + 1]: over each unit's readings, and how many there are
    draws: list[float]  # the headline of each batch
    identical: float  # the headline where no frame was replaced


@torch.no_grad()
def measure(model: Foreteller, stored: Sequence[Stored], asked: Plan, device: str, progress: bool) -> Measured:
    """Ask a policy on `device` about recordings at its size."""
    total = sum(map(len, asked.batches))
    columns: list[Column] = []
    sums, draws = np.zeros(0), []
    with tqdm(total=total, desc="causality", unit="clip", disable=not progress) as shown:
        for batch in asked.batches:
            passes = []
            for clips in _groups(len(batch), asked.frames):
                passes.append(_compared(model, stored, batch, clips, asked.ends, device))
                shown.update(len(clips))
            columns = list(passes[0])
            values = np.concatenate([np.stack(list(each.values()), -1) for each in passes])  # [B, C, M]
            if not sums.size:
                sums = np.zeros((asked.bootstrap.weights.shape[1], len(columns) + 1))
            np.add.at(sums, asked.units_of(batch), np.concatenate([values, np.ones((*values.shape[:2], 1))], -1))
            draws.append(float(values[..., columns.index(("score", HEADLINE))].mean()))
    return Measured(columns, sums, draws, _identical(model, stored, asked, device))


def _groups(clips: int, frames: int) -> list[np.ndarray]:
    """Clips that go through the policy together."""
    size = max(1, AT_ONCE // frames)
    return [np.arange(first, min(first + size, clips)) for first in range(0, clips, size)]


def _compared(
    model: Foreteller, stored: Sequence[Stored], batch: Batch, clips: np.ndarray, ends: np.ndarray, device: str
) -> dict[Column, np.ndarray]:
    """Every number that is read of these clips, each [N, C]."""
    clip = _clips(stored, batch, clips)
    truth = _beliefs(model, clip, ends, device)
    found = {}
    for which, share in SHARES.items():
        other = _beliefs(model, replaced(clip, stored, batch, clips, share), ends, device)
        found |= {(which, slots): value for slots, value in divergences(truth, other).items()}
    return found


def _identical(model: Foreteller, stored: Sequence[Stored], asked: Plan, device: str) -> float:
    """The headline of clips of which nothing is replaced, asked anew."""
    batch = asked.batches[0]
    clip = _clips(stored, batch, _groups(len(batch), asked.frames)[0])
    one, two = (_beliefs(model, clip, asked.ends, device) for _ in range(2))
    return float(divergences(one, two)[HEADLINE].mean())


def _clips(stored: Sequence[Stored], batch: Batch, clips: np.ndarray) -> Clip:
    frames = batch.chance.shape[1]
    starts = zip(batch.recording[clips].tolist(), batch.start[clips].tolist())
    return stack([cut(stored[k], start, start + frames) for k, start in starts])


def replaced(clip: Clip, stored: Sequence[Stored], batch: Batch, clips: np.ndarray, share: float) -> Clip:
    """The clips numbered `clips` of a batch with this share of their frames from elsewhere, and all else as it is."""
    frames = clip.frames.clone()
    for row, k in enumerate(clips):
        for t in np.flatnonzero(batch.chance[k] < share):
            other = stored[batch.other_recording[k, t]].frames[batch.other_frame[k, t]]
            frames[row, t] = torch.from_numpy(np.array(other))
    return replace(clip, frames=frames)


def _beliefs(model: Foreteller, clip: Clip, ends: np.ndarray, device: str) -> dict[str, Tensor]:
    """Logarithms of probabilities where a clip is read: float64 [N, C, S, classes] of each kind of slot."""
    said = model.foretell(clip.to(device))
    return {kind: logits[:, ends].double().log_softmax(-1).cpu() for kind, logits in said.items()}


def divergences(truth: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """KL(truth || other) in nats, [N, C]: the mean and the sum over all slots, and the mean over the slots of each kind."""
    parts = {kind: (one.exp() * (one - other[kind])).sum(-1) for kind, one in truth.items()}  # [N, C, S]
    every = torch.cat(list(parts.values()), -1)
    found = {HEADLINE: every.mean(-1), SUM: every.sum(-1)} | {kind: part.mean(-1) for kind, part in parts.items()}
    return {slots: value.numpy() for slots, value in found.items()}
