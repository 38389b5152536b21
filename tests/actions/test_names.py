"""The vocabulary and its tables: each is a bijection where it must be, and the codes are those of the systems' own headers."""

import re
from pathlib import Path

import pytest

from playtape.actions import names
from playtape.actions.keyboards import PIXELS2PLAY_ALIASES
from playtape.errors import BadInput

LINUX_HEADER = Path("/usr/include/linux/input-event-codes.h")


def test_names_are_distinct_and_well_formed():
    assert len(set(names.INPUTS)) == len(names.INPUTS) < 2**15
    assert all(re.fullmatch(r"(key|mouse|pad|arm)\.[a-z0-9_]+", name) for name in names.INPUTS)
    assert [names.INPUTS[names.INDEX[name]] for name in names.INPUTS] == list(names.INPUTS)


def test_every_virtual_key_has_exactly_one_name():
    assert sorted(names.VK.values()) == list(range(1, 255))
    for name, code in names.VK.items():
        assert names.from_vk(code) == name
    assert names.from_vk(0) is None
    assert names.from_vk(255) is None
    assert names.from_vk(-1) is None


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("mouse.left", 1), ("mouse.right", 2), ("mouse.middle", 4), ("mouse.x1", 5), ("mouse.x2", 6),
        ("key.backspace", 8), ("key.tab", 9), ("key.clear", 12), ("key.enter", 13), ("key.pause", 19),
        ("key.shift", 16), ("key.control", 17), ("key.alt", 18), ("key.caps_lock", 20), ("key.escape", 27),
        ("key.space", 32), ("key.page_up", 33), ("key.page_down", 34), ("key.end", 35), ("key.home", 36),
        ("key.left", 37), ("key.up", 38), ("key.right", 39), ("key.down", 40), ("key.print_screen", 44),
        ("key.insert", 45), ("key.delete", 46), ("key.0", 48), ("key.9", 57), ("key.a", 65), ("key.z", 90),
        ("key.left_super", 91), ("key.right_super", 92), ("key.menu", 93), ("key.numpad_0", 96), ("key.numpad_9", 105),
        ("key.numpad_multiply", 106), ("key.numpad_add", 107), ("key.numpad_subtract", 109), ("key.numpad_decimal", 110),
        ("key.numpad_divide", 111), ("key.f1", 112), ("key.f24", 135), ("key.num_lock", 144), ("key.scroll_lock", 145),
        ("key.left_shift", 160), ("key.right_shift", 161), ("key.left_control", 162), ("key.right_control", 163),
        ("key.left_alt", 164), ("key.right_alt", 165), ("key.browser_back", 166), ("key.browser_home", 172),
        ("key.volume_mute", 173), ("key.volume_up", 175), ("key.media_next", 176), ("key.media_play", 179),
        ("key.semicolon", 186), ("key.equals", 187), ("key.comma", 188), ("key.minus", 189), ("key.period", 190),
        ("key.slash", 191), ("key.grave", 192), ("key.left_bracket", 219), ("key.backslash", 220),
        ("key.right_bracket", 221), ("key.apostrophe", 222), ("key.iso", 226), ("key.vk_7", 7),
    ],
)  # fmt: skip
def test_virtual_keys(name: str, code: int):
    assert names.VK[name] == code


def test_evdev_is_a_bijection_over_types_and_codes():
    assert names.EVDEV.keys() == names.EVDEV_CODES.keys()
    assert len(set(names.EVDEV.values())) == len(names.EVDEV)
    for name, (event_type, code) in names.EVDEV_CODES.items():
        assert names.from_evdev(event_type, code) == name
    assert names.from_evdev(1, 17) == "key.w"
    assert names.from_evdev(2, 0) == "mouse.dx"
    assert names.from_evdev(3, 0) == "pad.left_x"
    assert names.from_evdev(1, 9999) is None


@pytest.mark.skipif(not LINUX_HEADER.exists(), reason="needs the Linux header input-event-codes.h")
def test_evdev_codes_are_those_of_the_linux_header():
    defined = dict(re.findall(r"^#define\s+((?:KEY|BTN|REL|ABS)_\w+)\s+(\w+)", LINUX_HEADER.read_text(), re.MULTILINE))
    for name, symbol in names.EVDEV.items():
        value = defined[symbol]
        value = defined.get(value, value)
        assert names.EVDEV_CODES[name][1] == int(value, 0), name


def test_every_common_key_has_a_linux_code():
    for name in names.INPUTS:
        if re.fullmatch(r"key\.([a-z]|\d|f\d+|numpad_\d|(left|right)_(shift|control|alt|super))", name):
            assert name in names.EVDEV, name


def test_pixels2play_names_of_its_own_model():
    model = [*"1234adefqwsz", "Space", "DownArrow", "UpArrow", "LeftArrow", "RightArrow", "LeftShift", "RightShift"]
    found = [names.from_pixels2play(text) for text in model]
    assert found[:12] == [f"key.{letter}" for letter in "1234adefqwsz"]
    assert found[12:] == [
        "key.space",
        "key.down",
        "key.up",
        "key.left",
        "key.right",
        "key.left_shift",
        "key.right_shift",
    ]
    assert [names.from_pixels2play(text, "mouse") for text in ("0", "1", "2")] == [
        "mouse.left",
        "mouse.right",
        "mouse.middle",
    ]
    assert [names.from_pixels2play(text, "mouse") for text in ("Left", "Right")] == ["mouse.left", "mouse.right"]
    assert names.from_pixels2play("left_bumper", "pad") == "pad.left_bumper"
    assert names.from_pixels2play("RightBracket") == "key.right_bracket"
    assert names.from_pixels2play("_no_key") is None


@pytest.mark.parametrize("device", ["key", "mouse", "pad"])
def test_pixels2play_is_a_bijection_for_each_device(device):
    table = {name: text for name, text in names.PIXELS2PLAY.items() if name.startswith(f"{device}.")}
    assert len(table) >= 5
    assert len(set(table.values())) == len(table)
    for name, text in table.items():
        assert names.from_pixels2play(text, device) == name


def test_pixels2play_aliases_hide_no_name():
    for line in PIXELS2PLAY_ALIASES.strip().splitlines():
        alias, name = line.split()
        assert names.from_pixels2play(alias) == name in names.INPUTS
        assert alias not in names.PIXELS2PLAY.values()


def test_minerl_and_vpt():
    assert len(set(names.MINERL.values())) == len(names.MINERL)
    for name, binding in names.MINERL.items():
        assert names.from_minerl(binding) == name
    assert names.from_minerl("key.keyboard.left.shift") == "key.left_shift"
    assert names.from_minerl("key.mouse.middle") == "mouse.middle"
    assert names.from_minerl("key.keyboard.unknown") is None
    assert len(names.VPT) == 20
    for name, action in names.VPT.items():
        assert names.from_vpt(action) == name in names.INPUTS
    assert names.from_vpt("forward") == "key.w"
    assert names.from_vpt("camera") is None


def test_kinds():
    assert names.is_button("key.w")
    assert names.is_button("pad.south")
    assert not names.is_button("mouse.dx")
    assert not names.is_button("arm.31")
    assert {names.kind(name) for name in names.INPUTS} == {"button", "sum", "state", "any"}
    assert names.kind("mouse.wheel") == "sum"
    assert names.kind("mouse.x") == names.kind("pad.left_trigger") == "state"


def test_generic_modifiers_are_the_two_sides():
    assert names.GENERIC["key.left_shift"] == names.GENERIC["key.right_shift"] == "key.shift"
    for generic, sides in names.SIDES.items():
        assert {generic, *sides} <= set(names.INPUTS)
        assert all(names.GENERIC[side] == generic for side in sides)


@pytest.mark.parametrize("wrong", ["key.W", "w", "", "key.", None, 3])
def test_unknown_names_are_refused(wrong):
    with pytest.raises(BadInput, match="unknown input name"):
        names.is_button(wrong)


def test_unknown_names_get_a_suggestion():
    with pytest.raises(BadInput, match=r"key\.left_shift"):
        names.kind("key.leftshift")
    with pytest.raises(BadInput, match="names look like"):
        names.kind("§§§§")


def test_unknown_device_is_refused():
    with pytest.raises(BadInput, match="legal are key, mouse and pad"):
        names.from_pixels2play("1", "joystick")  # ty: ignore[invalid-argument-type]


def test_names_to_the_recorder_and_back():
    assert names.to_pixels2play("key.left_shift") == names.to_pixels2play("key.shift") == "LeftShift"
    assert names.to_pixels2play("mouse.middle") == "2"
    assert names.to_pixels2play("key.vk_7") is names.to_pixels2play("mouse.dx") is None
    for name, told in names.PIXELS2PLAY.items():
        device = name.partition(".")[0]
        assert names.from_pixels2play(told, device) == name
    # a pad's events speak of bumpers as triggers, and of pressing a stick by its name
    assert [names.from_pixels2play(told, "pad") for told in ("left_trigger", "right_stick")] == [
        "pad.left_bumper",
        "pad.right_stick",
    ]
