"""OWAMcap messages -> columns, a batch at a time: one JSON parse a batch, no object kept a message.

Forgiving: a message that cannot be used is left out and counted in `problems`, under a sentence that says why. Knows
nothing of the video's clock: all times here are the file's log_time, int64 ns.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np
import orjson

from playtape.actions import names
from playtape.errors import BadInput
from playtape.recordings.container import Batch
from playtape.recordings.legacy import UPGRADES, schema_name
from playtape.recordings.schemas import ABSOLUTE, BUTTON_BITS, HWHEEL, NOTCH, SCHEMAS, TOPICS, WHEEL

INDEX = {name: i for i, name in enumerate(names.INPUTS)}
_VK = np.array([-1 if (name := names.from_vk(code)) is None else INDEX[name] for code in range(256)])
MOUSE_BUTTONS = {name.removeprefix("mouse."): INDEX[name] for name, _, _ in BUTTON_BITS}
Piece = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # log_time, order, input, value


@dataclass
class Columns:
    """Everything that a file says, as columns. `add` takes batches in any order."""

    problems: Counter[str] = field(default_factory=Counter)
    topics: Counter[str] = field(default_factory=Counter)
    keyboard: list[Piece] = field(default_factory=list)
    raw: list[Piece] = field(default_factory=list)
    absolute: list[tuple[np.ndarray, ...]] = field(default_factory=list)  # log_time, order, x, y of absolute raw motion
    pointer: list[Piece] = field(default_factory=list)  # mouse.x, mouse.y
    clicks: list[Piece] = field(default_factory=list)  # buttons and wheel of the topic `mouse`
    others: list[Piece] = field(default_factory=list)  # gamepad, robot
    screens: list[tuple[int, str, int | None, tuple[int, int] | None, tuple[int, int] | None]] = field(
        default_factory=list
    )
    key_states: list[tuple[int, frozenset[str]]] = field(default_factory=list)
    windows: list[tuple[int, str]] = field(default_factory=list)
    spans: list[tuple[int, int, str, str]] = field(default_factory=list)
    confidence: list[tuple[int, tuple[str, ...], np.ndarray, np.ndarray]] = field(default_factory=list)
    last_log_time: dict[str, int] = field(default_factory=dict)

    def add(self, batch: Batch) -> None:
        """Take one batch. Raises BadInput for a negative time, or for a known topic with a foreign schema."""
        topic, count = batch.channel.topic, len(batch.payloads)
        self.topics[topic] += count
        if topic not in TOPICS:
            return
        schema = schema_name(batch.channel.schema)
        if schema != TOPICS[topic]:
            raise BadInput(
                f"topic {topic!r} has the unknown schema {batch.channel.schema!r}; legal is {TOPICS[topic]!r}"
            )
        if batch.channel.encoding != "json":
            raise BadInput(f"topic {topic!r} is encoded as {batch.channel.encoding!r}; legal is 'json'")
        time = batch.log_time.astype(np.int64)
        if (time < 0).any():
            raise BadInput(
                f"topic {topic!r} has a message at the negative time {int(time.min())} ns; times must be >= 0"
            )
        self._note_order(topic, time)
        messages, kept = self._parsed(topic, batch.payloads)
        if messages:
            whole = len(kept) == count
            READERS[schema](self, time if whole else time[kept], batch.order if whole else batch.order[kept], messages)

    def _note_order(self, topic: str, time: np.ndarray) -> None:
        earlier = np.concatenate([[self.last_log_time.get(topic, time[0])], time])
        wrong = int((np.diff(earlier) < 0).sum())
        if wrong:
            self.problems[f"messages of topic {topic!r} were out of order and have been sorted"] += wrong
        self.last_log_time[topic] = int(time[-1])

    def _parsed(self, topic: str, payloads: list[bytes]) -> tuple[list[dict[str, Any]], list[int]]:
        """(messages of the current schema, their positions in the batch); damaged ones are left out."""
        upgrade = UPGRADES.get(TOPICS[topic])
        required = SCHEMAS[TOPICS[topic]]["required"] or ["media_ref"]
        try:
            messages = orjson.loads(b"[" + b",".join(payloads) + b"]")
            if len(messages) == len(payloads):
                if upgrade is not None and (topic == "screen" or any(n not in messages[0] for n in required)):
                    messages = [upgrade(message) for message in messages]
                for name in required:
                    list(map(itemgetter(name), messages))
                return messages, list(range(len(messages)))
        except (ValueError, AttributeError, KeyError, TypeError, IndexError):  # not JSON, or not an object
            pass
        return self._parsed_singly(topic, payloads, upgrade, required)

    def _parsed_singly(
        self,
        topic: str,
        payloads: list[bytes],
        upgrade: Callable[[dict[str, Any]], dict[str, Any]] | None,
        required: list[str],
    ) -> tuple[list[dict[str, Any]], list[int]]:
        messages, kept = [], []
        for i, payload in enumerate(payloads):
            try:
                message = orjson.loads(payload)
            except orjson.JSONDecodeError:
                message = None
            if isinstance(message, dict):
                message = upgrade(message) if upgrade is not None else message
                if all(name in message for name in required):
                    messages.append(message)
                    kept.append(i)
        if len(kept) < len(payloads):
            self.problems[f"messages of topic {topic!r} are not valid and were left out"] += len(payloads) - len(kept)
        return messages, kept

    def _whole(self, topic: str, messages: list[dict[str, Any]], *fields: str) -> tuple[list[np.ndarray], np.ndarray]:
        """Integer columns int64 [N] of `fields` (0 where absent), and which rows were integers: bool [N]."""
        columns, good = [], np.ones(len(messages), bool)
        for name in fields:
            values = [message.get(name, 0) for message in messages]
            try:
                column = np.array(values)
            except ValueError:  # lists of different lengths
                column = np.empty(0)
            if column.dtype.kind not in "iu" or column.dtype == np.uint64 or column.ndim != 1:
                right = np.array([type(v) is int and -(2**31) <= v < 2**32 for v in values], bool)
                good &= right
                column = np.array([v if ok else 0 for v, ok in zip(values, right, strict=True)], np.int64)
            columns.append(column.astype(np.int64, copy=False))
        if not good.all():
            self.problems[f"messages of topic {topic!r} have a value that is not a whole number and were left out"] += (
                int((~good).sum())
            )
        return columns, good


def _keyboard(self: Columns, time: np.ndarray, order: np.ndarray, messages: list[dict[str, Any]]) -> None:
    (vk,), good = self._whole("keyboard", messages, "vk")
    kinds = [message["event_type"] for message in messages]
    press = np.array([kind == "press" for kind in kinds], bool)
    known = press | np.array([kind == "release" for kind in kinds], bool)
    possible = (vk >= 1) & (vk <= 254)
    if (good & ~possible).any():
        wrong = int(vk[good & ~possible][0])
        self.problems[
            f"key events have an impossible virtual key (the first is {wrong}; legal are 1 to 254) and were left out"
        ] += int((good & ~possible).sum())
    if not known.all():
        self.problems["key events are neither press nor release and were left out"] += int((~known).sum())
    keep = good & possible & known
    self.keyboard.append((time[keep], order[keep] * 16, _VK[vk[keep]], press[keep].astype(np.float32)))


def _raw_mouse(self: Columns, time: np.ndarray, order: np.ndarray, messages: list[dict[str, Any]]) -> None:
    (x, y, us, flags, data), good = self._whole(
        "mouse/raw", messages, "last_x", "last_y", "us_flags", "button_flags", "button_data"
    )
    if not good.all():
        time, order, x, y, us, flags, data = (column[good] for column in (time, order, x, y, us, flags, data))
    absolute = (us & ABSOLUTE) != 0
    if absolute.any():
        self.absolute.append((time[absolute], order[absolute], x[absolute], y[absolute]))
        x, y = np.where(absolute, 0, x), np.where(absolute, 0, y)
    beyond = (flags & ~0xFFF) != 0
    if beyond.any():
        self.problems["raw mouse events have button flags above 0xFFF; the unknown bits were ignored"] += int(
            beyond.sum()
        )
    add = self.raw.append
    for i, (name, column) in enumerate((("mouse.dx", x), ("mouse.dy", y))):
        rows = np.flatnonzero(column)
        add(_piece(time[rows], order[rows], i, INDEX[name], column[rows]))
    if flags.any():
        for i, (name, down, up) in enumerate(BUTTON_BITS):
            for k, (bit, value) in enumerate(((down, 1), (up, 0))):
                rows = np.flatnonzero(flags & bit)
                add(_piece(time[rows], order[rows], 2 + 2 * i + k, INDEX[name], np.full(len(rows), value)))
    _wheel(self, time, order, flags, data)


def _wheel(self: Columns, time: np.ndarray, order: np.ndarray, flags: np.ndarray, data: np.ndarray) -> None:
    """Wheel steps: button_data is an unsigned 16-bit number of 1/120 notches; a signed one is accepted."""
    turned = data != 0
    flagged = (flags & (WHEEL | HWHEEL)) != 0
    if (turned != flagged).any():
        self.problems["raw mouse events have wheel data without a wheel flag, or a flag without data; data counts"] += (
            int((turned != flagged).sum())
        )
    if not turned.any():
        return
    signed = (((data & 0xFFFF) ^ 0x8000) - 0x8000).astype(np.float32) / NOTCH
    level = (flags & HWHEEL) != 0
    for i, (name, rows) in enumerate((("mouse.wheel", turned & ~level), ("mouse.hwheel", turned & level))):
        at = np.flatnonzero(rows)
        self.raw.append(_piece(time[at], order[at], 12 + i, INDEX[name], signed[at]))


def _mouse(self: Columns, time: np.ndarray, order: np.ndarray, messages: list[dict[str, Any]]) -> None:
    (x, y), good = self._whole("mouse", messages, "x", "y")
    self.pointer.append(_piece(time[good], order[good], 0, INDEX["mouse.x"], x[good]))
    self.pointer.append(_piece(time[good], order[good], 1, INDEX["mouse.y"], y[good]))
    rows: list[tuple[int, int, int, int, float]] = []
    for i, message in enumerate(messages):
        kind = message["event_type"]
        if kind == "click":
            button = MOUSE_BUTTONS.get(_text(message.get("button")))
            if button is None or not isinstance(message.get("pressed"), bool):
                self.problems[
                    "clicks have no known button or do not say whether it was pressed, and were left out"
                ] += 1
            else:
                rows.append((int(time[i]), int(order[i]), 2, button, float(message["pressed"])))
        elif kind == "scroll":
            steps = [(3, "mouse.wheel", message.get("dy")), (4, "mouse.hwheel", message.get("dx"))]
            found = [
                (int(time[i]), int(order[i]), sub, INDEX[n], float(v)) for sub, n, v in steps if type(v) is int and v
            ]
            rows += found
            if message.get("dx") is None and message.get("dy") is None:
                self.problems["scroll events do not say how far, and were left out"] += 1
        elif kind != "move":
            self.problems["mouse events are neither move nor click nor scroll, and were left out"] += 1
    if rows:
        t, o, sub, index, value = zip(*rows, strict=True)
        place = np.array(o, np.int64) * 16 + np.array(sub)
        self.clicks.append((np.array(t, np.int64), place, np.array(index), np.array(value, np.float32)))


def _text(value: object) -> str:
    """A name as it stands in a message; what is no text is no name."""
    return value if isinstance(value, str) else ""


def _size(value: object) -> tuple[int, int] | None:
    """[width, height] as it stands in a message, if it is one."""
    match value:
        case [int(width), int(height)] if 0 < width < 2**31 and 0 < height < 2**31:
            return width, height
    return None


def _piece(time: np.ndarray, order: np.ndarray, sub: int, index: int, value: np.ndarray) -> Piece:
    """Events of one input; `sub` orders those that came in one message."""
    return time, order * 16 + sub, np.full(len(time), index), value.astype(np.float32)


def _screen(self: Columns, time: np.ndarray, order: np.ndarray, messages: list[dict[str, Any]]) -> None:
    for stamp, message in zip(time.tolist(), messages, strict=True):
        reference = message.get("media_ref")
        if not isinstance(reference, dict) or not isinstance(reference.get("uri"), str):
            self.problems["screen messages refer to no picture and were left out"] += 1
            continue
        pts, sizes = reference.get("pts_ns"), [message.get(name) for name in ("shape", "source_shape")]
        if pts is not None and (type(pts) is not int or pts >= 2**63):
            self.problems["screen messages have a pts_ns that is not a whole number and were left out"] += 1
            continue
        shape, source = map(_size, sizes)
        if any(said and read is None for said, read in zip(sizes, (shape, source), strict=True)):
            self.problems["screen messages have a shape that is not [width, height]; it was ignored"] += 1
        self.screens.append((stamp, reference["uri"], pts, shape, source))


def _key_state(self: Columns, time: np.ndarray, order: np.ndarray, messages: list[dict[str, Any]]) -> None:
    for stamp, message in zip(time.tolist(), messages, strict=True):
        if not isinstance(message["buttons"], list):
            self.problems["snapshots of held keys are not lists and were left out"] += 1
            continue
        held = (names.from_vk(vk) for vk in message["buttons"] if type(vk) is int)
        self.key_states.append((stamp, frozenset(name for name in held if name is not None)))


def _window(self: Columns, time: np.ndarray, order: np.ndarray, messages: list[dict[str, Any]]) -> None:
    self.windows += [(stamp, str(message["title"])) for stamp, message in zip(time.tolist(), messages, strict=True)]


def _input(self: Columns, time: np.ndarray, order: np.ndarray, messages: list[dict[str, Any]]) -> None:
    index = np.array([INDEX.get(_text(message["input"]), -1) for message in messages])
    value = np.array(
        [v if isinstance(v := message["value"], int | float) else np.nan for message in messages], np.float32
    )
    keep = (index >= 0) & np.isfinite(value)
    if not keep.all():
        self.problems["input events have an unknown name or no number and were left out"] += int((~keep).sum())
    self.others.append((time[keep], order[keep] * 16, index[keep], value[keep]))


def _span(self: Columns, time: np.ndarray, order: np.ndarray, messages: list[dict[str, Any]]) -> None:
    for stamp, message in zip(time.tolist(), messages, strict=True):
        duration = message["duration_ns"]
        if type(duration) is not int or abs(duration) >= 2**62 or stamp + duration >= 2**63:
            self.problems["spans have a duration_ns that is not a whole number or too large, and were left out"] += 1
            continue
        self.spans.append((stamp, duration, str(message["kind"]), str(message["value"])))


def _confidence(self: Columns, time: np.ndarray, order: np.ndarray, messages: list[dict[str, Any]]) -> None:
    for stamp, message in zip(time.tolist(), messages, strict=True):
        try:
            known = tuple(map(_text, message["names"] if isinstance(message["names"], list) else [""]))
            offset = np.array(message["offset_ns"], np.int64)
            if not known or "" in known or offset.ndim != 1:
                raise ValueError
            if len(offset) and not -(2**63) <= int(offset.min()) <= int(offset.max()) < 2**63 - stamp:
                raise OverflowError
            values = np.array(message["values"], np.float32)  # null is NaN
            self.confidence.append((stamp, known, offset, values.reshape(*offset.shape, len(known))))
        except (TypeError, ValueError, OverflowError):
            self.problems["messages of topic 'action/confidence' do not fit their names and were left out"] += 1


def _ignored(self: Columns, time: np.ndarray, order: np.ndarray, messages: list[dict[str, Any]]) -> None:
    """Snapshots of the pointer say nothing that the events do not."""


READERS: dict[str, Callable[[Columns, np.ndarray, np.ndarray, list[dict[str, Any]]], None]] = {
    "desktop/ScreenCaptured": _screen,
    "desktop/KeyboardEvent": _keyboard,
    "desktop/KeyboardState": _key_state,
    "desktop/MouseEvent": _mouse,
    "desktop/RawMouseEvent": _raw_mouse,
    "desktop/MouseState": _ignored,
    "desktop/WindowInfo": _window,
    "playtape/InputEvent": _input,
    "playtape/Span": _span,
    "playtape/ActionConfidence": _confidence,
}
