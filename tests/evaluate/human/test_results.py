"""The table on ratings made by hand."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from playtape.errors import BadInput
from playtape.evaluate.human import report, report_text
from playtape.evaluate.human.episodes import Episode, find_episodes
from playtape.evaluate.human.preference import preference
from playtape.evaluate.human.ratings import Ratings
from playtape.evaluate.human.results import summarised
from playtape.evaluate.human.said import Choice, Rating
from tests.evaluate.human.conftest import WHO, record

Make = Callable[..., Episode]


def rated(episode: Episode, faults: int, rater: str = "Ann", fault: str = "wall", **more: Any) -> Rating:
    return Rating(rater, episode.id, 1, ((fault, 1.0),) * faults, ((0.0, episode.seconds),), **{"state": "done"} | more)


def save(path: Path, *said: Rating | Choice) -> Path:
    ratings = Ratings(path)
    with ratings.writing():
        for one in said:
            ratings.save(one)
    return path


def rows(found: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["game"], row["player"]): row for row in found["rows"]}


def test_mean_and_pooled_are_told_apart(of: Make) -> None:
    short, long = of("a", 50), of("a", 200)
    found = summarised([rated(short, 2), rated(long, 2)], {one.id: one for one in (short, long)}, 0)
    row = rows(found)["doom", "a"]
    assert (row["mean"], row["pooled"]) == (2.5, 1.6)  # (4 + 1) / 2, and 4 in 250 s
    assert (row["low"], row["high"]) == (1, 4)
    assert (row["counts"]["wall"], row["seconds"], row["episodes"], row["ratings"]) == (4, 250, 2, 2)
    assert row["all_equal"] == 2.5
    assert found["all_equal"] == [{"game": "doom", "mean": 2.5, "p": None}]  # one player cannot differ


def test_several_raters_are_averaged_within_an_episode(of: Make) -> None:
    one, other = of("a"), of("b")
    said = [rated(one, 2), rated(one, 6, "Bo"), rated(other, 1)]
    found = summarised(said, {each.id: each for each in (one, other)}, 0)
    mine = rows(found)["doom", "a"]
    assert (mine["mean"], mine["pooled"], mine["episodes"], mine["ratings"]) == (4, 4, 1, 2)
    assert mine["low"] is None  # one episode says nothing about others
    assert mine["all_equal"] == 2.5
    assert found["agreement"]["episodes"] == 1
    assert found["agreement"]["mean_of"] == {"Ann": 2, "Bo": 6}
    assert found["agreement"]["alpha"] == 0  # one episode: all difference is between raters


def test_agreement_needs_an_episode_that_two_rated(of: Make) -> None:
    one, other = of("a"), of("b")
    found = summarised([rated(one, 2), rated(other, 6, "Bo")], {each.id: each for each in (one, other)}, 0)
    assert found["agreement"] is None


def test_players_who_differ_and_players_who_do_not(of: Make) -> None:
    good, bad = [of("good") for _ in range(9)], [of("bad") for _ in range(9)]
    by_id = {one.id: one for one in good + bad}
    differ = [rated(one, k % 3) for k, one in enumerate(good)] + [rated(one, 5 + k % 3) for k, one in enumerate(bad)]
    alike = [rated(one, k % 4) for k, one in enumerate(good + bad)]
    assert summarised(differ, by_id, 0)["all_equal"][0]["p"] < 0.001
    assert summarised(alike, by_id, 0)["all_equal"][0]["p"] > 0.2
    found = rows(summarised(differ, by_id, 0))
    assert found["doom", "good"]["high"] < found["doom", "bad"]["low"]


def choices(pairs: list[tuple[Episode, Episode]], said: str, rater: str = "Ann") -> list[Choice]:
    """One letter a pair: l, r or t for left, right, tie, and s for skipped."""
    full: dict[str, Literal["left", "right", "tie", "skipped"]] = {
        "l": "left",
        "r": "right",
        "t": "tie",
        "s": "skipped",
    }
    return [Choice(rater, left.id, right.id, full[letter]) for (left, right), letter in zip(pairs, said, strict=True)]


def test_a_tie_is_half_a_win_and_sides_do_not_matter(of: Make) -> None:
    mine, theirs = [of("a") for _ in range(5)], [of("b") for _ in range(5)]
    pairs = [(one, other) if k % 2 else (other, one) for k, (one, other) in enumerate(zip(mine, theirs))]
    found = preference(choices(pairs, "rlrts"), mine + theirs, 0)
    assert found is not None
    (two,) = found["players"]
    assert (two["first"], two["second"], two["wins"], two["ties"], two["losses"]) == ("a", "b", 3, 1, 0)
    assert two["win_rate"] == 0.875
    assert two["low"] < 0.625  # Wilson's for four pairs, which is wider than what drawing them anew gives
    assert two["high"] == 1
    assert (found["skipped"], found["strengths"], found["alpha"]) == (1, None, None)


def test_two_wins_of_two_are_not_certain(of: Make) -> None:
    pairs = [(of("a"), of("b")) for _ in range(2)]
    found = preference(choices(pairs, "ll"), [one for pair in pairs for one in pair], 0)
    assert found is not None
    assert (found["players"][0]["win_rate"], found["players"][0]["high"]) == (1, 1)
    assert found["players"][0]["low"] == pytest.approx(0.342, abs=0.001)


def test_raters_who_agree_on_pairs_and_who_do_not(of: Make) -> None:
    pairs = [(of("a"), of("b")) for _ in range(6)]
    episodes = [one for pair in pairs for one in pair]
    same = preference(choices(pairs, "lrlrlr") + choices(pairs, "lrlrlr", "Bo"), episodes, 0)
    other = preference(choices(pairs, "lrlrlr") + choices(pairs, "rlrlrl", "Bo"), episodes, 0)
    assert same is not None
    assert other is not None
    assert same["alpha"] == 1
    assert other["alpha"] < 0
    assert same["players"][0]["win_rate"] == other["players"][0]["win_rate"] == 0.5


def test_three_players_stand_on_one_scale(of: Make) -> None:
    """a beats b and b beats c, three times of four; so a would beat c."""
    by = {name: [of(name) for _ in range(16)] for name in "abc"}
    pairs = list(zip(by["a"], by["b"])) + list(zip(by["b"], by["c"]))
    found = preference(choices(pairs, "lllr" * 8), [one for some in by.values() for one in some], 0)
    assert found is not None
    strengths = {one["player"]: one for one in found["strengths"]}
    assert list(strengths) == ["a", "b", "c"]
    assert strengths["a"]["strength"] == pytest.approx(1.0986, abs=0.08)  # ln 3, less what the virtual tie takes
    assert strengths["b"]["strength"] == pytest.approx(0, abs=1e-3)
    assert strengths["a"]["low"] > 0 > strengths["c"]["high"]


def test_a_player_who_always_wins_is_not_infinitely_strong(of: Make) -> None:
    by = {name: [of(name) for _ in range(6)] for name in "abc"}
    pairs = [*zip(by["a"], by["b"]), *zip(by["a"], by["c"]), *zip(by["b"], by["c"])]
    found = preference(choices(pairs, "l" * 18), [one for some in by.values() for one in some], 0)
    assert found is not None
    assert [one["player"] for one in found["strengths"]] == ["a", "b", "c"]
    assert all(abs(one[edge]) < 10 for one in found["strengths"] for edge in ("strength", "low", "high"))


def test_nothing_was_chosen(of: Make) -> None:
    pair = (of("a"), of("b"))
    assert preference([], list(pair), 0) is None
    assert preference(choices([pair], "s"), list(pair), 0) is None


def test_the_report_of_a_folder(episodes: Path, tmp_path: Path) -> None:
    found, _ = find_episodes(episodes, progress=False)
    by = {one.path.stem: one for one in found}
    mine, theirs = by[f"{WHO[0]}_run1"], by[f"{WHO[1]}_run1"]
    out = save(
        tmp_path / "r.jsonl",
        rated(mine, 3, comment="=cmd, \u00e9\nnext"),
        rated(theirs, 1, fault="idle"),
        rated(by[f"{WHO[0]}_run2"], 1, state="skipped"),
        rated(by[f"{WHO[1]}_run2"], 1, state="open"),
        Rating("Ann", "gone", 1, state="done"),
        Choice("Ann", mine.id, theirs.id, "right"),
    )
    with out.open("a") as file:
        file.write('{"kind": "ra')
    result = report(episodes, out, csv_file=tmp_path / "rows.csv", progress=False)
    assert rows(result)["maze", WHO[0]]["mean"] == 300
    assert result["notes"] == [
        "ratings that are not finished and do not count: 1",
        "ratings that were skipped: 1",
        "ratings of recordings that are not in this folder: 1",
        "lines of the ratings that were cut short and are lost: 1",
        "rated episodes of the player who has fewest, so that intervals are rough: 1",
    ]
    json.dumps(result, allow_nan=False)
    text = report_text(result)
    assert f"{WHO[1]} over {WHO[0]}" in text.replace(f"{WHO[0]} over {WHO[1]}", f"{WHO[1]} over {WHO[0]}")
    assert "2 ratings by 1 rater" in text
    table = list(csv.DictReader((tmp_path / "rows.csv").open(newline="")))
    assert [(row["player"], row["wall"], row["idle"], row["faults"], row["score"]) for row in table] == [
        (WHO[1], "0", "1", "1", "100.0"),
        (WHO[0], "3", "0", "3", "300.0"),
    ]
    assert table[1]["comment"] == "=cmd, \u00e9\nnext"
    assert float(table[1]["seconds"]) == 1


def test_the_ratings_lie_beside_the_episodes(tmp_path: Path) -> None:
    one = record(tmp_path / "x.mcap", player="a")
    (episode,), _ = find_episodes(tmp_path, progress=False)
    save(tmp_path / "ratings.jsonl", rated(episode, 2))
    assert report(tmp_path, progress=False)["ratings"] == report(one, progress=False)["ratings"]
    assert len(report_text(report(tmp_path, progress=False)).splitlines()) > 3


def test_only_pairs_were_judged(episodes: Path, tmp_path: Path) -> None:
    found, _ = find_episodes(episodes, progress=False)
    left, right = (next(one for one in found if one.player == name) for name in WHO)
    result = report(episodes, save(tmp_path / "r.jsonl", Choice("Ann", left.id, right.id, "tie")), progress=False)
    assert (result["rated"], result["rows"], result["all_equal"]) == (0, [], [])
    assert "50.0 %" in report_text(result)


def test_before_anything_was_judged(episodes: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there are no ratings in .*r.jsonl yet; `playtape evaluate human "):
        report(episodes, tmp_path / "r.jsonl", progress=False)
    found, _ = find_episodes(episodes, progress=False)
    save(tmp_path / "r.jsonl", rated(found[0], 1, state="open"))
    with pytest.raises(BadInput, match="no episode of .* has been judged to the end"):
        report(episodes, tmp_path / "r.jsonl", progress=False)
