"""Play that a small policy finds unlikely: the published filter's last part. Its limit is unpublished; ours is relative.

A stretch is unlikely if its loss is further above the median of all stretches of all recordings than so many robust standard
deviations. A policy that has learned from a recording finds it likely whatever it holds, so it should not have.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from playtape.check.findings import Finding, Limits
from playtape.clips import store
from playtape.recordings import open_recording
from playtape.training import checkpoint
from playtape.training.checkpoint import Loaded
from playtape.training.losses import chunks

STRETCH_S = 10.0
ROBUST = 1.4826  # of the median absolute deviation, to a normal distribution's standard deviation

Stretches = list[tuple[int, int, float]]
"""(start_ns, end_ns, nats a frame) of each stretch of a recording that may be learned from."""


def stretches(loaded: Loaded, path: Path) -> Stretches:
    """What the policy loses on each 10 s of a recording. Raises BadInput as opening it does."""
    config = loaded.model.config
    one = store(open_recording(path), loaded.space, (config.height, config.width_px), config.fps, loaded.encoder)
    found = chunks(loaded.model, one, round(STRETCH_S * config.fps))
    end = [*one.time_ns.tolist(), int(one.time_ns[-1])]
    return [(end[c.start], end[c.stop], c.nats["loss"]) for c in found if c.frames]


def load(policy: Path) -> Loaded:
    """The policy, on the CPU."""
    return checkpoint.load(policy, to="play")


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
