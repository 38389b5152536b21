"""One vocabulary of input names, and tables to the codes of the systems that recordings come from.

| names | what | value of an event |
|---|---|---|
| `key.w`, `key.left_shift`, `key.numpad_4`, ... | keyboard keys, by their US names | 1 press, 0 release, 2 auto-repeat |
| `mouse.left` `right` `middle` `x1` `x2` | mouse buttons | as keys |
| `mouse.dx` `mouse.dy` | raw motion, summed; + is right, + is down | device counts |
| `mouse.wheel` `mouse.hwheel` | wheel steps, summed; + is up (away from the hand), + is right | notches (120ths are fractions) |
| `mouse.x` `mouse.y` | where the pointer is | screen pixels |
| `pad.south` ... `pad.guide` | gamepad buttons by place (south is Xbox A) | as keys |
| `pad.left_x` ... `pad.right_y` | sticks; + is right, + is down | -1 to 1 |
| `pad.left_trigger` `pad.right_trigger` | triggers | 0 to 1 |
| `pad.hat_x` `pad.hat_y` | a d-pad that reports as an axis; + is right, + is down | -1, 0, 1 |
| `arm.0` ... `arm.31` | a robot's axes | its own units |

`key.shift`, `key.control` and `key.alt` mean "the recording does not say which side"; see `SIDES`. Every Windows virtual
key 1..254 has exactly one name, so that a recording is never lossy: codes that mean nothing are `key.vk_7` and so on.
Systems that count a stick's up as positive (XInput, Pixels2Play) are negated on reading.
"""

from collections.abc import Iterable
from typing import Literal

from playtape.actions import keyboards
from playtape.actions.keyboards import EV_KEY, SIDES
from playtape.errors import BadInput

Kind = Literal["button", "sum", "state", "any"]
POINTER = ("mouse.x", "mouse.y")  # where it stands; the hand's motion is mouse.dx and mouse.dy


def _rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.strip().splitlines()]


def _key_rows() -> Iterable[tuple[str, str, str, str, str, str]]:
    """(name, virtual key, Linux symbol, Linux code, Pixels2Play, Minecraft) of every key; '-' where there is none."""
    for letter in keyboards.LETTERS:
        code = keyboards.LETTER_EVDEV[letter]
        yield letter, str(ord(letter.upper())), f"KEY_{letter.upper()}", str(code), letter, letter
    for digit, code in keyboards.DIGIT_EVDEV.items():
        yield digit, str(ord(digit)), f"KEY_{digit}", str(code), digit, digit
    for n, code in keyboards.FUNCTION_EVDEV.items():
        yield f"f{n}", str(111 + n), f"KEY_F{n}", str(code), f"F{n}", f"f{n}"
    for name, vk, symbol, code, p2p, minecraft in _rows(keyboards.KEYS):
        yield name, vk, symbol, code, p2p, minecraft


VK: dict[str, int] = {}  # name -> Windows virtual key 1..254
EVDEV: dict[str, str] = {}  # name -> Linux symbol, "KEY_W"
EVDEV_CODES: dict[str, tuple[int, int]] = {}  # name -> (Linux event type, code)
PIXELS2PLAY: dict[str, str] = {}  # name -> the recorder's name; mouse buttons as in its levels, "0" left, "1" right
MINERL: dict[str, str] = {}  # name -> Minecraft's binding, "key.keyboard.w"
VPT: dict[str, str] = {}  # name -> VPT's action, "forward"
_KINDS: dict[str, Kind] = {}


def _fill() -> None:
    for key, vk, symbol, code, p2p, minecraft in _key_rows():
        minecraft = "-" if minecraft == "-" else f"key.keyboard.{minecraft}"
        _add(f"key.{key}", "button", vk, symbol, str(EV_KEY), code, p2p, minecraft)
    for button, vk, symbol, code, p2p, minecraft in _rows(keyboards.MOUSE_BUTTONS):
        _add(f"mouse.{button}", "button", vk, symbol, str(EV_KEY), code, p2p, minecraft)
    for button, vk, symbol, code, p2p in _rows(keyboards.PAD_BUTTONS):
        _add(f"pad.{button}", "button", vk, symbol, str(EV_KEY), code, p2p, "-")
    for axis, kind, event_type, symbol, code in _rows(keyboards.AXES):
        _add(axis, "sum" if kind == "sum" else "state", "-", symbol, event_type, code, "-", "-")
    for joint in range(keyboards.ARM_AXES):
        _KINDS[f"arm.{joint}"] = "any"
    for vk in sorted(set(range(1, 255)) - set(VK.values())):
        _add(f"key.vk_{vk}", "button", str(vk), "-", "-", "-", "-", "-")
    VPT.update({name: action for action, name in _rows(keyboards.VPT_BUTTONS)})


def _add(name: str, kind: Kind, vk: str, symbol: str, event_type: str, code: str, p2p: str, minecraft: str) -> None:
    _KINDS[name] = kind
    if vk != "-":
        VK[name] = int(vk)
    if symbol != "-":
        EVDEV[name] = symbol
        EVDEV_CODES[name] = (int(event_type), int(code))
    if p2p != "-":
        PIXELS2PLAY[name] = p2p
    if minecraft != "-":
        MINERL[name] = minecraft


_fill()

INPUTS: tuple[str, ...] = tuple(_KINDS)
INDEX: dict[str, int] = {name: i for i, name in enumerate(INPUTS)}
"""Name -> its index in `INPUTS`, which is what `Events.input` holds by default."""

GENERIC: dict[str, str] = {side: generic for generic, sides in SIDES.items() for side in sides}
"""`key.left_shift` -> `key.shift`, and so on."""

_FROM_VK = {code: name for name, code in VK.items()}
_FROM_EVDEV = {code: name for name, code in EVDEV_CODES.items()}
_FROM_MINERL = {code: name for name, code in MINERL.items()}
_FROM_VPT = {code: name for name, code in VPT.items()}
_FROM_P2P_KEY = {code: name for name, code in PIXELS2PLAY.items() if name.startswith("key.")}
_FROM_P2P_KEY |= dict(_rows(keyboards.PIXELS2PLAY_ALIASES))
_FROM_P2P_BUTTON = {code: name for name, code in PIXELS2PLAY.items() if name.startswith("mouse.")}
# Its events say "Left" where its levels say "0".
_FROM_P2P_BUTTON |= {"Left": "mouse.left", "Right": "mouse.right", "Middle": "mouse.middle"}
_FROM_P2P_PAD = {code: name for name, code in PIXELS2PLAY.items() if name.startswith("pad.")}
_FROM_P2P_PAD |= dict(_rows(keyboards.PIXELS2PLAY_PAD_EVENTS))


def kind(name: str) -> Kind:
    """What an input is: "button", "sum" (an axis that adds up), "state" (an axis that stays), or "any" (a robot's axis)."""
    try:
        return _KINDS[name]
    except (KeyError, TypeError):
        raise BadInput(f"unknown input name {name!r}; {_suggestion(name)}") from None


def is_button(name: str) -> bool:
    """True for keys and buttons, False for axes. Raises BadInput for a name outside `INPUTS`."""
    return kind(name) == "button"


def _suggestion(name: object) -> str:
    from difflib import get_close_matches

    near = get_close_matches(str(name), INPUTS, n=3, cutoff=0.5)
    return (
        f"did you mean {' or '.join(near)}?"
        if near
        else "names look like key.w, mouse.left, mouse.dx, pad.south, arm.0"
    )


def from_vk(code: int) -> str | None:
    """The name of a Windows virtual key; every code 1..254 has one, anything else gives None. 160-165 keep their side."""
    return _FROM_VK.get(code)


def from_evdev(event_type: int, code: int) -> str | None:
    """The name of a Linux input event (EV_KEY 1, EV_REL 2, EV_ABS 3), or None."""
    return _FROM_EVDEV.get((event_type, code))


def from_pixels2play(text: str, device: Literal["key", "mouse", "pad"] = "key") -> str | None:
    """The name of what the Pixels2Play recorder wrote: a key, a mouse button ("0" or "Left"), a gamepad field; or None.

    The device must be told, because "1" is both a key and the right mouse button.
    """
    table = {"key": _FROM_P2P_KEY, "mouse": _FROM_P2P_BUTTON, "pad": _FROM_P2P_PAD}.get(device)
    if table is None:
        raise BadInput(f"unknown device {device!r}; legal are key, mouse and pad")
    return table.get(text)


def to_pixels2play(name: str) -> str | None:
    """What the Pixels2Play recorder calls a button (in its levels), or None. It has no key without a side, so that the left one
    stands for both."""
    return PIXELS2PLAY.get(name) or PIXELS2PLAY.get(SIDES.get(name, ("",))[0])


def from_minerl(binding: str) -> str | None:
    """The name of a Minecraft binding ("key.keyboard.left.shift", "key.mouse.left"), or None."""
    return _FROM_MINERL.get(binding)


def from_vpt(action: str) -> str | None:
    """The name of a VPT action ("forward", "hotbar.1") under its contractors' default bindings, or None."""
    return _FROM_VPT.get(action)
