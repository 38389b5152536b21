"""Episodes of robots as .npz files, a file each: those of iVideoGPT (thuml/iVideoGPT, MIT), and what its converters write.

Four layouts, told apart by what is inside:

| from | fields |
|---|---|
| demonstrations | `observation` uint8 [L+1, 9, H, W], three pictures, the newest last; `action` [L+1, A], `reward`, `discount` |
| BAIR | `image`, `aux1_image` [T, H, W, 3], 0 to 255 in int64; `action` [T, A] |
| RoboNet | `image` uint8 [T, H, W, 3]; `action` [T-1, A] |
| OXE, VP2 | one picture key uint8 [T, H, W, 3]; `action` [T, A] where it was kept |

- Row k of a demonstration led *to* picture k, and row 0 is none: `actions[t]` is its row t + 1. It was cut off at -1 and 1 by the
  simulator and not in the file, so it is here, and counted in `warnings`. In all others `actions[t]` is row t.
- An axis is a state `arm.0`, ...: it holds for its interval. A last row without a picture after it is dropped.
- Rewards become spans "reward" of their interval, and a discount of 0 a span "end".
- The files do not say how many pictures a second there are; here it is always FPS.
- Of several cameras the one in KEYS that comes first is read.

The picture is coded anew, since the file has none of a video: visibly alike, not equal.
"""

import atexit
import shutil
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from playtape.actions import Actions, ActionSpace, Axis
from playtape.errors import BadInput
from playtape.recordings.nouns import Info, Recording, Span
from playtape.recordings.video import Video, write_video

__all__ = ["example", "find", "read"]

FPS = 10.0
CRF = 8
STACK = 3  # channels of one picture in a stack
MOST_BYTES = 4 << 30  # of one array, unpacked
MOST_AXES = 32
KEYS = (
    *("observation", "aux1_image", "image", "rgb_static", "front_rgb", "agentview_rgb", "rgb"),
    *(f"image_{k}" for k in range(1, 5)),
)
BESIDE = ("action", "reward", "discount")


def find(root: Path) -> list[Path]:
    """The .npz files at or below `root`, sorted."""
    root = Path(root)
    if root.is_file():
        return [root] if root.suffix == ".npz" else []
    return sorted(path for path in root.rglob("*.npz") if path.is_file())


def read(path: Path) -> Recording:
    """One episode. Its video is a temporary file that lives until the program ends: save with video="copy".

    Raises BadInput for what is no such file, has no pictures, pictures that are none, or actions of another length.
    """
    path = Path(path)
    key, fields = _fields(path)
    pictures = _pictures(path, key, fields[key])
    led_here = key == "observation"
    warnings: list[str] = []
    actions = _actions(path, fields.get("action"), len(pictures), led_here, warnings)
    video = _coded(path, pictures)
    spans = _spans(path, fields, video.time_ns, led_here, warnings)
    height, width = pictures.shape[1:3]
    task = path.parent.name
    info = Info(
        game=task or "robot",
        source=path.name,
        licence="not told",
        screen=(width, height),
        extra={"episode": path.stem, "picture": key},
    )
    space = ActionSpace((), tuple(Axis(f"arm.{k}", "state") for k in range(actions.shape[1])))
    events = space.events(Actions(np.zeros((len(actions), 0), bool), actions), video.time_ns)
    return Recording(video=video, events=events, spans=tuple(spans), info=info, warnings=tuple(warnings))


def _fields(path: Path) -> tuple[str, dict[str, np.ndarray]]:
    """The name of the pictures, and those arrays of a file that are read: other cameras can be as large."""
    try:
        with zipfile.ZipFile(path) as packed:
            sizes = {entry.filename.removesuffix(".npy"): entry.file_size for entry in packed.infolist()}
        key = next((key for key in KEYS if key in sizes), None)
        if key is None:
            held = ", ".join(sizes) or "nothing"
            raise BadInput(f"{path} has no pictures: it holds {held}; legal are {', '.join(KEYS)}")
        wanted = [name for name in (key, *BESIDE) if name in sizes]
        if large := [name for name in wanted if sizes[name] > MOST_BYTES]:
            raise BadInput(f"{path} unpacks to more than {MOST_BYTES >> 30} GiB in {large[0]}")
        with np.load(path, allow_pickle=False) as arrays:
            return key, {name: arrays[name] for name in wanted}
    except BadInput:
        raise
    except Exception as error:  # damaged in any of the ways that zip and npy have, or with objects in it
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInput(f"{path} is not a readable .npz file of arrays: {said}") from error


def _pictures(path: Path, key: str, found: np.ndarray) -> np.ndarray:
    """uint8 [T, H, W, 3]."""
    if found.ndim == 4 and key == "observation" and found.shape[1] % STACK == 0:
        found = found[:, -STACK:].transpose(0, 2, 3, 1)
    if found.ndim != 4 or found.shape[-1] != 3 or len(found) < 2 or min(found.shape[1:3]) < 2:
        raise BadInput(
            f"{key} in {path} is {list(found.shape)}; legal are [T, H, W, 3], and [T, 9, H, W] as observation, "
            "of two pictures or more"
        )
    if found.dtype.kind not in "iu":
        raise BadInput(f"{key} in {path} is {found.dtype}; pictures must be whole numbers from 0 to 255")
    if found.dtype != np.uint8 and (found.min() < 0 or found.max() > 255):
        raise BadInput(f"{key} in {path} goes from {found.min()} to {found.max()}; pictures go from 0 to 255")
    return np.ascontiguousarray(found.astype(np.uint8))


def _actions(path: Path, found: np.ndarray | None, frames: int, led_here: bool, warnings: list[str]) -> np.ndarray:
    """float32 [T, A] of which the last row is 0: what was done from each picture on."""
    if found is None:
        warnings.append("no action is told")
        return np.zeros((frames, 0), np.float32)
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
    if led_here and (beyond := int((np.abs(rows) > 1).sum())):
        warnings.append(f"{beyond} of {rows.size} numbers of actions are beyond -1 to 1 and were cut off")
        rows = rows.clip(-1, 1)
    return np.concatenate([rows, np.zeros_like(rows[:1])]).astype(np.float32)


def _coded(path: Path, pictures: np.ndarray) -> Video:
    folder = Path(tempfile.mkdtemp(prefix="playtape-episode-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    written = write_video(folder / f"{path.stem}.mp4", pictures, fps=FPS, crf=CRF)
    height, width = pictures.shape[1:3]
    return Video(written, crop=(width, height) if height % 2 or width % 2 else None)


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
