"""The statistics that LeRobot keeps of each feature: of an episode, and those of many laid together.

Of pictures, some of an episode's, thinned out, by channel and from 0 to 1, as [3, 1, 1]. Mean, deviation, least and most of many
episodes are exact; a quantile of many is the mean of theirs, as LeRobot makes it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from playtape.errors import BadInput

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
FEW, MOST = 100, 1000  # pictures of an episode
WIDE = 300  # pixels above which every n-th is enough
THIN = 150
LEVELS = 256


def of_rows(values: np.ndarray) -> dict[str, Any]:
    """Of numbers [T, n], each of n."""
    values = values.astype(np.float64)
    return {
        "min": values.min(0).tolist(),
        "max": values.max(0).tolist(),
        "mean": values.mean(0).tolist(),
        "std": values.std(0).tolist(),
        "count": [len(values)],
        **{name: row.tolist() for name, row in zip(QUANTILES, np.quantile(values, list(QUANTILES.values()), axis=0))},
    }


def sampled(length: int) -> np.ndarray:
    """Which frames of an episode count: int64 [n], rising."""
    wanted = min(length, max(FEW, min(int(length**0.75), MOST)))
    return np.unique(np.rint(np.linspace(0, length - 1, wanted)).astype(np.int64))


class Pictures:
    """Counts of each level of each channel, so that what is told of many pictures takes no room."""

    def __init__(self) -> None:
        self.counts = np.zeros((3, LEVELS), np.int64)
        self.seen = 0

    def add(self, frame: np.ndarray) -> None:
        """uint8 [H, W, 3]."""
        height, width = frame.shape[:2]
        step = max(1, max(width, height) // THIN) if max(width, height) >= WIDE else 1
        for channel in range(3):
            self.counts[channel] += np.bincount(frame[::step, ::step, channel].ravel(), minlength=LEVELS)
        self.seen += 1

    def told(self) -> dict[str, Any]:
        level = np.arange(LEVELS) / (LEVELS - 1)
        total = self.counts.sum(1)
        mean = (self.counts * level).sum(1) / total
        spread = np.sqrt((self.counts * (level - mean[:, None]) ** 2).sum(1) / total)
        below = np.cumsum(self.counts, 1)
        there = self.counts > 0
        found = {
            "min": level[there.argmax(1)],
            "max": level[LEVELS - 1 - there[:, ::-1].argmax(1)],
            "mean": mean,
            "std": spread,
            **{name: level[(below >= part * total[:, None]).argmax(1)] for name, part in QUANTILES.items()},
        }
        return {name: values.reshape(3, 1, 1).tolist() for name, values in found.items()} | {"count": [self.seen]}


class Together:
    """Statistics of episodes, one after the other, laid together."""

    def __init__(self) -> None:
        self.count = 0
        self.kept: dict[str, np.ndarray] = {}

    def add(self, told: Mapping[str, Any]) -> None:
        """Raises BadInput for what are no statistics."""
        try:
            new = {name: np.asarray(told[name], np.float64) for name in ("min", "max", "mean", "std", *QUANTILES)}
            count = int(told["count"][0])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise BadInput("a table's statistics of its pictures are damaged; --replace writes it anew") from error
        if not self.count:
            self.count, self.kept = count, new
            return
        old, total = self.kept, self.count + count
        share = count / total
        mean = old["mean"] + (new["mean"] - old["mean"]) * share
        square = (old["std"] ** 2 + (old["mean"] - mean) ** 2) * (1 - share) + (
            new["std"] ** 2 + (new["mean"] - mean) ** 2
        ) * share
        self.kept = {
            "min": np.minimum(old["min"], new["min"]),
            "max": np.maximum(old["max"], new["max"]),
            "mean": mean,
            "std": np.sqrt(square),
            **{name: old[name] + (new[name] - old[name]) * share for name in QUANTILES},
        }
        self.count = total

    def told(self) -> dict[str, Any]:
        return {name: values.tolist() for name, values in self.kept.items()} | {"count": [self.count]}
