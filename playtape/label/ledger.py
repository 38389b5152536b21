"""What became of each video of a labelling, kept beside the labels: `labels.parquet`, and `labels.jsonl` for what is newer.

A line is on the disk before it counts, and is added only after the label that it speaks of is whole. A line that a kill cut off
is passed over; of two lines of one name the later counts. At the start and at the end all lines become the table, which
appears whole before the lines go; so at any moment a kill leaves one or both, and both say the same. Without pyarrow the lines
stay.

One writer at a time: who writes holds the folder (recordings/lock.py).
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from playtape.errors import BadInput, need
from playtape.label.table import read_table
from playtape.recordings.atomic import atomic, sync

LINES, TABLE = "labels.jsonl", "labels.parquet"
BEGUN, DONE, QUARANTINED, STALE = "begun", "done", "quarantined", "stale"
STATES = (BEGUN, DONE, QUARANTINED, STALE)  # stale: to be done (again); its label, if there is one, is ours to replace
SAME_BYTES, SAME_FILE = (
    "it has the same bytes as",
    "names the same file as",
)  # in reasons: nothing is wrong with such a video
JSON = ("settings", "stats", "extra")  # columns that hold objects


@dataclass(frozen=True)
class Line:
    """One video. Its texts are printable, so that they read back as they were written."""

    name: str  # of its label, below the folder, without ending
    state: str
    source: str = ""  # path or URL
    video_bytes: int = -1  # -1: never seen
    video_mtime_ns: int = -1
    video_sha256: str = ""
    reason: str = ""  # why it is quarantined
    begins: int = 0  # of one begun: how many runs have ended, not by themselves, while they were at it, and one more
    video_seconds: float = 0.0
    intervals: int = 0
    seconds: float = 0.0  # of work
    output: str = ""  # below the folder
    output_sha256: str = ""
    settings: dict[str, Any] = field(default_factory=dict)  # what its label depends on, besides the video
    stats: dict[str, Any] = field(default_factory=dict)  # see tasks.py
    extra: dict[str, Any] = field(default_factory=dict)  # a manifest's other columns

    @property
    def signature(self) -> tuple[int, int]:
        return self.video_bytes, self.video_mtime_ns


class Ledger:
    """The lines of a folder by name. Nothing is written, and no file made, until something is added."""

    def __init__(self, folder: Path):
        """Raises BadInput for what cannot be read."""
        self.folder = folder
        self.lines: dict[str, Line] = {}
        self.damaged = 0
        self.tabled = (folder / TABLE).is_file()
        rows = _table(folder / TABLE) if self.tabled else []
        for line in rows:
            self.lines[line.name] = line
        self._newer = 0  # lines that the table lacks
        self._read_lines(folder / LINES)

    def _read_lines(self, path: Path) -> None:
        try:
            data = path.read_bytes() if path.exists() else b""
        except OSError as error:
            raise BadInput(f"cannot read the ledger {path}: {error.strerror}") from None
        for row in data.splitlines():
            line = _line(row)
            if line is not None:
                self.lines[line.name] = line
                self._newer += 1
            elif row.strip():
                self.damaged += 1

    def add(self, *lines: Line) -> None:
        """Append them and wait until they are on the disk. On a full one raises OSError, and the file is as it was."""
        path = self.folder / LINES
        option = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE
        data = b"".join(orjson.dumps(asdict(line), option=option, default=str) for line in lines)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            end = os.fstat(descriptor).st_size
            try:
                _append(descriptor, data, end)
            except OSError:
                os.ftruncate(descriptor, end)
                raise
        finally:
            os.close(descriptor)
        if not end:
            sync(self.folder)  # a new file's name
        self.lines |= {line.name: line for line in lines}
        self._newer += len(lines)

    def forget(self, names: Iterable[str]) -> None:
        """Videos of which nothing came to be, not even a reason. If no line is left, neither is a file."""
        for name in names:
            self.lines.pop(name, None)
        if not self.lines and not self.tabled:
            (self.folder / LINES).unlink(missing_ok=True)

    def compact(self, note: Callable[[str], None] = lambda text: None) -> None:
        """All lines into the table, if there are newer ones than it has."""
        if not self._newer:
            return
        if find_spec("pyarrow") is None:
            note(
                f"{TABLE} needs the package pyarrow, which pip install 'playtape[formats]' installs; {LINES} holds the same"
            )
            return
        with atomic(self.folder / TABLE) as temporary:
            _write_table(temporary, list(self.lines.values()))
        (self.folder / LINES).unlink(missing_ok=True)
        sync(self.folder)
        self.tabled, self._newer = True, 0

    @property
    def path(self) -> Path:
        """The file that holds most of the lines, or will."""
        return self.folder / (TABLE if self.tabled else LINES)

    def by_video(self) -> dict[str, Line]:
        """The labels that stand, by their video's SHA-256."""
        return {line.video_sha256: line for line in self.lines.values() if line.state == DONE}


def _append(descriptor: int, data: bytes, end: int) -> None:
    if end and os.lseek(descriptor, end - 1, os.SEEK_SET) >= 0 and os.read(descriptor, 1) != b"\n":
        data = b"\n" + data  # after what a kill cut off
    while data:
        data = data[os.write(descriptor, data) :]
    os.fsync(descriptor)


def _line(row: bytes) -> Line | None:
    try:
        found = orjson.loads(row)
    except orjson.JSONDecodeError:
        return None
    return _made(found) if isinstance(found, dict) else None


def _made(found: dict[str, Any]) -> Line | None:
    """None unless every field is there and of its kind."""
    start = Line("", "")
    for own in fields(Line):
        value = found.get(own.name)
        kind = type(getattr(start, own.name))
        if not isinstance(value, (int, float) if kind is float else kind):
            return None
    line = Line(**{own.name: found[own.name] for own in fields(Line)})
    return line if line.name and line.state in STATES and _counts(line.stats) else None


def _counts(stats: Mapping[str, Any]) -> bool:
    """Is it what tasks.stats makes: whole numbers, by the names of inputs, alone, or in a list?"""
    kinds = {"held": dict, "pressed": dict, "moved": dict, "idle": int, "confidence": list}
    if not all(isinstance(value, kinds.get(name, object)) for name, value in stats.items()):
        return False
    parts = (value.values() if isinstance(value, dict) else [value] for value in stats.values())
    flat = (one for part in parts for each in part for one in (each if isinstance(each, list) else [each]))
    return all(type(one) is int for one in flat)


def _write_table(path: Path, lines: list[Line]) -> None:
    pa, parquet = need("pyarrow", "formats"), need("pyarrow.parquet", "formats")
    columns: dict[str, Any] = {own.name: [getattr(line, own.name) for line in lines] for own in fields(Line)}
    extra = sorted({key for line in lines for key in line.extra})
    for name in JSON:
        columns[name] = [orjson.dumps(value, default=str).decode() for value in columns[name]]
    for key in extra:  # once more, to be asked for by name
        columns[f"extra.{key}"] = [None if (value := line.extra.get(key)) is None else str(value) for line in lines]
    kinds = {int: pa.int64(), float: pa.float64()}
    start = Line("", "")
    arrays = {
        name: pa.array(values, kinds.get(type(getattr(start, name, "")), pa.string()))
        for name, values in columns.items()
    }
    parquet.write_table(pa.table(arrays), path)


def _table(path: Path) -> list[Line]:
    _, rows = read_table(path, str(path))
    lines = [_made({**row, **{name: _object(row.get(name)) for name in JSON}}) for row in rows]
    if None in lines:
        raise BadInput(f"{path} is not a ledger of labels; give another --out, so that it is not replaced")
    return [line for line in lines if line is not None]


def _object(text: Any) -> Any:
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, TypeError):
        return None


def stale(line: Line) -> Line:
    """The same as nothing that counts: its label is ours to replace, if it is there."""
    return replace(line, state=STALE, begins=0)
