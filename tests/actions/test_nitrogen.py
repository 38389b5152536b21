"""NitroGen's rows of numbers: nothing is lost on the way there and back, and a stick at rest is 0.5."""

import numpy as np
import pytest

from playtape.actions import Actions
from playtape.actions.nitrogen import COLUMNS, LAYOUTS, NITROGEN, STICKS, TOKENS, from_table, pack, table, unpack
from playtape.errors import BadInput

T = 5


def test_the_published_order():
    assert len(COLUMNS) == 17
    assert len(TOKENS) == 21
    assert [TOKENS.index(name) for name in ("back", "dpad_up", "east", "guide", "north", "right_shoulder", "west")] == [
        *(0, 4, 5, 6),
        *(10, 14, 20),
    ]
    assert [TOKENS[k] for k in (11, 12, 13, 17)] == ["right_bottom", "right_left", "right_right", "right_up"]
    assert [len(LAYOUTS[n]) + 4 * (n != 17) for n in (25, 21, 20, 17)] == [25, 21, 20, 17]


def test_at_rest_a_stick_is_a_half_and_a_button_nothing():
    for numbers, names in LAYOUTS.items():
        row = pack(NITROGEN.zeros(1), numbers)[0]
        assert row[: len(names)].tolist() == [0] * len(names)
        assert row[len(names) :].tolist() == [0.5] * (numbers - len(names))


@pytest.mark.parametrize("name", COLUMNS)
def test_each_button_has_its_place(name):
    buttons = np.zeros((1, 17), bool)
    buttons[0, list(COLUMNS).index(name)] = True
    actions = from_table(buttons, np.zeros((1, 4), np.float32))
    assert np.flatnonzero(pack(actions, 25)[0] == 1).tolist() == [TOKENS.index(name)]
    held = [NITROGEN.buttons[i] for i in np.flatnonzero(actions.buttons[0])]
    pulled = [NITROGEN.axes[i].name for i in np.flatnonzero(actions.axes[0])]
    assert held + pulled == [COLUMNS[name]]


def test_sticks_are_x_then_y_with_down_positive():
    actions = from_table(np.zeros((1, 17), bool), np.array([[-1, 1, 0.5, -0.5]], np.float32))
    assert [axis.name for axis in NITROGEN.axes][:4] == list(STICKS)
    assert pack(actions, 25)[0, 21:].tolist() == [0, 1, 0.75, 0.25]
    assert pack(actions, 21)[0, 17:].tolist() == [0, 1, 0.75, 0.25]


def test_there_and_back():
    rng = np.random.default_rng(0)
    least, odd = np.float32(2**-29), np.float32([0.1, 1 / 3, 0.8, 1])
    buttons = rng.random((200, 17)) < 0.4
    sticks = rng.uniform(-1, 1, (200, 4)).astype(np.float32)
    sticks[:3] = [[0, 0, least, -least], [1, -1, 0, 0], odd]
    actions = from_table(buttons, sticks)
    back = table(actions)
    assert np.array_equal(back[0], buttons)
    assert np.array_equal(back[1], sticks)
    for numbers in (25, 21):
        again = unpack(pack(actions, numbers))
        assert np.array_equal(again.buttons, actions.buttons)
        assert np.array_equal(again.axes, actions.axes)
    buttons[:, list(COLUMNS).index("guide")] = False
    assert np.array_equal(table(unpack(pack(from_table(buttons, sticks), 20)))[0], buttons)
    still = from_table(buttons, np.zeros_like(sticks))
    assert np.array_equal(table(unpack(pack(still, 17)))[0], buttons)


def test_batches_go_through():
    assert pack(NITROGEN.zeros(2, 3, T), 25).shape == (2, 3, T, 25)
    assert unpack(np.full((2, 3, T, 20), 0.5)).axes.shape == (2, 3, T, 6)


def test_a_models_numbers_are_cut():
    row = np.full((1, 25), 0.49)
    row[0, 18], row[0, 21], row[0, 11] = 0.51, 1.7, 9
    actions = unpack(row.astype(np.float32))
    assert [NITROGEN.buttons[i] for i in np.flatnonzero(actions.buttons[0])] == ["pad.south"]
    assert actions.axes[0, 0] == 1


def test_what_has_no_place_is_refused():
    guide = NITROGEN.zeros(1)
    guide.buttons[0, NITROGEN.buttons.index("pad.guide")] = True
    with pytest.raises(BadInput, match="20 numbers have no place for guide; 25 have"):
        pack(guide, 20)
    moved = NITROGEN.zeros(1)
    moved.axes[0, 0] = 0.1
    with pytest.raises(BadInput, match="17 numbers have no place for a stick that is moved"):
        pack(moved, 17)
    half = NITROGEN.zeros(1)
    half.axes[0, 4] = 0.5
    with pytest.raises(BadInput, match=r"a trigger is at 0\.5; NitroGen's are 0 or 1"):
        pack(half)
    moved.axes[0, 0] = 1.5
    with pytest.raises(BadInput, match=r"a stick is at 1\.5; legal is -1 to 1"):
        pack(moved)
    for wrong in (np.zeros((1, 24)), np.zeros(25), np.full((1, 25), np.nan), np.array([["a"] * 25])):
        with pytest.raises(BadInput, match="NitroGen"):
            unpack(wrong)
    with pytest.raises(BadInput, match="has 25, 21, 20, 17 numbers, not 16"):
        pack(Actions(guide.buttons, guide.axes), 16)
