"""The six faults that raters count, and what a count is worth.

All six are counted by occasion, idling too: one press for each time that the player stands idle, however long. That is how the
published scores were made (every idling in the 72 rows of appendix D.4 is a whole number of times), and it keeps the sum a sum
of like things; the moment of each press is kept as well.
"""

from dataclasses import dataclass

PER_S = 100  # seconds of play that a score is for


@dataclass(frozen=True)
class Fault:
    """`name` stands in files, `short` heads a column, `key` is pressed, `title` and `meaning` are what raters are told."""

    name: str
    short: str
    title: str
    key: str
    meaning: str


FAULTS = (
    Fault(
        "wall",
        "wall",
        "wall hit",
        "1",
        "Runs into a wall or something else that stands there. Leaning on it is one hit.",
    ),
    Fault("air", "air", "shot into the air", "2", "Shoots where there is nothing to hit."),
    Fault("miss", "miss", "miss", "3", "Goes for an enemy or a thing to pick up, and misses it."),
    Fault(
        "inhuman",
        "move",
        "non-human move",
        "4",
        "Does what no person would: runs in circles, walks backwards for no reason.",
    ),
    Fault(
        "idle",
        "idle",
        "idling",
        "5",
        "Stands there with nothing to wait for. One press each time, however long it lasts.",
    ),
    Fault("jitter", "jitter", "jitter", "6", "The view shakes or twitches. One press for each bout."),
)
NAMES = tuple(fault.name for fault in FAULTS)


def score(faults: float, seconds: float) -> float:
    """The published score: faults in 100 seconds of play, lower is better."""
    return PER_S * faults / seconds
