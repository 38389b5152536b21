"""Older OWAMcap messages -> today's: pure dict-to-dict functions, applied while reading. No file is rewritten.

The oldest files name a library version that says nothing, so each is recognised by its schema name and its fields.
"""

import base64
import binascii
from typing import Any

PREFIXES = (
    "desktop/",
    "owa.env.desktop.msg.",
    "owa.env.desktop.",
    "owa.env.gst.msg.",
    "owa.env.gst.",
    "owa_env_desktop.",
    "owa_env_gst.",
)
RENAMED = {"ScreenEmitted": "ScreenCaptured"}  # until 0.4.2


def schema_name(name: str) -> str:
    """Today's name of a schema: before 0.3.0 `owa_env_desktop.X`, before 0.4.2 `owa.env.desktop.msg.X`."""
    for prefix in PREFIXES:
        if name.startswith(prefix):
            kind = name[len(prefix) :].removeprefix("msg.")
            return f"desktop/{RENAMED.get(kind, kind)}"
    return name


def keyboard_state(message: dict[str, Any]) -> dict[str, Any]:
    """Before 0.3.2: `pressed_vk_list` is now `buttons`."""
    if "pressed_vk_list" not in message:
        return message
    rest = {key: value for key, value in message.items() if key != "pressed_vk_list"}
    return {**rest, "buttons": message["pressed_vk_list"]}


def screen(message: dict[str, Any]) -> dict[str, Any]:
    """Before 0.5.0: `path`, `pts` (already ns), `original_shape`; before 0.5.1: `media_ref` is a tagged union."""
    message = dict(message)
    if "original_shape" in message:
        message["source_shape"] = message.pop("original_shape")
    if "path" in message:
        message["media_ref"] = {"uri": message.pop("path"), "pts_ns": message.pop("pts", None)}
    reference = message.get("media_ref")
    if isinstance(reference, dict) and "uri" not in reference:
        message["media_ref"] = _tagged(reference)
    return message


def _tagged(reference: dict[str, Any]) -> dict[str, Any]:
    if reference.get("type") == "embedded":
        return {
            "uri": f"data:image/{reference.get('format', 'png')};base64,{reference.get('data', '')}",
            "pts_ns": None,
        }
    return {"uri": reference.get("path", ""), "pts_ns": reference.get("pts_ns")}


def raw_mouse(message: dict[str, Any]) -> dict[str, Any]:
    """Before 0.5.5: `dx`, `dy`, and the button flags stood in `button_data` (an offset bug); wheel deltas are lost."""
    if "last_x" in message or "dx" not in message:
        return message
    rest = {key: value for key, value in message.items() if key not in ("dx", "dy", "button_flags", "button_data")}
    flags = message.get("button_data", message.get("button_flags", 0))
    return {
        **rest,
        "last_x": message["dx"],
        "last_y": message["dy"],
        "us_flags": 0,
        "button_flags": flags,
        "button_data": 0,
    }


def pointer_config(metadata: dict[str, str]) -> dict[str, str]:
    """Before 0.5.6: the pointer curves are base64, now hex; "None" and empty ones are left out."""
    result = dict(metadata)
    for key in ("SmoothMouseXCurve", "SmoothMouseYCurve"):
        value = result.get(key)
        if value in (None, "None", ""):
            result.pop(key, None)
            continue
        try:
            bytes.fromhex(value)
        except ValueError:
            try:
                result[key] = base64.b64decode(value, validate=True).hex()
            except binascii.Error:
                del result[key]
    return result


UPGRADES = {
    "desktop/KeyboardState": keyboard_state,
    "desktop/ScreenCaptured": screen,
    "desktop/RawMouseEvent": raw_mouse,
}
"""Schema -> the function that brings any older message of it up to date."""
