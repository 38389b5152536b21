"""What a chunk of NitroGen says, from the bytes of its two files: metadata.json and a table of one row a frame.

Whatever they hold, a chunk is either what it says it is or one sentence. Boxes are kept as shares of the picture, so that they
fit a video of another size. Legend: R rows, 17 buttons in the order of `COLUMNS`, 4 numbers of sticks.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from playtape.actions.nitrogen import COLUMNS
from playtape.errors import BadInput, first_line, need

METADATA = "metadata.json"
RAW, PROCESSED = "actions_raw.parquet", "actions_processed.parquet"
FILES = (METADATA, RAW, PROCESSED)
OWN = "playtape"  # the entry in the metadata of what we wrote
SOURCES = {"youtube", "twitch"}
MOST_JSON = 1 << 20  # bytes; published ones have some 1000
MOST_ROWS = 100_000  # of a chunk; published ones have 1200
MOST_TABLE = 64 << 20  # bytes, unpacked
RATES = (1.0, 1000.0)  # rows a second
FAR_S = 10 * 86_400.0
ACTIVE = 0.1  # |x| + |y| of both sticks, beyond which a step is active
KEPT = 0.5  # share of active steps from which on NitroGen kept a chunk

Box = tuple[float, float, float, float]
"""Left, top, right and bottom as shares of the picture; beyond 0 and 1 where it overflows."""


@dataclass(frozen=True)
class Chunk:
    """metadata.json. `size` is the labelled picture's (width, height), `area` the part of it that shows the game."""

    video: str
    number: int
    rows: int
    start_s: float
    seconds: float
    size: tuple[int, int]
    source: str
    url: str
    game: str
    controller: str
    overlay: Box | None
    others: tuple[Box, ...]
    area: Box | None
    own: Mapping[str, Any] | None

    @property
    def cut_ns(self) -> int | None:
        """When in the video the first frame is shown of a file that holds this chunk alone, and has its name: we wrote it."""
        told = None if self.own is None else self.own.get("first_frame_ns")
        return told if type(told) is int and 0 <= told <= FAR_S * 1e9 else None

    def times(self, frames: np.ndarray, zero_ns: int) -> np.ndarray:
        """int64 [rows]: when each row begins, by the clock of the `frames` int64 [N], whose 0 is at `zero_ns` of the video."""
        time = np.rint((self.start_s + np.arange(self.rows) * (self.seconds / self.rows)) * 1e9).astype(np.int64)
        time -= zero_ns
        if len(frames) == self.rows and np.abs(time - frames).max() < 1e9 / self.rate:
            return frames  # a row for each frame: clocks may differ by less than one
        return time

    @property
    def rate(self) -> float:
        """Rows a second; a video may have chunks of several."""
        return self.rows / self.seconds

    @property
    def blacked_out(self) -> bool:
        """Did we write it, with nothing left to hide?"""
        return self.own is not None and self.own.get("blacked_out") is True


@dataclass(frozen=True, eq=False)
class Rows:
    """A table: buttons bool [R, 17], sticks float32 [R, 4], and how many numbers of sticks were cut off at -1 and 1."""

    buttons: np.ndarray
    sticks: np.ndarray
    clipped: int

    def active(self) -> float:
        """Share of the rows in which a button is held or a stick is pushed."""
        return float((self.buttons.any(1) | (np.abs(self.sticks).sum(1) > ACTIVE)).mean())


def parse(data: bytes, name: str) -> Chunk:
    """Read a metadata.json. Raises BadInput, which begins with `name`, for what is none or contradicts itself."""
    if len(data) > MOST_JSON:
        raise BadInput(f"{name} has {len(data)} bytes; legal are {MOST_JSON} at most")
    try:
        said = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"{name} is {'empty' if not data else 'no JSON'}: {error}") from error
    try:
        return _chunk(said)
    except BadInput as error:
        raise BadInput(f"{name} {error}") from error


def _chunk(said: Any) -> Chunk:
    if not isinstance(said, dict) or not isinstance(said.get("original_video"), dict):
        raise BadInput("is no chunk's: it must be an object with an original_video")
    film: dict[str, Any] = said["original_video"]
    rows = _whole(said, "chunk_size", 2, MOST_ROWS)
    start = _number(film, "start_time", 0, FAR_S)
    end = _number(film, "end_time", 0, FAR_S) if film.get("end_time") is not None else None
    if film.get("duration") is None and end is None:
        raise BadInput("has neither a duration nor an end_time")
    seconds = _number(film, "duration", 0, FAR_S) if film.get("duration") is not None else (end or 0.0) - start
    if seconds <= 0 or not RATES[0] <= rows / seconds <= RATES[1]:
        raise BadInput(f"says {rows} rows in {seconds:g} s; legal are {RATES[0]:g} to {RATES[1]:g} a second")
    if end is not None and abs(end - start - seconds) > max(2 * seconds / rows, 0.05):
        raise BadInput(f"says {start:g} to {end:g} s, and a duration of {seconds:g} s")
    if film.get("start_frame") is not None and film.get("end_frame") is not None:
        first = _whole(film, "start_frame", 0, 2**53)
        last = _whole(film, "end_frame", 0, 2**53)
        if last - first not in (rows - 1, rows):  # its last frame is counted; others who write it do not count it
            raise BadInput(f"says {rows} rows, and frames {first} to {last}")
    size: Any = film.get("resolution")
    if not _numbers(size, 2) or not all(2 <= side <= 16384 and side == int(side) for side in size):
        raise BadInput(f"has a resolution {_shown(size)}; it must be [height, width] in pixels")
    height, width = map(int, size)
    return Chunk(
        video=_text(film, "video_id") or _refuse("has no video_id"),
        number=int(_text(said, "chunk_id")) if _text(said, "chunk_id").isdecimal() else 0,
        rows=rows,
        start_s=start,
        seconds=seconds,
        size=(width, height),
        source=_text(film, "source").lower(),
        url=_text(film, "url"),
        game=_text(said, "game"),
        controller=_text(said, "controller_type"),
        overlay=_box(said.get("bbox_controller_overlay"), (width, height), "bbox_controller_overlay"),
        others=_boxes(said.get("bbox_others"), (width, height)),
        area=_area(said.get("bbox_game_area")),
        own=said[OWN] if isinstance(said.get(OWN), dict) else None,
    )


def _refuse(why: str) -> Any:
    raise BadInput(why)


def _shown(value: Any) -> str:
    return repr(value)[:60]


def _text(said: Mapping[str, Any], key: str) -> str:
    value = said.get(key)
    if value is None:
        return ""
    return (
        str(value)[:1000] if isinstance(value, str | int) else _refuse(f"has a {key} {_shown(value)}; legal is a text")
    )


def _number(said: Mapping[str, Any], key: str, least: float, most: float) -> float:
    value = said.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise BadInput(f"has a {key} {_shown(value)}; legal is a number from {least:g} to {most:g}")
    return float(value)


def _whole(said: Mapping[str, Any], key: str, least: int, most: int) -> int:
    value = _number(said, key, least, most)
    if value != int(value):
        raise BadInput(f"has a {key} {value:g}; legal is a whole number")
    return int(value)


def _numbers(value: Any, count: int) -> bool:
    """A list of so many finite numbers?"""
    return (
        isinstance(value, list)
        and len(value) == count
        and all(isinstance(x, int | float) and not isinstance(x, bool) and abs(x) < 1e9 for x in value)
    )


CORNERS = ("xtl", "ytl", "xbr", "ybr")


def _box(value: Any, size: tuple[int, int], what: str) -> Box | None:
    """[x, y, width, height] in pixels of the labelled picture, or corners as shares of it; None for none."""
    if value is None or value in ([], {}) or (_numbers(value, 4) and not any(value)):
        return None
    if isinstance(value, dict) and _numbers([value.get(key) for key in CORNERS], 4):
        left, top, right, bottom = (float(value[key]) for key in CORNERS)
    elif _numbers(value, 4):
        x, y, width, height = map(float, value)
        left, top = x / size[0], y / size[1]
        right, bottom = (x + width) / size[0], (y + height) / size[1]
    else:
        raise BadInput(f"has a {what} {_shown(value)}; legal is [x, y, width, height] in pixels")
    if not (left < right and top < bottom and left < 1 and top < 1 and right > 0 and bottom > 0):
        raise BadInput(f"has a {what} {_shown(value)}, of which nothing is in the picture of {size[0]}x{size[1]}")
    return left, top, right, bottom


def _boxes(value: Any, size: tuple[int, int]) -> tuple[Box, ...]:
    """One box, or a list of boxes, or boxes by name: what others than the overlay are is not published."""
    if isinstance(value, dict) and not set(CORNERS) <= set(value):
        value = list(value.values())
    several = value if isinstance(value, list) and not _numbers(value, 4) else [value]
    found = (_box(each, size, "bbox_others") for each in several)
    return tuple(box for box in found if box is not None)


def _area(value: Any) -> Box | None:
    """Corners as shares of the picture, by name or as a list."""
    if value is None or value in ([], {}):
        return None
    corners = [value.get(key) for key in CORNERS] if isinstance(value, dict) else value
    if not _numbers(corners, 4):
        raise BadInput(f"has a bbox_game_area {_shown(value)}; legal are xtl, ytl, xbr and ybr from 0 to 1")
    left, top, right, bottom = (min(1.0, max(0.0, x)) if -0.01 <= x <= 1.01 else math.nan for x in corners)
    if not (left < right and top < bottom):
        raise BadInput(f"has a bbox_game_area {_shown(value)}; legal are xtl < xbr and ytl < ybr from 0 to 1")
    return None if (left, top, right, bottom) == (0, 0, 1, 1) else (left, top, right, bottom)


def rows(data: bytes, name: str, count: int | None) -> Rows:
    """Read a table of actions, of `count` rows if that is told. Raises BadInput, which begins with `name`."""
    if not data:
        raise BadInput(f"{name} is empty (0 bytes); it must be a parquet table")
    parquet, arrow = need("pyarrow.parquet", "formats"), need("pyarrow", "formats")
    try:
        with parquet.ParquetFile(arrow.BufferReader(data)) as file:
            _check(file, name, count)
            found = file.read(columns=[*COLUMNS, "j_left", "j_right"], use_threads=False)
            buttons = np.stack([_button(found.column(key), f"{name} has a column {key}") for key in COLUMNS], 1)
            sticks = [_stick(found.column(key), f"{name} has a column {key}") for key in ("j_left", "j_right")]
    except BadInput:
        raise
    except Exception as error:  # pyarrow has a dozen kinds for what is damaged
        raise BadInput(f"{name} is not a readable parquet table: {first_line(error)[:200]}") from error
    both = np.concatenate(sticks, 1)
    if count is not None and len(both) != count:
        raise BadInput(f"{name} says {count} rows and holds {len(both)}")
    return Rows(buttons, both.clip(-1, 1), int((np.abs(both) > 1 + 1e-6).sum()))


def _check(file: Any, name: str, count: int | None) -> None:
    """Before anything is unpacked. What is told of each column is not asked for: where that is damaged, pyarrow 26 ends the
    program."""
    about = file.metadata
    unpacked = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
    if about.num_rows < 2 or about.num_rows > MOST_ROWS or not 0 <= unpacked <= MOST_TABLE:
        raise BadInput(
            f"{name} has {about.num_rows} rows of {unpacked} bytes; legal are 2 to {MOST_ROWS} of {MOST_TABLE}"
        )
    if count is not None and about.num_rows != count:
        raise BadInput(f"{name} has {about.num_rows} rows, and its {METADATA} says {count}")
    lacking = sorted({*COLUMNS, "j_left", "j_right"} - set(file.schema_arrow.names))
    if lacking:
        raise BadInput(f"{name} lacks the columns {', '.join(lacking)}")


def _button(column: Any, what: str) -> np.ndarray:
    """bool [R]."""
    if column.null_count:
        raise BadInput(f"{what} with {column.null_count} rows that say nothing; legal are 0 and 1")
    values = column.to_numpy()
    if values.dtype.kind not in "biuf" or not np.isin(values, (0, 1)).all():
        wrong = f"{values[~np.isin(values, (0, 1))][0]}" if values.dtype.kind in "iuf" else f"{column.type}"
        raise BadInput(f"{what} that holds {wrong[:60]}; legal are 0 and 1")
    return values.astype(bool)


def _stick(column: Any, what: str) -> np.ndarray:
    """float32 [R, 2], of floats or whole numbers."""
    kind = column.type
    if not hasattr(kind, "value_type") or not str(kind.value_type).startswith(
        ("float", "double", "int", "uint", "half")
    ):
        raise BadInput(f"{what} of {str(kind)[:60]}; legal are lists of two numbers")
    lists = column.combine_chunks()
    lengths = need("pyarrow.compute", "formats").list_value_length(lists)
    if lists.null_count or not (lengths.to_numpy(zero_copy_only=False) == 2).all():
        raise BadInput(f"{what} whose lists are not all of two numbers")
    found = lists.flatten().to_numpy(zero_copy_only=False).astype(np.float64).reshape(-1, 2)
    if not np.isfinite(found).all():
        raise BadInput(f"{what} with a number that is not finite")
    return found.clip(-1e9, 1e9).astype(np.float32)
