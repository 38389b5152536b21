"""What a rater can say: a rating of one episode, or a choice between two. Everything that a page sends is checked here."""

import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from playtape.errors import BadInput, within
from playtape.evaluate.human.faults import NAMES

STATES = ("open", "done", "skipped")
SIDES = ("left", "right", "tie", "skipped")
MARKS, STRETCHES, LETTERS, NAME = 5000, 5000, 4000, 40  # most in a rating; of a comment; of a rater's name
LONGEST_S = 1e6
SEEN = 0.9  # of an episode that must have been seen before it is judged


@dataclass(frozen=True)
class Rating:
    """One rater's judgement of one episode, so far."""

    rater: str
    episode: str
    revision: int  # 1 for the first save, each further one has 1 more
    marks: tuple[tuple[str, float], ...] = ()  # (fault, seconds into the video), as pressed
    seen: tuple[tuple[float, float], ...] = ()  # stretches of the video that were played, in seconds; apart and rising
    comment: str = ""
    state: Literal["open", "done", "skipped"] = "open"

    @property
    def seen_s(self) -> float:
        """How many seconds of the video were played."""
        return sum(end - start for start, end in self.seen)

    def counts(self) -> dict[str, int]:
        """How often each fault was pressed."""
        said = [fault for fault, _ in self.marks]
        return {name: said.count(name) for name in NAMES}


@dataclass(frozen=True)
class Choice:
    """Which of two episodes a rater prefers, as they stood on the page."""

    rater: str
    left: str
    right: str
    choice: Literal["left", "right", "tie", "skipped"]
    comment: str = ""

    @property
    def pair(self) -> tuple[str, str]:
        """The two, whichever way they stood."""
        return (self.left, self.right) if self.left < self.right else (self.right, self.left)


def rating_of(message: object) -> Rating:
    """A rating that a page sent, or that a line holds. Raises BadInput for anything else."""
    given = _fields(message, {"rater", "episode", "revision", "marks", "seen", "comment", "state"})
    within("revision", given["revision"], 1, 10**9, whole=True)
    if given["state"] not in STATES:
        raise BadInput(f"state is {str(given['state'])[:40]!r}; legal are {', '.join(STATES)}")
    marks = [_mark(one) for one in _list("marks", given["marks"], MARKS)]
    seen = [_stretch(one) for one in _list("seen", given["seen"], STRETCHES)]
    if any(later[0] <= earlier[1] for earlier, later in pairwise(seen)):
        raise BadInput("seen must be stretches that rise and do not touch")
    return Rating(
        rater=rater_of(given["rater"]),
        episode=_word("episode", given["episode"]),
        revision=given["revision"],
        marks=tuple(marks),
        seen=tuple(seen),
        comment=_comment(given["comment"]),
        state=given["state"],
    )


def choice_of(message: object) -> Choice:
    """A choice that a page sent, or that a line holds. Raises BadInput for anything else."""
    given = _fields(message, {"rater", "left", "right", "choice", "comment"})
    if given["choice"] not in SIDES:
        raise BadInput(f"choice is {str(given['choice'])[:40]!r}; legal are {', '.join(SIDES)}")
    left, right = _word("left", given["left"]), _word("right", given["right"])
    if left == right:
        raise BadInput("an episode cannot be compared with itself")
    return Choice(rater_of(given["rater"]), left, right, given["choice"], _comment(given["comment"]))


def rater_of(name: object) -> str:
    """A rater's name, its blanks tidied. Raises BadInput for none, and for one that cannot be shown."""
    tidy = " ".join(unicodedata.normalize("NFC", name).split()) if isinstance(name, str) else ""
    if not tidy or len(tidy) > NAME or not tidy.isprintable():
        raise BadInput(f"the rater's name is {str(name)[:NAME]!r}; it must be 1 to {NAME} letters")
    return tidy


def _fields(message: object, names: set[str]) -> dict[str, Any]:
    if not isinstance(message, dict) or set(message) != names:
        raise BadInput(f"legal is an object of {', '.join(sorted(names))}")
    return message


def _list(name: str, value: object, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise BadInput(f"{name} must be a list of at most {most}")
    return value


def _mark(one: object) -> tuple[str, float]:
    if not isinstance(one, list) or len(one) != 2 or one[0] not in NAMES:
        raise BadInput(f"a mark is [fault, seconds], its fault one of {', '.join(NAMES)}; this is {str(one)[:60]}")
    within("a mark's time", one[1], 0, LONGEST_S)
    return one[0], float(one[1])


def _stretch(one: object) -> tuple[float, float]:
    if not isinstance(one, list) or len(one) != 2:
        raise BadInput(f"a stretch is [from, to] in seconds; this is {str(one)[:60]}")
    for edge in one:
        within("a stretch's edge", edge, 0, LONGEST_S)
    if one[0] >= one[1]:
        raise BadInput(f"a stretch must have a length; this is {one}")
    return float(one[0]), float(one[1])


def _word(name: str, value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 64:
        raise BadInput(f"{name} must be an id")
    return value


def _comment(value: object) -> str:
    if not isinstance(value, str) or len(value) > LETTERS:
        raise BadInput(f"a comment must be a text of at most {LETTERS} letters")
    return value
