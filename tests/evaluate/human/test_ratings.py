"""The file: what is saved is there after any kill, and what is there is never rewritten."""

import errno
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from playtape.errors import BadInput
from playtape.evaluate.human.ratings import Ratings, Stale
from playtape.evaluate.human.said import Choice, Rating

FIRST = Rating("Ann", "e1", 1, (("wall", 1.5),), ((0.0, 2.0),))
SECOND = replace(FIRST, revision=2, marks=(*FIRST.marks, ("idle", 1.75)), state="done")


def saved(path: Path, *said: Rating | Choice) -> Ratings:
    ratings = Ratings(path)
    with ratings.writing():
        for one in said:
            ratings.save(one)
    return ratings


def test_what_was_saved_is_read_again(tmp_path: Path) -> None:
    path, choice = tmp_path / "new" / "r.jsonl", Choice("Bo", "e1", "e2", "left", "close")
    saved(path, FIRST, SECOND, replace(FIRST, rater="Bo"), choice)
    found = Ratings(path)
    assert found.ratings == {("Ann", "e1"): SECOND, ("Bo", "e1"): replace(FIRST, rater="Bo")}
    assert found.choices == {("Bo", ("e1", "e2")): choice}
    assert (found.raters(), found.lost) == (["Ann", "Bo"], 0)


def test_nothing_is_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    saved(path, FIRST)
    before = path.read_bytes()
    saved(path, SECOND)
    assert path.read_bytes().startswith(before)
    assert [json.loads(line)["kind"] for line in path.read_text().splitlines()] == [
        "playtape ratings",
        "rating",
        "rating",
    ]


def test_a_rating_that_was_changed_elsewhere_is_not_overwritten(tmp_path: Path) -> None:
    ratings = Ratings(tmp_path / "r.jsonl")
    with ratings.writing():
        ratings.save(FIRST)
        ratings.save(FIRST)  # the answer did not arrive: asked again
        ratings.save(SECOND)
        for stale in (replace(FIRST, marks=()), replace(SECOND, marks=()), replace(FIRST, revision=9)):
            with pytest.raises(Stale, match=r"saved elsewhere meanwhile \(revision 2\)"):
                ratings.save(stale)
    assert len((tmp_path / "r.jsonl").read_text().splitlines()) == 3


@pytest.mark.parametrize("cut", [2, 30, 100])
def test_a_line_that_was_cut_is_lost_alone(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "r.jsonl"
    saved(path, FIRST, SECOND)
    os.truncate(path, path.stat().st_size - cut)
    found = Ratings(path)
    assert (found.ratings, found.lost) == ({("Ann", "e1"): FIRST}, 1)
    saved(path, replace(SECOND, comment="again"))
    found = Ratings(path)
    assert found.ratings["Ann", "e1"] == replace(SECOND, comment="again")
    assert found.lost == 1


def test_a_line_that_lacks_only_its_end_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    saved(path, FIRST, SECOND)
    os.truncate(path, path.stat().st_size - 1)
    assert saved(path, replace(SECOND, revision=3)).lost == 0
    assert Ratings(path).ratings["Ann", "e1"].revision == 3


def test_lines_that_are_none_of_ours_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    saved(path, FIRST)
    bad = json.loads(path.read_text().splitlines()[1]) | {"marks": [["wall", -1]]}
    with path.open("a") as file:
        file.write(f'{json.dumps(bad)}\n[1]\nnull\n{{"kind": "rating"}}\n{{"kind": "note"}}\n\x00\n')
    found = Ratings(path)
    assert (found.ratings, found.lost) == ({("Ann", "e1"): FIRST}, 6)


@pytest.mark.parametrize("content", ["{}\n", "hello\n", "hello", '{"kind": "rating"}\n', "\n"])
def test_another_file_is_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(content)
    with pytest.raises(BadInput, match="is not a file of ratings; give another --out"):
        Ratings(path)
    assert path.read_text() == content


def test_a_file_of_a_later_version_is_told(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text('{"kind": "playtape ratings", "version": 2}\n')
    with pytest.raises(BadInput, match="is of version 2; this Playtape reads version 1"):
        Ratings(tmp_path / "r.jsonl")


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(BadInput, match=r"cannot write .*: .*; give another --out"),
        Ratings(tmp_path / "file" / "r.jsonl").writing(),
    ):
        pass
    with pytest.raises(BadInput, match="cannot read the ratings in .*: Is a directory"):
        Ratings(tmp_path)


def test_two_servers_do_not_write_one_file(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    path = tmp_path / "r.jsonl"
    with Ratings(path).writing(), pytest.raises(BadInput, match="is being written by another"), Ratings(path).writing():
        pass
    saved(path, FIRST)  # it is free again


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """A limit on the size of files stands in for a full disk."""
    pytest.importorskip("resource")
    path = tmp_path / "r.jsonl"
    saved(path, FIRST)
    code = f"""
import resource, signal
from dataclasses import replace
from pathlib import Path
from playtape.evaluate.human.ratings import Ratings
from playtape.evaluate.human.said import Rating
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
ratings = Ratings(Path({str(path)!r}))
rating = ratings.ratings["Ann", "e1"]
with ratings.writing():
    resource.setrlimit(resource.RLIMIT_FSIZE, ({path.stat().st_size + 40},) * 2)
    try:
        ratings.save(replace(rating, revision=2, comment="x" * 200))
    except OSError as error:
        print(error.errno)
    print(ratings.ratings["Ann", "e1"].revision)
"""
    before = path.read_bytes()
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert result.stdout.split() == [str(errno.EFBIG), "1"], result.stderr
    assert path.read_bytes() == before
