"""The convention in small examples: which interval an event belongs to, and what a space refuses."""

import json
from typing import Any

import numpy as np
import pytest

from playtape.actions import Actions, ActionSpace, Axis, Events
from playtape.actions.games import DOOM
from playtape.errors import BadInput

SPACE = ActionSpace(("key.w", "key.shift", "mouse.left"), (Axis("mouse.dx"), Axis("pad.left_x", "state", 0.5)))
LooseSpace: Any = ActionSpace  # for wrong types on purpose
LooseAxis: Any = Axis
LOOSE: Any = SPACE
TIME = [100, 200, 300, 400]  # three intervals


def held(rows, name="key.w", space=SPACE, time=TIME) -> list[int]:
    actions = space.actions(Events.from_rows(rows), time)
    return actions.buttons[:, space.buttons.index(name)].astype(int).tolist()


def moved(rows, column=0, time=TIME) -> list[float]:
    return SPACE.actions(Events.from_rows(rows), time).axes[:, column].tolist()


@pytest.mark.parametrize(
    ("press", "release", "rows"),
    [
        (100, 101, [1, 0, 0, 0]),
        (150, 160, [1, 0, 0, 0]),  # a tap inside one interval
        (150, 200, [1, 0, 0, 0]),  # a release exactly at a frame does not make it held there
        (150, 201, [1, 1, 0, 0]),
        (199, 300, [1, 1, 0, 0]),
        (200, 300, [0, 1, 0, 0]),  # a press exactly at a frame is in its interval
        (200, 200, [0, 1, 0, 0]),  # a tap without duration is still a tap
        (50, 100, [0, 0, 0, 0]),
        (50, 101, [1, 0, 0, 0]),
        (50, 60, [0, 0, 0, 0]),
        (99, 99, [0, 0, 0, 0]),
        (100, 100, [1, 0, 0, 0]),
        (50, 999, [1, 1, 1, 0]),
        (399, 400, [0, 0, 1, 0]),
        (400, 450, [0, 0, 0, 0]),
    ],
)
def test_half_open_edges(press, release, rows):
    assert held([(press, "key.w", 1), (release, "key.w", 0)]) == rows


def test_open_presses_hold_to_the_end():
    assert held([(250, "key.w", 1)]) == [0, 1, 1, 0]
    assert held([(50, "key.w", 1)]) == [1, 1, 1, 0]


def test_repeats_and_second_presses_change_nothing():
    rows = [(110, "key.w", 1), (120, "key.w", 2), (130, "key.w", 1), (210, "key.w", 0), (310, "key.w", 2)]
    assert held(rows) == [1, 1, 0, 0]


def test_a_repeat_neither_presses_nor_releases():
    assert held([(110, "key.w", 1), (120, "key.w", 2), (310, "key.w", 0)]) == [1, 1, 1, 0]
    assert held([(110, "key.w", 2), (310, "key.w", 0)]) == [0, 0, 0, 0]


def test_unpaired_releases_are_ignored():
    assert held([(150, "key.w", 0), (250, "key.w", 1), (260, "key.w", 0), (350, "key.w", 0)]) == [0, 1, 0, 0]


def test_buttons_do_not_leak_into_each_other():
    rows = [(110, "key.w", 1), (120, "mouse.left", 0), (130, "key.a", 1), (210, "mouse.left", 1), (210, "key.w", 0)]
    assert held(rows) == [1, 1, 0, 0]
    assert held(rows, "mouse.left") == [0, 1, 1, 0]


def test_a_generic_modifier_is_held_by_either_side():
    both = [
        (110, "key.left_shift", 1),
        (150, "key.right_shift", 1),
        (160, "key.left_shift", 0),
        (250, "key.right_shift", 0),
    ]
    assert held(both, "key.shift") == [1, 1, 0, 0]
    assert held([(310, "key.shift", 1)], "key.shift") == [0, 0, 1, 0]
    sided = ActionSpace(("key.left_shift", "key.shift"), ())
    assert held([(110, "key.right_shift", 1)], "key.left_shift", sided) == [0, 0, 0, 0]
    assert held([(110, "key.shift", 1)], "key.left_shift", sided) == [0, 0, 0, 0]
    assert held([(110, "key.left_shift", 1)], "key.left_shift", sided) == [1, 1, 1, 0]
    assert held([(110, "key.left_shift", 1)], "key.shift", sided) == [1, 1, 1, 0]


def test_sums_belong_to_the_interval_they_happen_in():
    rows = [(99, 7), (100, 1), (199, 2), (200, 4), (350, -8), (400, 16)]
    assert moved([(t, "mouse.dx", v) for t, v in rows]) == [3, 4, -8, 0]


def test_sums_are_made_in_double_precision():
    rows = [(110, "mouse.dx", 2**24)] + [(120, "mouse.dx", 1)] * 10 + [(130, "mouse.dx", -(2**24))]
    assert moved(rows) == [10, 0, 0, 0]


def test_a_state_axis_holds_its_last_value():
    rows = [(50, 0.25), (210, 0.5), (290, -1.0), (300, 0.75), (400, 1.0)]
    assert moved([(t, "pad.left_x", v) for t, v in rows], 1) == [0.25, -1, 0.75, 0]
    assert moved([(250, "pad.left_x", 0.5)], 1) == [0, 0.5, 0.5, 0]


def test_no_events_and_one_frame():
    for time in (TIME, [0], [-5, 5]):
        actions = SPACE.actions(Events.empty(), time)
        assert actions.buttons.shape == (len(time), 3)
        assert actions.axes.shape == (len(time), 2)
        assert not actions.buttons.any()
        assert not actions.axes.any()
    one = SPACE.actions(Events.from_rows([(0, "key.w", 1), (0, "mouse.dx", 4)]), [0])
    assert not one.buttons.any()
    assert not one.axes.any()
    assert len(SPACE.events(one, [0])) == 0


def test_events_stand_at_quarters():
    actions = SPACE.zeros(4)
    actions.buttons[[0, 1], 0] = True
    actions.buttons[2, 2] = True
    actions.axes[1] = [5, 0.5]
    actions.axes[2] = [0, 0.5]
    assert list(SPACE.events(actions, TIME)) == [
        (125, "key.w", 1),
        (275, "key.w", 0),
        (275, "mouse.dx", 5),
        (275, "pad.left_x", 0.5),
        (325, "mouse.left", 1),
        (375, "mouse.left", 0),
    ]


def test_the_last_row_is_not_read():
    actions = SPACE.zeros(4)
    actions.buttons[3] = True
    actions.axes[3] = 9
    assert len(SPACE.events(actions, TIME)) == 0


def test_numbering_of_the_events_does_not_matter():
    whole = Events.from_rows([(110, "key.left_shift", 1), (120, "mouse.dx", 3), (130, "key.w", 1), (140, "key.a", 1)])
    small = Events(
        *(np.array(c) for c in ([110, 120, 130], [2, 0, 1], [1, 3, 1])), ("mouse.dx", "key.w", "key.left_shift")
    )
    one, two = SPACE.actions(whole, TIME), SPACE.actions(small, TIME)
    assert (one.buttons == two.buttons).all()
    assert (one.axes == two.axes).all()


def test_torch_tensors_are_kept_as_they_are():
    torch = pytest.importorskip("torch")
    actions = Actions(torch.ones(4, 3, dtype=torch.bool), torch.zeros(4, 2))
    assert isinstance(actions.buttons, torch.Tensor)
    assert repr(actions) == "Actions(buttons=bool [4, 3], axes=float32 [4, 2])"
    assert [n for _, n, _ in SPACE.events(actions, TIME)][:3] == ["key.w", "key.shift", "mouse.left"]
    with pytest.raises(BadInput, match="not float64"):
        Actions(torch.ones(4, 3, dtype=torch.bool), torch.zeros(4, 2, dtype=torch.float64))
    with pytest.raises(BadInput, match="without gradients"):
        SPACE.events(Actions(actions.buttons, torch.zeros(4, 2, requires_grad=True)), TIME)


def test_zeros_and_check_take_any_batch():
    batch = SPACE.zeros(2, 5, 7)
    assert repr(batch) == "Actions(buttons=bool [2, 5, 7, 3], axes=float32 [2, 5, 7, 2])"
    SPACE.check(batch)
    with pytest.raises(BadInput, match="3 buttons and 2 axes, but the space has 14 and 1"):
        DOOM.check(batch)


def test_doom_takes_a_players_input():
    assert len(DOOM.buttons) == 14
    assert ActionSpace.from_json(DOOM.to_json()) == DOOM
    rows = [
        (0, "key.left_shift", 1),
        (0, "key.w", 1),
        (10, "mouse.dx", -32),
        (12, "mouse.left", 1),
        (13, "mouse.left", 0),
    ]
    actions = DOOM.actions(Events.from_rows(rows), [0, 28_571_429, 57_142_857])
    assert {DOOM.buttons[i] for i in np.flatnonzero(actions.buttons[0])} == {"key.shift", "key.w", "mouse.left"}
    assert actions.axes.tolist() == [[-32], [0], [0]]


def test_json_round_trip():
    text = json.dumps(SPACE.to_json())
    assert ActionSpace.from_json(json.loads(text)) == SPACE
    assert hash(ActionSpace.from_json(json.loads(text))) == hash(SPACE)
    assert ActionSpace.from_json({"buttons": [], "axes": [{"name": "mouse.dx"}]}).axes == (Axis("mouse.dx"),)


def test_difference():
    assert SPACE.difference(SPACE) == ""
    other = ActionSpace(("key.w", "key.q", "key.shift"), (Axis("mouse.dx", scale=10), SPACE.axes[1]))
    assert (
        SPACE.difference(other)
        == "the other action space lacks mouse.left and adds key.q and has scale 10 for mouse.dx instead of 1"
    )
    assert "another order (key.s, key.w instead of key.w, key.s)" in ActionSpace(("key.w", "key.s"), ()).difference(
        ActionSpace(("key.s", "key.w"), ())
    )
    arm = [ActionSpace((), (Axis("arm.0", kind),)) for kind in ("sum", "state")]
    assert arm[0].difference(arm[1]) == "the other action space has arm.0 as a state instead of a sum"
    assert ActionSpace((), ()).difference(ActionSpace((), ())) == ""


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: LooseAxis("mouse.dx", "delta"), "has kind 'delta'; legal are sum and state"),
        (lambda: LooseAxis("mouse.dx", "state"), "mouse.dx is a sum axis, but the space calls it state"),
        (lambda: LooseAxis("pad.left_x"), "pad.left_x is a state axis, but the space calls it sum"),
        (lambda: LooseAxis("key.w"), "key.w is a button, not an axis"),
        (lambda: LooseAxis("mouse.dz"), "unknown input name 'mouse.dz'"),
        (lambda: LooseAxis("mouse.dx", scale=0), "scale 0; it must be positive"),
        (lambda: LooseAxis("mouse.dx", scale=float("nan")), "must be positive, and at most 1e30"),
        (lambda: LooseAxis("mouse.dx", scale=10**400), "must be positive, and at most 1e30"),
        (lambda: LooseAxis("mouse.dx", scale="1"), "must be a number"),
        (lambda: LooseAxis("mouse.dx", scale=True), "must be a number"),
        (lambda: LooseSpace(("key.w", "key.w"), ()), "key.w stands twice"),
        (lambda: LooseSpace((), (Axis("arm.0"), Axis("arm.0", "state"))), "arm.0 stands twice"),
        (lambda: LooseSpace(("mouse.dx",), ()), "mouse.dx is an axis, not a button"),
        (lambda: LooseSpace(("key.ww",), ()), "unknown input name 'key.ww'"),
        (lambda: LooseSpace("key.w", ()), "must be a list of names"),
        (lambda: LooseSpace((), ("mouse.dx",)), "axes must be Axis objects"),
        (lambda: LOOSE.zeros(), "number of frames"),
        (lambda: LOOSE.zeros(-1), "number of frames"),
        (lambda: LOOSE.zeros(1.5), "number of frames"),
        (lambda: LOOSE.actions(Events.empty(), []), "time_ns is empty"),
        (lambda: LOOSE.actions(Events.empty(), [0, 2, 2]), r"time_ns\[2\] is 2 after 2"),
        (lambda: LOOSE.actions(Events.empty(), [0, 5, 2]), r"time_ns\[2\] is 2 after 5"),
        (lambda: LOOSE.actions(Events.empty(), [0.0, 1.0]), "time_ns must be whole numbers"),
        (lambda: LOOSE.actions([], [0, 1]), "takes Events, not list"),
        (lambda: LOOSE.events(SPACE.zeros(3), TIME), "actions of 4 rows for 4 times"),
        (lambda: LOOSE.events(SPACE.zeros(2, 4), TIME), "without a batch"),
        (lambda: LOOSE.events(DOOM.zeros(4), TIME), "14 buttons and 1 axes"),
        (
            lambda: SPACE.events(Actions(np.zeros((4, 3), bool), np.full((4, 2), np.nan, np.float32)), TIME),
            "must be finite",
        ),
        (lambda: Actions(np.zeros((4, 3)), np.zeros((4, 2), np.float32)), "buttons must be bool"),
        (lambda: Actions(np.zeros((4, 3), bool), np.zeros((4, 2))), "axes must be float32"),
        (lambda: Actions(np.zeros((4, 3), bool), np.zeros((5, 2), np.float32)), "differ before their last dimension"),
        (lambda: Actions(np.zeros(3, bool), np.zeros(3, np.float32)), r"\[\*b, T, n\], not bool of shape \(3,\)"),
        (lambda: Actions([[True]], [[0.0]]), "not list"),
        (lambda: LooseSpace.from_json([]), "exactly the entries axes and buttons, not list"),
        (lambda: LooseSpace.from_json({"buttons": []}), r"not \['buttons'\]"),
        (lambda: LooseSpace.from_json({"buttons": "key.w", "axes": []}), "buttons must be a list, not 'key.w'"),
        (lambda: LooseSpace.from_json({"buttons": ["key.q1"], "axes": []}), "unknown input name 'key.q1'"),
        (lambda: LooseSpace.from_json({"buttons": [["key.w"]], "axes": []}), "unknown input name"),
        (lambda: LooseSpace.from_json({"buttons": [], "axes": ["mouse.dx"]}), "an axis has the entries"),
        (
            lambda: ActionSpace.from_json({"buttons": [], "axes": [{"name": "mouse.dx", "bins": 3}]}),
            "an axis has the entries",
        ),
        (
            lambda: ActionSpace.from_json({"buttons": [], "axes": [{"name": "mouse.dx", "scale": None}]}),
            "must be a number",
        ),
        (
            lambda: ActionSpace.from_json({"buttons": [], "axes": [{"name": "mouse.dx", "kind": []}]}),
            "legal are sum and state",
        ),
        (lambda: LOOSE.difference("space"), "takes an ActionSpace, not str"),
    ],
)
def test_bad_input_is_refused(make, sentence):
    with pytest.raises(BadInput, match=sentence):
        make()
