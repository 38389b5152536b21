"""What each rater is shown, in which order and on which side.

Everything is drawn by a hash of the seed, the rater and the episode, not by a generator: the order is another one for each rater,
stays when a page is opened again, and hardly moves when episodes are added.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations

from playtape.evaluate.human.episodes import Episode

Pair = tuple[Episode, Episode]


def queue(episodes: Iterable[Episode], seed: int, rater: str) -> list[Episode]:
    """All episodes, in this rater's order."""
    return sorted(episodes, key=lambda one: _draw(seed, "queue", rater, one.id))


def pairs(episodes: Iterable[Episode], seed: int) -> list[tuple[int, Pair]]:
    """(turn, pair) of episodes to be compared: of one game and of different players, the same for all raters.

    On each map that both players were recorded on, each of their episodes there stands in at least one pair, and none in more
    than needed; two players without a common map are compared on whatever maps they had. In turn k every two players who can be
    compared stand at most once, so that any beginning of the list has all of them about equally often.
    """
    by_game: dict[str, dict[str, list[Episode]]] = defaultdict(lambda: defaultdict(list))
    for episode in sorted(episodes, key=lambda one: _draw(seed, "pairs", one.id)):
        by_game[episode.game][episode.player].append(episode)
    found: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for by_player in by_game.values():
        for one, other in combinations(sorted(by_player), 2):
            found[one, other] += _matched(by_player[one], by_player[other])
    made: list[tuple[int, Pair]] = []
    for matched in found.values():
        made += enumerate(sorted(matched, key=lambda pair: _draw(seed, "turn", pair[0].id, pair[1].id)))
    return made


def pair_queue(made: list[tuple[int, Pair]], seed: int, rater: str) -> list[Pair]:
    """The pairs in this rater's order, each as (left, right)."""

    def place(entry: tuple[int, Pair]) -> tuple[int, str]:
        turn, (one, other) = entry
        return turn, _draw(seed, "pair", rater, one.id, other.id)

    ordered = [pair for _, pair in sorted(made, key=place)]
    return [
        (one, other) if int(_draw(seed, "side", rater, one.id, other.id), 16) % 2 else (other, one)
        for one, other in ordered
    ]


def why_no_pairs(episodes: list[Episode]) -> str:
    """A sentence for people who are still to judge: it names nobody."""
    if len({episode.player for episode in episodes}) < 2:
        return "All episodes are by one player, so there is nobody to compare."
    return "No two players were recorded in the same game, so there is nothing to compare."


def _matched(mine: list[Episode], theirs: list[Episode]) -> list[Pair]:
    """Pairs of two players in one game, by map if they have one in common."""
    common = {one.map for one in mine} & {one.map for one in theirs}
    if not common:
        return _cycled(mine, theirs)
    made: list[Pair] = []
    for name in sorted(common):
        made += _cycled([one for one in mine if one.map == name], [one for one in theirs if one.map == name])
    return made


def _cycled(mine: list[Episode], theirs: list[Episode]) -> list[Pair]:
    """As many pairs as the longer list has; the shorter one begins again."""
    count = max(len(mine), len(theirs))
    return [(mine[k % len(mine)], theirs[k % len(theirs)]) for k in range(count)]


def _draw(seed: int, *words: str) -> str:
    return hashlib.sha256("\0".join([str(seed), *words]).encode()).hexdigest()
