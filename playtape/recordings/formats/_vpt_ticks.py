"""What the lines of a VPT action file say, tick by tick, one line in memory at a time. Knows no video and no clock.

A line is a JSON object of one tick (1/20 s); of it count

    {"mouse": {"x", "y", "dx", "dy", "dwheel", "buttons": [0], "newButtons": [0]},
     "keyboard": {"keys": ["key.keyboard.w"], "newKeys": []}, "isGuiOpen", "isGuiInventory", "hotbar"}

and with the inventory and the statistics that stand beside it is some kilobytes long. `mouse` or `keyboard` may be null.
"""

import math
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from playtape.actions.names import from_minerl
from playtape.errors import BadInput

LONGEST = 16 << 20  # bytes of a line; the published ones have less than 100 kB
CLICKS = {0: "mouse.left", 1: "mouse.right", 2: "mouse.middle", 3: "mouse.x1", 4: "mouse.x2"}
NUMBERS = ("dx", "dy", "dwheel", "x", "y")
MOST = 1e6  # a number of the mouse beyond is a damaged one
NOWHERE = -1  # no slot of the hotbar is told


@dataclass
class Ticks:
    """N ticks that frames may be shown for, and how many lines there are in all."""

    lines: int = 0
    down: dict[str, array] = field(default_factory=dict)  # input -> the ticks in which it was down
    fresh: dict[str, array] = field(default_factory=dict)  # input -> those in which it went down
    mouse: array = field(default_factory=lambda: array("d"))  # NUMBERS of each tick
    gui: array = field(default_factory=lambda: array("b"))  # 0 none, 1 open, 2 the inventory
    slot: array = field(default_factory=lambda: array("b"))  # 0 to 8, or NOWHERE
    unknown: Counter[str] = field(default_factory=Counter)  # keys that Playtape has no name for
    silent: array = field(default_factory=lambda: array("b"))  # 1 where the mouse or the keyboard is not told
    cut: bool = False  # the last line is not whole

    def __len__(self) -> int:
        return len(self.gui)

    def numbers(self) -> np.ndarray:
        """float64 [N, 5]: NUMBERS of each tick."""
        return np.array(self.mouse, np.float64).reshape(-1, len(NUMBERS))

    def rows(self, name: str, *, fresh: bool = False) -> np.ndarray:
        """bool [N]: the ticks in which an input was down, or went down."""
        found = np.zeros(len(self), bool)
        found[np.array((self.fresh if fresh else self.down).get(name, ()), np.intp)] = True
        return found


def read_ticks(path: Path, most: int) -> Ticks:
    """The first `most` lines; those after them are only counted. Raises BadInput for what is no such file."""
    ticks = Ticks()
    for number, line, whole in _lines(path):
        ticks.lines += 1
        if len(ticks) == most:
            continue
        try:
            step = orjson.loads(line)
        except orjson.JSONDecodeError:
            if whole or not len(ticks):
                raise BadInput(f"{path}: line {number} is not JSON; legal is an object of one tick a line") from None
            ticks.cut, ticks.lines = True, ticks.lines - 1
            break
        if not isinstance(step, dict) or not {"mouse", "keyboard"} & step.keys():
            raise BadInput(f"{path}: line {number} tells no tick of VPT's; legal is an object with mouse and keyboard")
        try:
            _take(ticks, step)
        except (TypeError, ValueError, AttributeError, OverflowError):
            raise BadInput(
                f"{path}: line {number} has a mouse, a keyboard or a hotbar of another form than VPT's; "
                'legal is such as {"mouse": {"dx": 0.0, "buttons": [0]}, "keyboard": {"keys": ["key.keyboard.w"]}}'
            ) from None
    if not ticks.lines:
        raise BadInput(f"{path} has no lines; legal is an object of one tick a line")
    return ticks


def _lines(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """(number from 1, line, does it end with a line break), without the empty ones."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST):
            number += 1
            if len(line) == LONGEST:
                raise BadInput(f"{path}: line {number} is longer than {LONGEST >> 20} MiB; a tick has some kilobytes")
            if line.strip():
                yield number, line, line.endswith(b"\n")


def _take(ticks: Ticks, step: dict[str, Any]) -> None:
    """One tick. Raises TypeError, ValueError, AttributeError or OverflowError for what is of another form."""
    mouse, keyboard, now = step.get("mouse"), step.get("keyboard"), len(ticks)
    silent = mouse is None or keyboard is None
    mouse, keyboard = {} if mouse is None else mouse, {} if keyboard is None else keyboard
    found = [float(mouse.get(name) or 0) for name in NUMBERS]
    if not all(math.isfinite(value) and abs(value) <= MOST for value in found):
        raise ValueError
    slot = step.get("hotbar")
    slot = NOWHERE if slot is None else slot
    if type(slot) is not int or not NOWHERE <= slot <= 8:
        raise ValueError
    keys, clicks = (
        (_told(keyboard, kind) for kind in ("keys", "newKeys")),
        (_told(mouse, "buttons"), _told(mouse, "newButtons")),
    )
    for into, listed in zip((ticks.down, ticks.fresh), keys, strict=True):
        for key in listed:
            _add(ticks, into, from_minerl(key) if isinstance(key, str) else None, str(key), now)
    for into, listed in zip((ticks.down, ticks.fresh), clicks, strict=True):
        for button in listed:
            _add(ticks, into, CLICKS.get(button), f"mouse button {button}", now)
    ticks.silent.append(silent)
    ticks.mouse.extend(found)
    ticks.gui.append((2 if step.get("isGuiInventory") else 1) if step.get("isGuiOpen") else 0)
    ticks.slot.append(slot)


def _told(device: dict[str, Any], kind: str) -> list[Any]:
    """What is listed there, each once."""
    return list(dict.fromkeys(device.get(kind) or ()))


def _add(ticks: Ticks, into: dict[str, array], name: str | None, said: str, now: int) -> None:
    if name is not None:
        into.setdefault(name, array("q")).append(now)
    elif into is ticks.down:
        ticks.unknown[said[:60]] += 1
