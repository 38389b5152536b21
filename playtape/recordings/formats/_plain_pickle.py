"""What numbers, texts, lists and numpy arrays a pickle holds, without unpickling it.

Unpickling calls whatever a file names, so it is not done, here or anywhere. A pickle is a list of instructions for a machine with
a stack (pickletools documents them); here is such a machine that has no instruction to import or to call. A name that the file
asks for stays a name. Where one is to be called it must be one of CALLS, numpy's own words for "an array" and "a number", and
what that stands for is put together from the bytes. Everything else is refused, by the name that it asks for.
"""

import pickletools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from playtape.errors import BadInput, first_line, one_line

MOST_BYTES = 16 << 20  # five times the largest published one
ENOUGH = re.compile(r"([fiu][1248]|b1)")  # numpy's words for numbers
MARK = object()
KEYS = str | bytes | int | float  # of dictionaries; the hash of tuples in tuples can take for ever


@dataclass(frozen=True)
class Name:
    """What a pickle would import."""

    text: str  # "module name", as pickletools gives it


@dataclass
class Number:
    """A numpy dtype, of numbers."""

    code: str
    order: str = "="


@dataclass
class Array:
    """A numpy array that is being put together."""

    values: np.ndarray | None = None


class Refused(Exception):
    """What is in it is not data. The message is the end of a sentence."""


def read_pickle(path: Path) -> Any:
    """What a pickle of plain data holds: lists, dictionaries, texts, numbers, and numpy arrays of those.

    Raises BadInput for a pickle that asks for anything else, for what is no pickle, and for one that ends early.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise BadInput(f"{path} has {size >> 20} MiB; a demonstration has at most {MOST_BYTES >> 20}")
    try:
        return _whole(_run(pickletools.genops(path.read_bytes())))
    except Refused as error:
        raise BadInput(
            f"{path} is refused: {one_line(str(error))}; legal is a pickle of numbers, texts, lists and numpy arrays"
        ) from None
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, MemoryError) as error:
        raise BadInput(f"{path} is not a whole pickle of plain data: {one_line(first_line(error)[:200])}") from None


def _run(instructions: Iterator[tuple[Any, Any, Any]]) -> Any:
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for instruction, argument, _ in instructions:
        name = instruction.name
        if name in PUSHED:
            stack.append(argument)
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name]())
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            memo[int(argument)] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[int(argument)])
        elif name in STEPS:
            STEPS[name](stack)
        elif name == "GLOBAL":
            stack.append(Name(argument))
        elif name == "STOP":
            return stack.pop()
        elif name not in ("PROTO", "FRAME"):
            raise Refused(f"it holds the instruction {name}")
    raise ValueError("it ends before its last instruction")


def _marked(stack: list[Any]) -> list[Any]:
    """What lies above the last mark, which goes too."""
    for place in range(len(stack) - 1, -1, -1):
        if stack[place] is MARK:
            above = stack[place + 1 :]
            del stack[place:]
            return above
    raise ValueError("it has no mark where one must be")


def _append(stack: list[Any]) -> None:
    value = stack.pop()
    _of(stack[-1], list).append(value)


def _appends(stack: list[Any]) -> None:
    values = _marked(stack)
    _of(stack[-1], list).extend(values)


def _set(stack: list[Any]) -> None:
    value, key = stack.pop(), stack.pop()
    _of(stack[-1], dict)[_of(key, KEYS)] = value


def _sets(stack: list[Any]) -> None:
    pairs = _marked(stack)
    keys = (_of(key, KEYS) for key in pairs[::2])
    _of(stack[-1], dict).update(zip(keys, pairs[1::2], strict=True))


def _named(stack: list[Any]) -> None:
    name, module = _of(stack.pop(), str), _of(stack.pop(), str)
    stack.append(Name(f"{module} {name}"))


def _tuple(length: int) -> Callable[[list[Any]], None]:
    def take(stack: list[Any]) -> None:
        if len(stack) < length:
            raise ValueError("it takes more than there is")
        stack[-length:] = [tuple(stack[-length:])]

    return take


def _called(stack: list[Any]) -> None:
    """Nothing is called: what it would have given is put together."""
    given, name = _of(stack.pop(), tuple), stack.pop()
    said = name.text if isinstance(name, Name) else type(name).__name__
    if not isinstance(name, Name) or said not in CALLS:
        raise Refused(f"it asks for {said.replace(' ', '.')[:80]} to be called")
    stack.append(CALLS[said](*given))


def _built(stack: list[Any]) -> None:
    """The state of a dtype or an array."""
    state, thing = _of(stack.pop(), tuple), stack[-1]
    if isinstance(thing, Number):
        thing.order = state[1] if state[1] in ("<", ">", "|", "=") else "="
    elif isinstance(thing, Array):
        _, shape, number, by_column, data = state
        thing.values = _values(number, data).reshape(shape, order="F" if by_column else "C")
    else:
        raise Refused(f"it gives a state to {type(thing).__name__}")


def _number(code: str, *_: Any) -> Number:
    if not isinstance(code, str) or not ENOUGH.fullmatch(code):
        raise Refused(f"it holds a numpy array of {code!r:.40}")
    return Number(code)


def _values(number: Number, data: bytes) -> np.ndarray:
    order = "" if number.order == "|" else number.order
    return np.frombuffer(bytes(_of(data, bytes | bytearray)), np.dtype(order + number.code))


def _scalar(number: Number, data: bytes) -> float:
    return _values(number, data)[:1].item()


def _flat(data: bytes, number: Number, shape: tuple[int, ...], order: str) -> Array:
    """How the fifth protocol writes an array."""
    return Array(_values(number, data).reshape(shape, order="F" if order == "F" else "C"))


def _encoded(text: str, code: str) -> bytes:
    if code != "latin1":
        raise Refused(f"it holds bytes as {code!r:.40}")
    return text.encode(code)


def _of(thing: Any, kind: Any) -> Any:
    """`thing`, which must be of a kind."""
    if not isinstance(thing, kind):
        raise TypeError(f"it uses a {type(thing).__name__} as a {getattr(kind, '__name__', kind)}")
    return thing


def _whole(thing: Any) -> Any:
    """What it all comes to: arrays themselves, in place of what they were put together in; as deep as demonstrations go."""
    if isinstance(thing, dict):
        return {key: _plain(value) for key, value in thing.items()}
    return _plain(thing)


def _plain(thing: Any) -> Any:
    return thing.values if isinstance(thing, Array) else thing


PUSHED = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "MARK": lambda: MARK,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
}
STEPS: dict[str, Callable[[list[Any]], Any]] = {
    "APPEND": _append,
    "APPENDS": _appends,
    "SETITEM": _set,
    "SETITEMS": _sets,
    "STACK_GLOBAL": _named,
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "REDUCE": _called,
    "BUILD": _built,
    "POP": lambda stack: stack.pop(),
    "POP_MARK": _marked,
    "DUP": lambda stack: stack.append(stack[-1]),
    "TUPLE": lambda stack: stack.append(tuple(_marked(stack))),
    "LIST": lambda stack: stack.append(_marked(stack)),
}
CALLS: dict[str, Callable[..., Any]] = {
    "numpy dtype": _number,
    **{f"numpy.{core}.multiarray scalar": _scalar for core in ("core", "_core")},
    **{f"numpy.{core}.multiarray _reconstruct": lambda *_: Array() for core in ("core", "_core")},
    **{f"numpy.{core}.numeric _frombuffer": _flat for core in ("core", "_core")},
    "_codecs encode": _encoded,  # how the second protocol writes bytes
}
