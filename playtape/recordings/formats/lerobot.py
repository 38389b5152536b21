"""LeRobot data sets (huggingface/lerobot, Apache 2.0), v3.0, which is written too, and v2.0 and v2.1.

    DATASET/meta/{info.json, stats.json, tasks.parquet}, meta/episodes/chunk-000/file-000.parquet
    DATASET/data/chunk-000/file-000.parquet, videos/KEY/chunk-000/file-000.mp4

An episode is a recording; as a path it is DATASET/episode_000003, which is no file. Row t of a table is frame t and the action
that was commanded when it was seen: `actions[t]` is row t, as it stands. The last row's interval goes on until the video's end.

- Pictures are those of the first `observation.images.*`, or of KEY for DATASET/videos/KEY/episode_000003: give the folder of
  another camera, and it is read by that one. An episode's part of a shared video is copied, not coded again.
- An action whose features have our names (`key.w`, `mouse.dx`, ...) is that; any other is a robot's `arm.0`, `arm.1`, ..., each a
  state, and `actions` in the info says what they are called there.
- A task is a text over its rows, `next.reward` and `next.done` are spans "reward" and "end".
- `observation.state`, other cameras and all else have no place; `left_out` in the info names them.

Written is one `action` of float32, buttons (0 or 1) before axes, of all that is done in any of the recordings, h264 at one rate
and of one size, and beside the columns what LeRobot has no place for (_lerobot_note.py), so that it is read as it was.
"""

from pathlib import Path

import numpy as np

from playtape.actions import Events
from playtape.errors import BadInput
from playtape.recordings.convert import Resize
from playtape.recordings.formats._lerobot_dataset import INFO, episodes, open_dataset
from playtape.recordings.formats._lerobot_gather import Gathering
from playtape.recordings.formats._lerobot_reading import recording_of
from playtape.recordings.nouns import Info, Recording, Span
from playtape.recordings.video import Video, write_video

__all__ = ["example", "find", "gather", "read", "write"]

UP = 3  # folders above an episode's path in which its data set is looked for
NAMED = "episode_"


def find(root: Path) -> list[Path]:
    """The episodes of the data sets at or below `root`, or of the one that it is a camera's folder of, sorted.

    A data set that cannot be read is there as itself, so that whoever reads it is told.
    """
    root = Path(root)
    if root.is_file():
        return find(root.parent.parent) if root.parts[-2:] == INFO.parts else []
    found: list[Path] = []
    inside = _dataset_of(root)
    for dataset in [inside] if inside else sorted(info.parent.parent for info in root.rglob(str(INFO))):
        try:
            numbers = list(episodes(open_dataset(dataset)))
        except BadInput:
            found.append(dataset)
            continue
        below = root if inside else dataset
        found += [below / f"{NAMED}{number:06}" for number in numbers]
    return sorted(found)


def read(path: Path) -> Recording:
    """One episode; a data set's folder stands for its only one. A part of a shared video is a temporary file that lives as long
    as the recording: save with video="copy".

    Raises BadInput for what is no data set, for tables or videos that cannot be read, and where they do not agree.
    """
    path = Path(path)
    number = path.name.removeprefix(NAMED)
    named = path.name.startswith(NAMED) and number.isdecimal() and len(number) < 16
    root = _dataset_of(path.parent if named else path)
    if root is None:
        raise BadInput(
            f"{path} is no episode of a LeRobot data set; give DATASET/{NAMED}000000, or a folder with {INFO}"
        )
    dataset = open_dataset(root)
    known = episodes(dataset)
    place = path.parent if named else path
    camera = None if place == root else place.name
    if camera is not None and camera not in dataset.cameras:
        raise BadInput(f"{root} has no camera {camera!r}; its cameras are {', '.join(dataset.cameras) or 'none'}")
    if not named and len(known) != 1:
        raise BadInput(
            f"{root} has {len(known)} episodes; give one of them, as {place}/{NAMED}{min(known, default=0):06}"
        )
    wanted = int(number) if named else next(iter(known))
    if wanted not in known:
        raise BadInput(f"{root} has no episode {wanted}; its {len(known)} are from {min(known, default=0)} on")
    return recording_of(dataset, known[wanted], camera)


def gather(out: Path, *, fps: float | None = None, resize: Resize | None = None) -> Gathering:
    """A data set that recordings are added to; see recordings/convert.py."""
    return Gathering(Path(out), fps=fps, resize=resize)


def write(recording: Recording, path: Path, resize: Resize | None = None) -> Path:
    """A data set of this one recording. Raises BadInput for one that has no steady rate: `gather` can lay it on one."""
    path = Path(path)
    one = gather(path, resize=resize)
    if set(one.held) - {recording.name}:
        raise BadInput(f"{path} is a data set of other recordings already; give another folder")
    one.add(recording, recording.name)
    one.finish()
    return path


def _dataset_of(path: Path) -> Path | None:
    """The data set that is `path`, or that it is a camera's folder in."""
    return next((above for above in (path, *list(path.parents)[:UP]) if (above / INFO).is_file()), None)


def example(tmp: Path) -> Path:
    """Two seconds in which a square follows the keys, and two of a robot's arm, in a data set of both."""
    root = Path(tmp) / "example"
    frames = np.zeros((20, 48, 64, 3), np.uint8)
    for t, frame in enumerate(frames):
        frame[20:28, 2 * t : 2 * t + 8] = (255, 160, 64)
    source = Path(tmp) / "example.mp4"
    video = Video(write_video(source, frames, fps=10))
    rows = video.time_ns.tolist()
    keys = [(rows[2] + 9, "key.d", 1), (rows[7] + 9, "key.d", 0), (rows[4] + 9, "mouse.left", 1)]
    motion = [(time + 9, "mouse.dx", 4) for time in rows[3:9]]
    arm = [(time + 9, f"arm.{k}", np.sin(t / 3 + k)) for t, time in enumerate(rows) for k in range(2)]
    about = Info(game="example", source="made by Playtape", licence="Apache-2.0", screen=(64, 48))
    earned = (Span(rows[12], rows[13], "reward", "1"), Span(rows[19], video.end_ns, "end", ""))
    one = gather(root)
    told = Span(0, rows[10], "text", "go right")
    one.add(
        Recording(video, Events.from_rows([*keys, *motion]), (told, Span(0, rows[5], "control", "human")), about),
        "keys",
    )
    one.add(Recording(video, Events.from_rows(arm), (Span(0, video.end_ns, "text", "wave"), *earned), about), "arm")
    one.finish()
    source.unlink()
    return Path(tmp)
