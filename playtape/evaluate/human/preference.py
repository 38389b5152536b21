"""Who is preferred to whom: win rates in which a tie is half a win, and with more than two players one scale for all.

The trivial baseline is 50 %: raters who do not care. Legend: S draws, R raters, E pairs of episodes, P players.
"""

from typing import Any

import numpy as np

from playtape.evaluate.bootstrap import bounds
from playtape.evaluate.human.episodes import Episode, players
from playtape.evaluate.human.said import Choice
from playtape.evaluate.human.spread import Draws, alpha, interval, wilson

WORTH = {"left": 1.0, "tie": 0.5, "right": 0.0}
FITS = 400  # draws of the scale
VIRTUAL_TIES = 1.0  # for each two who were compared, so that somebody who wins always is not infinitely good


def preference(choices: list[Choice], episodes: list[Episode], seed: int) -> dict[str, Any] | None:
    """{"players": one entry for each two who were compared, "strengths": with three players or more, "alpha", "skipped"}.

    None without a choice that was judged.
    """
    by_id = {episode.id: episode for episode in episodes}
    known = [one for one in choices if one.left in by_id and one.right in by_id]
    judged = [one for one in known if one.choice in WORTH]
    if not judged:
        return None
    raters = sorted({choice.rater for choice in judged})
    places: dict[tuple[str, str], int] = {}
    who: list[tuple[str, str]] = []
    table: dict[tuple[int, int], float] = {}
    for choice in judged:
        left, right = by_id[choice.left], by_id[choice.right]
        swapped = left.player > right.player
        if choice.pair not in places:
            places[choice.pair] = len(places)
            who.append((right.player, left.player) if swapped else (left.player, right.player))
        worth = WORTH[choice.choice]
        table[raters.index(choice.rater), places[choice.pair]] = 1 - worth if swapped else worth
    values = np.full((len(raters), len(who)), np.nan)  # [R, E], 1 where the first of the two players won
    for (row, column), worth in table.items():
        values[row, column] = worth
    return {
        "players": [_two(two, values, who, seed) for two in sorted(set(who))],
        "strengths": _strengths(values, who, seed) if len(players(episodes)) > 2 else None,
        "alpha": alpha(values) if len(raters) > 1 else None,
        "skipped": len(known) - len(judged),
    }


def _two(two: tuple[str, str], values: np.ndarray, who: list[tuple[str, str]], seed: int) -> dict[str, Any]:
    mine = values[:, [pair == two for pair in who]]
    rate, *drawn = interval(Draws.of(len(mine), mine.shape[1], seed).mean(mine))
    edges = [*wilson(rate, mine.shape[1]), *(edge for edge in drawn if edge is not None)]  # the wider of the two
    return {
        "first": two[0],
        "second": two[1],
        "pairs": mine.shape[1],
        "judged": int((~np.isnan(mine)).sum()),
        "wins": int((mine == 1).sum()),
        "ties": int((mine == 0.5).sum()),
        "losses": int((mine == 0).sum()),
        "win_rate": rate,
        "low": max(0.0, min(edges)),
        "high": min(1.0, max(edges)),
    }


def _strengths(values: np.ndarray, who: list[tuple[str, str]], seed: int) -> list[dict[str, Any]]:
    """Bradley and Terry: P(i wins over j) = 1 / (1 + exp(s_j - s_i)), the mean of all s being 0. Sorted, the best first."""
    names = sorted({name for pair in who for name in pair})
    draws = Draws.of(len(values), values.shape[1], seed)
    worth = draws.means(values)[: FITS + 1]  # [S, E]
    times = draws.episodes[: FITS + 1] * ~np.isnan(worth)
    won = np.zeros((len(worth), len(names), len(names)))
    for column, (first, second) in enumerate(who):
        i, j = names.index(first), names.index(second)
        won[:, i, j] += times[:, column] * np.nan_to_num(worth[:, column])
        won[:, j, i] += times[:, column] * (1 - np.nan_to_num(worth[:, column])) * ~np.isnan(worth[:, column])
    met = (won[0] + won[0].T) > 0
    fitted = np.array([_fit(one + VIRTUAL_TIES / 2 * met) for one in won])
    low, high = bounds(fitted[1:])
    found = [
        {"player": name, "strength": float(fitted[0, k]), "low": float(low[k]), "high": float(high[k])}
        for k, name in enumerate(names)
    ]
    return sorted(found, key=lambda one: -one["strength"])


def _fit(won: np.ndarray) -> np.ndarray:
    """won [P, P], how often (in halves) row won over column -> [P], the likeliest strengths."""
    from scipy.optimize import minimize  # a quarter of a second to import

    def loss(strength: np.ndarray) -> tuple[float, np.ndarray]:
        ahead = strength[:, None] - strength[None, :]
        value = (won * np.logaddexp(0, -ahead)).sum() + 1e-6 * (strength**2).sum()  # which holds groups that never met
        slope = won / (1 + np.exp(ahead))
        return value, slope.sum(axis=0) - slope.sum(axis=1) + 2e-6 * strength

    found = minimize(loss, np.zeros(len(won)), jac=True, method="BFGS").x
    return found - found.mean()
