"""What Playtape writes into a LeRobot table of its own beside the columns: JSON, for which LeRobot has no place and no need.

One table holds one recording; what is not here when it is read (their programs may lay tables together) is as if never told.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from playtape.errors import printable
from playtape.recordings.nouns import Info, Span

KEY = b"playtape"
PLAIN = ("game", "source", "licence", "split", "player")
COLUMNS = ("text", "reward", "end")  # spans that the columns tell


@dataclass(frozen=True)
class Note:
    """`place` is the recording's among those that it was converted with, `names` are the action's."""

    place: str = ""
    fps: float = 0.0
    size: tuple[int, int] | None = None  # width, height as shown; the video's are even
    names: tuple[str, ...] = ()
    texts: Mapping[int, str] = field(default_factory=dict)  # of the tasks in the table, by their numbers there
    told: tuple[str, ...] = ()  # which of next.reward and next.done the recording had
    picture: Mapping[str, Any] = field(default_factory=dict)  # statistics of the video
    video: int = 0  # its size in bytes, so that one that was replaced alone is not taken for it
    info: Info | None = None
    spans: tuple[Span, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)

    def pack(self) -> dict[bytes, bytes]:
        """The metadata of a table's schema."""
        info = self.info or Info()
        told = {
            "place": self.place,
            "fps": self.fps,
            "size": self.size,
            "names": list(self.names),
            "texts": {str(number): text for number, text in self.texts.items()},
            "told": list(self.told),
            "picture": self.picture,
            "video": self.video,
            "info": {key: getattr(info, key) for key in (*PLAIN, "screen", "mouse_scale")}
            | {"extra": dict(info.extra)},
            "spans": [[span.start_ns, span.end_ns, span.kind, span.value] for span in self.spans],
            "provenance": {key: str(value) for key, value in self.provenance.items()},
        }
        return {KEY: json.dumps(printable(told), sort_keys=True).encode()}

    @classmethod
    def of(cls, metadata: Mapping[bytes, bytes] | None) -> "Note | None":
        """The note in a schema's metadata; None where there is none, or a damaged one."""
        try:
            told = json.loads((metadata or {})[KEY])
            return _checked(told)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            return None

    def spans_until(self, end_ns: int) -> list[Span]:
        """Those that lie within a video."""
        return [span for span in self.spans if 0 <= span.start_ns <= span.end_ns <= end_ns]


def _checked(told: Any) -> Note:
    """Raises one of what `of` catches for what `pack` cannot have written."""
    info, size = told["info"], told["size"]
    known = Info(
        **{key: _text(info[key]) for key in PLAIN},
        screen=None if info["screen"] is None else _size(info["screen"]),
        mouse_scale=None if info["mouse_scale"] is None else _number(info["mouse_scale"]),
        extra={key: _text(value) for key, value in info["extra"].items()},
    )
    spans = tuple(Span(_whole(a), _whole(b), _text(kind), _text(value)) for a, b, kind, value in told["spans"])
    return Note(
        place=_text(told["place"]),
        fps=_number(told["fps"]),
        size=None if size is None else _size(size),
        names=tuple(map(_text, told["names"])),
        texts={int(number): _text(text) for number, text in told["texts"].items()},
        told=tuple(map(_text, told["told"])),
        picture=dict(told["picture"]),
        video=_whole(told["video"]),
        info=known,
        spans=tuple(span for span in spans if span.kind not in COLUMNS),
        provenance={key: _text(value) for key, value in told["provenance"].items()},
    )


def moved(spans: tuple[Span, ...], start_ns: int, end_ns: int) -> tuple[Span, ...]:
    """Those that no column tells, by a clock that starts at `start_ns`, cut off at its ends."""
    kept = [span for span in spans if span.kind not in COLUMNS and span.start_ns < end_ns and span.end_ns > start_ns]
    return tuple(
        replace(s, start_ns=max(s.start_ns, start_ns) - start_ns, end_ns=min(s.end_ns, end_ns) - start_ns) for s in kept
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**62:
        raise TypeError(value)
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise TypeError(value)
    return float(value)


def _size(value: Any) -> tuple[int, int]:
    width, height = map(_whole, value)
    return width, height
