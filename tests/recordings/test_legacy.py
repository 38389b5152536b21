"""Every older schema version reads as today's: pure functions, one fixture a version."""

import copy

import pytest

from playtape.recordings import open_recording
from playtape.recordings.legacy import UPGRADES, pointer_config, schema_name
from tests.recordings.pictures import EPOCH

OLD_NAMES = {
    "before 0.3.0": ("owa_env_desktop.msg.", "owa_env_gst.msg.ScreenEmitted"),
    "before 0.3.0, without msg": ("owa_env_desktop.", "owa_env_gst.ScreenEmitted"),
    "before 0.4.2": ("owa.env.desktop.msg.", "owa.env.gst.msg.ScreenEmitted"),
    "today": ("desktop/", "desktop/ScreenCaptured"),
}
KINDS = {
    "keyboard": "KeyboardEvent",
    "keyboard/state": "KeyboardState",
    "mouse": "MouseEvent",
    "mouse/raw": "RawMouseEvent",
    "mouse/state": "MouseState",
    "window": "WindowInfo",
}


def screen_today(pts: int) -> dict:
    return {"source_shape": [64, 48], "media_ref": {"uri": "video.mp4", "pts_ns": pts}}


SCREENS = {
    "before 0.5.0": lambda pts: {"path": "video.mp4", "pts": pts, "original_shape": [64, 48], "utc_ns": EPOCH + pts},
    "before 0.5.1": lambda pts: {
        "source_shape": [64, 48],
        "media_ref": {"type": "external_video", "path": "video.mp4", "pts_ns": pts},
    },
    "today": screen_today,
}
STATES = {"before 0.3.2": {"pressed_vk_list": [87]}, "today": {"buttons": [87]}}
RAWS = {
    "before 0.5.5": {"dx": 3, "dy": -4, "button_flags": 0, "button_data": 0x1, "timestamp": None},
    "today": {"us_flags": 0, "last_x": 3, "last_y": -4, "button_flags": 0x1, "button_data": 0},
}


@pytest.mark.parametrize("prefix", OLD_NAMES)
@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("raw", RAWS)
def test_all_versions_read_alike(mcap, video, prefix, screen, state, raw):
    desktop, shown = OLD_NAMES[prefix]
    schemas = {topic: desktop + kind for topic, kind in KINDS.items()} | {"screen": shown}
    rows = [(EPOCH + t, "screen", SCREENS[screen](t)) for t in video.time_ns.tolist()]
    rows += [
        (EPOCH + 5, "keyboard", {"event_type": "press", "vk": 87}),
        (EPOCH + 700_000_000, "keyboard/state", STATES[state]),
        (EPOCH + 900_000_000, "mouse/raw", RAWS[raw]),
        (EPOCH + 950_000_000, "keyboard", {"event_type": "release", "vk": 87}),
        (EPOCH + 960_000_000, "mouse/state", {"x": 1, "y": 1, "buttons": ["left"]}),
        (EPOCH + 970_000_000, "window", {"title": "t", "rect": [0, 0, 1, 1], "hWnd": 1}),
    ]
    recording = open_recording(mcap(rows, schemas=schemas, screens=False))
    assert list(recording.events) == [
        (5, "key.w", 1),
        (900_000_000, "mouse.dx", 3),
        (900_000_000, "mouse.dy", -4),
        (900_000_000, "mouse.left", 1),
        (950_000_000, "key.w", 0),
    ]
    assert recording.info.screen == (64, 48)
    assert recording.warnings == ("1 buttons are still down at the end (mouse.left)",)


def test_upgrades_are_pure_and_leave_todays_messages_alone():
    today = {
        "desktop/KeyboardState": STATES["today"],
        "desktop/ScreenCaptured": screen_today(5),
        "desktop/RawMouseEvent": RAWS["today"],
    }
    assert set(today) == set(UPGRADES)
    for name, message in today.items():
        before = copy.deepcopy(message)
        assert UPGRADES[name](message) == before
        assert message == before
    old = SCREENS["before 0.5.1"](5)
    before = copy.deepcopy(old)
    assert UPGRADES["desktop/ScreenCaptured"](old) == screen_today(5)
    assert old == before


@pytest.mark.parametrize(
    ("reference", "uri"),
    [
        ({"type": "embedded", "format": "png", "data": "QUJD"}, "data:image/png;base64,QUJD"),
        ({"type": "external_image", "path": "a.png"}, "a.png"),
    ],
)
def test_tagged_pictures(reference, uri):
    assert UPGRADES["desktop/ScreenCaptured"]({"media_ref": reference})["media_ref"] == {"uri": uri, "pts_ns": None}


def test_unknown_schemas_keep_their_name():
    assert schema_name("foo/Bar") == "foo/Bar"
    assert schema_name("owa.env.desktop.msg.KeyboardEvent") == "desktop/KeyboardEvent"


def test_pointer_curves_before_0_5_6():
    assert pointer_config({"SmoothMouseXCurve": "FQAAAA==", "MouseSpeed": "0"}) == {
        "SmoothMouseXCurve": "15000000",
        "MouseSpeed": "0",
    }
    assert pointer_config({"SmoothMouseXCurve": "00ff"}) == {"SmoothMouseXCurve": "00ff"}
    assert pointer_config({"SmoothMouseXCurve": "None", "SmoothMouseYCurve": "!?"}) == {}
