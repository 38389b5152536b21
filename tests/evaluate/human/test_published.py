"""The 72 rows of Pixels2Play's appendix D.4 (arXiv 2601.04575, table 4), recomputed with our formula and our table."""

import csv
from pathlib import Path
from typing import Any

import pytest

from playtape.evaluate.human.episodes import Episode
from playtape.evaluate.human.faults import NAMES, score
from playtape.evaluate.human.results import ALL, summarised
from playtape.evaluate.human.said import Rating

ROWS = list(csv.DictReader(Path(__file__).with_name("published.csv").open()))
MODELS = ("150M", "300M", "600M", "1.2B")
# Means over runs: DOOM, Quake, both; faults in 100 s over all runs; seconds. (Of the rounded scores, 150M has 6.23 in DOOM.)
MEANS = {
    "150M": (6.236, 7.12, 6.68, 6.67, 945),
    "300M": (5.17, 7.65, 6.41, 6.39, 1174),
    "600M": (5.06, 4.45, 4.75, 5.44, 882),
    "1.2B": (4.94, 3.56, 4.25, 4.74, 908),
}


def test_there_are_three_checkpoints_of_two_games_three_times_for_four_models() -> None:
    tasks = {f"{game}{checkpoint}-{run}" for game in "DQ" for checkpoint in "123" for run in "123"}
    assert {(row["task"], row["model"]) for row in ROWS} == {(task, model) for task in tasks for model in MODELS}
    assert len(ROWS) == 72


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['task']} {row['model']}")
def test_each_published_score_is_the_formula(row: dict[str, str]) -> None:
    faults = sum(int(row[name]) for name in NAMES)
    assert score(faults, float(row["seconds"])) == pytest.approx(float(row["score"]), abs=0.00501)


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """The rows as ratings by one rater, summed up."""
    episodes, ratings = {}, []
    for number, row in enumerate(ROWS):
        name, game = f"{number:02d}", {"D": "doom", "Q": "quake"}[row["task"][0]]
        path, seconds = Path(row["model"]) / f"{row['task']}.mcap", float(row["seconds"])
        episodes[name] = Episode(name, path, row["model"], game, row["task"][:2], seconds, 0.05, path)
        marks = tuple((fault, 1.0) for fault in NAMES for _ in range(int(row[fault])))
        ratings.append(Rating("authors", name, 1, marks, ((0.0, seconds),), "", "done"))
    return summarised(ratings, episodes, seed=0)


def test_the_table_gives_the_published_means(found: dict[str, Any]) -> None:
    rows = {(row["player"], row["game"]): row for row in found["rows"]}
    for model, (doom, quake, both, pooled, seconds) in MEANS.items():
        assert rows[model, "doom"]["mean"] == pytest.approx(doom, abs=0.0051)
        assert rows[model, "quake"]["mean"] == pytest.approx(quake, abs=0.0051)
        assert rows[model, ALL]["mean"] == pytest.approx(both, abs=0.0051)
        assert rows[model, ALL]["pooled"] == pytest.approx(pooled, abs=0.0051)
        assert rows[model, ALL]["seconds"] == seconds
        assert rows[model, ALL]["low"] < both < rows[model, ALL]["high"]


def test_what_the_published_rows_can_tell(found: dict[str, Any]) -> None:
    """In Quake the four models differ by more than chance gives; in DOOM they do not."""
    chance = {one["game"]: one["p"] for one in found["all_equal"]}
    assert chance["doom"] > 0.3
    assert chance["quake"] < 0.03
    assert chance[ALL] < 0.02
