"""The recorder's messages, Frame and Action of elefant.training_data.video_inference (proto3), as bytes.

    Frame { int32 width = 1; int32 height = 2; bytes data = 3; int32 id = 4; }
    Action { repeated string keys = 1; int32 id = 2; MouseAction mouse_action = 3; }
    MouseAction { Vec2Int mouse_delta_px = 1; Vec2Int scroll_delta_px = 3; repeated string buttons_down = 4; }
    Vec2Int { int32 x = 1; int32 y = 2; }

What is zero is not written, as proto3 has it. Knows no socket.
"""

from collections.abc import Iterable
from itertools import islice

from playtape.actions import ActionSpace
from playtape.actions.keyboards import SIDES
from playtape.actions.names import PIXELS2PLAY
from playtape.errors import BadInput
from playtape.recordings.annotation import fields
from playtape.serve import words
from playtape.serve.guests import Answer, Frame

AXES = ("mouse.dx", "mouse.dy", "mouse.hwheel", "mouse.wheel")
INT32 = 1 << 31
MOST_FIELDS = 64  # that are looked at: a Frame has four, and a message of millions would keep everybody waiting


def read_frame(message: bytes) -> Frame:
    """Raises BadInput for what is no Frame, or whose data are not its size."""
    try:
        found = dict(islice(fields(message), MOST_FIELDS))
    except (IndexError, ValueError, TypeError):
        raise BadInput(f"a message of {len(message)} bytes is not protobuf") from None
    width, height, number = (_int32(found.get(field, 0)) for field in (1, 2, 4))
    return Frame(words.whole("a frame's id", number), words.picture(width, height, found.get(3, b"")))


def write_action(answer: Answer) -> bytes:
    """An Action with the frame's id. Motion is whole counts."""
    keys = [key_of(name) for name in answer.buttons if name.startswith("key.")]
    clicks = [PIXELS2PLAY[name] for name in answer.buttons if name.startswith("mouse.")]
    dx, dy, hwheel, wheel = (round(answer.axes.get(name, 0.0)) for name in AXES)
    mouse = _block(1, _vector(dx, dy))
    if hwheel or wheel:
        mouse += _block(3, _vector(hwheel, wheel))
    mouse += _strings(4, clicks)
    return _strings(1, keys) + _number(2, answer.id) + _block(3, mouse)


def check(space: ActionSpace) -> None:
    """Raises BadInput if an Action cannot carry what this policy does."""
    strange = [name for name in space.buttons if name.startswith("pad.") or not key_of(name)]
    strange += [axis.name for axis in space.axes if axis.name not in AXES]
    if strange:
        raise BadInput(
            f"the policy acts with {', '.join(strange)}, which recap cannot carry; serve it with --protocol playtape"
        )


def key_of(name: str) -> str:
    """The recorder's name of a key or button, or nothing. It has no key without a side, so that the left one stands for both."""
    return PIXELS2PLAY.get(name) or PIXELS2PLAY.get(SIDES.get(name, ("",))[0], "")


def _int32(value: object) -> object:
    """A varint as it is meant: negative numbers come as 64 bits of two's complement."""
    return (value + INT32) % (2 * INT32) - INT32 if isinstance(value, int) else value


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value) if value else b""


def _block(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _strings(field: int, texts: Iterable[str]) -> bytes:
    return b"".join(_block(field, text.encode()) for text in texts)


def _vector(x: int, y: int) -> bytes:
    return b"".join(_number(field, max(-INT32, min(INT32 - 1, value))) for field, value in ((1, x), (2, y)))
