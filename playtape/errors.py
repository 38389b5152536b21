"""What a user can get wrong. Every room may raise these; the command line prints the sentence and exits with 2."""

import importlib
import re
from pathlib import Path
from types import ModuleType
from typing import Any

_BYTE = 0xDC00  # a byte of a file's name that is no UTF-8 stands in a str as this + the byte (PEP 383)


class BadInput(ValueError):
    """Input that cannot be used. The message is one sentence: it names the value and says what would be legal."""


class Truncated(BadInput):
    """A file that ends before its format says it may. The message names `playtape repair` where that helps."""


def deaf(text: str) -> BadInput:
    """What to raise where a policy that learned without texts is told one."""
    return BadInput(f"this policy learned without texts, so it cannot be told {text[:60]!r}")


def within(name: str, value: object, least: float, most: float, *, whole: bool = False) -> None:
    """Raises BadInput unless `value` is a number (a whole one, if asked) from `least` to `most`."""
    number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not number or not least <= value <= most:  # type: ignore[operator]
        kind = "a whole number" if whole else "a number"
        low, high = (_bound(end) if whole else f"{end:g}" for end in (least, most))
        raise BadInput(f"{name} is {value!r}; it must be {kind} from {low} to {high}")


def _bound(end: float) -> str:
    """All digits of a whole number: 1e+06 may stand for a million and some more."""
    return f"{int(end):,}" if end >= 1e6 else f"{int(end)}"


def need(module: str, extra: str) -> ModuleType:
    """A module of a package that only the extra of that name brings. Raises BadInput that says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.split(".")[0]
        raise BadInput(
            f"this needs the package {package}, which is not installed; pip install 'playtape[{extra}]' installs it"
        ) from None


def first_line(error: BaseException) -> str:
    """Of what a library says that has failed the first line; the error's kind, where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def printable(thing: Any) -> Any:
    """`thing` with what UTF-8 cannot say written out in every text in it: a name's byte 0xff becomes \\xff.

    Looks into lists, tuples and the keys and values of dictionaries. A path becomes text.
    """
    if isinstance(thing, str | Path):
        return re.sub("[\ud800-\udfff]", _written_out, str(thing))
    if isinstance(thing, dict):
        return {printable(key) if isinstance(key, str | Path) else key: printable(each) for key, each in thing.items()}
    return [printable(each) for each in thing] if isinstance(thing, list | tuple) else thing


def one_line(text: str | Path) -> str:
    """`text`, printable, with its control characters and breaks of lines written out too: a name may hold any."""
    return re.sub("[\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda found: ascii(found[0])[1:-1], printable(text))


def _written_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code - _BYTE:02x}" if 0x80 <= code - _BYTE <= 0xFF else f"\\u{code:04x}"
