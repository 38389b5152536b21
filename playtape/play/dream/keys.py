"""What a browser calls the inputs of an action space: `KeyboardEvent.code` of keys, the numbers of mouse buttons.

Letters are those on the key, as in a game's window: the page asks for the letter, not for where it lies.
"""

from collections.abc import Sequence
from typing import Any

from playtape.actions import ActionSpace
from playtape.actions.keyboards import SIDES

MOUSE = ("mouse.left", "mouse.middle", "mouse.right", "mouse.x1", "mouse.x2")  # in the order of their numbers
MOVED = ("mouse.dx", "mouse.dy", "mouse.wheel", "mouse.hwheel")
KEPT = ("key.escape",)  # of the page: it pauses, and browsers let the mouse go by it
SIDED = {"shift": "Shift", "control": "Control", "alt": "Alt", "super": "Meta", "bracket": "Bracket"}
CODES = {
    **{name: f"Arrow{name.capitalize()}" for name in ("left", "right", "up", "down")},
    **{f"{side}_{ours}": f"{code}{side.capitalize()}" for side in ("left", "right") for ours, code in SIDED.items()},
    "equals": "Equal",
    "grave": "Backquote",
    "apostrophe": "Quote",
    "iso": "IntlBackslash",
    "menu": "ContextMenu",
}
LABELS = {"left": "←", "right": "→", "up": "↑", "down": "↓"}  # of a key; others are called by their name


def code(name: str) -> str:
    """Of one key: "key.page_up" is PageUp."""
    key = name.removeprefix("key.")
    if len(key) == 1:
        return f"Key{key.upper()}" if key.isalpha() else f"Digit{key}"
    return CODES.get(key) or "".join(part.capitalize() for part in key.split("_"))


def label(name: str) -> str:
    """What stands on the page."""
    device, _, key = name.partition(".")
    words = key.replace("_", " ").capitalize()
    return LABELS.get(key, words) if device == "key" else f"{device.capitalize()} {words.lower()}"


def inputs(space: ActionSpace, low: Sequence[float], high: Sequence[float]) -> dict[str, list[dict[str, Any]]]:
    """All that the page must know of a space, whose axes go from `low` to `high`, [A] each. Buttons without `codes` and `mouse`
    can be pressed on the page alone."""
    buttons = []
    for name in space.buttons:
        keys = [] if not name.startswith("key.") or name in KEPT else [code(side) for side in SIDES.get(name, (name,))]
        number = MOUSE.index(name) if name in MOUSE else None
        buttons.append({"name": name, "label": label(name), "codes": keys, "mouse": number})
    axes = [
        {
            "name": axis.name,
            "kind": axis.kind,
            "scale": axis.scale,
            "mouse": axis.name in MOVED,
            "low": least,
            "high": most,
        }
        for axis, least, most in zip(space.axes, low, high, strict=True)
    ]
    return {"buttons": buttons, "axes": axes}
