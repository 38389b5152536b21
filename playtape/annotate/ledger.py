"""What was asked and answered, one JSON object a line, so that nothing is paid for twice.

A line is on the disk before its chunk counts as done. A line that a crash cut is passed over; of two lines of one chunk the
later counts. Holds no key and no picture.
"""

import os
from collections import Counter
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import orjson

from playtape.errors import BadInput, printable

NAME = "annotate.jsonl"
ANSWERED, QUARANTINED = "answered", "quarantined"


class Ledger:
    """The lines of a file by their chunk's key. Nothing is written, and no file made, until something is added."""

    def __init__(self, path: Path):
        """Raises BadInput for what cannot be read."""
        self.path = path
        self.lines: dict[str, dict[str, Any]] = {}
        self.damaged = 0
        self._whole = True  # does the file end with a newline?
        try:
            data = path.read_bytes() if path.exists() else b""
        except OSError as error:
            raise BadInput(f"cannot read the ledger {path}: {error.strerror}") from None
        for row in data.splitlines():
            line = _read(row)
            if line is not None:
                self.lines[line["key"]] = line
            elif row.strip():
                self.damaged += 1
        self._whole = not data or data.endswith(b"\n")

    def get(self, key: str) -> dict[str, Any] | None:
        return self.lines.get(key)

    def add(self, line: dict[str, Any]) -> None:
        """Append a line, which must have a `key` and a `state`, and wait until it is on the disk."""
        data = (b"" if self._whole else b"\n") + orjson.dumps(printable(line)) + b"\n"
        with self.path.open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self._whole = True
        self.lines[line["key"]] = line

    def check_writable(self) -> None:
        """Raises BadInput where lines could not be added, before anything is paid for."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            there = self.path.exists()  # if not, it comes with its first line
            with self.path.open("ab") if there else TemporaryFile(dir=self.path.parent):
                pass
        except OSError as error:
            raise BadInput(
                f"cannot write the ledger {self.path}: {error.strerror}; --out FOLDER keeps it and the recordings elsewhere"
            ) from None

    def measured(self, shaping: dict[str, Any]) -> tuple[float, float] | None:
        """Mean tokens (in, out) of a chunk that was answered at the first asking under these settings, if the server counted."""
        rows: Counter[str] = Counter()
        for line in self.lines.values():
            counts = [line.get("tokens_in"), line.get("tokens_out")]
            if (
                line.get("shaping") == shaping
                and line.get("asks") == 1
                and all(type(n) is int and n > 0 for n in counts)
            ):
                rows.update(chunks=1, tokens_in=line["tokens_in"], tokens_out=line["tokens_out"])
        n = rows["chunks"]
        return (rows["tokens_in"] / n, rows["tokens_out"] / n) if n else None


def _read(row: bytes) -> dict[str, Any] | None:
    try:
        line = orjson.loads(row)
    except orjson.JSONDecodeError:
        return None
    whole = isinstance(line, dict) and isinstance(line.get("key"), str)
    if not whole or line.get("state") not in (ANSWERED, QUARANTINED) or not isinstance(line.get("answer"), str):
        return None
    return line
