"""Hands between two reads, and what a browser calls their keys."""

import pytest

from playtape.actions import ActionSpace, Axis
from playtape.actions.keyboards import KEYS
from playtape.play.dream.held import Held
from playtape.play.dream.keys import code, inputs, label

SPACE = ActionSpace(("key.w", "key.shift", "mouse.right", "pad.south"), (Axis("mouse.dx"), Axis("arm.0", "state", 0.5)))


def test_a_tap_counts_motion_adds_up_and_a_position_stays() -> None:
    held = Held(SPACE)
    held.hear(["key.w"], {"mouse.dx": 2, "arm.0": 0.5})
    held.hear([], {"mouse.dx": 3, "arm.0": 0.25})
    held.hear(["key.shift"], {})
    first, second = held.read(), held.read()
    assert first["buttons"].tolist() == [1, 1, 0, 0]
    assert first["axes"].tolist() == [5, 0.25]
    assert second["buttons"].tolist() == [0, 1, 0, 0]
    assert second["axes"].tolist() == [0, 0.25]
    held.hear([], {"mouse.dx": 1e6})
    assert held.read()["axes"].tolist() == [20, 0.25]
    held.hear(["key.w"], {"mouse.dx": 1})
    held.release()
    assert not any(held.read()["buttons"])
    assert held.read()["axes"].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("w", "KeyW"), ("7", "Digit7"), ("left", "ArrowLeft"), ("space", "Space"), ("page_up", "PageUp"), ("f12", "F12"),
        ("left_shift", "ShiftLeft"), ("right_super", "MetaRight"), ("left_bracket", "BracketLeft"), ("numpad_3", "Numpad3"),
        ("numpad_add", "NumpadAdd"), ("equals", "Equal"), ("grave", "Backquote"), ("apostrophe", "Quote"),
    ],
)  # fmt: skip
def test_a_browsers_name_of_a_key(name: str, known: str) -> None:
    assert code(f"key.{name}") == known


def test_every_key_has_a_name_of_its_own() -> None:
    codes = [code(f"key.{line.split()[0]}") for line in KEYS.split("\n") if line]
    assert len({*codes}) == len(codes)


def test_what_the_page_is_told_of_a_space() -> None:
    told = inputs(SPACE, [-1.0] * len(SPACE.axes), [2.0] * len(SPACE.axes))
    assert [one["codes"] for one in told["buttons"]] == [["KeyW"], ["ShiftLeft", "ShiftRight"], [], []]
    assert [one["mouse"] for one in told["buttons"]] == [None, None, 2, None]
    assert [axis["mouse"] for axis in told["axes"]] == [True, False]
    assert (label("key.left"), label("key.page_up"), label("mouse.left")) == ("←", "Page up", "Mouse left")
    assert inputs(ActionSpace(("key.escape",), ()), [], [])["buttons"][0]["codes"] == []
