"""A model that really looks, and what recordings say of it."""

from collections.abc import Callable
from pathlib import Path

from playtape.annotate import Settings
from playtape.recordings import open_recording
from tests.annotate.served import Seen, instructions, second_of

SECOND = 1_000_000_000
Make = Callable[..., Settings]
EVENTS = {
    5: "Go to the blue gate.",
    31: "Fetch the lamp by the well.",
    55: "Climb the tower.",
    98: "Leave through the arch.",
}


def watcher(events: dict[int, str]) -> Callable[[Seen], str]:
    """A model that knows what begins at which second and finds it in the pictures. It tells the goal that is in force when a
    stretch begins once more, in other words, as models do."""

    def look(seen: Seen) -> str:
        rows: list[tuple[object, object, object]] = []
        first = seen.seconds[0]
        if any(second < first for second in events):
            rows.append(("00:00", None, "Carry on with what you were after."))
        for label, picture in seen.shown:
            text = events.get(second_of(picture))
            if text is not None and label not in [row[0] for row in rows]:
                rows.append((label, None, text))
        return instructions(*rows, narrative=f"From second {first} on, the player walks.")

    return look


def texts(path: Path) -> list[tuple[float, float, str]]:
    spans = [span for span in open_recording(path).spans if span.kind == "text"]
    return [(span.start_ns / SECOND, span.end_ns / SECOND, span.value) for span in spans]
