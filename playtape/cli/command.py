"""What a command is, and how its result is read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

Result = dict[str, Any]


class Command(Protocol):
    """What the words of one command line ask for."""

    def run(self) -> Result: ...

    def text(self, result: Result) -> str: ...


@runtime_checkable
class Graded(Protocol):
    """A command whose exit code depends on what came out."""

    def code(self, result: Result) -> int: ...


@runtime_checkable
class Lasting(Protocol):
    """A command that says what it has to say with `ready`, and then goes on until it is stopped."""

    def last(self, ready: Callable[[Result], None]) -> None: ...

    def text(self, result: Result) -> str: ...


def written(result: Result) -> str:
    """Which path a result wrote: one file by its name, several by their folder."""
    outputs = result.get("outputs") or [result[key] for key in ("output", "html", "out", "path") if key in result][:1]
    if len(outputs) == 1:
        return str(outputs[0])
    folders = sorted({str(Path(output).parent) for output in outputs})
    return f"{len(outputs)} recordings in {', '.join(folders[:3])}{' ...' if folders[3:] else ''}"


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
    return f"{thing:.6g}" if isinstance(thing, float) else str(thing)
