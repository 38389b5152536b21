"""How far a mean over episodes and raters can be trusted. Legend: S draws, R raters, E episodes (or pairs); NaN is not rated.

Episodes are drawn anew, and where several people rated, raters too, independently: the interval then speaks of other episodes
and of other raters. Within a draw an episode's value is the mean over its raters.
"""

from dataclasses import dataclass

import numpy as np

from playtape.evaluate.bootstrap import Bootstrap, bounds

PERMUTATIONS = 5000


@dataclass(frozen=True, eq=False)
class Draws:
    """How often each rater (float64 [S, R]) and each episode ([S, E]) is in each draw; the first draw has everybody once."""

    raters: np.ndarray
    episodes: np.ndarray

    @classmethod
    def of(cls, raters: int, episodes: int, seed: int) -> "Draws":
        """With one rater, only episodes are drawn."""
        over = Bootstrap.of(episodes, "episode", seed).weights
        who = Bootstrap.of(raters, "rater", seed + 1).weights if raters > 1 else np.ones((len(over), 1))
        return cls(np.vstack([np.ones((1, raters)), who]), np.vstack([np.ones((1, episodes)), over]))

    def means(self, values: np.ndarray) -> np.ndarray:
        """values [R, E] -> [S, E], each episode's mean over the raters in the draw, NaN where none of them rated it."""
        known = ~np.isnan(values)
        count = self.raters @ known
        total = self.raters @ np.where(known, values, 0.0)
        return np.where(count > 0, total / np.where(count > 0, count, 1.0), np.nan)

    def mean(self, values: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
        """values [R, E] -> [S]: the mean over episodes; with `weight` [E], the ratio of the sums of values and of weights."""
        by_episode = self.means(values)
        known = self.episodes * ~np.isnan(by_episode)
        below = known if weight is None else known * weight
        total = below.sum(axis=1)
        above = (known * np.nan_to_num(by_episode)).sum(axis=1)
        return np.where(total > 0, above / np.where(total > 0, total, 1.0), np.nan)


def interval(drawn: np.ndarray) -> tuple[float, float | None, float | None]:
    """(value, low, high) of [S], its first being the value itself; no interval where most draws have no value."""
    low, high = (None if np.isnan(edge) else float(edge) for edge in bounds(drawn[1:]))
    return float(drawn[0]), low, high


def all_equal(values: np.ndarray, groups: np.ndarray, games: np.ndarray, seed: int) -> float:
    """P(players differ at least so much, if it does not matter who played): values [E], groups and games int [E].

    By permutation within each game, so that a player of hard games alone does not look worse by that.
    """
    generator = np.random.default_rng(seed)
    shuffled = np.tile(groups, (PERMUTATIONS, 1))
    for game in np.unique(games):
        shuffled[:, games == game] = generator.permuted(shuffled[:, games == game], axis=1)
    drawn = np.array([_between(values, one) for one in np.vstack([groups[None], shuffled])])
    return float((drawn[1:] >= drawn[0] - 1e-12).sum() + 1) / (PERMUTATIONS + 1)


def _between(values: np.ndarray, groups: np.ndarray) -> float:
    """The sum of squares between groups, up to a constant."""
    count = np.bincount(groups)
    total = np.bincount(groups, values)
    return float((total[count > 0] ** 2 / count[count > 0]).sum())


def wilson(rate: float, count: int) -> tuple[float, float]:
    """The interval of a rate among `count`; unlike a bootstrap's it has a width where all were alike. (Wilson 1927)"""
    z = 1.959964  # for 95 %
    middle, half = rate + z * z / (2 * count), z * (rate * (1 - rate) / count + (z / (2 * count)) ** 2) ** 0.5
    return (middle - half) / (1 + z * z / count), (middle + half) / (1 + z * z / count)


def alpha(values: np.ndarray) -> float | None:
    """Krippendorff's alpha for numbers: values [R, E] -> 1 for raters who agree, 0 for chance. None where it has no meaning."""
    rated = values[:, (~np.isnan(values)).sum(axis=0) > 1]
    known = rated[~np.isnan(rated)]
    if len(known) < 2 or np.ptp(known) == 0:
        return None
    count = (~np.isnan(rated)).sum(axis=0)
    apart = (np.nanvar(rated, axis=0) * count * count / (count - 1)).sum()
    return float(1 - apart / len(known) / (known.var() * len(known) / (len(known) - 1)))
