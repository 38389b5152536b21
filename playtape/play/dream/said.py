"""What a browser may say: JSON texts, each with a "type". Every refusal is a sentence.

{"type": "hands", "held": ["key.w"], "axes": {"mouse.dx": 3}}   what is down now, what moved since the last word
{"type": "seen", "frame": 7}                                     it was drawn
{"type": "play"}, {"type": "pause"}, {"type": "restart"}
{"type": "way", "passes": 4}                                     0 is the exact way
"""

from dataclasses import dataclass, field
from typing import Any

import orjson

from playtape.actions import ActionSpace
from playtape.errors import BadInput, within

TYPES = ("hands", "seen", "play", "pause", "restart", "way")
FAR = 1e6  # more than any hand moves in a moment
MOST_PASSES = 64


@dataclass(frozen=True)
class Said:
    """One message. What a kind does not say is as it is here."""

    kind: str
    held: tuple[str, ...] = ()
    axes: dict[str, float] = field(default_factory=dict)
    frame: int = 0
    passes: int = 0


def said(text: Any, space: ActionSpace) -> Said:
    """Raises BadInput for what is none of these."""
    if not isinstance(text, str):
        raise BadInput("a binary message came; messages are JSON texts")
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise BadInput(f"a message of {len(text)} characters is not JSON") from None
    kind = message.get("type") if isinstance(message, dict) else None
    if kind not in TYPES:
        raise BadInput(f"a message's type is {kind!r:.60}; legal are {', '.join(TYPES)}")
    if kind == "hands":
        return Said(kind, *_hands(message.get("held", []), message.get("axes", {}), space))
    if kind == "seen":
        within("frame", message.get("frame"), 0, 2**53, whole=True)
        return Said(kind, frame=message["frame"])
    if kind == "way":
        within("passes", message.get("passes"), 0, MOST_PASSES, whole=True)
        return Said(kind, passes=message["passes"])
    return Said(kind)


def _hands(held: Any, axes: Any, space: ActionSpace) -> tuple[tuple[str, ...], dict[str, float]]:
    if not isinstance(held, list) or not isinstance(axes, dict):
        raise BadInput("hands have held, a list of names, and axes, a map of names to numbers")
    names = [axis.name for axis in space.axes]
    for name, legal in (*((name, space.buttons) for name in held), *((name, names) for name in axes)):
        if name not in legal:
            raise BadInput(f"{name!r:.60} is not known in this world; legal are {', '.join(legal)}")
    for name, value in axes.items():
        within(name, value, -FAR, FAR)
    return tuple(held), axes
