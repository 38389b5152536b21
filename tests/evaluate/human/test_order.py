"""The order is another one for each rater and stays; pairs are balanced over players and of one game."""

from collections import Counter
from collections.abc import Callable
from itertools import combinations

from playtape.evaluate.human.episodes import Episode
from playtape.evaluate.human.order import pair_queue, pairs, queue, why_no_pairs

Make = Callable[..., Episode]


def test_each_rater_sees_everything_in_an_order_of_their_own(of: Make) -> None:
    episodes = [of(player) for player in "aabbccdd"]
    mine = queue(episodes, 0, "Ann")
    assert sorted(mine, key=lambda one: one.id) == episodes
    assert mine == queue(reversed(episodes), 0, "Ann") != queue(episodes, 0, "Bo") != queue(episodes, 1, "Bo")


def test_who_is_first_is_chance(of: Make) -> None:
    """Over many raters each player is first about as often, or the order would tell."""
    episodes = [of(player) for player in "aaabbb"]
    first = Counter(queue(episodes, 0, f"rater {number}")[0].player for number in range(400))
    assert 150 < first["a"] < 250


def test_further_episodes_leave_the_order_of_the_others(of: Make) -> None:
    episodes = [of("a") for _ in range(6)]
    more = [*episodes, of("b")]
    assert [one for one in queue(more, 0, "Ann") if one.player == "a"] == queue(episodes, 0, "Ann")


def test_every_two_players_are_compared_as_often(of: Make) -> None:
    episodes = [of(player, game=game) for player in "abc" for game in ("doom", "quake") for _ in range(3)]
    made = pair_queue(pairs(episodes, 0), 0, "Ann")
    met = Counter(tuple(sorted((left.player, right.player))) for left, right in made)
    assert met == dict.fromkeys(combinations("abc", 2), 6)
    assert all(left.game == right.game for left, right in made)
    assert set(Counter(one.id for pair in made for one in pair).values()) == {2}
    for many in range(1, len(made)):  # whoever stops early has all about as often
        counts = Counter(tuple(sorted((left.player, right.player))) for left, right in made[:many])
        assert max(counts.values()) - min(counts[two] for two in met) <= 1


def test_pairs_are_of_one_map_where_there_is_one(of: Make) -> None:
    episodes = [of(player, map_=map_) for player in "ab" for map_ in ("m1", "m2")] + [of("a", map_="m3")]
    assert {(one.map, other.map) for _, (one, other) in pairs(episodes, 0)} == {("m1", "m1"), ("m2", "m2")}
    apart = [of("a", map_="m1"), of("b", map_="m2")]
    assert len(pairs(apart, 0)) == 1


def test_fewer_episodes_of_one_player_are_shown_again(of: Make) -> None:
    made = pairs([of("a"), of("b"), of("b"), of("b")], 0)
    assert len(made) == 3
    assert len({other.id for _, (_, other) in made}) == 3


def test_sides_are_drawn(of: Make) -> None:
    made = pairs([of(player) for player in "ab" for _ in range(40)], 0)
    mine = pair_queue(made, 0, "Ann")
    assert 10 < sum(left.player == "a" for left, _ in mine) < 30
    assert mine == pair_queue(made, 0, "Ann")
    assert {frozenset((left.id, right.id)) for left, right in mine} == {
        frozenset((left.id, right.id)) for left, right in pair_queue(made, 0, "Bo")
    }


def test_why_there_are_no_pairs_names_nobody(of: Make) -> None:
    assert pairs([of("a"), of("a")], 0) == []
    assert why_no_pairs([of("a")]) == "All episodes are by one player, so there is nobody to compare."
    assert pairs([of("a", game="doom"), of("b", game="quake")], 0) == []
    assert "the same game" in why_no_pairs([of("a"), of("b")])
