"""What a command is, and how its result is read."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from playtape.errors import one_line

Result = dict[str, Any]


class Command(Protocol):
    """What the words of one command line ask for."""

    def run(self) -> Result: ...

    def text(self, result: Result) -> str: ...


@runtime_checkable
class Lasting(Protocol):
    """A command that says what it has to say with `ready`, and then goes on until it is stopped."""

    def last(self, ready: Callable[[Result], None]) -> None: ...

    def text(self, result: Result) -> str: ...


@dataclass(frozen=True)
class Worded(ABC):
    """A command whose room reads its words itself, since which flags there are depends on the first of them."""

    words: tuple[str, ...]

    @abstractmethod
    def run(self) -> Result: ...

    @abstractmethod
    def text(self, result: Result) -> str: ...


@runtime_checkable
class Judging(Protocol):
    """A command whose exit code depends on what came out: 0 is all well, 1 something left to look at."""

    def code(self, result: Result) -> int: ...


def written(result: Result) -> str:
    """Which path a result wrote: one file by its name, several by their folder."""
    outputs = result.get("outputs") or [result[key] for key in ("output", "html", "out", "path") if key in result][:1]
    if len(outputs) == 1:
        return one_line(outputs[0])
    folders = sorted({one_line(Path(output).parent) for output in outputs})
    return f"{len(outputs)} recordings in {', '.join(folders[:3])}{' ...' if folders[3:] else ''}"


def kept_before(result: Result) -> str:
    """The end of a sentence: how many recordings were there already and stay."""
    count = len(result["kept"])
    return f"; {count} {'was' if count == 1 else 'were'} there already and stayed" if count else ""


def value(thing: object) -> str:
    """A field of a result for reading: lists and mappings on one line, empty things as nothing."""
    if thing is None or thing == "" or thing == [] or thing == {}:
        return ""
    if isinstance(thing, dict):
        return ", ".join(f"{key} {value(inner)}" for key, inner in thing.items())
    if isinstance(thing, list | tuple):
        return ", ".join(value(inner) for inner in thing)
    if isinstance(thing, bool):
        return "yes" if thing else "no"
    return f"{thing:.6g}" if isinstance(thing, float) else one_line(str(thing))
