"""LeRobot data sets as their own programs lay them out, without their programs: episodes that share a table and a video."""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from playtape.recordings import write_video
from tests.recordings.pictures import numbered

FPS = 10
LENGTHS = (12, 15, 9)
FRONT, WRIST = "observation.images.front", "observation.images.wrist"
TASKS = ("pick it up", "put it down", "wave")
TOTAL = sum(LENGTHS)


def actions(names: int = 3) -> np.ndarray:
    """float32 [TOTAL, n]: every number another."""
    return (np.arange(TOTAL * names).reshape(TOTAL, names) / 100 - 0.3).astype(np.float32)


def features(names: list[str] | dict | None, dtype: str = "video") -> dict:
    picture = {"dtype": dtype, "shape": [48, 64, 3], "names": ["height", "width", "channels"]}
    one = {"shape": [1], "names": None}
    width = 3 if not isinstance(names, list) else len(names)
    return {
        "observation.state": {"dtype": "float32", "shape": [2], "names": ["a", "b"]},
        FRONT: picture,
        WRIST: picture,
        "action": {"dtype": "float32", "shape": [width], "names": names},
        "next.reward": {"dtype": "float32", **one},
        "next.done": {"dtype": "bool", **one},
        "timestamp": {"dtype": "float32", **one},
        **{key: {"dtype": "int64", **one} for key in ("frame_index", "episode_index", "index", "task_index")},
    }


def columns(found: np.ndarray) -> dict:
    """Of all episodes. Episode 2 changes its task in the middle; each earns 0.5 at its end."""
    episode = np.repeat(np.arange(len(LENGTHS)), LENGTHS)
    frame = np.concatenate([np.arange(n) for n in LENGTHS])
    last = np.append(episode[1:] != episode[:-1], True)
    width = found.shape[1]
    return {
        "observation.state": pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(2 * TOTAL, np.float32)), 2),
        "action": pa.FixedSizeListArray.from_arrays(pa.array(found.ravel()), width)
        if width > 1
        else pa.array(found[:, 0]),
        "next.reward": pa.array(np.where(last, 0.5, 0).astype(np.float32)),
        "next.done": pa.array(last),
        "timestamp": pa.array((frame / FPS).astype(np.float32)),
        "frame_index": pa.array(frame),
        "episode_index": pa.array(episode),
        "index": pa.array(np.arange(TOTAL)),
        "task_index": pa.array(np.where((episode == 2) & (frame > 4), 2, episode % 2)),
    }


def info(version: str, about: dict) -> dict:
    return {
        "codebase_version": version,
        "robot_type": "so101",
        "total_episodes": len(LENGTHS),
        "total_frames": TOTAL,
        "total_tasks": len(TASKS),
        "chunks_size": 1000,
        "fps": FPS,
        "splits": {"train": f"0:{len(LENGTHS)}"},
        "features": about,
    }


def v3(root: Path, names: list[str] | dict | None = None, found: np.ndarray | None = None, *, gop: int = 3) -> Path:
    """v3.0: three episodes in one table and in one video a camera, whose key frames are every `gop` frames."""
    found = actions() if found is None else found
    (root / "meta" / "episodes" / "chunk-000").mkdir(parents=True)
    (root / "data" / "chunk-000").mkdir(parents=True)
    for key, pictures in ((FRONT, numbered(TOTAL)), (WRIST, numbered(TOTAL)[::-1])):
        write_video(root / "videos" / key / "chunk-000" / "file-000.mp4", pictures, fps=FPS, gop=gop, crf=10)
    pq.write_table(pa.table(columns(found)), root / "data" / "chunk-000" / "file-000.parquet", row_group_size=12)
    ends = np.cumsum(LENGTHS).tolist()
    starts = [0, *ends[:-1]]
    files = {
        f"{place}/{name}": [0] * len(LENGTHS)
        for place in ("data", f"videos/{FRONT}", f"videos/{WRIST}")
        for name in INDEX
    }
    times = {f"videos/{key}/from_timestamp": [start / FPS for start in starts] for key in (FRONT, WRIST)}
    listed = {
        "episode_index": [0, 1, 2],
        "length": list(LENGTHS),
        "dataset_from_index": starts,
        "dataset_to_index": ends,
    }
    pq.write_table(pa.table(listed | files | times), root / "meta" / "episodes" / "chunk-000" / "file-000.parquet")
    pq.write_table(
        pa.table({"task_index": [0, 1, 2], "__index_level_0__": list(TASKS)}), root / "meta" / "tasks.parquet"
    )
    paths = {
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
    }
    (root / "meta" / "info.json").write_text(json.dumps(info("v3.0", features(names)) | paths))
    (root / "README.md").write_text("---\nlicense: cc-by-4.0\ntags:\n- LeRobot\n---\n# A data set\n")
    return root


INDEX = ("chunk_index", "file_index")


def v21(root: Path, dtype: str = "video") -> Path:
    """v2.1: a table and a video for each episode, or pictures in the tables."""
    (root / "meta").mkdir(parents=True)
    whole, pictures = pa.table(columns(actions())), numbered(TOTAL)
    start = 0
    for number, length in enumerate(LENGTHS):
        rows = whole.slice(start, length)
        for key in (FRONT, WRIST):
            if dtype == "video":
                place = root / "videos" / "chunk-000" / key / f"episode_{number:06}.mp4"
                write_video(place, pictures[start : start + length], fps=FPS, crf=10)
            else:
                told = [{"bytes": png(frame), "path": None} for frame in pictures[start : start + length]]
                rows = rows.append_column(key, pa.array(told))
        place = root / "data" / "chunk-000" / f"episode_{number:06}.parquet"
        place.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, place)
        start += length
    told = [{"episode_index": k, "tasks": [TASKS[k % 2]], "length": n} for k, n in enumerate(LENGTHS)]
    (root / "meta" / "episodes.jsonl").write_text("\n".join(map(json.dumps, told)))
    named = [{"task_index": k, "task": text} for k, text in enumerate(TASKS)]
    (root / "meta" / "tasks.jsonl").write_text("\n".join(map(json.dumps, named)))
    paths = {
        "data_path": "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        "video_path": "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4",
    }
    (root / "meta" / "info.json").write_text(
        json.dumps(info("v2.1", features({"motors": ["x", "y", "z"]}, dtype)) | paths)
    )
    return root


def png(frame: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "PNG")
    return file.getvalue()


def tell(root: Path, **changes: object) -> None:
    """Change what info.json says."""
    file = root / "meta" / "info.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def change(file: Path, **changes: object) -> None:
    """Change columns of a table; None takes one away."""
    table = pq.read_table(file)
    for name, values in changes.items():
        place = table.column_names.index(name)
        table = table.remove_column(place)
        if values is not None:
            table = table.add_column(place, name, [values])
    pq.write_table(table, file)
