"""What a checkpoint's config.json may say: of each field a value of the type that the model's Config gives it.

A Config checks its numbers' ranges itself. But Python takes "no" for true and 2 for yes, and a file that was edited by hand, or
made by another program, may say either.
"""

from collections.abc import Mapping
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

NAMED = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", NoneType: "null"}


def check_fields(kind: type, said: Mapping[str, Any], outer: str = "") -> None:
    """Raises ValueError for the first field of JSON that is not of its type in the dataclass `kind`, or in one within it."""
    hints = get_type_hints(kind)
    for name, value in said.items():
        hint = hints.get(name)
        if hint is None:
            raise ValueError(f"{outer}{name} is no field of it")
        if not _fits(hint, value):
            raise ValueError(f"{outer}{name} is {value!r:.60}; it must be {_named(hint)}")
        if is_dataclass(hint):
            check_fields(hint, value, f"{outer}{name}.")  # type: ignore[arg-type]


def _fits(hint: Any, value: object) -> bool:
    kind, of = get_origin(hint), get_args(hint)
    if is_dataclass(hint):
        return isinstance(value, dict)
    if kind is Literal:
        return type(value) in map(type, of)  # which of them are legal, the dataclass says
    if kind is tuple:
        return isinstance(value, list) and all(_fits(of[0], each) for each in value)
    if kind in (Union, UnionType):
        return any(_fits(one, value) for one in of)
    return type(value) in ((int, float) if hint is float else (hint,))


def _named(hint: Any) -> str:
    kind, of = get_origin(hint), get_args(hint)
    if kind is Literal:
        return " or ".join(map(repr, of))
    if kind is tuple:
        return f"a list, each {_named(of[0])}"
    if kind in (Union, UnionType):
        return " or ".join(map(_named, of))
    return NAMED.get(hint, "an object")
