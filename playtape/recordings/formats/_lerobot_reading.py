"""One episode of a LeRobot data set as a recording. Letters: T rows and frames, A numbers of an action.

Row t is frame t and what was commanded when it was seen, so `actions[t]` is row t. The last row too has an interval, from its
frame until the video's end.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from playtape.actions import Actions, ActionSpace, Axis, Events
from playtape.actions.names import INDEX, is_button, kind
from playtape.errors import BadInput
from playtape.recordings.formats._coded import coded, still
from playtape.recordings.formats._lerobot_dataset import (
    DONE,
    MOST_ROWS,
    REWARD,
    Dataset,
    Episode,
    licence,
    parquet,
    tasks,
)
from playtape.recordings.formats._lerobot_note import Note
from playtape.recordings.formats._lerobot_video import part
from playtape.recordings.nouns import Info, Recording, Span
from playtape.recordings.video import Video

MOST_AXES = 32  # the vocabulary's arm.0 to arm.31
OWN = ("timestamp", "frame_index", "episode_index", "index", "task_index")  # columns that every data set has
CAMERA = "observation.images."


@dataclass(frozen=True)
class Rows:
    """An episode's part of a table, in the order of its frames; `note` is what Playtape wrote beside a file of its own."""

    columns: dict[str, Any]  # pyarrow columns of T rows
    where: str
    note: Note | None

    def numbers(self, key: str, shape: tuple[int, ...]) -> np.ndarray:
        """float64 [T, n]. Raises BadInput for what is not n finite numbers a row, as the data set says there are."""
        import pyarrow as pa
        from pyarrow import types as pt

        column = self.columns[key]
        length = len(column)
        while any(is_kind(column.type) for is_kind in (pt.is_list, pt.is_large_list, pt.is_fixed_size_list)):
            column = column.flatten()
        if not any(is_kind(column.type) for is_kind in (pt.is_integer, pt.is_floating, pt.is_boolean)):
            raise BadInput(f"{key} in {self.where} is {self.columns[key].type}; it must be numbers")
        found = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)  # what is missing becomes NaN
        width = int(np.prod(shape, dtype=object))
        if found.size != length * width or not np.isfinite(found).all():
            raise BadInput(
                f"{key} in {self.where} has {found.size} values; it must have {list(shape)} finite numbers for each "
                f"of its {length} rows"
            )
        return found.reshape(length, width)

    def whole(self, key: str) -> np.ndarray:
        """int64 [T]."""
        found = self.numbers(key, (1,))[:, 0]
        if (np.abs(found) > 2**48).any() or (found != np.rint(found)).any():
            raise BadInput(f"{key} in {self.where} must be whole numbers")
        return found.astype(np.int64)


def recording_of(dataset: Dataset, episode: Episode, camera: str | None) -> Recording:
    """Raises BadInput where tables, videos and what is told of them do not agree."""
    key = _camera(dataset, camera)
    actions = _action_keys(dataset)
    rows = _rows(dataset, episode, actions, key)
    time = rows.numbers("timestamp", (1,))[:, 0]
    _check_rows(dataset, episode, rows, time)
    name = f"{dataset.name}_episode_{episode.number:06}"
    size = None if rows.note is None else rows.note.size
    video = _video(dataset, episode, rows, key, name, time, size)
    edges = np.append(video.time_ns, video.end_ns)
    note = rows.note or Note()
    info = note.info or _info(dataset, episode, key, actions, video)
    info = info if "session" in info.extra else _with_session(info, dataset, episode)
    return Recording(
        video=video,
        events=_events(dataset, rows, actions, edges),
        spans=tuple(sorted([*_texts(dataset, rows, edges), *_outcomes(rows, edges), *note.spans_until(video.end_ns)])),
        info=info,
        provenance=note.provenance,
        warnings=() if actions else ("no action is told",),
    )


def _camera(dataset: Dataset, wanted: str | None) -> str:
    """The one that is asked for, or the first that is named as cameras are, or the first."""
    cameras = dataset.cameras
    if wanted is not None:
        return wanted
    if not cameras:
        raise BadInput(f"{dataset.root} has no camera, only {', '.join(dataset.features)[:200] or 'nothing'}")
    return next((key for key in cameras if key.startswith(CAMERA)), cameras[0])


def _action_keys(dataset: Dataset) -> list[str]:
    """`action`, or where an action has parts, all that are named so."""
    if "action" in dataset.features:
        return ["action"]
    numeric = [
        key for key, feature in dataset.features.items() if feature["dtype"].startswith(("float", "int", "bool"))
    ]
    return [key for key in numeric if key.startswith("action.")]


def _rows(dataset: Dataset, episode: Episode, actions: list[str], camera: str) -> Rows:
    """What is read of a table: only the row groups that may hold the episode, only the columns that have a place here."""
    import pyarrow as pa

    where = f"episode {episode.number} of {episode.data}"
    told = [key for key in (REWARD, DONE) if key in dataset.features]
    image = [camera] if dataset.features[camera]["dtype"] == "image" else []
    wanted = [*actions, *told, *image, "timestamp", "frame_index", "episode_index", "task_index"]
    parts = []
    with parquet(episode.data) as opened:
        if lacking := [key for key in wanted if key not in opened.schema_arrow.names]:
            raise BadInput(f"{episode.data} lacks {', '.join(lacking)}, of which the data set tells")
        note = Note.of(opened.schema_arrow.metadata) if opened.metadata.num_rows == episode.length else None
        for number in range(opened.metadata.num_row_groups):
            group = opened.metadata.row_group(number)
            if group.num_rows > MOST_ROWS:
                raise BadInput(f"{episode.data} has {group.num_rows} rows in a group; up to {MOST_ROWS} are legal")
            # Not by the column's statistics: where those are damaged, pyarrow 26 ends the program.
            mine = (
                np.asarray(opened.read_row_group(number, columns=["episode_index"])["episode_index"]) == episode.number
            )
            if mine.any():
                parts.append(opened.read_row_group(number, columns=wanted).filter(pa.array(mine)))
        rows = pa.concat_tables(parts).sort_by("frame_index") if parts else opened.schema_arrow.empty_table()
        return Rows({key: rows[key].combine_chunks() for key in wanted}, where, note)


def _check_rows(dataset: Dataset, episode: Episode, rows: Rows, time: np.ndarray) -> None:
    length, frames = len(time), rows.whole("frame_index")
    if length != episode.length:
        raise BadInput(f"{rows.where} has {length} rows, but the list of episodes says {episode.length}")
    if length < 2:
        raise BadInput(f"{rows.where} has {length} rows; an episode has two or more")
    wrong = np.flatnonzero((frames != np.arange(length)) | (np.abs(time - frames / dataset.fps) >= 0.5 / dataset.fps))
    if len(wrong):
        t = int(wrong[0])
        raise BadInput(
            f"row {t} of {rows.where} is frame {frames[t]} at {time[t]:.6g} s; "
            f"at {dataset.fps:g} frames a second legal is frame {t} at {t / dataset.fps:.6g} s"
        )


def _video(
    dataset: Dataset,
    episode: Episode,
    rows: Rows,
    key: str,
    name: str,
    time: np.ndarray,
    size: tuple[int, int] | None,
) -> Video:
    if dataset.features[key]["dtype"] == "image":
        pictures = rows.columns[key]
        first = _picture(pictures[0].as_py(), rows.where, episode.data)
        height, width = first.shape[:2]
        return coded(name, _pictures(pictures, first.shape, rows.where, episode.data), (width, height), dataset.fps)
    if key not in episode.videos:
        raise BadInput(f"the list of episodes of {dataset.root} has no video of {key} for episode {episode.number}")
    file, start = episode.videos[key]
    return part(file, start + time, dataset.fps, name, size)


def _pictures(column: Any, shape: tuple[int, ...], where: str, file: Path) -> Iterator[np.ndarray]:
    for told in column:
        found = _picture(told.as_py(), where, file)
        if found.shape != shape:
            raise BadInput(f"{where} has pictures of {list(found.shape)} and of {list(shape)}; all must be of one size")
        yield found


def _picture(told: Any, where: str, file: Path) -> np.ndarray:
    """uint8 [H, W, 3] of a PNG or JPEG within the table."""
    data = told.get("bytes") if isinstance(told, dict) else told
    if not isinstance(data, bytes):
        raise BadInput(f"{where} has no picture in {file.name}; legal are the bytes of a PNG or JPEG file")
    return still(data, where)


def _events(dataset: Dataset, rows: Rows, keys: list[str], edges: np.ndarray) -> Events:
    """What was done, by our names where the data set has them, else as arm.0, arm.1, ..., each a state."""
    found = [rows.numbers(key, dataset.shape(key)) for key in keys]
    values = np.concatenate([*found, np.zeros((len(edges) - 1, 0))], 1)  # [T, A]
    named = [dataset.names(key) for key in keys]
    names = list(chain.from_iterable(each for each in named if each is not None))
    if not keys or None in named or len(set(names)) != len(names) or not all(name in INDEX for name in names):
        if values.shape[1] > MOST_AXES:
            raise BadInput(f"action in {rows.where} has {values.shape[1]} numbers; 1 to {MOST_AXES} are legal")
        names = [f"arm.{k}" for k in range(values.shape[1])]
    buttons = [name for name in names if is_button(name)]
    axes = [name for name in names if not is_button(name)]
    space = ActionSpace(tuple(buttons), tuple(Axis(name, _kind(name)) for name in axes))
    held = values[:, [names.index(name) for name in buttons]] > 0.5
    moved = values[:, [names.index(name) for name in axes]]
    counts = [axes.index(name) for name in ("mouse.dx", "mouse.dy") if name in axes]
    moved[:, counts] = np.rint(moved[:, counts])  # a mouse tells whole counts
    if (np.abs(moved) > np.finfo(np.float32).max).any():
        raise BadInput(f"action in {rows.where} has a number beyond what float32 can hold")
    last = np.concatenate([moved, np.zeros((1, len(axes)))]).astype(np.float32)
    return space.events(Actions(np.concatenate([held, np.zeros((1, len(buttons)), bool)]), last), edges)


def _kind(name: str) -> Any:
    return "state" if kind(name) == "any" else kind(name)


def _texts(dataset: Dataset, rows: Rows, edges: np.ndarray) -> list[Span]:
    """The task of each stretch of rows that has one."""
    number, known = rows.whole("task_index"), tasks(dataset)
    if known and (unknown := set(number.tolist()) - set(known)):
        raise BadInput(f"{rows.where} is of task {min(unknown)}, which is not among the {len(known)} of {dataset.root}")
    starts = np.flatnonzero(np.append(True, number[1:] != number[:-1]))
    ends = np.append(starts[1:], len(number))
    found = [(int(edges[a]), int(edges[b]), known.get(int(number[a]), "")) for a, b in zip(starts, ends)]
    return [Span(start, end, "text", text) for start, end, text in found if text]


def _outcomes(rows: Rows, edges: np.ndarray) -> list[Span]:
    """Rewards that are not 0, and ends, each of its row's interval; a 0 over all where rewards are told and none was earned."""
    found = []
    told = (REWARD, DONE) if rows.note is None else rows.note.told
    for key, name in ((REWARD, "reward"), (DONE, "end")):
        if key not in rows.columns or key not in told:
            continue
        values = rows.numbers(key, (1,))[:, 0].astype(np.float32)
        for t in np.flatnonzero(values):
            found.append(Span(int(edges[t]), int(edges[t + 1]), name, f"{values[t]:.9g}" if key == REWARD else ""))
        if key == REWARD and not found:
            found.append(Span(0, int(edges[-2]), name, "0"))
    return found


def _info(dataset: Dataset, episode: Episode, key: str, actions: list[str], video: Video) -> Info:
    used = {key, REWARD, DONE, *actions, *OWN}
    named = [dataset.names(each) for each in actions]
    extra = {
        "episode": str(episode.number),
        "picture": key,
        "hz": f"{dataset.fps:g}",
        "robot": dataset.robot,
        "actions": ", ".join(chain.from_iterable(names for names in named if names)),
        "left_out": ", ".join(each for each in dataset.features if each not in used),
    }
    return Info(
        game=dataset.name or "robot",
        source=f"LeRobot data set {dataset.name}",
        licence=licence(dataset.root) or "not told",
        screen=(video.width, video.height),
        split=dataset.split(episode.number),
        extra={name: text for name, text in extra.items() if text},
    )


def _with_session(info: Info, dataset: Dataset, episode: Episode) -> Info:
    """Episodes have names that each data set has: what may not be divided is told by the data set's name too."""
    return replace(info, extra={**info.extra, "session": f"{dataset.name}/episode_{episode.number:06}"})
