"""What tells of all episodes of a data set that Playtape wrote: made of its tables alone, which are laid out alike on the way."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from playtape.errors import BadInput
from playtape.recordings.atomic import atomic
from playtape.recordings.formats._lerobot_dataset import (
    CHUNK,
    DATA_PATH,
    DONE,
    EPISODES,
    INFO,
    REWARD,
    VIDEO_PATH,
    table,
)
from playtape.recordings.formats._lerobot_note import Note
from playtape.recordings.formats._lerobot_stats import Together, of_rows

VERSION = "v3.0"
DATA_MIB, VIDEO_MIB = 100, 200  # up to which LeRobot's own writer fills a file
PANDAS = {  # by which pandas knows that the texts of tasks.parquet are its index
    "index_columns": ["__index_level_0__"],
    "column_indexes": [
        {
            "name": None,
            "field_name": None,
            "pandas_type": "unicode",
            "numpy_type": "object",
            "metadata": {"encoding": "UTF-8"},
        }
    ],
    "columns": [
        {
            "name": "task_index",
            "field_name": "task_index",
            "pandas_type": "int64",
            "numpy_type": "int64",
            "metadata": None,
        },
        {
            "name": None,
            "field_name": "__index_level_0__",
            "pandas_type": "unicode",
            "numpy_type": "object",
            "metadata": None,
        },
    ],
    "creator": {"library": "pyarrow", "version": "21"},
    "pandas_version": "2.0.0",
}


def write_table(file: Path, columns: dict[str, np.ndarray], note: Note) -> None:
    """Atomic. A column of rows of n > 1 numbers is a list of n; of none at all, no column."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = {}
    for name, values in columns.items():
        if values.ndim == 2 and values.shape[1] > 1:
            arrays[name] = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
        elif values.ndim == 1 or values.shape[1]:
            arrays[name] = pa.array(values.ravel())
    with atomic(file) as temporary:
        pq.write_table(pa.table(arrays).replace_schema_metadata(note.pack()), temporary)


def has_video(note: Note, video: Path) -> bool:
    """Is the video that a table was written with there?"""
    return video.is_file() and video.stat().st_size == note.video


class Finished:
    """`names` are the action's of all recordings, `texts` their tasks', `told` the outcomes that any of them has."""

    def __init__(self, out: Path, camera: str, names: tuple[str, ...], texts: tuple[str, ...], told: tuple[str, ...]):
        self.out, self.camera, self.names, self.texts, self.told = out, camera, names, texts, told
        self.number = {text: place for place, text in enumerate(texts)}
        self.rows: list[dict[str, Any]] = []  # of episodes that no file lists yet
        self.episodes = 0
        self.together: dict[str, Together] = {}
        self.frames = 0
        self.note = Note()

    def add(self, number: int, note: Note, data: Path, video: Path) -> None:
        """Lay a table out as all are, and take down where it is. Raises BadInput for a table without its video."""
        if not has_video(note, video):
            raise BadInput(
                f"{video} is not the video that {note.place!r} was given, so the data set cannot be finished; "
                "--missing writes it anew"
            )
        columns = self._columns(data, note)
        length = len(columns["index"])
        used = dict.fromkeys(columns["task_index"].tolist())
        texts = {task: self.texts[task] for task in used}
        write_table(data, columns, replace(note, names=self.names, texts=texts))
        stats = {key: of_rows(values.reshape(length, -1)) for key, values in columns.items()}
        stats[self.camera] = dict(note.picture)
        place = {"chunk_index": number // CHUNK, "file_index": number % CHUNK}
        listed = {"chunk_index": self.episodes // CHUNK // CHUNK, "file_index": self.episodes // CHUNK % CHUNK}
        self.rows.append(
            {
                "episode_index": number,
                "tasks": list(texts.values()),
                "length": length,
                **{f"data/{name}": value for name, value in place.items()},
                "dataset_from_index": self.frames,
                "dataset_to_index": self.frames + length,
                **{f"videos/{self.camera}/{name}": value for name, value in place.items()},
                f"videos/{self.camera}/from_timestamp": 0.0,
                f"videos/{self.camera}/to_timestamp": length / note.fps,
                **{f"stats/{key}/{name}": value for key, told in stats.items() for name, value in told.items()},
                **{f"meta/episodes/{name}": value for name, value in listed.items()},
            }
        )
        for key, told in stats.items():
            self.together.setdefault(key, Together()).add(told)
        self.frames += length
        self.episodes += 1
        self.note = note
        if self.episodes % CHUNK == 0:
            self._list()

    def _list(self) -> None:
        """Write the list of the last episodes, of up to CHUNK a file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not self.rows:
            return
        chunk, file = (self.rows[0][f"meta/episodes/{name}"] for name in ("chunk_index", "file_index"))
        with atomic(self.out / EPISODES / f"chunk-{chunk:03}" / f"file-{file:03}.parquet") as temporary:
            pq.write_table(pa.Table.from_pylist(self.rows), temporary)
        self.rows = []

    def _columns(self, data: Path, note: Note) -> dict[str, np.ndarray]:
        found = table(data)
        rows = found.num_rows
        was = np.zeros((rows, len(note.names)), np.float32)
        if note.names:
            column = found["action"].combine_chunks()
            was = np.asarray(column.flatten() if len(note.names) > 1 else column).reshape(rows, len(note.names))
        action = np.zeros((rows, len(self.names)), np.float32)
        action[:, [self.names.index(name) for name in note.names]] = was
        outcomes = {
            key: np.asarray(found[key]) if key in found.column_names else np.zeros(rows, kind)
            for key, kind in ((REWARD, np.float32), (DONE, bool))
        }
        tasks = np.asarray(found["task_index"])
        number = {task: self.number[text] for task, text in note.texts.items()}
        return {
            **({"action": action} if self.names else {}),
            **{key: values for key, values in outcomes.items() if key in self.told},
            **{key: np.asarray(found[key]) for key in ("timestamp", "frame_index", "episode_index")},
            "index": self.frames + np.arange(rows),
            "task_index": np.array([number[task] for task in tasks.tolist()], np.int64),
        }

    def write(self) -> None:
        """The list of episodes, tasks, statistics; at last info.json, with which the data set is whole."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        tasks = pa.table(
            {"task_index": pa.array(range(len(self.texts)), pa.int64()), "__index_level_0__": list(self.texts)}
        )
        with atomic(self.out / "meta" / "tasks.parquet") as temporary:
            pq.write_table(tasks.replace_schema_metadata({b"pandas": json.dumps(PANDAS).encode()}), temporary)
        self._list()
        stats = {key: together.told() for key, together in self.together.items()}
        for name, told in (("stats.json", stats), (INFO.name, self._info())):
            with atomic(self.out / "meta" / name) as temporary:
                temporary.write_text(json.dumps(told, indent=4, ensure_ascii=False), encoding="utf-8")

    def _info(self) -> dict[str, Any]:
        fps = int(self.note.fps) if self.note.fps == int(self.note.fps) else self.note.fps
        one = {"shape": [1], "names": None}
        assert self.note.size is not None
        width, height = (side + side % 2 for side in self.note.size)
        video: dict[str, Any] = {
            "video.height": height,
            "video.width": width,
            "video.codec": "h264",
            "video.pix_fmt": "yuv420p",
        }
        video |= {"video.is_depth_map": False, "video.fps": fps, "video.channels": 3, "has_audio": False}
        picture = {
            "dtype": "video",
            "shape": [height, width, 3],
            "names": ["height", "width", "channels"],
            "info": video,
        }
        action = {"dtype": "float32", "shape": [len(self.names)], "names": list(self.names)}
        whole = ("frame_index", "episode_index", "index", "task_index")
        features = {
            self.camera: picture,
            **({"action": action} if self.names else {}),
            **{key: {"dtype": "bool" if key == DONE else "float32", **one} for key in self.told},
            "timestamp": {"dtype": "float32", **one},
            **{key: {"dtype": "int64", **one} for key in whole},
        }
        return {
            "codebase_version": VERSION,
            "robot_type": None,
            "total_episodes": self.episodes,
            "total_frames": self.frames,
            "total_tasks": len(self.texts),
            "chunks_size": CHUNK,
            "data_files_size_in_mb": DATA_MIB,
            "video_files_size_in_mb": VIDEO_MIB,
            "fps": fps,
            "splits": {"train": f"0:{self.episodes}"},
            "data_path": DATA_PATH,
            "video_path": VIDEO_PATH,
            "features": features,
        }
