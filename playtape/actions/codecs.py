"""Bins for axes: a number becomes one of K classes and back, so that a network can give a whole distribution for it.

The mu-law is VPT's (Baker et al. 2022, appendix B): u = M sign(x) ln(1 + mu |x| / M) / ln(1 + mu), K equal bins in u. Knows
no model; bins are fitted on training data only and travel inside a checkpoint as JSON.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playtape.errors import BadInput


@dataclass(frozen=True)
class Bins:
    """K classes of a number. Bin i holds edges[i - 1] < x <= edges[i]; the first and last are open to infinity.

    `edges` are K - 1 strictly rising numbers and `centres` K strictly rising numbers, in the axis' own unit; each centre lies
    in its own bin, so that a decoded value is encoded to the class that it came from.
    """

    edges: tuple[float, ...]
    centres: tuple[float, ...]

    def __post_init__(self) -> None:
        for field in ("edges", "centres"):
            object.__setattr__(self, field, _rising(getattr(self, field), f"bin {field}"))
        if len(self.centres) != len(self.edges) + 1:
            raise BadInput(
                f"{len(self.edges)} edges make {len(self.edges) + 1} bins, but there are {len(self.centres)} centres"
            )
        wrong = np.flatnonzero(np.searchsorted(self.edges, self.centres, side="left") != np.arange(len(self.centres)))
        if len(wrong):
            raise BadInput(f"centre {self.centres[wrong[0]]:g} lies outside its own bin {wrong[0]}")

    def __len__(self) -> int:
        return len(self.centres)

    @classmethod
    def mu_law(cls, limit: float, count: int, mu: float = 10.0) -> "Bins":
        """`count` bins over [-limit, limit], fine near 0: equal in width after the mu-law. An odd count has a bin around 0."""
        if not (math.isfinite(limit) and limit > 0 and math.isfinite(mu) and mu > 0):
            raise BadInput(f"mu-law bins need a positive limit and mu, not {limit} and {mu}")
        _checked_count(count, least=2)
        u = np.linspace(-1, 1, 2 * count - 1)  # centres and edges by turns
        x = limit * np.sign(u) * np.expm1(np.abs(u) * math.log1p(mu)) / mu
        return cls(tuple(x[1::2].tolist()), tuple(x[::2].tolist()))

    @classmethod
    def quantile(cls, values: ArrayLike, count: int) -> "Bins":
        """At most `count` bins (odd) that mirror around 0, with 0 alone in one and equally many non-zero values in the others.

        Fitted on the magnitudes of `values` (any shape), so left and right are treated alike; centres are the mean magnitude
        in a bin. Fewer bins come back where the data have few distinct values. Raises BadInput for data without motion.
        """
        if _checked_count(count, least=3) % 2 == 0:
            raise BadInput(f"quantile bins mirror around 0, so their count must be odd, not {count}")
        array = np.abs(_finite(values))
        size = np.sort(array[array > 0])
        if not len(size):
            raise BadInput("quantile bins need values other than 0")
        cuts = np.quantile(size, np.arange(1, count // 2) / (count // 2), method="inverted_cdf")
        cuts = np.unique(cuts[cuts < size[-1]])  # a cut is a value of the data and the last one of its bin
        number = np.searchsorted(cuts, size, side="left")
        centres = np.bincount(number, size) / np.bincount(number)
        centres = np.clip(centres, size[np.searchsorted(number, np.arange(len(cuts) + 1))], [*cuts, size[-1]])
        following = size[np.searchsorted(size, cuts, side="right")]
        edges = np.concatenate([[size[0] / 2], cuts + (following - cuts) / 2])
        return cls((*(-edges[::-1]).tolist(), *edges.tolist()), (*(-centres[::-1]).tolist(), 0.0, *centres.tolist()))

    def encode(self, values: ArrayLike) -> NDArray[np.int64]:
        """Classes 0..K-1 of `values`, in their shape. Raises BadInput for values that are not finite."""
        return np.searchsorted(np.array(self.edges), _finite(values), side="left").astype(np.int64)

    def decode(self, classes: ArrayLike) -> NDArray[np.float32]:
        """The centres of `classes` (0..K-1), in their shape. Raises BadInput for other numbers."""
        index = np.asarray(classes)
        if index.size and index.dtype.kind not in "iu":
            raise BadInput(f"bin classes must be whole numbers, not {index.dtype}")
        if index.size and not 0 <= index.min() <= index.max() < len(self):
            raise BadInput(
                f"bin classes must be 0 to {len(self) - 1}, but they reach from {index.min()} to {index.max()}"
            )
        return np.array(self.centres, np.float32)[index.astype(np.int64)]

    def to_json(self) -> dict[str, list[float]]:
        """A dictionary of lists that `from_json` reads; floats survive exactly."""
        return {"edges": list(self.edges), "centres": list(self.centres)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Bins":
        """The inverse of `to_json`. Raises BadInput that says what is wrong."""
        if not isinstance(data, Mapping) or set(data) != {"edges", "centres"}:
            found = sorted(map(str, data)) if isinstance(data, Mapping) else type(data).__name__
            raise BadInput(f"bins have exactly the entries centres and edges, not {found}")
        return cls(data["edges"], data["centres"])


def _checked_count(count: int, least: int) -> int:
    if not isinstance(count, (int, np.integer)) or count < least:
        raise BadInput(f"the count of bins must be a whole number of at least {least}, not {count!r}")
    return int(count)


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"values to bin must be numbers: {error}") from None
    if not np.isfinite(array).all():
        raise BadInput(f"values to bin must be finite, but one is {array[~np.isfinite(array)].flat[0]}")
    return array


def _rising(values: ArrayLike, what: str) -> tuple[float, ...]:
    array = _finite(values)
    if array.ndim != 1 or (np.diff(array) <= 0).any():
        raise BadInput(f"{what} must be a list of strictly rising numbers, not {np.array2string(array, threshold=8)}")
    return tuple(array.tolist())
