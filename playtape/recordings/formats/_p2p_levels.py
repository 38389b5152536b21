"""What an annotation says is held and moved at each frame: its levels and sums, beside the events that they come from.

Letters: N frames, B buttons.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from playtape.actions import ActionSpace, Axis, Events
from playtape.actions.names import is_button
from playtape.recordings.annotation_inputs import named
from playtape.recordings.proto.video_annotation_pb2 import LowLevelAction

HOTKEYS = ("key.left_bracket", "key.right_bracket")  # they steer the recorder, not the game
UNLEVELLED = (*HOTKEYS, "key.left_shift")  # that the recorder takes out of its levels, as part of Shift + ]
LENIENT = 5  # frames after a change of control in which levels may lag, as in the recorder's own check
MOTION = ("mouse.dx", "mouse.dy", "mouse.hwheel", "mouse.wheel")
STICKS = ("pad.left_x", "pad.left_y", "pad.right_x", "pad.right_y", "pad.left_trigger", "pad.right_trigger")
AXIS_KINDS = ("mouse motion",) * 2 + ("wheel",) * 2 + ("pad axis",) * 4 + ("pad trigger",) * 2  # of MOTION and STICKS
BUTTON_KINDS = (("key.", "key"), ("mouse.", "mouse button"), ("pad.", "pad button"))


@dataclass(frozen=True, eq=False)
class Levels:
    """One row a frame, of whoever acted in it."""

    held: list[list[str]]  # our names of the keys and buttons that are down
    moves: np.ndarray  # float32 [N, 10]: MOTION, summed, and STICKS, as they stand
    mute: np.ndarray  # bool [N]: says nothing of the mouse
    pointer: dict[str, float]  # where it is when the first frame is shown

    @classmethod
    def of(cls, acting: Sequence[LowLevelAction]) -> "Levels":
        moves = np.array([_moves(action) for action in acting], np.float32).reshape(-1, len(AXIS_KINDS))
        mute = np.array([not action.HasField("mouse") for action in acting], bool)
        mouse = acting[0].mouse
        known = mouse.HasField("mouse_absolute_px")
        where = (float(mouse.mouse_absolute_px.x), float(mouse.mouse_absolute_px.y))
        pointer = dict(zip(("mouse.x", "mouse.y"), where)) if known else {}
        return cls([_held(action) for action in acting], np.nan_to_num(moves), mute, pointer)

    def stand_in(self, kinds: Counter[str], time_ns: np.ndarray) -> tuple[Events, list[str]]:
        """Events for the devices that a file has no events of, though its levels and sums speak of them: presses at a quarter of
        an interval, releases and motion at three quarters, as everywhere in Playtape."""
        silent = tuple(device for device, kind in BUTTON_KINDS if not kinds[kind])
        down = [[name for name in names if name.startswith(silent)] for names in self.held[1:]] if silent else []
        buttons = sorted({name for names in down for name in names})
        columns = [i for i, kind in enumerate(AXIS_KINDS) if not kinds[kind] and self.moves[1:, i].any()]
        names = [(*MOTION, *STICKS)[i] for i in columns]
        if not (buttons or names):
            return Events.empty(), []
        axes = tuple(Axis(name, "state" if name in STICKS else "sum") for name in names)
        space = ActionSpace(tuple(buttons), axes)
        actions = space.zeros(len(time_ns))
        actions.buttons[:-1] = _table(down, buttons)
        actions.axes[:-1] = self.moves[1:, columns]
        listed = ", ".join([*buttons, *names])
        return space.events(actions, time_ns), [
            f"there are no events of {listed}: levels and sums stand in, without taps"
        ]

    def differ(self, events: Events, users: np.ndarray, time_ns: np.ndarray) -> list[str]:
        """Where levels and sums are not what the events come to. `users` bool [N]: which frames are a user's, as whose alone
        motion is surely that of the events."""
        buttons = np.flatnonzero(self._wrong(events, time_ns) & _calm(users))
        space = ActionSpace((), tuple(Axis(name) for name in MOTION[:2]))
        moved = space.actions(events, time_ns).axes[:-1]
        motion = np.flatnonzero((self.moves[1:, :2] != moved).any(1) & users[1:])
        return [
            f"in {len(where)} of {len(time_ns)} frames the annotation's {what} not what its events come to "
            f"(the first is frame {where[0] + 1}); the events count"
            for what, where in (("keys or buttons are", buttons), ("motion is", motion))
            if len(where)
        ]

    def _wrong(self, events: Events, time_ns: np.ndarray) -> np.ndarray:
        """bool [N - 1]: a level of what nothing held within the interval before, or none of what was held throughout."""
        said = [[name for name in names if name not in UNLEVELLED] for names in self.held[1:]]
        pressed = {name for name in events.counts() if is_button(name)}
        buttons = sorted((pressed | {name for names in said for name in names}) - set(UNLEVELLED))
        level = _table(said, buttons)
        touched = ActionSpace(tuple(buttons), ()).actions(events, time_ns).buttons[:-1]
        wrong = (level & ~touched) | (~level & _throughout(events, buttons, time_ns))
        of_mouse = np.array([name.startswith("mouse.") for name in buttons], bool)
        return (wrong & ~(self.mute[1:, None] & of_mouse)).any(1)


def _held(action: LowLevelAction) -> list[str]:
    found = [named(name, "key") for name in action.keyboard.keys]
    found += [named(name, "mouse") for name in action.mouse.buttons_down]
    if action.HasField("game_pad"):
        pad = action.game_pad
        found += [f"pad.{about.name}" for about, down in pad.buttons.ListFields() if down]
        found += [f"pad.{name}" for name in ("left_stick", "right_stick") if getattr(pad, name).pressed]
    return [name for name in found if name is not None]


def _moves(action: LowLevelAction) -> tuple[float, ...]:
    moved, turned = action.mouse.mouse_delta_px, action.mouse.scroll_delta_px
    counts = (moved.x, moved.y, turned.x, turned.y)
    if not action.HasField("game_pad"):
        return (*counts, *(0.0,) * len(STICKS))
    pad = action.game_pad
    left, right = pad.left_stick, pad.right_stick
    return (*counts, left.x, -left.y, right.x, -right.y, pad.left_trigger, pad.right_trigger)


def _table(rows: Sequence[Sequence[str]], buttons: Sequence[str]) -> np.ndarray:
    """Names a row to bool [rows, B]."""
    column = {name: i for i, name in enumerate(buttons)}
    table = np.zeros((len(rows), len(buttons)), bool)
    for row, names in enumerate(rows):
        if names:
            table[row, [column[name] for name in names]] = True
    return table


def _calm(users: np.ndarray) -> np.ndarray:
    """bool [N - 1]: not just after a change of control."""
    calm = np.ones(max(len(users) - 1, 0), bool)
    for change in np.flatnonzero(users[1:] != users[:-1]).tolist():
        calm[change : change + LENIENT] = False
    return calm


def _throughout(events: Events, buttons: Sequence[str], time_ns: np.ndarray) -> np.ndarray:
    """bool [N - 1, B]: down from an interval's beginning to its end."""
    through = np.zeros((len(time_ns) - 1, len(buttons)), bool)
    for column, name in enumerate(buttons):
        mine = events.of(name)
        last = np.searchsorted(mine.time_ns, time_ns, side="left") - 1
        down = (last >= 0) & (mine.value[last] > 0) if len(mine) else np.zeros(len(time_ns), bool)
        through[:, column] = down[:-1] & down[1:] & (last[:-1] == last[1:])
    return through
