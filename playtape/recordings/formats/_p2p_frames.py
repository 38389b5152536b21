"""What was done in a recording, as the annotations of its frames.

Annotation i says what was done in [frame i - 1, frame i): what was held at any moment of it, so that no tap is lost, its sums,
its events. Annotation 0 says what is held when the first frame is shown. Letters: N frames, R events, B buttons.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from playtape.actions import ActionSpace, Axis
from playtape.actions.names import INDEX, INPUTS, PIXELS2PLAY, is_button, to_pixels2play
from playtape.recordings.annotation_inputs import AXES, VECTORS
from playtape.recordings.formats._p2p_levels import MOTION, STICKS
from playtape.recordings.formats._p2p_reading import Grid
from playtape.recordings.nouns import Recording
from playtape.recordings.proto.video_annotation_pb2 import FrameAnnotation, LowLevelAction

PARTS = {name: (field, part) for field, pair in VECTORS.items() for name, part in zip(pair, "xy")}
"""Of two inputs that make one event: its field, and the part of it that an input is."""
POINTER = VECTORS["mouse_move_event"]
CLICKS = {"mouse.left": "Left", "mouse.right": "Right", "mouse.middle": "Middle"}  # as the recorder's events say
PADS = {name: told.removesuffix(".pressed") for name, told in PIXELS2PLAY.items() if name.startswith("pad.")}
PADS |= {"pad.left_bumper": "left_trigger", "pad.right_bumper": "right_trigger"}
PAD_AXES = {ours: (theirs, sign) for theirs, (ours, sign) in AXES.items()}
INT32 = 1 << 31


class Frames:
    """Iterating gives the annotations one by one; `who` acted in each interval is "human", "policy" or "" for nobody known."""

    def __init__(self, recording: Recording, grid: Grid):
        self.grid, events = grid, recording.events
        time_ns = grid.time_ns
        self.who = _who(recording, time_ns)
        self.time = events.time_ns
        names = events.counts()
        self.input = np.array([INDEX[name] for name in events.names], np.int64)[events.input]
        self.value = _whole(self.input, events.value)
        self.bounds = np.searchsorted(self.time, time_ns).tolist()  # the first event of each interval
        self.buttons = tuple(name for name in names if is_button(name) and can_say(name))
        states = tuple(Axis(name, "state") for name in STICKS if name in names)
        self.sticks = [axis.name for axis in states]
        self.has_pad = bool(states) or any(name.startswith("pad.") for name in self.buttons)
        space = ActionSpace(self.buttons, states)
        actions = space.actions(events, time_ns)
        self.held, self.states = actions.buttons, actions.axes
        self.sums = np.stack([self._sums(name) for name in MOTION], 1).tolist()
        self.pointer = np.stack([self._stands(name) for name in POINTER], 1).tolist()
        self.first = self._held_first()

    def __iter__(self) -> Iterator[FrameAnnotation]:
        where = [0, 0]
        for number in range(len(self.grid)):
            frame = FrameAnnotation(frame_time=max(0, int(self.grid.frame_time[number])))
            who = self.who[max(number - 1, 0)] if self.who else "human"
            frame.user_action.is_known, frame.system_action.is_known = who == "human", who == "policy"
            frame.user_action.SetInParent()
            frame.system_action.SetInParent()
            if who:
                self._act(frame.system_action if who == "policy" else frame.user_action, number)
            self._tell(frame, number, where, who == "policy")
            yield frame

    def _act(self, action: LowLevelAction, number: int) -> None:
        """Levels and sums."""
        held = [name for name, down in zip(self.buttons, self.held[number - 1].tolist()) if down]
        held = held if number else self.first
        keys = dict.fromkeys(to_pixels2play(name) for name in held if name.startswith("key."))
        if keys:
            action.keyboard.keys.extend(key for key in keys if key)
        mouse = action.mouse
        mouse.buttons_down.extend(PIXELS2PLAY[name] for name in held if name.startswith("mouse."))
        dx, dy, across, up = self.sums[number - 1] if number else (0, 0, 0, 0)
        mouse.mouse_delta_px.x, mouse.mouse_delta_px.y = _int32(dx), _int32(dy)
        mouse.scroll_delta_px.x, mouse.scroll_delta_px.y = _int32(across), _int32(up)
        x, y = self.pointer[number]
        if x == x:  # it has been somewhere
            mouse.mouse_absolute_px.x, mouse.mouse_absolute_px.y = _int32(x), _int32(0 if y != y else y)
        if self.has_pad:
            self._hold_pad(action.game_pad, held, number)

    def _hold_pad(self, pad: Any, held: list[str], number: int) -> None:
        pad.buttons.SetInParent()
        for name in held:
            if name in ("pad.left_stick", "pad.right_stick"):
                getattr(pad, name.removeprefix("pad.")).pressed = True
            elif name.startswith("pad."):
                setattr(pad.buttons, name.removeprefix("pad."), True)
        stands = dict(zip(self.sticks, self.states[number - 1].tolist())) if number else {}
        pad.left_stick.x, pad.left_stick.y = stands.get("pad.left_x", 0.0), 0.0 - stands.get("pad.left_y", 0.0)
        pad.right_stick.x, pad.right_stick.y = stands.get("pad.right_x", 0.0), 0.0 - stands.get("pad.right_y", 0.0)
        pad.left_trigger = stands.get("pad.left_trigger", 0.0)
        pad.right_trigger = stands.get("pad.right_trigger", 0.0)

    def _tell(self, frame: FrameAnnotation, number: int, where: list[int], simulated: bool) -> None:
        """The events since the frame before. `where` the pointer is follows them."""
        rows = slice(self.bounds[number - 1] if number else 0, self.bounds[number])
        shown = self.time[rows]
        taken = self.grid.taken(number, shown) if number else self.grid.frame_time[0] + shown - self.grid.time_ns[0]
        columns = (self.input[rows], self.value[rows], shown, np.maximum(taken, 0))
        open_: tuple[Any, int, str] | None = None  # an event that has its x: its vector, when it is shown, its field
        for index, value, at, time in zip(*(column.tolist() for column in columns)):
            name = INPUTS[index]
            field, part = PARTS.get(name, ("", ""))
            if field and (value or name in POINTER):
                if open_ is None or part == "x" or open_[1:] != (at, field):
                    vector = getattr(frame.input_events.add(time=time, simulated=simulated), field)
                    vector.x, vector.y = where if name in POINTER else (0, 0)
                else:
                    vector = open_[0]
                setattr(vector, part, _int32(value))
                open_ = (vector, at, field) if part == "x" else None
                if name in POINTER:
                    where["xy".index(part)] = _int32(value)
            elif not field and can_say(name):
                _press(frame.input_events.add(time=time, simulated=simulated), name, value)

    def _sums(self, name: str) -> np.ndarray:
        """int64 [N - 1]: the counts of an input in each interval."""
        rows = self.input == INDEX[name]
        number = np.searchsorted(self.grid.time_ns, self.time[rows], side="right") - 1
        inside = (number >= 0) & (number < len(self.grid) - 1)
        total = np.bincount(number[inside], self.value[rows][inside], minlength=max(len(self.grid) - 1, 0))
        return total.astype(np.int64)

    def _stands(self, name: str) -> np.ndarray:
        """float64 [N]: where the pointer is when each frame is shown; NaN before it is known."""
        rows = self.input == INDEX[name]
        time, value = self.time[rows], np.append(np.nan, self.value[rows])
        last = np.searchsorted(time, self.grid.time_ns)
        last[0] = np.searchsorted(time, self.grid.time_ns[0], side="right")
        return value[last]

    def _held_first(self) -> list[str]:
        """Buttons that are down when the first frame is shown."""
        end = int(np.searchsorted(self.time, self.grid.time_ns[0], side="right"))
        held: dict[str, None] = {}
        for index, value in zip(self.input[:end].tolist(), self.value[:end].tolist()):
            name = INPUTS[index]
            if name in self.buttons:
                held.update({name: None}) if value else held.pop(name, None)
        return list(held)


def can_say(name: str) -> bool:
    """Has the format a word for this input?"""
    return name in PARTS or name in PADS or name in PAD_AXES or (is_button(name) and to_pixels2play(name) is not None)


def _press(event: Any, name: str, value: float) -> None:
    """A button's or a pad axis' event."""
    if name in PAD_AXES:
        told, sign = PAD_AXES[name]
        if name.endswith("_trigger"):
            event.game_pad_trigger_event.trigger, event.game_pad_trigger_event.value = told, value
        else:
            event.game_pad_axis_event.axis, event.game_pad_axis_event.value = told, sign * value
    elif name.startswith("key."):
        event.keyboard_event.key, event.keyboard_event.pressed = to_pixels2play(name), value > 0
    elif name in PADS:
        event.game_pad_button_event.button, event.game_pad_button_event.pressed = PADS[name], value > 0
    else:
        event.mouse_event.button, event.mouse_event.pressed = CLICKS.get(name, PIXELS2PLAY[name]), value > 0


def _who(recording: Recording, time_ns: np.ndarray) -> list[str]:
    """Who acted in each interval, as training sees it (clips/store.py)."""
    known, policy = np.ones(len(time_ns) - 1, bool), np.zeros(len(time_ns) - 1, bool)
    for span in recording.spans:
        if span.kind == "masked" or (span.kind == "control" and span.value.startswith("policy")):
            within = (time_ns[1:] > span.start_ns) & (time_ns[:-1] < span.end_ns)
            if span.kind == "masked":
                known &= ~within
            else:
                policy |= within
    return np.where(known, np.where(policy, "policy", "human"), "").tolist()


def _whole(index: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Motion and scrolling in whole counts float64 [R], whose sums never stray by more than half a count."""
    whole = value.astype(np.float64)
    for name in MOTION:
        rows = index == INDEX[name]
        whole[rows] = np.diff(np.rint(np.cumsum(whole[rows])), prepend=0.0)
    rows = np.isin(index, [INDEX[name] for name in POINTER])
    whole[rows] = np.rint(whole[rows])
    return whole


def _int32(value: float) -> int:
    return max(-INT32, min(INT32 - 1, int(value)))
