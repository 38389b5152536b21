"""What raters said, on the disk: one JSON line each time something is saved, and nothing is ever rewritten.

A line is a whole rating (or a whole choice between two episodes), so that the last one of a rater and an episode counts, and a
kill at any moment loses at most the line being written. Episodes stand there by their ids: the file does not tell who played.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from playtape.errors import BadInput
from playtape.evaluate.human.said import Choice, Rating, choice_of, rating_of
from playtape.recordings.lock import locked

HEAD = {"kind": "playtape ratings", "version": 1}


class Stale(BadInput):
    """A rating that does not follow the one that is saved: it was changed elsewhere meanwhile."""


class Ratings:
    """What is in a file, and its pen. Two raters at once are fine; two servers on one file are not."""

    def __init__(self, path: Path):
        """Read what is there. Raises BadInput for a file that holds something else."""
        self.path = Path(path)
        self._pen: int | None = None
        self._read()

    def raters(self) -> list[str]:
        """Everybody who said something, sorted."""
        return sorted({rater for rater, _ in self.ratings} | {rater for rater, _ in self.choices})

    @contextmanager
    def writing(self) -> Generator[None]:
        """While this lasts, `save` saves. Raises BadInput where the file cannot be written, or another writes it."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._pen = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        except OSError as error:
            raise BadInput(f"cannot write {self.path}: {error.strerror}; give another --out") from None
        try:
            with locked(
                self.path, f"{self.path} is being written by another `playtape evaluate human`; give another --out"
            ):
                self._read()  # somebody may have written until now
                if self._torn:
                    os.write(self._pen, b"\n")  # what was cut stays a line of its own
                    self._torn = False
                if not os.fstat(self._pen).st_size:
                    self._append(HEAD)
                yield
        finally:
            os.close(self._pen)
            self._pen = None

    def save(self, said: Rating | Choice) -> None:
        """On the disk when this returns. Raises Stale, or OSError with the file as it was."""
        if isinstance(said, Choice):
            self._append({"kind": "choice", **asdict(said)})
            self.choices[said.rater, said.pair] = said
            return
        before = self.ratings.get((said.rater, said.episode))
        if said == before:  # asked again, since the answer did not arrive
            return
        if said.revision != (before.revision if before else 0) + 1:
            raise Stale(f"this rating was saved elsewhere meanwhile (revision {before.revision if before else 0})")
        self._append({"kind": "rating", **asdict(said)})
        self.ratings[said.rater, said.episode] = said

    def _append(self, line: dict[str, Any]) -> None:
        assert self._pen is not None, "ratings are saved inside `with ratings.writing()`"
        data = orjson.dumps(line) + b"\n"
        size = os.fstat(self._pen).st_size
        try:
            written = os.write(self._pen, data)
            if written < len(data):
                os.write(self._pen, data[written:])  # says why
            os.fsync(self._pen)
        except OSError:
            os.ftruncate(self._pen, size)
            raise

    def _read(self) -> None:
        self.ratings: dict[tuple[str, str], Rating] = {}
        self.choices: dict[tuple[str, tuple[str, str]], Choice] = {}
        try:
            data = self.path.read_bytes() if self.path.exists() else b""
        except OSError as error:
            raise BadInput(f"cannot read the ratings in {self.path}: {error.strerror}") from None
        *lines, rest = data.split(b"\n")
        head = _parsed(lines[0] if lines else rest)
        if data and (not isinstance(head, dict) or head.get("kind") != HEAD["kind"]):
            raise BadInput(f"{self.path} is not a file of ratings; give another --out")
        if data and isinstance(head, dict) and head.get("version") != HEAD["version"]:
            raise BadInput(
                f"{self.path} is of version {head.get('version')!r}; this Playtape reads version {HEAD['version']}"
            )
        self._torn = bool(rest)
        self.lost = 0  # lines that were cut by a kill or a full disk
        for line in [*lines[1:], *([rest] if rest and lines else [])]:
            self.lost += not self._take(_parsed(line))

    def _take(self, line: object) -> bool:
        """Is it a rating or a choice?"""
        if not isinstance(line, dict):
            return False
        kind, rest = line.get("kind"), {key: value for key, value in line.items() if key != "kind"}
        try:
            if kind == "rating":
                rating = rating_of(rest)
                self.ratings[rating.rater, rating.episode] = rating
            elif kind == "choice":
                choice = choice_of(rest)
                self.choices[choice.rater, choice.pair] = choice
        except BadInput:
            return False
        return kind in ("rating", "choice")


def _parsed(line: bytes) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
