"""What a rater can say, and that nothing else gets in."""

from typing import Any

import pytest

from playtape.errors import BadInput
from playtape.evaluate.human.faults import FAULTS, NAMES
from playtape.evaluate.human.said import Choice, Rating, choice_of, rater_of, rating_of

GOOD = {
    "rater": "Ann",
    "episode": "ab12",
    "revision": 3,
    "marks": [["wall", 1.5], ["idle", 2], ["wall", 0]],
    "seen": [[0, 2.5], [3, 4]],
    "comment": "why?",
    "state": "done",
}
CHOICE = {"rater": "Ann", "left": "ab", "right": "cd", "choice": "tie", "comment": ""}


def test_a_rating_is_what_was_sent() -> None:
    found = rating_of(GOOD)
    assert found == Rating(
        "Ann", "ab12", 3, (("wall", 1.5), ("idle", 2.0), ("wall", 0.0)), ((0.0, 2.5), (3.0, 4.0)), "why?", "done"
    )
    assert found.counts() == dict.fromkeys(NAMES, 0) | {"wall": 2, "idle": 1}
    assert found.seen_s == 3.5


def test_a_choice_is_what_was_sent() -> None:
    assert choice_of(CHOICE) == Choice("Ann", "ab", "cd", "tie")
    assert choice_of(CHOICE | {"left": "cd", "right": "ab"}).pair == ("ab", "cd")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"revision": 0}, "revision is 0; it must be a whole number from 1"),
        ({"revision": 1.5}, "revision is 1.5"),
        ({"revision": True}, "revision is True"),
        ({"marks": {"wall": -1}}, "marks must be a list"),
        ({"marks": [["wall", -1]]}, "a mark's time is -1; it must be a number from 0"),
        ({"marks": [["wall", float("nan")]]}, "a mark's time is nan"),
        ({"marks": [["wall", "1"]]}, "a mark's time is '1'"),
        ({"marks": [["headshot", 1]]}, r"a mark is \[fault, seconds\], its fault one of wall, air"),
        ({"marks": [["wall"]]}, "a mark is"),
        ({"marks": [[["wall"], 1]]}, "a mark is"),
        ({"marks": [["wall", 1]] * 5001}, "marks must be a list of at most 5000"),
        ({"seen": [[2, 1]]}, "a stretch must have a length"),
        ({"seen": [[0, 2], [1, 3]]}, "seen must be stretches that rise"),
        ({"seen": [[0, -1]]}, "a stretch's edge is -1"),
        ({"seen": [1, 2]}, r"a stretch is \[from, to\]"),
        ({"comment": "x" * 4001}, "a comment must be a text of at most 4000 letters"),
        ({"comment": None}, "a comment must be a text"),
        ({"state": "perfect"}, "state is 'perfect'; legal are open, done, skipped"),
        ({"state": ["done"]}, "state is"),
        ({"episode": ""}, "episode must be an id"),
        ({"episode": "x" * 65}, "episode must be an id"),
        ({"rater": ""}, "the rater's name is ''; it must be 1 to 40 letters"),
        ({"rater": 7}, "the rater's name is '7'"),
        ({"rater": "x" * 41}, "the rater's name"),
        ({"rater": "a\x00b"}, "the rater's name"),
        ({"score": 0}, "legal is an object of comment, episode"),
    ],
)
def test_anything_else_is_refused(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        rating_of(GOOD | change)


@pytest.mark.parametrize("message", [None, [], "done", 3, {}, {"rater": "Ann"}])
def test_what_is_no_object_of_ours_is_refused(message: object) -> None:
    for check in (rating_of, choice_of):
        with pytest.raises(BadInput, match="legal is an object of"):
            check(message)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"choice": "both"}, "choice is 'both'; legal are left, right, tie, skipped"),
        ({"left": "cd"}, "cannot be compared with itself"),
        ({"right": None}, "right must be an id"),
    ],
)
def test_a_choice_that_is_none(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        choice_of(CHOICE | change)


def test_a_name_is_the_same_however_it_is_typed() -> None:
    assert rater_of("  Ann   Lee ") == "Ann Lee"
    assert rater_of("Zoe\u0308") == rater_of("Zo\u00eb")


def test_six_faults_have_six_keys() -> None:
    assert [fault.key for fault in FAULTS] == list("123456")
    assert NAMES == ("wall", "air", "miss", "inhuman", "idle", "jitter")
