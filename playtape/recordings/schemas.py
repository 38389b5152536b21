"""The message types of an OWAMcap file: topics and schemas. Ours go by `playtape/`, theirs by `desktop/`."""

from typing import Any

PROFILE = "owa"
_INT: dict[str, Any] = {"type": "integer"}
_STR: dict[str, Any] = {"type": "string"}


def _optional(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}], "default": None}


def _object(title: str, required: list[str], /, **properties: Any) -> dict[str, Any]:
    return {
        "additionalProperties": False,
        "properties": properties,
        "required": required,
        "title": title,
        "type": "object",
    }


_BUTTON = {"enum": ["unknown", "left", "middle", "right", "x1", "x2"], "type": "string"}
_SIZE = {"maxItems": 2, "minItems": 2, "prefixItems": [_INT, _INT], "type": "array"}
_STAMP = {"timestamp": _optional(_INT)}
_MEDIA = {
    "properties": {"uri": _STR, "pts_ns": _optional(_INT)},
    "required": ["uri"],
    "title": "MediaRef",
    "type": "object",
}

SCHEMAS: dict[str, dict[str, Any]] = {
    "desktop/ScreenCaptured": _object(
        "ScreenCaptured",
        [],
        utc_ns=_optional(_INT),
        source_shape=_optional(_SIZE),
        shape=_optional(_SIZE),
        media_ref=_optional(_MEDIA),
    ),
    "desktop/KeyboardEvent": _object(
        "KeyboardEvent",
        ["event_type", "vk"],
        event_type={"enum": ["press", "release"], "type": "string"},
        vk=_INT,
        **_STAMP,
    ),
    "desktop/KeyboardState": _object(
        "KeyboardState",
        ["buttons"],
        buttons={
            "items": {"exclusiveMaximum": 256, "minimum": 0, "type": "integer"},
            "type": "array",
            "uniqueItems": True,
        },
        **_STAMP,
    ),
    "desktop/MouseEvent": _object(
        "MouseEvent",
        ["event_type", "x", "y"],
        event_type={"enum": ["move", "click", "scroll"], "type": "string"},
        x=_INT,
        y=_INT,
        button=_optional(_BUTTON),
        pressed=_optional({"type": "boolean"}),
        dx=_optional(_INT),
        dy=_optional(_INT),
        **_STAMP,
    ),
    "desktop/RawMouseEvent": _object(
        "RawMouseEvent",
        ["last_x", "last_y"],
        us_flags={**_INT, "default": 0},
        last_x=_INT,
        last_y=_INT,
        button_flags={**_INT, "default": 0},
        button_data={**_INT, "default": 0},
        device_handle=_optional(_INT),
        **_STAMP,
    ),
    "desktop/MouseState": _object(
        "MouseState",
        ["x", "y", "buttons"],
        x=_INT,
        y=_INT,
        buttons={"items": _BUTTON, "type": "array", "uniqueItems": True},
        **_STAMP,
    ),
    "desktop/WindowInfo": _object(
        "WindowInfo",
        ["title", "rect", "hWnd"],
        title=_STR,
        rect={"maxItems": 4, "minItems": 4, "prefixItems": [_INT] * 4, "type": "array"},
        hWnd=_INT,
    ),
    "playtape/InputEvent": _object("InputEvent", ["input", "value"], input=_STR, value={"type": "number"}),
    "playtape/Span": _object("Span", ["kind", "value", "duration_ns"], kind=_STR, value=_STR, duration_ns=_INT),
    "playtape/ActionConfidence": _object(
        "ActionConfidence",
        ["names", "offset_ns", "values"],
        names={"items": _STR, "type": "array"},
        offset_ns={"items": _INT, "type": "array"},
        values={"items": {"items": _optional({"type": "number"}), "type": "array"}, "type": "array"},
    ),
}

TOPICS: dict[str, str] = {
    "screen": "desktop/ScreenCaptured",
    "keyboard": "desktop/KeyboardEvent",
    "keyboard/state": "desktop/KeyboardState",
    "mouse": "desktop/MouseEvent",
    "mouse/raw": "desktop/RawMouseEvent",
    "mouse/state": "desktop/MouseState",
    "window": "desktop/WindowInfo",
    "gamepad": "playtape/InputEvent",
    "robot": "playtape/InputEvent",
    "text": "playtape/Span",
    "control": "playtape/Span",
    "span": "playtape/Span",
    "action/confidence": "playtape/ActionConfidence",
}
"""Topic -> the schema that its messages have."""

WHEEL, HWHEEL = 0x400, 0x800
BUTTON_BITS: tuple[tuple[str, int, int], ...] = (
    ("mouse.left", 0x1, 0x2),
    ("mouse.right", 0x4, 0x8),
    ("mouse.middle", 0x10, 0x20),
    ("mouse.x1", 0x40, 0x80),
    ("mouse.x2", 0x100, 0x200),
)
"""Button, its flag for going down, its flag for coming up (Windows RAWMOUSE.usButtonFlags)."""
NOTCH = 120  # wheel units a notch
ABSOLUTE = 1  # us_flags bit: last_x, last_y are a position
