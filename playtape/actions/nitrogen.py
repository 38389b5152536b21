"""NitroGen's gamepad (arXiv 2601.02427; MineDojo/NitroGen): its columns in our names, and the rows of numbers its models take.

| numbers a row | what | said by |
|---|---|---|
| 25 | 21 buttons, four of which nobody ever pressed, and the two sticks | the published weights |
| 21 | 17 buttons and the sticks | the data set and its card |
| 20 | 16 buttons, without guide, and the sticks | the paper |
| 17 | the buttons alone | the data set's columns of buttons |

A button is 0 or 1, and the triggers are buttons. A stick's -1 to 1, right and down positive, stands as 0 to 1, so that one which
nobody touches is 0.5 and not 0. What a row has no place for is refused: a held guide in 20 numbers, a moved stick in 17.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playtape.actions.space import Actions, ActionSpace, Axis
from playtape.errors import BadInput

COLUMNS: dict[str, str] = {
    "back": "pad.select",
    "dpad_down": "pad.dpad_down",
    "dpad_left": "pad.dpad_left",
    "dpad_right": "pad.dpad_right",
    "dpad_up": "pad.dpad_up",
    "east": "pad.east",
    "guide": "pad.guide",
    "left_shoulder": "pad.left_bumper",
    "left_thumb": "pad.left_stick",
    "left_trigger": "pad.left_trigger",
    "north": "pad.north",
    "right_shoulder": "pad.right_bumper",
    "right_thumb": "pad.right_stick",
    "right_trigger": "pad.right_trigger",
    "south": "pad.south",
    "start": "pad.start",
    "west": "pad.west",
}
"""The data set's columns of buttons in their order -> our name."""

STICKS = ("pad.left_x", "pad.left_y", "pad.right_x", "pad.right_y")
TRIGGERS = ("pad.left_trigger", "pad.right_trigger")  # axes in our vocabulary, 0 or 1 here
NITROGEN = ActionSpace(
    tuple(name for name in COLUMNS.values() if name not in TRIGGERS),
    tuple(Axis(name, "state") for name in (*STICKS, *TRIGGERS)),
)

_NAMES = list(COLUMNS)
_NORTH, _TRIGGER = _NAMES.index("north") + 1, _NAMES.index("right_trigger") + 1
TOKENS: tuple[str, ...] = (
    *_NAMES[:_NORTH],
    *("right_bottom", "right_left", "right_right"),
    *_NAMES[_NORTH:_TRIGGER],
    "right_up",
    *_NAMES[_TRIGGER:],
)
"""The 21 buttons of the published weights; four have no column in the data set and are always 0."""

LAYOUTS: dict[int, tuple[str, ...]] = {
    25: TOKENS,
    21: tuple(COLUMNS),
    20: tuple(name for name in COLUMNS if name != "guide"),
    17: tuple(COLUMNS),
}
"""Numbers a row -> its buttons, in their order; the sticks come after them, in all but the last."""

_BUTTONS = [NITROGEN.buttons.index(name) for name in COLUMNS.values() if name not in TRIGGERS]
_PRESSED = [i for i, name in enumerate(COLUMNS.values()) if name not in TRIGGERS]
_PULLED = [i for i, name in enumerate(COLUMNS.values()) if name in TRIGGERS]


def table(actions: Actions) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Actions of NITROGEN [*b, T] -> the data set's columns: buttons bool [*b, T, 17] and sticks float32 [*b, T, 4].

    A trigger that is pulled more than half is pressed.
    """
    NITROGEN.check(actions)
    held, axes = np.asarray(actions.buttons), np.asarray(actions.axes)
    buttons = np.zeros((*held.shape[:-1], len(COLUMNS)), bool)
    buttons[..., _PRESSED] = held[..., _BUTTONS]
    buttons[..., _PULLED] = axes[..., len(STICKS) :] > 0.5
    return buttons, axes[..., : len(STICKS)]


def from_table(buttons: NDArray[np.bool_], sticks: NDArray[np.float32]) -> Actions:
    """The inverse of `table`."""
    held = np.zeros((*buttons.shape[:-1], len(NITROGEN.buttons)), bool)
    held[..., _BUTTONS] = buttons[..., _PRESSED]
    axes = np.concatenate([sticks, buttons[..., _PULLED]], -1).astype(np.float32)
    return Actions(held, axes)


def pack(actions: Actions, numbers: int = 25) -> NDArray[np.float64]:
    """Actions of NITROGEN [*b, T] -> rows [*b, T, numbers]; `unpack` gives them again.

    Exactly so for sticks of 2**-29 or more, and what is less becomes 0: hence float64. Raises BadInput for what has no place.
    """
    names = _layout(numbers)
    buttons, sticks = table(actions)
    triggers = np.asarray(actions.axes)[..., len(STICKS) :]
    if not np.isin(triggers, (0, 1)).all():
        raise BadInput(f"a trigger is at {triggers[~np.isin(triggers, (0, 1))][0]:g}; NitroGen's are 0 or 1")
    if not (np.abs(sticks) <= 1).all():
        raise BadInput(f"a stick is at {sticks[~(np.abs(sticks) <= 1)][0]:g}; legal is -1 to 1")
    lost = [name for i, name in enumerate(COLUMNS) if name not in names and buttons[..., i].any()]
    if lost or (numbers == len(names) and sticks.any()):
        raise BadInput(f"{numbers} numbers have no place for {', '.join(lost) or 'a stick that is moved'}; 25 have")
    row = np.zeros((*buttons.shape[:-1], numbers))
    for i, name in enumerate(names):
        if name in COLUMNS:
            row[..., i] = buttons[..., _NAMES.index(name)]
    if numbers > len(names):
        row[..., len(names) :] = (sticks.astype(np.float64) + 1) / 2
    return row


def unpack(rows: ArrayLike) -> Actions:
    """Rows [*b, T, 25, 21, 20 or 17], also as a model gives them, -> actions of NITROGEN [*b, T].

    A button is held above 0.5, a stick ends at -1 and 1. Raises BadInput for other widths and numbers that are not finite.
    """
    array = np.asarray(rows)
    if array.ndim < 2 or array.dtype.kind not in "fiub":
        raise BadInput(f"rows of NitroGen are numbers [*b, T, n], not {array.dtype} {list(array.shape)}")
    names = _layout(array.shape[-1])
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise BadInput("rows of NitroGen must be finite numbers, and one is not")
    buttons = np.zeros((*array.shape[:-1], len(COLUMNS)), bool)
    for i, name in enumerate(names):
        if name in COLUMNS:
            buttons[..., _NAMES.index(name)] = array[..., i] > 0.5
    sticks = np.zeros((*array.shape[:-1], len(STICKS)), np.float32)
    if array.shape[-1] > len(names):
        sticks[...] = np.clip(2 * array[..., len(names) :] - 1, -1, 1)
    return from_table(buttons, sticks)


def _layout(numbers: Any) -> tuple[str, ...]:
    if numbers not in LAYOUTS:
        raise BadInput(f"a row of NitroGen has {', '.join(map(str, LAYOUTS))} numbers, not {numbers}")
    return LAYOUTS[numbers]
