"""Episodes of robots as .npz files, a file each: those of iVideoGPT (thuml/iVideoGPT, MIT), and what its converters write.

Five layouts, told apart by what is inside, and where that is one, by the data set that their folder is named after:

| from | fields |
|---|---|
| demonstrations | `observation` uint8 [L+1, 9, H, W], three pictures, the newest last; `action` [L+1, A], `reward`, `discount` |
| BAIR | `image`, `aux1_image` [T, H, W, 3], 0 to 255 in int64; `action` [T, A] |
| RoboNet (`robonet`, `robo_net`) | `image` uint8 [T, H, W, 3]; `action` [T-1, A]; perhaps `state`, `low_bound`, `high_bound` |
| OXE | one picture key uint8 [T, H, W, 3], no action |
| VP2 | `image`, or as in its sources `obs/agentview_shift_2_image`, `obs/camera_image`; `action` [T, A] or [T-1, A] |

- Row k of a demonstration led *to* picture k, and row 0 is none: `actions[t]` is its row t + 1. It was cut off at -1 and 1 by the
  simulator and not in the file, so it is here, and counted: in `warnings`, and as `clipped` in the info. In all others
  `actions[t]` is row t.
- RoboNet's arms have five numbers: of four, the fifth is where the gripper went, if `state` tells; what is less is filled up with
  zeros, what is more is cut off.
- An axis is a state `arm.0`, ...: it holds for its interval. A last row without a picture after it is dropped.
- Rewards become spans "reward" of their interval, and a discount of 0 a span "end".
- The files do not say how many pictures a second there are: it is what the option `fps` says, what recordings/mixes.py knows of
  the data set, or FPS (`rate` in the info is then "assumed").
- Of several cameras the data set's published one is read, else the one in KEYS that comes first.
- A folder or a file's name that says train, test or validation is the split.

The picture is coded anew, since the file has none of a video: visibly alike, not equal.
"""

import os
import re
import zipfile
from pathlib import Path

import numpy as np

from playtape.actions import Actions, ActionSpace, Axis
from playtape.errors import BadInput, first_line
from playtape.recordings.formats._coded import coded, rate
from playtape.recordings.mixes import Part, known
from playtape.recordings.nouns import Info, Recording, Span

__all__ = ["example", "find", "read"]

FPS = 10.0
STACK = 3  # channels of one picture in a stack
MOST_BYTES = 4 << 30  # of one array, unpacked
MOST_AXES = 32
MOST = float(np.finfo(np.float32).max)  # that an action or a reward can be
KEYS = (
    *("observation", "aux1_image", "image", "rgb_static", "front_rgb", "agentview_rgb", "rgb"),
    *(f"image_{k}" for k in range(1, 5)),
    *("agentview_shift_2_image", "camera_image"),
)
REST = ("action", "reward", "discount", "state", "low_bound", "high_bound")
SPLITS = {"train": "train", "test": "test", "val": "validation", "validation": "validation"}
NUMBERED = re.compile(r"(?:(train|test|val|validation)_)?(eps|traj)_.*")  # a name that each data set has
ROBONET_AXES = 5


def find(root: Path) -> list[Path]:
    """The .npz files at or below `root`, sorted."""
    root = Path(root)
    if root.is_file():
        return [root] if root.suffix == ".npz" else []
    return sorted(path for path in root.rglob("*.npz") if path.is_file())


def read(path: Path, *, fps: float | str | None = None) -> Recording:
    """One episode, of so many pictures a second, where that is known. Its video is a temporary file that lives as long as the
    recording: save with video="copy".

    Raises BadInput for what is no such file, has no pictures, pictures that are none, or actions of another length.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100  # a data set is the name of a folder, be it a link
    names = [name for name in path.parent.parts if name not in SPLITS]
    dataset = names[-1] if len(names) > 1 else ""
    part = known(dataset)
    key, fields = _fields(path, part)
    pictures = _pictures(path, key, fields[key])
    led_here = key == "observation"
    warnings: list[str] = []
    actions, clipped = _actions(path, fields.get("action"), len(pictures), led_here, warnings)
    if actions.shape[1] and dataset.lower().replace("_", "").startswith("robonet"):
        actions = _as_robonet(path, actions, fields, warnings)
    hz, paced = rate(fps, None if part is None else part.hz, FPS)
    height, width = pictures.shape[1:3]
    video = coded(path.stem, pictures, (width, height), hz)
    spans = _spans(path, fields, video.time_ns, led_here, warnings)
    split = _split(path)
    numbered = {"session": "/".join(filter(None, (dataset, split, path.stem)))} if NUMBERED.fullmatch(path.stem) else {}
    told = paced | ({"clipped": str(clipped)} if clipped else {})
    info = Info(
        game=dataset or "robot",
        source=path.name,
        licence="not told",
        screen=(width, height),
        split=split,
        extra={"episode": path.stem, "picture": key, **numbered, **told},
    )
    space = ActionSpace((), tuple(Axis(f"arm.{k}", "state") for k in range(actions.shape[1])))
    events = space.events(Actions(np.zeros((len(actions), 0), bool), actions), video.time_ns)
    return Recording(video=video, events=events, spans=tuple(spans), info=info, warnings=tuple(warnings))


def _split(path: Path) -> str:
    """By the file's name, or the folder's."""
    named = NUMBERED.fullmatch(path.stem)
    return SPLITS.get((named[1] if named else None) or path.parent.name, "")


def _fields(path: Path, part: Part | None) -> tuple[str, dict[str, np.ndarray]]:
    """Which picture is read, and the arrays that are, by what their names end in after a slash."""
    try:
        with zipfile.ZipFile(path) as packed, np.load(path, allow_pickle=False) as arrays:
            names: dict[str, list[str]] = {}
            for name in arrays.files:
                names.setdefault(name.rpartition("/")[2], []).append(name)
            wanted = KEYS if part is None else (part.picture, *KEYS)
            key = next((key for key in wanted if key in names), None)
            if key is None:
                raise BadInput(
                    f"{path} has no pictures: it holds {', '.join(arrays.files) or 'nothing'}; legal are {', '.join(KEYS)}"
                )
            fields = {}
            for short in (short for short in (key, *REST) if short in names):
                name, *others = names[short]
                if others:
                    raise BadInput(f"{path} holds {' and '.join(names[short])}; legal is one {short}")
                if packed.getinfo(f"{name}.npy").file_size > MOST_BYTES:
                    raise BadInput(f"{path} unpacks to more than {MOST_BYTES >> 30} GiB in {name}")
                fields[short] = arrays[name]
                if not isinstance(fields[short], np.ndarray):  # numpy gives the bytes of what is none
                    raise BadInput(f"{name} in {path} is no array of numpy's, which its .npy must be")
            return key, fields
    except BadInput:
        raise
    except Exception as error:  # damaged in any of the ways that zip and npy have, or with objects in it
        raise BadInput(f"{path} is not a readable .npz file of arrays: {first_line(error)}") from error


def _pictures(path: Path, key: str, found: np.ndarray) -> np.ndarray:
    """uint8 [T, H, W, 3]."""
    if found.ndim == 4 and key == "observation" and found.shape[1] % STACK == 0:
        found = found[:, -STACK:].transpose(0, 2, 3, 1)
    if found.ndim != 4 or found.shape[-1] != 3 or len(found) < 2 or min(found.shape[1:3]) < 2:
        raise BadInput(
            f"{key} in {path} is {list(found.shape)}; legal are [T, H, W, 3], and [T, 9, H, W] as observation, "
            "of two pictures or more"
        )
    if found.dtype.newbyteorder("=") not in (np.uint8, np.int64):  # BAIR's are the latter, in eight times the room
        raise BadInput(
            f"{key} in {path} is {found.dtype}; pictures must be whole numbers from 0 to 255, uint8 or int64"
        )
    if found.dtype != np.uint8 and (found.min() < 0 or found.max() > 255):
        raise BadInput(f"{key} in {path} goes from {found.min()} to {found.max()}; pictures go from 0 to 255")
    return np.ascontiguousarray(found.astype(np.uint8))


def _actions(
    path: Path, found: np.ndarray | None, frames: int, led_here: bool, warnings: list[str]
) -> tuple[np.ndarray, int]:
    """float32 [T, A] of which the last row is 0: what was done from each picture on; and how many numbers were cut off."""
    if found is None:
        warnings.append("no action is told")
        return np.zeros((frames, 0), np.float32), 0
    if (
        found.ndim != 2
        or len(found) not in ((frames,) if led_here else (frames, frames - 1))
        or found.dtype.kind not in "fiu"
    ):
        raise BadInput(
            f"action in {path} is {found.dtype} {list(found.shape)}; with {frames} pictures it must be [{frames}, A] numbers"
        )
    if not 1 <= found.shape[1] <= MOST_AXES:
        raise BadInput(f"action in {path} has {found.shape[1]} numbers; 1 to {MOST_AXES} are legal")
    rows = found[1:] if led_here else found[: frames - 1]
    if not np.isfinite(rows).all():
        raise BadInput(f"action in {path} has a number that is not finite")
    beyond = int((np.abs(rows) > 1).sum()) if led_here else 0
    if beyond:
        warnings.append(f"{beyond} of {rows.size} numbers of actions are beyond -1 to 1 and were cut off")
        rows = rows.clip(-1, 1)
    with np.errstate(over="ignore"):
        told = np.concatenate([rows, np.zeros_like(rows[:1])]).astype(np.float32)
    if not np.isfinite(told).all():
        raise BadInput(f"action in {path} goes to {np.abs(rows).max():g}; {MOST:g} is the most that is legal")
    return told, beyond


def _as_robonet(path: Path, actions: np.ndarray, fields: dict[str, np.ndarray], warnings: list[str]) -> np.ndarray:
    """float32 [T, A] to [T, 5]. The gripper of an arm that closes by itself went to the bound that it was then nearer to."""
    count = actions.shape[1]
    told = [fields[name] for name in ("state", "low_bound", "high_bound") if name in fields]
    if count == ROBONET_AXES - 1 and len(told) == 3:
        state, low, high = told
        if (
            state.ndim != 2
            or len(state) != len(actions)
            or not all(each.size and each.dtype.kind in "fiu" for each in told)
        ):
            raise BadInput(
                f"state in {path} is {state.dtype} {list(state.shape)}, with bounds {list(low.shape)} and {list(high.shape)}; "
                f"it must be [{len(actions)}, S] numbers, and bounds [S]"
            )
        for name, column in (("state", state[:, -1]), ("low_bound", low.flat[-1]), ("high_bound", high.flat[-1])):
            if not (np.abs(column) <= MOST).all():  # nor NaN
                raise BadInput(
                    f"{name} in {path} has {column!s:.60} for the gripper; it must be finite, {MOST:g} at most"
                )
        bounds = float(low.flat[-1]), float(high.flat[-1])
        gripper = np.where(state[1:, -1:] > sum(bounds) / 2, bounds[1], bounds[0])
        return np.concatenate([actions, np.append(gripper, [[0]], 0).astype(np.float32)], 1)
    if count != ROBONET_AXES:
        warnings.append(
            f"of RoboNet's {ROBONET_AXES} numbers of an action it has {count}; "
            + ("the others are 0" if count < ROBONET_AXES else "the others were left out")
        )
    return np.pad(actions, ((0, 0), (0, max(0, ROBONET_AXES - count))))[:, :ROBONET_AXES]


def _spans(
    path: Path, fields: dict[str, np.ndarray], time_ns: np.ndarray, led_here: bool, warnings: list[str]
) -> list[Span]:
    """Rewards that are not 0, and ends, each of the interval that it was for."""
    found = []
    for name, kind in (("reward", "reward"), ("discount", "end")):
        column = fields.get(name)
        if column is None:
            continue
        if column.size != len(time_ns) or column.dtype.kind not in "fiu" or not np.isfinite(column).all():
            warnings.append(f"{name} is not a finite number for each of the {len(time_ns)} pictures, and was left out")
            continue
        if kind == "reward" and np.abs(column).max() > MOST:
            raise BadInput(f"{name} in {path} goes to {np.abs(column).max():g}; {MOST:g} is the most that is legal")
        values = column.ravel()[1:] if led_here else column.ravel()[:-1]
        for t in np.flatnonzero(values == 0 if kind == "end" else values):
            value = "" if kind == "end" else f"{values[t]:.9g}"
            found.append(Span(int(time_ns[t]), int(time_ns[t + 1]), kind, value))
        if kind == "reward" and not found:  # told, and nothing was earned
            found.append(Span(0, int(time_ns[-1]), kind, "0"))
    return sorted(found, key=lambda span: span.start_ns)


def example(tmp: Path) -> Path:
    """A folder with two seconds of a ball that goes where it is pushed, in two of the layouts."""
    tmp = Path(tmp)
    tmp.mkdir(parents=True, exist_ok=True)
    rng, length = np.random.default_rng(0), int(2 * FPS)
    push = rng.choice([-1, -0.5, 0.5, 1], (length + 1, 2)).astype(np.float32)
    push[0] = 0
    place = 16 + np.cumsum(push, 0)  # row k led to picture k
    rows, columns = np.mgrid[0:32, 0:32]
    far = (rows - place[:, :1, None]) ** 2 + (columns - place[:, 1:, None]) ** 2
    pictures = np.repeat(np.where(far < 20, 230, 40).astype(np.uint8)[..., None], 3, -1)
    stack = np.concatenate(
        [pictures[np.maximum(0, np.arange(length + 1) - k)].transpose(0, 3, 1, 2) for k in (2, 1, 0)], 1
    )
    reward = (np.abs(place - 16).sum(1, keepdims=True) < 4).astype(np.float32)
    discount = np.ones_like(reward)
    discount[-1] = 0
    np.savez_compressed(
        tmp / "20240101T000000_0_20.npz", observation=stack, action=push, reward=reward, discount=discount
    )
    np.savez_compressed(tmp / "traj_00000.npz", aux1_image=pictures.astype(np.int64), action=np.roll(push, -1, 0))
    return tmp
