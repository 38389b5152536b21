"""The recorder's messages, Frame and Action of recordings/proto/video_inference.proto, to and from what is served.

Knows no socket.
"""

from google.protobuf.message import DecodeError

from playtape.actions import ActionSpace
from playtape.actions.names import to_pixels2play
from playtape.errors import BadInput
from playtape.recordings.annotation import strays
from playtape.recordings.proto import video_inference_pb2 as proto
from playtape.serve import words
from playtape.serve.guests import Answer, Frame

AXES = ("mouse.dx", "mouse.dy", "mouse.hwheel", "mouse.wheel")
INT32 = 1 << 31
STRANGE = 1024  # bytes of a message besides its picture in which it is looked for what is wrong; a Frame has some 20


def read_frame(message: bytes) -> Frame:
    """Raises BadInput for what is no Frame, or whose data are not its size."""
    try:
        frame = proto.Frame.FromString(message)
    except DecodeError:
        raise BadInput(f"a message of {len(message)} bytes is not protobuf") from None
    found = {1: frame.width, 2: frame.height, 3: frame.data, 4: frame.id}
    if len(message) - len(frame.data) <= STRANGE:
        found |= strays(frame)
    return Frame(words.whole("a frame's id", found[4]), words.picture(found[1], found[2], found[3]))


def write_action(answer: Answer) -> bytes:
    """An Action with the frame's id. Motion is whole counts."""
    action = proto.Action(id=answer.id)
    action.keys.extend(told for name in answer.buttons if name.startswith("key.") and (told := to_pixels2play(name)))
    mouse = action.mouse_action
    mouse.buttons_down.extend(
        told for name in answer.buttons if name.startswith("mouse.") and (told := to_pixels2play(name))
    )
    dx, dy, hwheel, wheel = (_int32(answer.axes.get(name, 0.0)) for name in AXES)
    mouse.mouse_delta_px.x, mouse.mouse_delta_px.y = dx, dy
    if hwheel or wheel:
        mouse.scroll_delta_px.x, mouse.scroll_delta_px.y = hwheel, wheel
    return action.SerializeToString()


def check(space: ActionSpace) -> None:
    """Raises BadInput if an Action cannot carry what this policy does."""
    strange = [name for name in space.buttons if name.startswith("pad.") or not to_pixels2play(name)]
    strange += [axis.name for axis in space.axes if axis.name not in AXES]
    if strange:
        raise BadInput(
            f"the policy acts with {', '.join(strange)}, which recap cannot carry; serve it with --protocol playtape"
        )


def _int32(value: float) -> int:
    return max(-INT32, min(INT32 - 1, round(value)))
