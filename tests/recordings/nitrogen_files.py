"""Files as NVIDIA publishes them, made by hand: nothing here is of our own writer."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from playtape.actions.nitrogen import NITROGEN
from playtape.actions.nitrogen import table as columns_of
from playtape.recordings import Recording, Video, write_video

COLUMNS = (
    *("back", "dpad_down", "dpad_left", "dpad_right", "dpad_up", "east", "guide", "left_shoulder", "left_thumb"),
    *("left_trigger", "north", "right_shoulder", "right_thumb", "right_trigger", "south", "start", "west"),
)
ID, TWITCH = "dQw4w9WgXcQ", "v1234567890"
OVERLAY = [60, 40, 30, 20]


def columns(rows: int, **held: list[int]) -> dict[str, Any]:
    """A table in which some buttons are held in some rows, in whole numbers, and sticks are still."""
    found: dict[str, Any] = {name: [int(r in held.get(name, ())) for r in range(rows)] for name in COLUMNS}
    return found | {"j_left": [[0.0, 0.0]] * rows, "j_right": [[0, 0]] * rows}


def table(said: dict[str, Any]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(said), sink)
    return sink.getvalue()


def metadata(video: str = ID, number: int = 0, rows: int = 30, rate: float = 30, **more: Any) -> dict[str, Any]:
    """Of a chunk in its place among others of its length; what of `more` the video has replaces that."""
    start = number * rows / rate
    film = {
        "resolution": [72, 96],
        "video_id": video,
        "source": "twitch" if video.startswith("v") else "youtube",
        "url": f"https://example.test/{video}",
        "start_time": start,
        "end_time": start + rows / rate,
        "duration": rows / rate,
        "start_frame": number * rows,
        "end_frame": (number + 1) * rows - 1,
    }
    film |= {key: more.pop(key) for key in list(more) if key in film}
    return {
        "uuid": f"{video}_chunk_{number:04}_actions",
        "chunk_id": f"{number:04}",
        "chunk_size": rows,
        "original_video": film,
        "game": "celeste",
        "controller_type": "xboxone",
        "bbox_controller_overlay": OVERLAY,
    } | more


def files(video: str = ID, number: int = 0, rows: int = 30, **more: Any) -> dict[str, bytes]:
    """The files of a chunk by their paths below a shard. `raw`, `processed`: tables; `south`: rows in which it is held."""
    raw = more.pop("raw", None) or columns(rows, south=more.pop("south", []))
    processed = more.pop("processed", None)
    name = f"{video}/{video}_chunk_{number:04}"
    found = {f"{name}/metadata.json": json.dumps(metadata(video, number, rows, **more)).encode()}
    found[f"{name}/actions_raw.parquet"] = table(raw)
    if processed:
        found[f"{name}/actions_processed.parquet"] = table(processed)
    return found


def unpacked(root: Path, found: dict[str, bytes], shard: str = "SHARD_0000") -> Path:
    """Written below actions/SHARD_0000; gives `root`."""
    for name, data in found.items():
        path = root / "actions" / shard / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def packed(root: Path, found: dict[str, bytes], shard: str = "SHARD_0000", mode: str = "w:gz") -> Path:
    """An archive of them, in the order given; gives its path."""
    path = root / "actions" / f"{shard}.tar.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for name, data in found.items():
            info = tarfile.TarInfo(f"{shard}/{name}")
            info.size, info.mtime = len(data), 1.5  # a fraction, which asks for a pax header
            archive.addfile(info, io.BytesIO(data))
    return path


def film(
    root: Path, name: str = f"{ID}.mp4", frames: int = 60, fps: float = 30, size: tuple[int, int] = (72, 96)
) -> Video:
    """Frame k of a plain video is as light as 40 + 2 k."""
    pictures = (np.full((*size, 3), 40 + 2 * (k % 100), np.uint8) for k in range(frames))
    return Video(write_video(root / "videos" / name, pictures, fps=fps, crf=8))


def held(recording: Recording, name: str = "south") -> list[int]:
    """The frames in whose interval a button is held."""
    buttons, _ = columns_of(NITROGEN.actions(recording.events, recording.time_ns))
    return np.flatnonzero(buttons[:, COLUMNS.index(name)]).tolist()


def one(root: Path, **more: Any) -> Path:
    """A chunk of 30 rows at 30 Hz; gives its folder."""
    name = f"{ID}_chunk_{more.get('number', 0):04}"
    return unpacked(root, files(**more)) / "actions" / "SHARD_0000" / ID / name
