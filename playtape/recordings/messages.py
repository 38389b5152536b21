"""Recording -> OWAMcap messages in time order, one at a time, so that an hour of them is never in memory at once.

Strict: `check` raises before anything is written. Every message is (log_time, topic, payload).
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from playtape.actions import Events, names
from playtape.errors import BadInput, printable
from playtape.recordings.nouns import FAR_NS, Confidence, Recording, Span
from playtape.recordings.pairs import pair
from playtape.recordings.schemas import BUTTON_BITS, HWHEEL, NOTCH, WHEEL

Message = tuple[int, str, bytes]
SECOND = 1_000_000_000
BLOCK = 64  # labelled intervals a confidence message
SPAN_TOPICS = {"text": "text", "control": "control"}
MOUSE_VK = [(name, names.VK[name], name.removeprefix("mouse.")) for name, _, _ in BUTTON_BITS]
_PAD = 100_000  # events turned into Python values at a time


def check(recording: Recording) -> tuple[Events, dict[str, str]]:
    """The events to write, with every button released at the end, and what was mended ({"what": count}).

    Raises BadInput for a time before the anchor's zero, which no log_time can say, and for impossible spans.
    """
    anchor = recording.clock.anchor_ns
    events = recording.events
    if anchor < 0:
        raise BadInput(f"the recording's clock starts at {anchor} ns; log times must be >= 0")
    if len(events) and int(events.time_ns[0]) + anchor < 0:
        raise BadInput(
            f"an event is at {int(events.time_ns[0])} ns; with the clock at {anchor} ns legal is >= {-anchor} ns"
        )
    latest = recording.video.end_ns + FAR_NS
    if len(events) and int(events.time_ns[-1]) > latest:
        raise BadInput(
            f"an event is at {int(events.time_ns[-1])} ns, more than a day after the video's end; legal is up to {latest} ns"
        )
    for span in recording.spans:
        if span.end_ns < span.start_ns or span.start_ns + anchor < 0:
            raise BadInput(
                f"the span {span.kind} {span.value[:40]!r} covers [{span.start_ns}, {span.end_ns}) ns; "
                f"it must start at >= {-anchor} and not end before it starts"
            )
    if recording.confidence is not None and (np.diff(recording.confidence.time_ns) < 0).any():
        raise BadInput("the times of confidence must not fall")
    pairing = pair(events)
    mended = {}
    if pairing.held:
        mended[f"buttons were still down at the end and have been released ({', '.join(pairing.held[:5])})"] = str(
            len(pairing.held)
        )
    if pairing.repeats:
        mended["presses of held buttons were marked as auto-repeat"] = str(pairing.repeats)
    if pairing.unpaired:
        mended["releases are of buttons that were not down"] = str(pairing.unpaired)
    closed = pairing.closed(recording.video.end_ns)
    _check_wheel(closed)
    return closed, mended


def _check_wheel(events: Events) -> None:
    wheel = events.of("mouse.wheel", "mouse.hwheel")
    largest = float(np.abs(wheel.value).max()) if len(wheel) else 0.0
    if largest > 0x7FFF / NOTCH:
        raise BadInput(f"a wheel step of {largest:g} notches does not fit; legal is +-{0x7FFF / NOTCH:.0f}")


def messages(recording: Recording, events: Events, uri: str) -> Iterator[Message]:
    """All messages in order of log_time; at equal times frames come first and snapshots last."""
    anchor = recording.clock.anchor_ns
    streams: list[Iterable[tuple[int, int, str, bytes]]] = [
        _screens(recording, uri, anchor),
        _spans(recording.spans, anchor),
        _events(events, anchor, recording.video.end_ns),
    ]
    if recording.confidence is not None:
        streams.append(_confidence(recording.confidence, anchor))
    for log_time, _, topic, payload in heapq.merge(*streams, key=lambda row: row[:2]):
        yield log_time, topic, payload


def screen_payload(uri: str, pts_ns: int, shape: tuple[int, int], source: tuple[int, int], utc_ns: int | None) -> bytes:
    """One `desktop/ScreenCaptured`; null fields are left out."""
    stamp = {} if utc_ns is None else {"utc_ns": utc_ns}
    return orjson.dumps({**stamp, "source_shape": source, "shape": shape, "media_ref": {"uri": uri, "pts_ns": pts_ns}})


def _screens(recording: Recording, uri: str, anchor: int) -> Iterator[tuple[int, int, str, bytes]]:
    video = recording.video
    shape = (video.width, video.height)
    source = recording.info.screen or shape
    for time in video.time_ns.tolist():
        stamp = anchor + time
        utc = stamp if anchor else None  # a recording without a wall clock has no UTC to tell
        yield stamp, 0, "screen", screen_payload(uri, time + video.origin_ns, shape, source, utc)


def span_payload(span: Span) -> bytes:
    """One `playtape/Span`."""
    told = printable({"kind": span.kind, "value": span.value})
    return orjson.dumps({**told, "duration_ns": span.end_ns - span.start_ns})


def _spans(spans: tuple[Span, ...], anchor: int) -> Iterator[tuple[int, int, str, bytes]]:
    for span in sorted(spans, key=lambda span: span.start_ns):
        yield anchor + span.start_ns, 1, SPAN_TOPICS.get(span.kind, "span"), span_payload(span)


def _confidence(confidence: Confidence, anchor: int) -> Iterator[tuple[int, int, str, bytes]]:
    """Blocks of intervals; float32 is written so short that it reads back to the same bits. NaN is null."""
    for start in range(0, len(confidence.time_ns), BLOCK):
        time = confidence.time_ns[start : start + BLOCK]
        value = np.ascontiguousarray(confidence.value[start : start + BLOCK], np.float32)
        block = {"names": confidence.names, "offset_ns": time - time[0], "values": value}
        yield int(time[0]) + anchor, 3, "action/confidence", orjson.dumps(block, option=orjson.OPT_SERIALIZE_NUMPY)


def _events(events: Events, anchor: int, end_ns: int) -> Iterator[tuple[int, int, str, bytes]]:
    """Key, mouse and gamepad messages, with snapshots of what is held each second from the start."""
    packer = Packer()
    snapshot = 0
    for time, name, value in _rows(events):
        while snapshot < time:
            yield from ((anchor + packer.time, 2, *row) for row in packer.take())
            yield from ((anchor + snapshot, 4, *row) for row in packer.states())
            snapshot += SECOND
        yield from ((anchor + stamp, 2, topic, payload) for stamp, topic, payload in packer.add(time, name, value))
    yield from ((anchor + packer.time, 2, *row) for row in packer.take())
    while snapshot < end_ns:
        yield from ((anchor + snapshot, 4, *row) for row in packer.states())
        snapshot += SECOND


def _rows(events: Events) -> Iterator[tuple[int, str, float]]:
    """(time, name, value) of every event, some thousands turned into Python values at a time."""
    listed = events.names
    for start in range(0, len(events), _PAD):
        part = slice(start, start + _PAD)
        columns = (events.time_ns[part].tolist(), events.input[part].tolist(), events.value[part].tolist())
        for time, index, value in zip(*columns, strict=True):
            yield time, listed[index], value


def _raw(dx: int, dy: int, flags: int, data: int) -> bytes:
    return b'{"us_flags":0,"last_x":%d,"last_y":%d,"button_flags":%d,"button_data":%d}' % (dx, dy, flags, data)


_KEYS = {
    (name, down): b'{"event_type":"%s","vk":%d}' % (b"press" if down else b"release", code)
    for name, code in names.VK.items()
    for down in (True, False)
}
_BITS = {(name, down): bit for name, *bits in BUTTON_BITS for down, bit in zip((True, False), bits, strict=True)}
_SLOTS = {"mouse.dx": 0, "mouse.dy": 1, "mouse.wheel": 12, "mouse.hwheel": 13}
_SLOTS |= {name: 2 + 2 * i for i, (name, _, _) in enumerate(BUTTON_BITS)}


@dataclass
class Packer:
    """Turns events into messages one by one and knows what is held.

    Mouse events of one moment share a message, in the order in which a reader unpacks it, as the system reports them.
    Motion that is not whole counts is rounded so that the sum never strays by more than half a count.
    """

    held: dict[str, None] = field(default_factory=dict)
    pointer: dict[str, int] = field(default_factory=lambda: {"mouse.x": 0, "mouse.y": 0})
    owed: dict[str, float] = field(default_factory=lambda: {"mouse.dx": 0.0, "mouse.dy": 0.0})
    time: int = 0
    _raw: dict[int, tuple[str, float]] = field(default_factory=dict)  # slot -> event of the message being packed
    _moved: dict[str, int] = field(default_factory=dict)

    def add(self, time: int, name: str, value: float) -> Iterator[Message]:
        """Take one event (times must not fall); give the messages that it completes."""
        slot = self._slot(name, value)
        moved = name in self.pointer
        packs_raw = slot >= 0 and time == self.time and not self._moved and (not self._raw or slot > max(self._raw))
        packs_move = (
            moved and time == self.time and not self._raw and name not in self._moved and "mouse.y" not in self._moved
        )
        if not (packs_raw or packs_move):
            yield from ((self.time, *row) for row in self.take())
        self.time = time
        if slot >= 0:
            self._raw[slot] = (name, value)
        elif moved:
            self._moved[name] = round(value)
        elif name in names.VK:
            yield time, "keyboard", _KEYS[name, value > 0]
        else:
            topic = "gamepad" if name.startswith("pad.") else "robot"
            yield (
                time,
                topic,
                orjson.dumps({"input": name, "value": np.float32(value)}, option=orjson.OPT_SERIALIZE_NUMPY),
            )
        if names.kind(name) == "button":
            if value > 0:
                self.held[name] = None
            else:
                self.held.pop(name, None)

    def _slot(self, name: str, value: float) -> int:
        """Place of a mouse event within a raw message, -1 for what does not go there."""
        slot = _SLOTS.get(name, -1)
        return slot + (value == 0) if name in _BUTTONS else slot

    def take(self) -> Iterator[tuple[str, bytes]]:
        """The message being packed, if any."""
        if self._raw:
            whole = {name: self._whole(name, value) for name, value in self._raw.values() if name in self.owed}
            flags = sum(_BITS[name, value > 0] for name, value in self._raw.values() if name in _BUTTONS)
            dx, dy = whole.get("mouse.dx", 0), whole.get("mouse.dy", 0)
            wheels = [(bit, self._raw[slot][1]) for slot, bit in ((12, WHEEL), (13, HWHEEL)) if slot in self._raw]
            self._raw = {}
            if dx or dy or flags or not wheels:
                first = [wheel for wheel in wheels[:1] if round(wheel[1] * NOTCH)]
                bit, turned = first[0] if first else (0, 0.0)
                yield "mouse/raw", _raw(dx, dy, flags | bit, round(turned * NOTCH) & 0xFFFF)
                wheels = wheels[1:] if first or wheels else []
            for bit, turned in wheels:
                if round(turned * NOTCH):
                    yield "mouse/raw", _raw(0, 0, bit, round(turned * NOTCH) & 0xFFFF)
        elif self._moved:
            self.pointer |= self._moved
            self._moved = {}
            x, y = self.pointer["mouse.x"], self.pointer["mouse.y"]
            yield "mouse", b'{"event_type":"move","x":%d,"y":%d}' % (x, y)

    def _whole(self, name: str, value: float) -> int:
        exact = self.owed[name] + value
        whole = round(exact)
        self.owed[name] = exact - whole
        return whole

    def states(self) -> list[tuple[str, bytes]]:
        """Snapshots of what is held: `keyboard/state` and `mouse/state`."""
        keys = [names.VK[name] for name in self.held if name in names.VK]
        buttons = [short for name, _, short in MOUSE_VK if name in self.held]
        mouse: dict[str, Any] = {"x": self.pointer["mouse.x"], "y": self.pointer["mouse.y"], "buttons": buttons}
        return [("keyboard/state", orjson.dumps({"buttons": keys})), ("mouse/state", orjson.dumps(mouse))]


_BUTTONS = {name for name, _, _ in BUTTON_BITS}
