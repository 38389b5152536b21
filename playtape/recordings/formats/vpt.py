"""Minecraft played by OpenAI's contractors (VPT, arXiv 2206.11795; openai/Video-Pre-Training, MIT): NAME.jsonl beside NAME.mp4.

    10.0/cheeky-cornflower-setter-02e496ce4abb-20220421-092639.{jsonl, mp4}    VERSION/PLAYER-SESSION-DATE-TIME

Line t tells the tick that frame t shows the beginning of, so `actions[t]` is line t. (D2E's conversion stamps it 50 ms later.)
What the recorder is known to have got wrong is put right here:

- *Attack stuck*: where line 0 says that the left button, and no other, went down, it counts as up until it goes down again.
- *Slots*: a slot of the hotbar that is selected while its key is not down, in that tick or the one before, was so by the wheel.
  Its key, key.1 to key.9, stands in for that for a tick, and a wheel step of those two ticks is left out: the hand did it once.
- *Menus*: mouse motion while a menu is open is halved for recorder 5.7 and 5.8, doubled for 6.7 to 6.9. The folder's name is the
  recorder's version.
- *Jumps*: motion of more than half a turn in a tick is none. (In what OpenAI published, this check is never reached.)
- A key that stands in `newKeys` alone was down for less than a tick, and is held in it.

A count of the mouse turns by DEGREES_PER_COUNT. While a menu is open a span "menu" says so ("inventory", or "open" for others),
and mouse.x, mouse.y tell where the cursor is on the contractor's screen of 720 lines; the picture does not show it. Frames for
which there is no line are masked. Inventory, place and statistics are not read.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from playtape.actions import ActionSpace, Axis, Events
from playtape.actions.names import INDEX
from playtape.actions.runs import runs
from playtape.errors import BadInput
from playtape.recordings.formats._vpt_ticks import NUMBERS, Ticks, read_ticks
from playtape.recordings.nouns import Info, Recording, Span
from playtape.recordings.video import Video, write_video

__all__ = ["example", "find", "read"]

HZ = 20
DEGREES_PER_COUNT = 360 / 2400
MENU_SCALE = {"5.7": 0.5, "5.8": 0.5, "6.7": 2.0, "6.8": 2.0, "6.9": 2.0}
MOST_DEGREES = 180.0
SCREEN_LINES = 720
NOTCH = 120  # parts of a wheel's step that a recording can tell
MENUS = ("", "open", "inventory")
SOURCE = "https://github.com/openai/Video-Pre-Training"
VERSION = re.compile(r"\d{1,2}\.\d{1,2}")
NAMED = re.compile(r"(?P<player>.+)-(?P<session>[0-9a-f]{12})-\d{8}-\d{6}")


def find(root: Path) -> list[Path]:
    """The action files (.jsonl) at or below `root`, sorted; of a video, the one beside it."""
    root = Path(root)
    if root.is_file():
        return [root.with_suffix(".jsonl") if root.suffix == ".mp4" else root]
    return sorted(path for path in root.rglob("*.jsonl") if path.is_file() and not path.name.startswith("."))


def read(path: Path) -> Recording:
    """One segment of up to five minutes. Raises BadInput for an action file without a video, and for what is no such file."""
    path = Path(path)
    film = path.with_suffix(".mp4")
    for file, other in ((path, film), (film, path)):
        if not file.is_file():
            raise BadInput(
                f"there is no {file}; legal is a segment's .jsonl with its .mp4 beside it, here {other.name}"
            )
    video = Video(film)
    ticks = read_ticks(path, len(video))
    version = path.absolute().parent.name if VERSION.fullmatch(path.absolute().parent.name) else ""
    warnings: list[str] = []
    _count(ticks, len(video), warnings)
    named = NAMED.fullmatch(path.stem)
    told = {"hz": str(HZ), "segment": path.stem} | ({"recorder": version} if version else {})
    if named:
        told["session"] = f"{named['player']}-{named['session']}"
    events = Events.concatenate(_cursor(ticks, video.time_ns), _done(ticks, video.time_ns, version, told, warnings))
    width, height = video.coded_size
    info = Info(
        game="minecraft",
        source=SOURCE,
        licence="MIT",
        screen=(round(SCREEN_LINES * width / height), SCREEN_LINES),
        mouse_scale=DEGREES_PER_COUNT,
        player=named["player"] if named else "",
        extra=told,
    )
    return Recording(video, events, _spans(ticks, video), info, warnings=(*warnings, *video.warnings))


def _count(ticks: Ticks, frames: int, warnings: list[str]) -> None:
    """Tell what is missing, and what nobody has a name for."""
    if ticks.cut:
        warnings.append("the last line is cut off and was left out")
    if ticks.lines != frames:
        rest = "frames without a line are masked" if ticks.lines < frames else "lines without a frame were left out"
        warnings.append(f"there are {ticks.lines} lines and {frames} frames; {rest}")
    if silent := sum(ticks.silent):
        warnings.append(f"{silent} ticks tell no mouse or no keyboard, and are masked")
    if ticks.unknown:
        listed = ", ".join(f"{name} ({count})" for name, count in ticks.unknown.most_common(8))
        warnings.append(f"{len(ticks.unknown)} keys have no name here, and were left out: {listed}")


def _done(ticks: Ticks, time_ns: np.ndarray, version: str, told: dict[str, str], warnings: list[str]) -> Events:
    """What hands did, put right. How many slots were selected without their keys goes into `told`."""
    held = {name: ticks.rows(name) | ticks.rows(name, fresh=True) for name in {*ticks.down, *ticks.fresh}}
    _unstick(ticks, held, warnings)
    numbers = ticks.numbers()
    motion, wheel = numbers[:, :2], np.rint(numbers[:, 2] * NOTCH) / NOTCH
    selected = _selected(ticks, held)
    if selected:
        told["slots_without_keys"] = str(sum(int(rows.sum()) for rows in selected.values()))
    for slot, rows in selected.items():
        held[slot] = held.get(slot, np.zeros(len(ticks), bool)) | rows
        wheel[rows] = 0
        wheel[:-1][rows[1:]] = 0
    motion = _in_menus(ticks, motion, version, warnings)
    far = np.abs(motion * DEGREES_PER_COUNT).max(1) > MOST_DEGREES
    if far.any():
        warnings.append(
            f"in {int(far.sum())} ticks the mouse jumped by more than half a turn; these jumps were left out"
        )
    motion = np.where(far[:, None], 0, motion)
    whole = np.diff(np.rint(np.cumsum(motion, 0)), prepend=np.zeros((1, 2)), axis=0)  # never half a count astray
    space = ActionSpace(
        tuple(sorted(held, key=INDEX.__getitem__)), (Axis("mouse.dx"), Axis("mouse.dy"), Axis("mouse.wheel"))
    )
    actions = space.zeros(len(time_ns))
    for column, name in enumerate(space.buttons):
        actions.buttons[: len(ticks), column] = held[name]
    actions.axes[: len(ticks)] = np.column_stack([whole, np.clip(wheel, -NOTCH, NOTCH)])
    return space.events(actions, time_ns)


def _unstick(ticks: Ticks, held: dict[str, np.ndarray], warnings: list[str]) -> None:
    """The left button that is down from the first tick until it is pressed anew was never pressed."""
    first = {name for name, when in ticks.fresh.items() if name.startswith("mouse.") and when[0] == 0}
    if first != {"mouse.left"}:
        return
    again = ticks.fresh["mouse.left"][1] if len(ticks.fresh["mouse.left"]) > 1 else len(ticks)
    warnings.append(
        f"attack was stuck from the start, and counts as up in its {int(held['mouse.left'][:again].sum())} ticks"
    )
    held["mouse.left"][:again] = False


def _selected(ticks: Ticks, held: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """key.1 to key.9 -> bool [N]: the ticks in which its slot was selected and the key was not down, in it or the one before."""
    slot = np.array(ticks.slot, np.int8)
    changed = np.flatnonzero((np.diff(slot) != 0) & (slot[1:] >= 0) & (slot[:-1] >= 0)) + 1
    found: dict[str, np.ndarray] = {}
    for t in changed:
        name = f"key.{slot[t] + 1}"
        if name not in held or not held[name][t - 1 : t + 1].any():
            found.setdefault(name, np.zeros(len(slot), bool))[t] = True
    return found


def _in_menus(ticks: Ticks, motion: np.ndarray, version: str, warnings: list[str]) -> np.ndarray:
    """Motion float64 [N, 2], of one scale in menus and out of them."""
    menu = np.array(ticks.gui, bool)
    moved = menu & (motion != 0).any(1)
    if not version and moved.any():
        warnings.append(
            "the recorder's version is not told (by the folder's name, such as 6.9), so motion in menus is as it was"
        )
    return np.where(menu[:, None], motion * MENU_SCALE.get(version, 1.0), motion)


def _cursor(ticks: Ticks, time_ns: np.ndarray) -> Events:
    """Where the cursor is when a frame is shown: in menus, and where it has changed."""
    menu = np.array(ticks.gui, bool)
    where = np.rint(ticks.numbers()[:, [NUMBERS.index("x"), NUMBERS.index("y")]])
    before = np.vstack([[[np.nan, np.nan]], where[:-1]])
    opened = menu & ~np.append(False, menu[:-1])
    rows = np.flatnonzero(menu & (opened | (where != before).any(1)))
    names = np.array([INDEX["mouse.x"], INDEX["mouse.y"]], np.int16)
    return Events(np.repeat(time_ns[rows], 2), np.tile(names, len(rows)), where[rows].ravel().astype(np.float32))


def _spans(ticks: Ticks, video: Video) -> tuple[Span, ...]:
    """Menus, and frames that no line tells of."""
    ends = np.append(video.time_ns[1:], video.end_ns)
    kinds = np.array(ticks.gui, np.int8)
    found = [
        Span(int(video.time_ns[start]), int(ends[end - 1]), "menu", MENUS[kind])
        for kind in (1, 2)
        for start, end in runs(kinds == kind)
    ]
    for start, end in runs(np.array(ticks.silent, bool)):
        found.append(Span(int(video.time_ns[start]), int(ends[end - 1]), "masked", "no mouse or no keyboard is told"))
    if len(ticks) < len(video):
        found.append(Span(int(video.time_ns[len(ticks)]), video.end_ns, "masked", "no line tells what was done"))
    return tuple(sorted(found))


def example(tmp: Path) -> Path:
    """Two seconds: a walk, a swing, a slot selected by the wheel, and a look into the inventory."""
    folder = Path(tmp) / "10.0"
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / "made-up-player-0123456789ab-20220421-092639"
    frames = np.zeros((2 * HZ, 36, 64, 3), np.uint8)
    lines = []
    for t, frame in enumerate(frames):
        frame[14:22, t : t + 8] = (90, 160, 60)
        menu = 25 <= t < 35
        keys = ["key.keyboard.w"] * (2 <= t < 20) + ["key.keyboard.e"] * (t in (24, 34))
        buttons, moved = [0] * (8 <= t < 12), (3.0, -1.0) if 4 <= t < 16 or 28 <= t < 31 else (0.0, 0.0)
        mouse: dict[str, Any] = {
            "x": 640.0 + 3 * max(0, min(t, 31) - 28),
            "y": 360.0 - max(0, min(t, 31) - 28),
            "dx": moved[0],
        }
        mouse |= {"dy": moved[1], "dwheel": -1.0 * (t == 21), "buttons": buttons, "newButtons": [0] * (t == 8)}
        keyboard = {"keys": keys, "newKeys": keys if t in (2, 24, 34) else [], "chars": ""}
        rest = {"isGuiOpen": menu, "isGuiInventory": menu, "hotbar": int(t >= 22), "tick": t}
        lines.append(orjson.dumps({"mouse": mouse, "keyboard": keyboard, **rest}))
    write_video(stem.with_suffix(".mp4"), frames, fps=HZ)
    stem.with_suffix(".jsonl").write_bytes(b"\n".join(lines) + b"\n")
    return Path(tmp)
