"""Counter-Strike: Global Offensive (Pearce and Zhu, arXiv 2104.04258; TeaPearce/CounterStrike_Deathmatch), a minute a file.

    hdf5_dm_july2021_expert_1.hdf5: for each frame i, 16 a second,
        frame_i_x          uint8 [150, 280, 3], blue first     frame_i_y       [51], what was done
        frame_i_helperarr  [2], killed, died                   frame_i_xaux    [54], what was before

- y is 11 keys (KEYS), left and right click, and which of 23 values of mouse motion right and of 15 down was nearest.
- Picture i was taken just after the game's state i - 1 was read, and y of i tells the change from state i - 1 to i. So
  `actions[t]` is y of t, and a kill or death of helperarr t is a span of that interval.
- Files named "expert" were played for the purpose, their walking, jumping, reloading and left clicks recorded. All the rest is
  inferred from the game's state as a spectator sees it, and wrong at times: `labels` in the info says which.
- While the player is dead, y tells nothing and looks like idling. Those intervals are masked: xaux of i + 1 tells the health
  at i.
- Control and Shift have no side. Motion is in counts of a mouse of which one turns by DEGREES_PER_COUNT.

The data set's card says MIT; its authors' code may not be used commercially. The pictures are coded anew: visibly alike, not
equal.
"""

import math
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from playtape.actions import Actions, ActionSpace, Axis
from playtape.actions.runs import runs
from playtape.errors import BadInput, Truncated, first_line, need
from playtape.recordings.formats._coded import coded
from playtape.recordings.nouns import Info, Recording, Span

__all__ = ["example", "find", "read"]

FPS = 16.0
ENDINGS = (".hdf5", ".h5")
KEYS = ("w", "a", "s", "d", "space", "control", "shift", "1", "2", "3", "r")
BUTTONS = (*(f"key.{key}" for key in KEYS), "mouse.left", "mouse.right")
RIGHT = (-1000, -500, -300, -200, -100, -60, -30, -20, -10, -4, -2, 0, 2, 4, 10, 20, 30, 60, 100, 200, 300, 500, 1000)
DOWN = (-200, -100, -50, -20, -10, -4, -2, 0, 2, 4, 10, 20, 50, 100, 200)
SPACE = ActionSpace(BUTTONS, (Axis("mouse.dx", scale=100.0), Axis("mouse.dy", scale=20.0)))
DEGREES_PER_COUNT = math.degrees(0.00096)
DONE = len(BUTTONS) + len(RIGHT) + len(DOWN)  # 51
BEFORE, HEALTH = 54, 15  # numbers in xaux: three frames of 18; where the health of the one before stands
MOST_SIDE = 4096
PICTURE = re.compile(r"frame_(\d+)_x")
SOURCE = "https://huggingface.co/datasets/TeaPearce/CounterStrike_Deathmatch"


def find(root: Path) -> list[Path]:
    """The HDF5 files at or below `root`, sorted."""
    root = Path(root)
    if root.is_file():
        return [root]
    return sorted(path for path in root.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())


def read(path: Path) -> Recording:
    """A minute of play. Its video is a temporary file that lives as long as the recording: save with video="copy".

    Raises BadInput for what is no such file, a frame that is missing, and numbers of another form; Truncated for one that ends
    early.
    """
    path = Path(path)
    warnings: list[str] = []
    with _opened(path) as file:
        with _reading(path):
            count = _frames(path, file)
            done = np.stack([_numbers(path, file, f"frame_{i}_y", DONE) for i in range(count)])
            height, width, _ = _picture(path, file, 0, None).shape
            dead = _dead(path, file, count, warnings)
            struck = _column(path, file, count, "helperarr", 2, warnings)
        video = coded(path.stem, _pictures(path, file, count), (width, height), FPS)
    actions, told = _actions(done)
    if not told.all():
        warnings.append(f"{int((~told).sum())} frames tell no mouse motion, and are masked")
    time = np.append(video.time_ns, video.end_ns).tolist()
    spans = [Span(time[start], time[end], "masked", "the player is dead") for start, end in runs(dead)]
    spans += [Span(time[start], time[end], "masked", "no mouse motion is told") for start, end in runs(~told)]
    if struck is not None:
        kinds = (("kill", struck[:, 0] > 0.5), ("death", struck[:, 1] > 0.5))
        spans += [Span(time[t], time[t + 1], kind, "") for kind, rows in kinds for t in np.flatnonzero(rows)]
    expert = "expert" in path.stem
    info = Info(
        game="csgo",
        source=SOURCE,
        licence="MIT",
        mouse_scale=DEGREES_PER_COUNT,
        extra={"hz": f"{FPS:g}", "file": path.stem, "labels": "recorded in part" if expert else "inferred"},
    )
    return Recording(video, SPACE.events(actions, video.time_ns), tuple(sorted(spans)), info, warnings=tuple(warnings))


def _opened(path: Path) -> Any:
    """The HDF5 file."""
    h5py = need("h5py", "formats")
    with _reading(path):
        return h5py.File(path, "r")


@contextmanager
def _reading(path: Path) -> Generator[None]:
    """Whatever the HDF5 library cannot read becomes one sentence. Nothing else belongs in here: other faults have other names."""
    try:
        yield
    except BadInput:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        said = first_line(error)
        if "truncated file" in said:
            raise Truncated(f"{path} ends early ({said}); copy or download it again") from error
        raise BadInput(f"{path} is not a readable HDF5 file: {said}") from error


def _frames(path: Path, file: Any) -> int:
    """How many frames there are, 0 to that without a gap."""
    numbers = {int(match[1]) for name in file if (match := PICTURE.fullmatch(name))}
    if len(numbers) < 2:
        raise BadInput(f"{path} holds {len(numbers)} pictures; legal are two or more, frame_0_x, frame_1_x and so on")
    gap = next((i for i in range(len(numbers)) if i not in numbers), None)
    if gap is not None:
        raise BadInput(f"{path} holds {len(numbers)} pictures but no frame_{gap}_x; legal are all from frame_0_x on")
    return len(numbers)


def _dataset(path: Path, file: Any, name: str) -> Any:
    """A data set that lies in the file itself: a link or a virtual one would read any other file."""
    h5py = need("h5py", "formats")
    link = file.get(name, getlink=True)
    found = file[name] if isinstance(link, h5py.HardLink) else None
    if not isinstance(found, h5py.Dataset) or found.is_virtual or found.external:
        raise BadInput(f"{path} has no data set {name} of its own; legal are _x and _y of each frame")
    return found


def _numbers(path: Path, file: Any, name: str, length: int) -> np.ndarray:
    """float64 [length]."""
    found = _dataset(path, file, name)
    if found.shape != (length,) or found.dtype.kind not in "fiub":
        raise BadInput(f"{name} in {path} is {found.dtype} {list(found.shape)}; legal are {length} numbers")
    values = found[()].astype(np.float64)
    if not np.isfinite(values).all():
        raise BadInput(f"{name} in {path} holds {values[~np.isfinite(values)][0]}; legal are {length} finite numbers")
    return values


def _picture(path: Path, file: Any, i: int, shape: tuple[int, ...] | None) -> Any:
    """The data set of a picture [H, W, 3], of the first one's shape."""
    found = _dataset(path, file, f"frame_{i}_x")
    good = found.ndim == 3 and found.shape[2] == 3 and min(found.shape[:2]) >= 2 and max(found.shape[:2]) <= MOST_SIDE
    if not good or found.dtype != np.uint8 or shape not in (None, found.shape):
        legal = f"uint8 {list(shape)} as the first" if shape else f"uint8 [H, W, 3] with sides of 2 to {MOST_SIDE}"
        raise BadInput(f"frame_{i}_x in {path} is {found.dtype} {list(found.shape)}; legal is {legal}")
    return found


def _pictures(path: Path, file: Any, count: int) -> Iterator[np.ndarray]:
    """uint8 [H, W, 3], red first, one in memory at a time."""
    shape: tuple[int, ...] | None = None
    for i in range(count):
        with _reading(path):
            found = _picture(path, file, i, shape)
            shape, picture = found.shape, found[()]
        yield np.ascontiguousarray(picture[..., ::-1])


def _column(path: Path, file: Any, count: int, what: str, length: int, warnings: list[str]) -> np.ndarray | None:
    """float64 [count, length] of what not every file has."""
    names = [f"frame_{i}_{what}" for i in range(count)]
    if not all(name in file for name in names):
        warnings.append(f"{what} is not told of each frame, and was left out")
        return None
    return np.stack([_numbers(path, file, name, length) for name in names])


def _dead(path: Path, file: Any, count: int, warnings: list[str]) -> np.ndarray:
    """bool [count]: intervals before or after which the player had no health, so that nothing was inferred."""
    before = _column(path, file, count, "xaux", BEFORE, warnings)
    if before is None:
        return np.zeros(count, bool)
    down = np.append(before[1:, HEALTH] <= 0, False)
    return down | np.append(False, down[:-1])


def _actions(done: np.ndarray) -> tuple[Actions, np.ndarray]:
    """float64 [T, 51] -> actions, and bool [T]: is one motion told of each axis?"""
    right, down = np.split(done[:, len(BUTTONS) :], [len(RIGHT)], axis=1)
    told = ((right > 0.5).sum(1) == 1) & ((down > 0.5).sum(1) == 1)
    moved = np.column_stack([np.array(RIGHT)[right.argmax(1)], np.array(DOWN)[down.argmax(1)]])
    axes = np.where(told[:, None], moved, 0).astype(np.float32)
    return Actions(done[:, : len(BUTTONS)] > 0.5, axes), told


def example(tmp: Path) -> Path:
    """Two seconds of a wall that turns as the mouse says; the player shoots, is hit, and is dead for a moment."""
    h5py = need("h5py", "formats")
    tmp = Path(tmp)
    tmp.mkdir(parents=True, exist_ok=True)
    rng, count = np.random.default_rng(0), int(2 * FPS)
    wall = np.repeat(rng.integers(0, 256, (30, 32, 3), dtype=np.uint8), 8, axis=1)
    turns = np.repeat(rng.integers(8, 15, count // 4), 4)  # places in RIGHT
    done = np.zeros((count, DONE))
    done[4:12, KEYS.index("w")] = done[6:9, len(KEYS)] = 1
    done[np.arange(count), len(BUTTONS) + turns] = done[:, len(BUTTONS) + len(RIGHT) + DOWN.index(0)] = 1
    before = np.zeros((count, BEFORE))
    before[1:, HEALTH] = 1
    before[21:25, HEALTH] = 0
    headings = np.cumsum(np.append(0, np.array(RIGHT)[turns]))
    with h5py.File(tmp / "hdf5_dm_made_up_expert_1.hdf5", "w") as file:
        for i in range(count):
            file[f"frame_{i}_x"] = np.roll(wall, -headings[i], axis=1)[:, :56, ::-1]
            file[f"frame_{i}_y"], file[f"frame_{i}_xaux"] = done[i], before[i]
            file[f"frame_{i}_helperarr"] = np.array([i == 8, i == 19], float)
    return tmp
