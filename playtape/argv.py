"""Words of a command line to a dataclass, by `tyro`; what does not fit is one sentence, never a box of text.

Knows no command: `playtape/cli.py` and a room with flags of its own (`training`) hand over their dataclass.
"""

import contextlib
import dataclasses
import difflib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import tyro

from playtape.errors import BadInput

Parsed = TypeVar("Parsed")


def parse(
    cls: type[Parsed], args: Sequence[str], *, prog: str, default: Parsed | None = None, description: str | None = None
) -> Parsed:
    """Reads `args` into the dataclass `cls`; `--help` prints the help and leaves with SystemExit(0).

    `default` gives values to the fields that `args` leaves out. Raises BadInput naming the word that does not fit and,
    for a mistyped flag, the nearest legal one.
    """
    check_flags(args, flags(cls, default), prog)
    config = (tyro.conf.FlagCreatePairsOff, tyro.conf.AvoidSubcommands)
    given: dict[str, Any] = {} if default is None else {"default": default}
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            parsed = tyro.cli(cls, args=list(args), prog=prog, description=description, config=config, **given)
    except SystemExit as leaving:
        if not leaving.code:  # --help
            raise
        raise BadInput(sentence(complaint.getvalue(), prog)) from None
    check_empty(args, silent(cls, default), prog)
    return parsed


def flags(cls: Any, default: object = None) -> set[str]:
    """Every long flag of a dataclass, its nested dataclasses' as `--outer.inner`; `default` tells the types of a generic."""
    leaves = fields(cls, default)
    return {f"--{outer}{no}{name}".replace("_", "-") for outer, name, _, _ in leaves for no in ("", "no-")}


def silent(cls: Any, default: object = None) -> set[str]:
    """The flags that may be empty: a text that is none anyway unless something is said."""
    texts = [leaf for leaf in fields(cls, default) if leaf[2] in (str, str | None) and leaf[3] in ("", None)]
    return {f"--{outer}{name}".replace("_", "-") for outer, name, _, _ in texts}


def words(cls: Any, value: object, default: object) -> list[str]:
    """The flags with which `parse` makes `value` of `default`: those of the fields in which they differ."""
    found: list[str] = []
    for (outer, name, _, now), (_, _, _, before) in zip(fields(cls, value), fields(cls, default), strict=True):
        flag = f"{outer}{name}".replace("_", "-")
        if isinstance(now, bool):
            found += [f"--{flag}" if now else f"--{outer}no-{name}".replace("_", "-")] if now != before else []
        elif now != before:
            found += [f"--{flag}", *map(str, _flat(now))]
    return found


def _flat(value: object) -> list[object]:
    """A value's words: a tuple's, and those of tuples in it, in order."""
    return [word for part in value for word in _flat(part)] if isinstance(value, tuple | list) else [value]


def fields(cls: Any, default: object = None, outer: str = "") -> Iterator[tuple[str, str, Any, Any]]:
    """(names of the dataclasses around it, each with a dot; name; type; default) of every field that holds no others."""
    kind = get_origin(cls) or cls
    types = get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        value = getattr(default, field.name, field.default)
        name, told = named(field.name, types[field.name])
        nested = type(value) if dataclasses.is_dataclass(value) else told
        if dataclasses.is_dataclass(nested):
            yield from fields(nested, value, f"{outer}{name}.")
        else:
            yield outer, name, told, value


def named(name: str, hint: Any) -> tuple[str, Any]:
    """(what the command line calls a field, its type): `Annotated[..., tyro.conf.arg(name=...)]` gives it another name."""
    if get_origin(hint) is not Annotated:
        return name, hint
    inner, *notes = get_args(hint)
    return next((given for note in notes if (given := getattr(note, "name", None))), name), inner


def check_flags(args: Iterable[str], legal: set[str], prog: str) -> None:
    """Raises BadInput at the first flag that is not one of `legal` (or --help, or --json, which every command has)."""
    legal = legal | {"--help", "--json"}
    for word in args:
        if word == "--":
            return
        name = word.split("=")[0].replace("_", "-")
        if name.startswith("--") and name not in legal:
            raise BadInput(f"there is no flag {word.split('=')[0]}; {nearest(name, legal, f'{prog} --help')}")


def check_empty(args: Sequence[str], silent: set[str], prog: str) -> None:
    """Raises BadInput at the first empty word: no path may be empty (Path("") is the folder here), and no flag but `silent`."""
    for i, word in enumerate(args):
        before = args[i - 1] if i and args[i - 1].startswith("--") and "=" not in args[i - 1] else ""
        if before in silent or word in (f"{flag}=" for flag in silent):
            continue
        if not word and before not in ("", "--"):
            raise BadInput(f"{before} is empty; give it a value, {prog} --help shows which.")
        if not word:
            raise BadInput("an argument is empty (''); give the path or name that belongs there, or leave it out.")
        if word.startswith("--") and word.endswith("=") and word.count("=") == 1:
            raise BadInput(f"{word[:-1]} is empty; give it a value, {prog} --help shows which.")


def nearest(word: str, legal: Iterable[str], help_command: str) -> str:
    """The end of a sentence: which legal word is nearest to `word`, else where all of them are listed."""
    close = difflib.get_close_matches(word, sorted(legal), n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"{help_command} lists what there is."


def sentence(box: str, prog: str) -> str:
    """tyro's framed complaint as one sentence: its words up to the first rule, without the frame and the help texts.

    What a dataclass within another says of its own fields stands as it is, after the flags' first part if it leaves that out.
    """
    said, listed = [], []
    for line in re.sub(r"\x1b\[[0-9;]*m", "", box).splitlines()[1:]:  # the first is the title
        body = re.sub("^[│ ]|[│ ]$", "", line)  # the frame is of blanks where the terminal has no UTF-8
        if not body.strip(" ─-╰╯"):
            if said:
                break
        elif not body.startswith(" " * 9):  # help texts stand 9 columns in
            (listed if body.startswith("    ") else said).append(body.strip())
    if own := re.match(r"Error parsing ([a-z][\w.-]*): (.*)", " ".join(said)):
        return own[2] if own[2].startswith(f"{own[1]}.") else f"{own[1]}: {own[2]}"
    words = re.sub(r"^Missing from .*:$", "missing:", " ".join(said).strip())
    words = re.sub(r"^Unrecognized options: ", "no place for: ", words) or "these arguments do not fit"
    return f"{' '.join([words, ', '.join(listed)]).strip(' .')}; {prog} --help shows what is legal."
