"""What the ratings say of the players: the published score with intervals, beside the baseline that all play equally well.

Legend: R raters, E episodes; NaN is not rated. Only finished ratings count.
"""

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from playtape.errors import BadInput
from playtape.evaluate.human.episodes import Episode, find_episodes, players
from playtape.evaluate.human.faults import FAULTS, NAMES, PER_S, score
from playtape.evaluate.human.preference import preference
from playtape.evaluate.human.ratings import Ratings
from playtape.evaluate.human.said import Rating
from playtape.evaluate.human.spread import Draws, all_equal, alpha, interval
from playtape.recordings.atomic import atomic

ALL = "all games"
FEW = 8  # episodes: with fewer, an interval is rough


def report(
    folder: Path, ratings: Path | None = None, *, seed: int = 0, csv_file: Path | None = None, progress: bool = True
) -> dict[str, Any]:
    """The results of all ratings of the episodes in `folder`. Returns a JSON dictionary.

    `rows`: for each game and player, and for all games together, the counts, `mean` (the published score, averaged over
    episodes), `pooled` (faults in 100 s over everything), their intervals, and `all_equal`, the mean of everybody. `all_equal`:
    for each game P(they differ so much by chance). `preference`: see there. `agreement`: between raters, where several rated
    the same. `csv_file` gets one row for each finished rating. Raises BadInput where nothing has been judged.
    """
    episodes, notes = find_episodes(folder, progress=progress)
    file = ratings or ratings_beside(folder)
    if not file.exists():
        raise BadInput(
            f"there are no ratings in {file} yet; `playtape evaluate human {folder}` serves the page for them"
        )
    said = Ratings(file)
    by_id = {episode.id: episode for episode in episodes}
    done = [one for one in said.ratings.values() if one.state == "done" and one.episode in by_id]
    preferred = preference(list(said.choices.values()), episodes, seed)
    if not done and preferred is None:
        raise BadInput(f"no episode of {folder} has been judged to the end in {file}; nothing can be told yet")
    if csv_file is not None:
        write_csv(csv_file, done, by_id)
    return {
        "episodes": str(folder),
        "ratings": str(file),
        "players": players(episodes),
        "raters": sorted({one.rater for one in done} | {choice.rater for choice in said.choices.values()}),
        "rated": len(done),
        **summarised(done, by_id, seed),
        "preference": preferred,
        "notes": [*_notes(said, by_id, done), *notes],
        **({} if csv_file is None else {"csv": str(csv_file)}),
    }


def ratings_beside(folder: Path) -> Path:
    """Where ratings are kept unless somebody says otherwise."""
    return (folder if folder.is_dir() else folder.parent) / "ratings.jsonl"


def write_csv(path: Path, done: list[Rating], by_id: dict[str, Episode]) -> None:
    """One row for each finished rating; atomic."""
    with (
        atomic(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        table = csv.writer(file)
        table.writerow(["recording", "player", "game", "map", "rater", "seconds", *NAMES, "faults", "score", "comment"])
        for one in sorted(done, key=lambda rating: (str(by_id[rating.episode].path), rating.rater)):
            episode, counts = by_id[one.episode], one.counts()
            faults = sum(counts.values())
            table.writerow(
                [
                    *(episode.path, episode.player, episode.game, episode.map, one.rater, round(episode.seconds, 3)),
                    *counts.values(),
                    *(faults, round(score(faults, episode.seconds), 4), one.comment),
                ]
            )


def summarised(done: list[Rating], by_id: dict[str, Episode], seed: int) -> dict[str, Any]:
    rated = [by_id[name] for name in sorted({one.episode for one in done})]
    raters = sorted({one.rater for one in done})
    faults, scores = np.full((2, len(raters), len(rated)), np.nan)
    place = {episode.id: column for column, episode in enumerate(rated)}
    counts: dict[str, Counter[str]] = {episode.id: Counter() for episode in rated}
    for one in done:
        at = raters.index(one.rater), place[one.episode]
        faults[at], scores[at] = len(one.marks), score(len(one.marks), by_id[one.episode].seconds)
        counts[one.episode].update(one.counts())
    games = sorted({episode.game for episode in rated})
    rows, equal = [], []
    for game in [*games, *([ALL] if len(games) > 1 else [])]:
        there = np.array([game in (ALL, episode.game) for episode in rated])
        mean, chance = _everybody(scores[:, there], [e for e, here in zip(rated, there) if here], seed)
        equal.append({"game": game, "mean": mean, "p": chance})
        for player in players(rated):
            mine = there & np.array([episode.player == player for episode in rated])
            if mine.any():
                own = [episode for episode, here in zip(rated, mine) if here]
                total = sum((counts[episode.id] for episode in own), Counter())
                rows.append(
                    {
                        "game": game,
                        "player": player,
                        **_row(faults[:, mine], scores[:, mine], own, total, seed),
                        "all_equal": mean,
                    }
                )
    return {"rows": rows, "all_equal": equal, "agreement": _agreement(done, raters, rated)}


def _row(faults: np.ndarray, scores: np.ndarray, own: list[Episode], counts: Counter[str], seed: int) -> dict[str, Any]:
    """One player's line: faults and scores [R, E] of the player's episodes."""
    seconds = np.array([episode.seconds for episode in own])
    draws = Draws.of(len(faults), len(own), seed)
    mean, low, high = interval(draws.mean(scores))
    pooled, pooled_low, pooled_high = interval(PER_S * draws.mean(faults, seconds))
    judged = (~np.isnan(faults)).sum(axis=0)
    single = len(own) < 2
    return {
        "episodes": len(own),
        "ratings": int(judged.sum()),
        "seconds": float(seconds.sum()),
        "seconds_rated": float((judged * seconds).sum()),
        "counts": {name: counts[name] for name in NAMES},
        "mean": mean,
        "low": None if single else low,
        "high": None if single else high,
        "pooled": pooled,
        "pooled_low": None if single else pooled_low,
        "pooled_high": None if single else pooled_high,
    }


def _everybody(scores: np.ndarray, own: list[Episode], seed: int) -> tuple[float, float | None]:
    """(the mean score of all episodes, P(players differ so much by chance)); None where nothing can differ."""
    values = np.nanmean(scores, axis=0)
    names = players(own)
    groups = np.array([names.index(episode.player) for episode in own])
    games = np.unique([episode.game for episode in own], return_inverse=True)[1]
    chance = all_equal(values, groups, games, seed) if 1 < len(names) < len(own) else None
    return float(values.mean()), chance


def _agreement(done: list[Rating], raters: list[str], rated: list[Episode]) -> dict[str, Any] | None:
    """Between raters of the same episodes: Krippendorff's alpha of the score and of each fault's, and how strict each is."""
    place = {episode.id: column for column, episode in enumerate(rated)}
    values = np.full((1 + len(NAMES), len(raters), len(rated)), np.nan)
    for one in done:
        column, counts = place[one.episode], one.counts()
        each = [len(one.marks), *counts.values()]
        values[:, raters.index(one.rater), column] = [score(count, rated[column].seconds) for count in each]
    shared = (~np.isnan(values[0])).sum(axis=0) > 1
    if not shared.any():
        return None
    together = values[0][:, shared]
    return {
        "episodes": int(shared.sum()),
        "alpha": alpha(values[0]),
        "alpha_of": {fault.title: alpha(of) for fault, of in zip(FAULTS, values[1:], strict=True)},
        "mean_of": {rater: float(np.nanmean(row)) for rater, row in zip(raters, together) if not np.isnan(row).all()},
    }


def _notes(said: Ratings, by_id: dict[str, Episode], done: list[Rating]) -> list[str]:
    """What a reader of the table should know."""
    states = Counter(one.state for one in said.ratings.values() if one.episode in by_id)
    strange = sum(one.episode not in by_id for one in said.ratings.values())
    least = min(Counter(by_id[name].player for name in {one.episode for one in done}).values(), default=FEW)
    found = {
        "ratings that are not finished and do not count": states["open"],
        "ratings that were skipped": states["skipped"],
        "ratings of recordings that are not in this folder": strange,
        "lines of the ratings that were cut short and are lost": said.lost,
        "rated episodes of the player who has fewest, so that intervals are rough": least if least < FEW else 0,
    }
    return [f"{what}: {count}" for what, count in found.items() if count]
