"""What both protocols say, checked: pictures, ids and texts. Every refusal is a sentence."""

import io
from typing import Any

import numpy as np

from playtape.errors import BadInput

LIMIT = 64 << 20  # bytes of a message
SIDE = 16_384  # pixels
TEXT = 4_000  # characters


def picture(width: Any, height: Any, data: Any) -> np.ndarray:
    """Rows of RGB to uint8 [H, W, 3], without a copy."""
    for name, value in (("width", width), ("height", height)):
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= SIDE:
            raise BadInput(f"a frame's {name} is {value!r:.60}; 1 to {SIDE} is legal")
    if not isinstance(data, bytes):
        raise BadInput(f"a frame's data are bytes, not {type(data).__name__}")
    if len(data) != width * height * 3:
        raise BadInput(
            f"a frame of {width} x {height} has {width * height * 3} bytes of RGB, and {len(data)} were sent"
        )
    return np.frombuffer(data, np.uint8).reshape(height, width, 3)


def unpacked(kind: str, data: Any) -> np.ndarray:
    """A "png" or "jpeg" to uint8 [H, W, 3]. Its size is looked at before anything is unpacked."""
    from PIL import Image

    if not isinstance(data, bytes):
        raise BadInput(f"a frame's {kind} is bytes, not {type(data).__name__}")
    try:
        with Image.open(io.BytesIO(data), formats=[kind.upper()]) as image:
            fits = max(image.size) <= SIDE and image.width * image.height * 3 <= LIMIT
            found = np.asarray(image.convert("RGB")) if fits else None
    except Exception:  # a damaged picture can raise a dozen kinds
        raise BadInput(f"a frame's {kind} of {len(data)} bytes cannot be read; send a whole {kind.upper()}") from None
    if found is None:
        raise BadInput(f"a frame's {kind} is larger than {LIMIT} bytes of RGB; send a smaller one")
    return found


def instruction(said: Any) -> str:
    """What a policy is told to do."""
    if not isinstance(said, str):
        raise BadInput(f"text is {type(said).__name__}; a string is legal")
    if len(said) > TEXT:
        raise BadInput(f"text has {len(said)} characters; up to {TEXT} are legal")
    return said.strip()


def whole(name: str, value: Any) -> int:
    """An id."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadInput(f"{name} is {value!r:.60}; a whole number is legal")
    return value


def number(name: str, value: Any, least: float, most: float) -> float:
    """A finite number in [least, most]."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
        raise BadInput(f"{name} is {value!r:.60}; a number from {least:g} to {most:g} is legal")
    return float(value)
