"""OpenAI's contractors in Minecraft: which line belongs to which frame, what the recorder got wrong, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from playtape.actions import Actions, ActionSpace, Axis
from playtape.errors import BadInput, Truncated
from playtape.recordings import Recording, Span, write_video
from playtape.recordings.formats import _vpt_ticks, vpt
from tests.recordings.pictures import assert_numbered, numbered

SPACE = ActionSpace(
    ("key.w", "key.1", "key.3", "key.5", "mouse.left", "mouse.right"),
    (Axis("mouse.dx"), Axis("mouse.dy"), Axis("mouse.wheel"), Axis("mouse.x", "state"), Axis("mouse.y", "state")),
)
NAME = "cheeky-cornflower-setter-02e496ce4abb-20220421-092639"


def line(
    keys: str = "", clicks: tuple[int, ...] = (), *, move: tuple[float, float] = (0, 0), **more: Any
) -> dict[str, Any]:
    """A tick in the published form. Keys are letters; `new` lists the buttons that went down; the rest goes as it is."""
    new, at, wheel = more.pop("new", ()), more.pop("at", (640.0, 360.0)), more.pop("wheel", 0.0)
    listed = [f"key.keyboard.{key}" for key in keys.split()]
    mouse = {"x": at[0], "y": at[1], "dx": move[0], "dy": move[1], "scaledX": 0.0, "scaledY": 0.0, "dwheel": wheel}
    mouse |= {"buttons": list(clicks), "newButtons": list(new)}
    told = {"mouse": mouse, "keyboard": {"keys": listed, "newKeys": more.pop("new_keys", []), "chars": ""}}
    return {**told, "isGuiOpen": False, "isGuiInventory": False, "hotbar": 0, "yaw": 0.0, "stats": {"a": 1}, **more}


def segment(folder: Path, lines: list[dict[str, Any]], *, version: str = "10.0", frames: int | None = None) -> Path:
    path = folder / version / f"{NAME}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path.with_suffix(".mp4"), numbered(len(lines) if frames is None else frames), fps=20)
    path.write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in lines))
    return path


def rows(recording: Recording) -> Actions:
    return SPACE.actions(recording.events, recording.time_ns)


def held(recording: Recording, name: str) -> list[int]:
    """The intervals in which a button is held."""
    return np.flatnonzero(rows(recording).buttons[:, SPACE.buttons.index(name)]).tolist()


def moved(recording: Recording, name: str) -> list[float]:
    return rows(recording).axes[:, [axis.name for axis in SPACE.axes].index(name)].tolist()


def test_line_t_is_what_was_done_from_frame_t_on(tmp_path: Path) -> None:
    lines = [line() for _ in range(6)]
    lines[2] = line("w", (1,), move=(4.0, -2.0))
    recording = vpt.read(segment(tmp_path, lines))
    assert_numbered(recording.video.stream(), range(6))
    assert held(recording, "key.w") == held(recording, "mouse.right") == [2]
    assert moved(recording, "mouse.dx") == [0, 0, 4, 0, 0, 0]
    assert moved(recording, "mouse.dy") == [0, 0, -2, 0, 0, 0]
    assert recording.warnings == ()


def test_whose_it_is_is_told(tmp_path: Path) -> None:
    info = vpt.read(segment(tmp_path, [line()] * 4, version="7.6")).info
    assert (info.game, info.licence, info.player) == ("minecraft", "MIT", "cheeky-cornflower-setter")
    assert info.extra["session"] == "cheeky-cornflower-setter-02e496ce4abb"
    assert info.extra["recorder"] == "7.6"
    assert info.mouse_scale == 0.15
    assert info.screen == (960, 720)  # of a video of 4:3


def test_attack_is_up_until_it_is_pressed_anew(tmp_path: Path) -> None:
    stuck = (
        [line("", (0,), new=(0,))] + [line("", (0, 1))] * 3 + [line()] + [line("", (0,), new=(0,))] + [line("", (0,))]
    )
    recording = vpt.read(segment(tmp_path, [*stuck, line()]))
    assert held(recording, "mouse.left") == [5, 6]
    assert held(recording, "mouse.right") == [1, 2, 3]
    assert recording.warnings == ("attack was stuck from the start, and counts as up in its 4 ticks",)


@pytest.mark.parametrize("first", [line("", (0,)), line("", (0, 1), new=(0, 1))])
def test_attack_that_is_not_stuck_stays(tmp_path: Path, first: dict[str, Any]) -> None:
    recording = vpt.read(segment(tmp_path, [first, line("", (0,)), line(), line()]))
    assert held(recording, "mouse.left") == [0, 1]
    assert recording.warnings == ()


def test_a_slot_selected_by_the_wheel_is_its_key(tmp_path: Path) -> None:
    lines = [
        line(hotbar=2),
        line(hotbar=2),
        line(hotbar=2, wheel=1.0),
        line(hotbar=4),
        line(hotbar=4),
        line(hotbar=4, wheel=-2.0),
    ]
    recording = vpt.read(segment(tmp_path, [*lines, line(hotbar=4), line(hotbar=4)]))
    assert held(recording, "key.5") == [3]
    assert held(recording, "key.3") == [], "the slot that it starts with was selected before"
    assert moved(recording, "mouse.wheel") == [0, 0, 0, 0, 0, -2, 0, 0]
    assert recording.info.extra["slots_without_keys"] == "1"


def test_a_slot_selected_by_its_key_is_told_once(tmp_path: Path) -> None:
    lines = [line(), line("5"), line(hotbar=4), line(hotbar=4), line("1", hotbar=0), line()]
    recording = vpt.read(segment(tmp_path, lines))
    assert held(recording, "key.5") == [1]
    assert held(recording, "key.1") == [4]
    assert "slots_without_keys" not in recording.info.extra


@pytest.mark.parametrize(
    ("version", "scale"), [("5.7", 0.5), ("5.8", 0.5), ("6.7", 2), ("6.9", 2), ("6.10", 1), ("10.0", 1)]
)
def test_motion_in_menus_is_brought_to_one_scale(tmp_path: Path, version: str, scale: float) -> None:
    lines = [line(move=(3.0, 0)), *[line(move=(3.0, -3.0), isGuiOpen=True)] * 2, line(move=(3.0, 0)), line()]
    recording = vpt.read(segment(tmp_path, lines, version=version))
    dx = moved(recording, "mouse.dx")
    assert (dx[0], sum(dx)) == (3, 6 + 6 * scale)
    assert np.array_equal(dx, np.rint(dx))
    assert recording.warnings == ()


def test_a_version_that_is_not_told_is_told_of(tmp_path: Path) -> None:
    lines = [line(), line(move=(3.0, 0), isGuiOpen=True), line(), line()]
    recording = vpt.read(segment(tmp_path, lines, version="minecraft"))
    assert moved(recording, "mouse.dx")[1] == 3
    assert len(recording.warnings) == 1
    assert "the recorder's version is not told" in recording.warnings[0]


def test_menus_are_spans_and_tell_where_the_cursor_is(tmp_path: Path) -> None:
    menu = {"isGuiOpen": True, "isGuiInventory": True}
    lines = [
        line(at=(5, 5)),
        line(at=(700.4, 300.0), **menu),
        line(at=(700.4, 300.0), **menu),
        line(at=(702.0, 300.0), **menu),
    ]
    lines += [line(at=(9, 9)), line(isGuiOpen=True, at=(1.0, 2.0)), line(), line()]
    recording = vpt.read(segment(tmp_path, lines))
    time = recording.time_ns.tolist()
    assert recording.spans == (Span(time[1], time[4], "menu", "inventory"), Span(time[5], time[6], "menu", "open"))
    pointer = [(time.index(t), name, value) for t, name, value in recording.events.of("mouse.x", "mouse.y")]
    assert pointer == [
        *[(1, "mouse.x", 700), (1, "mouse.y", 300), (3, "mouse.x", 702), (3, "mouse.y", 300)],
        *[(5, "mouse.x", 1), (5, "mouse.y", 2)],
    ]


def test_a_jump_is_left_out(tmp_path: Path) -> None:
    recording = vpt.read(
        segment(tmp_path, [line(move=(1200.0, 0)), line(move=(1201.0, 5)), line(move=(0, 7.0)), line()])
    )
    assert moved(recording, "mouse.dx") == [1200, 0, 0, 0]
    assert moved(recording, "mouse.dy") == [0, 0, 7, 0]
    assert recording.warnings == ("in 1 ticks the mouse jumped by more than half a turn; these jumps were left out",)


def test_a_tap_within_a_tick_is_not_lost(tmp_path: Path) -> None:
    recording = vpt.read(segment(tmp_path, [line(), line(new_keys=["key.keyboard.w"]), line(), line()]))
    assert held(recording, "key.w") == [1]


def test_unknown_keys_are_counted(tmp_path: Path) -> None:
    lines = [line("w unknown"), line("unknown", (7,)), line(), line()]
    recording = vpt.read(segment(tmp_path, lines))
    assert held(recording, "key.w") == [0]
    assert recording.warnings == (
        "2 keys have no name here, and were left out: key.keyboard.unknown (2), mouse button 7 (1)",
    )


def test_more_lines_than_frames(tmp_path: Path) -> None:
    recording = vpt.read(segment(tmp_path, [line("w")] * 9, frames=6))
    assert held(recording, "key.w") == [0, 1, 2, 3, 4]
    assert recording.warnings == ("there are 9 lines and 6 frames; lines without a frame were left out",)
    assert recording.spans == ()


def test_more_frames_than_lines(tmp_path: Path) -> None:
    recording = vpt.read(segment(tmp_path, [line("w")] * 4, frames=6))
    assert held(recording, "key.w") == [0, 1, 2, 3]
    assert recording.warnings == ("there are 4 lines and 6 frames; frames without a line are masked",)
    time = recording.time_ns
    assert recording.spans == (Span(int(time[4]), recording.video.end_ns, "masked", "no line tells what was done"),)


def test_a_device_that_is_null_is_masked(tmp_path: Path) -> None:
    recording = vpt.read(segment(tmp_path, [line("w"), line("w") | {"mouse": None}, line("w"), line()]))
    assert held(recording, "key.w") == [0, 1, 2]
    time = recording.time_ns.tolist()
    assert recording.spans == (Span(time[1], time[2], "masked", "no mouse or no keyboard is told"),)


def test_a_last_line_that_is_cut_is_left_out(tmp_path: Path) -> None:
    path = segment(tmp_path, [line("w")] * 6)
    path.write_bytes(path.read_bytes()[:-40])
    recording = vpt.read(path)
    assert held(recording, "key.w") == [0, 1, 2, 3, 4]
    assert recording.warnings[0] == "the last line is cut off and was left out"
    assert recording.spans[-1].kind == "masked"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has no lines"),
        (b"\n\n", "has no lines"),
        (b'{"mouse": {}}\n{"mouse"\n{}\n', "line 2 is not JSON"),
        (b'{"mou', "line 1 is not JSON"),
        (b"[1, 2]\n", "line 1 tells no tick of VPT's"),
        (b'{"action": 3}\n', "line 1 tells no tick of VPT's"),
        (b'{"mouse": {"dx": "far"}}\n', "line 1 has a mouse, a keyboard or a hotbar of another form"),
        (b'{"mouse": {"dx": 1e300}}\n', "line 1 has a mouse"),
        (b'{"mouse": [1]}\n', "line 1 has a mouse"),
        (b'{"mouse": {"buttons": [[0]]}}\n', "line 1 has a mouse"),
        (b'{"mouse": {}, "keyboard": {"keys": 3}}\n', "line 1 has a mouse"),
        (b'{"mouse": {}, "hotbar": 9}\n', "line 1 has a mouse"),
        (b'{"mouse": {}, "hotbar": true}\n', "line 1 has a mouse"),
    ],
)
def test_a_lying_file_is_told(tmp_path: Path, content: bytes, said: str) -> None:
    path = segment(tmp_path, [line()] * 4)
    path.write_bytes(content)
    with pytest.raises(BadInput, match=said):
        vpt.read(path)


def test_a_line_without_an_end_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_vpt_ticks, "LONGEST", 1 << 20)
    path = segment(tmp_path, [line()] * 4)
    path.write_bytes(b" " * (3 << 20))
    with pytest.raises(BadInput, match="line 1 is longer than 1 MiB"):
        vpt.read(path)


def test_a_segment_without_its_other_half_is_told(tmp_path: Path) -> None:
    path = segment(tmp_path, [line()] * 4)
    assert vpt.find(path.with_suffix(".mp4")) == vpt.find(tmp_path) == [path]
    data = path.with_suffix(".mp4").read_bytes()
    path.with_suffix(".mp4").write_bytes(data[:-30])
    with pytest.raises(Truncated):
        vpt.read(path)
    path.with_suffix(".mp4").unlink()
    with pytest.raises(BadInput, match=r"there is no .*\.mp4; legal is a segment's \.jsonl with its \.mp4 beside it"):
        vpt.read(path)
