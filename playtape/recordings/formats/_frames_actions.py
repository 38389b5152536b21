"""A table of what was done, as a person writes one or a spreadsheet does: actions.csv <-> events.

    frame,key.w,mouse.left,mouse.dx            time,key.w,mouse.left,mouse.dx
    1,1,0,-3                                   0.0,1,,-3
    2,1,1,0                                    0.0375,,1,

The first column says when: `frame`, the number of a picture, or `time`, seconds from the first one. The others are inputs by
their names in actions/names.py. Buttons are 0 or 1, a position stays, motion adds up. An empty cell is what stands above it, and
of motion none.
"""

import csv
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np

from playtape.actions import Actions, ActionSpace, Axis, Events
from playtape.actions.names import INDEX, kind
from playtape.errors import BadInput

MOST_BYTES = 64 << 20
MOST_COLUMNS = 300
SECOND = 10**9
NONE = float("nan")


@dataclass(frozen=True)
class Table:
    """R rows of A inputs."""

    path: Path
    names: tuple[str, ...]
    by_frame: bool
    when: np.ndarray  # int64 [R], numbers of pictures, or ns
    cells: np.ndarray  # float64 [R, A], NaN where a cell is empty

    @property
    def kinds(self) -> list[str]:
        """What each column is: "button", "sum" or "state"."""
        return ["state" if kind(name) == "any" else kind(name) for name in self.names]


def read_table(path: Path) -> Table:
    """Raises BadInput that names the line and what is wrong with it."""
    if path.stat().st_size > MOST_BYTES:
        raise BadInput(f"{path} has {path.stat().st_size >> 20} MiB; legal are at most {MOST_BYTES >> 20}")
    when, cells = array("q"), array("d")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file, strict=True)
            header = [cell.strip() for cell in next(rows, [])]
            names = _inputs(path, header)
            for row in rows:
                if any(cell.strip() for cell in row):
                    _take(f"{path}, line {rows.line_num}", header, row, when, cells)
    except UnicodeDecodeError:
        raise BadInput(f"{path} is no UTF-8 text; legal is a table whose first line names its columns") from None
    except csv.Error as error:
        raise BadInput(f"{path} is no table: {error}") from None
    if not when:
        raise BadInput(
            f"{path} has no rows; legal is one for each frame, or for each moment at which something changes"
        )
    table = Table(path, names, header[0] == "frame", np.array(when), np.array(cells).reshape(-1, len(names)))
    if not table.by_frame and (np.diff(table.when) < 0).any():
        row = int(np.flatnonzero(np.diff(table.when) < 0)[0]) + 1
        raise BadInput(f"the times in {path} fall at its row {row + 1}, {table.when[row] / SECOND:g} s; they must not")
    return table


def _inputs(path: Path, header: list[str]) -> tuple[str, ...]:
    """The names of the columns after the first."""
    names = header[1:]
    if header[:1] not in (["frame"], ["time"]) or not 0 < len(names) <= MOST_COLUMNS:
        raise BadInput(f"{path} begins with {','.join(header)[:80]!r}; legal is such as frame,key.w,mouse.dx")
    if len(set(names)) < len(names):
        raise BadInput(f"{path} has the column {next(name for name in names if names.count(name) > 1)} twice")
    for name in names:
        try:
            kind(name)
        except BadInput as error:
            raise BadInput(f"{path}: {error}") from None
    return tuple(names)


def _take(where: str, header: list[str], row: list[str], when: array, cells: array) -> None:
    if len(row) != len(header):
        raise BadInput(f"{where} has {len(row)} cells; legal are {len(header)}, as in the first line")
    by_number = header[0] == "frame"
    try:
        at = Decimal(row[0].strip())
        if not 0 <= at < 2**32 or (by_number and at != at.to_integral_value()):
            raise ValueError
        when.append(int(at if by_number else (at * SECOND).to_integral_value()))
    except (InvalidOperation, ValueError):
        legal = "the number of a picture" if by_number else "seconds from 0 on"
        raise BadInput(f"{where}: {header[0]} is {row[0][:40]!r}; legal is {legal}") from None
    for name, cell in zip(header[1:], row[1:], strict=True):
        try:
            value = float(cell) if cell.strip() else NONE
        except ValueError:
            value = float("inf")
        button = kind(name) == "button"
        if cell.strip() and (not abs(value) <= 1e30 or (button and value not in (0, 1))):
            raise BadInput(f"{where}: {name} is {cell[:40]!r}; legal is {'0 or 1' if button else 'a number'}")
        cells.append(value)


def by_frame(table: Table, numbers: list[int], time_ns: np.ndarray) -> tuple[Events, np.ndarray, int]:
    """Events; bool [T], which frames have a row; and how many rows are of no frame. `numbers` are those of the T pictures."""
    order = np.argsort(table.when, kind="stable")
    when, cells = table.when[order], table.cells[order]
    if (np.diff(when) == 0).any():
        raise BadInput(f"{table.path} has two rows of frame {when[:-1][np.diff(when) == 0][0]}; legal is one")
    place = {number: t for t, number in enumerate(numbers)}
    rows = np.array([place.get(number, -1) for number in when.tolist()])
    buttons = tuple(name for name, of in zip(table.names, table.kinds, strict=True) if of == "button")
    axes = [(name, of) for name, of in zip(table.names, table.kinds, strict=True) if of != "button"]
    space = ActionSpace(buttons, tuple(Axis(name, "sum" if of == "sum" else "state") for name, of in axes))
    dense = np.zeros((len(numbers), len(table.names)), np.float32)
    above = (0 if of == "sum" else _above(column, 0) for column, of in zip(cells.T, table.kinds, strict=True))
    filled = np.column_stack([np.where(np.isnan(c), up, c) for c, up in zip(cells.T, above, strict=True)])
    dense[rows[rows >= 0]] = filled[rows >= 0]
    told = np.zeros(len(numbers), bool)
    told[rows[rows >= 0]] = True
    columns = {name: dense[:, i] for i, name in enumerate(table.names)}
    held = np.stack([columns[name] for name in buttons], 1) > 0.5 if buttons else np.zeros((len(dense), 0), bool)
    moved = np.stack([columns[name] for name, _ in axes], 1) if axes else np.zeros((len(dense), 0), np.float32)
    return space.events(Actions(held, moved), time_ns), told, int((rows < 0).sum())


def by_time(table: Table, end_ns: int) -> tuple[Events, int]:
    """Events, and how many rows lie at or after the video's end. What is held there is let go of."""
    inside = table.when < end_ns
    parts = []
    for name, of, column in zip(table.names, table.kinds, table.cells[inside].T, strict=True):
        before = 0 if of == "sum" else _above(column, 0 if of == "button" else NONE)
        rows = np.flatnonzero(~np.isnan(column) & (column != before))
        parts.append((rows, INDEX[name], column[rows]))
    place = np.concatenate([rows for rows, _, _ in parts])
    index = np.concatenate([np.full(len(rows), number, np.int16) for rows, number, _ in parts])
    value = np.concatenate([values for _, _, values in parts]).astype(np.float32)
    order = np.argsort(place, kind="stable")  # within a row as the columns stand
    events = Events(table.when[inside][place[order]], index[order], value[order])
    down = [
        name for name, of in zip(table.names, table.kinds, strict=True) if of == "button" and _is_down(events, name)
    ]
    released = Events.from_rows((end_ns, name, 0) for name in down)
    return Events.concatenate(events, released), int((~inside).sum())


def _above(column: np.ndarray, top: float) -> np.ndarray:
    """The nearest number above each cell, `top` where there is none. (NaN equals nothing.)"""
    told = np.where(np.isnan(column), -1, np.arange(len(column)))
    last = np.append(-1, np.maximum.accumulate(told)[:-1]) if len(column) else told
    return np.where(last < 0, top, column[np.maximum(last, 0)])


def _is_down(events: Events, name: str) -> bool:
    own = events.of(name).value
    return bool(len(own) and own[-1])


def repeats(events: Events) -> np.ndarray:
    """bool [N]: which events are auto-repeats of buttons."""
    return (events.value == 2) & np.array([kind(name) == "button" for name in events.names], bool)[events.input]


def lines(events: Events) -> Iterator[list[str]]:
    """A table by time that is read as these events, but for auto-repeats: the rows of a CSV file, the first one too."""
    kept = ~repeats(events)
    used = sorted((events.names[i] for i in np.unique(events.input[kept])), key=INDEX.__getitem__)
    column = {name: i for i, name in enumerate(used, start=1)}
    yield ["time", *used]
    row: list[str] = []
    now, last = -1, 0
    for time, i, value in zip(
        events.time_ns[kept].tolist(), events.input[kept].tolist(), events.value[kept], strict=True
    ):
        at = column[events.names[i]]
        if time != now or at <= last:  # a row is read from left to right
            if row:
                yield row
            row, now = [_seconds(time)] + [""] * len(used), time
        row[at], last = np.format_float_positional(value, trim="-"), at
    if row:
        yield row


def _seconds(time_ns: int) -> str:
    return f"{time_ns // SECOND}.{time_ns % SECOND:09}".rstrip("0").rstrip(".")
