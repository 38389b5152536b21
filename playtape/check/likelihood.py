"""Play that a small policy finds unlikely: the published filter's last part. Its limit is unpublished; ours is relative.

A stretch is unlikely if its loss is further above the median of all stretches of all recordings than so many robust standard
deviations. A policy that has learned from a recording finds it likely whatever it holds, so it should not have: a note says so.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from playtape.check.findings import Finding, Limits
from playtape.errors import BadInput
from playtape.recordings import Recording, open_recording
from playtape.training import checkpoint
from playtape.training.checkpoint import Loaded
from playtape.training.losses import chunks

STRETCH_S = 10.0
ROBUST = 1.4826  # of the median absolute deviation, to a normal distribution's standard deviation

Stretches = list[tuple[int, int, float]]
"""(start_ns, end_ns, nats a frame) of each stretch of a recording that may be learned from."""


@dataclass(frozen=True)
class Judge:
    """A policy, on the CPU. `notes`: what it does not know of these recordings, and whether it learned from them."""

    loaded: Loaded
    notes: list[str]

    @classmethod
    def of(cls, policy: Path, paths: Iterable[Path], data: Path) -> "Judge":
        """Raises BadInput for what is no policy, and if nothing is done in the recordings of `data` that it acts with."""
        loaded = checkpoint.load(policy, to="play")
        if loaded.encoder is not None:
            loaded.encoder.encode([""])  # its package may be missing
        return cls(loaded, loaded.notes(policy, _usable(paths), data))

    def findings(self, paths: Sequence[Path], limits: Limits, progress: bool) -> dict[str, list[Finding]]:
        """By the recordings' paths."""
        shown = tqdm(paths, desc="likelihood", unit="recording", disable=not progress)
        return unlikely({str(path): stretches(self.loaded, path) for path in shown}, limits)


def _usable(paths: Iterable[Path]) -> Iterator[Recording]:
    """Those that hold input, one in memory at a time; what is wrong with the others is told elsewhere."""
    for path in paths:
        with suppress(BadInput):
            if len((recording := open_recording(path)).events):
                yield recording


def stretches(loaded: Loaded, path: Path) -> Stretches:
    """What the policy loses on each 10 s of a recording. Raises BadInput as opening it does."""
    config = loaded.model.config
    one = loaded.stored(open_recording(path))
    found = chunks(loaded.model, one, round(STRETCH_S * config.fps))
    end = [*one.time_ns.tolist(), int(one.time_ns[-1])]
    return [(end[c.start], end[c.stop], c.nats["loss"]) for c in found if c.frames]


def unlikely(lost: Mapping[str, Stretches], limits: Limits) -> dict[str, list[Finding]]:
    """Of all recordings' stretches, those that stand out."""
    every = np.array([nats for each in lost.values() for _, _, nats in each])
    if not len(every):
        return {}
    middle = float(np.median(every))
    spread = ROBUST * float(np.median(np.abs(every - middle)))
    limit = middle + limits.unlikely * max(spread, 1e-6)
    return {
        name: [
            Finding(
                start,
                end,
                "unlikely",
                f"the policy loses {nats:.2f} nats here, {middle:.2f} as a rule (limit {limit:.2f})",
            )
            for start, end, nats in each
            if nats > limit
        ]
        for name, each in lost.items()
    }
