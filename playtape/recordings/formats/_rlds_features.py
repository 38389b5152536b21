"""What features.json of a data set says that each step of an episode holds, as TensorFlow Datasets write it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from playtape.errors import BadInput, first_line

FILE = "features.json"
MOST_BYTES = 16 << 20  # of features.json
MOST_NUMBERS = 2**24  # of a tensor
DEEPEST = 20
Kind = Literal["picture", "whole", "real", "text", "other"]
WHOLE = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
DTYPES: dict[str, Kind] = {**dict.fromkeys(WHOLE, "whole"), "float32": "real", "float64": "real", "string": "text"}


@dataclass(frozen=True)
class Feature:
    """One value a step: a picture of `shape` [H, W, C] (None where it may differ), numbers of `shape`, a text, or what nothing
    here reads, and `said` is what that is."""

    kind: Kind
    shape: tuple[int | None, ...] = ()
    said: str = ""

    @property
    def count(self) -> int:
        """Numbers of a step."""
        count = 1
        for length in self.shape:
            count *= length or 0
        return count


def features(folder: Path) -> dict[str, Feature]:
    """What a step holds, by names such as observation/image, sorted.

    Raises BadInput if the folder has no features.json, or one that tells of no steps.
    """
    path = folder / FILE
    if not path.is_file():
        raise BadInput(f"{folder} has no {FILE}, which TensorFlow Datasets write beside the episodes")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadInput(f"{path} has more than {MOST_BYTES >> 20} MiB")
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path} is no readable JSON: {first_line(error)[:120]}") from None
    steps = _at(content, "featuresDict", "features", "steps", "sequence", "feature")
    if not isinstance(steps, dict):
        raise BadInput(f"{path} tells of no steps, so it is none of a data set of episodes (RLDS)")
    return dict(sorted(_flat(steps, "", DEEPEST)))


def _flat(told: Mapping[str, Any], name: str, deeper: int) -> Iterator[tuple[str, Feature]]:
    inside = _at(told, "featuresDict", "features")
    if isinstance(inside, dict) and deeper:
        for key, each in inside.items():
            if isinstance(each, dict):
                yield from _flat(each, f"{name}/{key}" if name else key, deeper - 1)
    elif name:
        yield name, _leaf(told)


def _leaf(told: Mapping[str, Any]) -> Feature:
    if isinstance(told.get("text"), dict):
        return Feature("text")
    for key in ("image", "tensor"):
        about = told.get(key)
        shape = _shape(about) if isinstance(about, dict) else None
        if not isinstance(about, dict) or shape is None:
            continue
        dtype, packed = str(about.get("dtype", "uint8")), str(about.get("encoding", "none"))
        other = Feature("other", said=f"{dtype}[{', '.join(map(str, shape))}], {packed}")
        if key == "image":
            return Feature("picture", shape) if dtype == "uint8" else other
        kind = DTYPES.get(dtype)
        if packed != "none" or None in shape or kind is None:
            return other
        found = Feature(kind, shape)
        return found if 0 < found.count <= MOST_NUMBERS else other
    return Feature("other", said=", ".join(sorted(map(str, told)))[:60])


def _shape(about: Mapping[str, Any]) -> tuple[int | None, ...] | None:
    """None where it is damaged; a -1 is a length that may differ."""
    told = _at(about, "shape", "dimensions") or []
    if not isinstance(told, list) or not all(type(each) in (int, str) for each in told):
        return None
    try:
        lengths = [int(each) for each in told]
    except ValueError:
        return None
    if len(lengths) > DEEPEST or any(not -1 <= each <= MOST_NUMBERS for each in lengths):
        return None
    return tuple(None if each == -1 else each for each in lengths)


def _at(content: Any, *keys: str) -> Any:
    """What lies there, None if nothing does."""
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content
