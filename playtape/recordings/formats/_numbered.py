"""Clips that are folders of numbered pictures: which folders, in which order, and the pictures one by one."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from playtape.errors import BadInput, first_line
from playtape.recordings.formats._coded import coded
from playtape.recordings.video import Video

LAST_NUMBER = re.compile(r"(\d+)\D*$")
KINDS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".bmp": "BMP",
}  # ending -> Pillow's word for it
Kinds = dict[str, str]


def folders(root: Path, kinds: Kinds) -> list[Path]:
    """The folders with pictures of these kinds at or below `root`, sorted. Raises BadInput for a file."""
    if Path(root).is_file():
        raise BadInput(f"{root} is a file; give the folder of a clip's frames, or a folder of such folders")
    found = []
    for folder, below, files in os.walk(root):
        below[:] = [name for name in below if not name.startswith(".")]  # such as one that is being written
        if any(is_picture(name, kinds) for name in files):
            found.append(Path(folder))
    return sorted(found)


def is_picture(name: str, kinds: Kinds) -> bool:
    return name.lower().endswith(tuple(kinds)) and not name.startswith(".")


def frames_of(folder: Path, kinds: Kinds) -> list[Path]:
    """A clip's pictures, in the order of the number that their names end in. Raises BadInput for fewer than two, and for what is
    no file, such as a pipe, which nobody may ever write into."""
    found = sorted((file for file in folder.iterdir() if is_picture(file.name, kinds)), key=place)
    for file in found:
        _check_file(file, kinds)
    if len(found) < 2:
        raise BadInput(f"{folder} holds {len(found)} {told(kinds)} frames; a clip has two or more")
    return found


def place(file: Path) -> tuple[int, str]:
    """The number that a frame's name ends in; frames without one come first, by their names."""
    number = LAST_NUMBER.search(file.stem)
    return (int(number[1]) if number else -1, file.name)


def missing(frames: list[Path]) -> int:
    """How many numbers between the first and the last have no picture."""
    numbers = [place(file)[0] for file in frames]
    return max(0, numbers[-1] - numbers[0] + 1 - len(numbers))


def filmed(
    folder: Path, frames: list[Path], kinds: Kinds, fps: float | None, time_ns: Sequence[int] | None = None
) -> Video:
    """The pictures as a video, which lives as long as somebody looks at it. Raises BadInput for what is no picture, or of another
    size than the first."""
    height, width = picture(frames[0], kinds).shape[:2]
    return coded(folder.name, _pictures(frames, kinds, (height, width)), (width, height), fps, time_ns)


def _pictures(frames: list[Path], kinds: Kinds, size: tuple[int, int]) -> Iterator[np.ndarray]:
    for file in frames:
        found = picture(file, kinds)
        if found.shape[:2] != size:
            raise BadInput(
                f"{file} is {found.shape[1]}x{found.shape[0]}, and the clip's first frame {size[1]}x{size[0]}; "
                "all must be of one size"
            )
        yield found


def picture(file: Path, kinds: Kinds) -> np.ndarray:
    """uint8 [H, W, 3]."""
    from PIL import Image

    _check_file(file, kinds)
    try:
        with Image.open(file, formats=tuple(dict.fromkeys(kinds.values()))) as image:
            return np.asarray(image.convert("RGB"))
    except Exception as error:  # Pillow raises a dozen kinds for what is damaged
        raise BadInput(f"{file} is not a readable {told(kinds)} picture: {first_line(error)}") from error


def _check_file(file: Path, kinds: Kinds) -> None:
    if not file.is_file():
        raise BadInput(f"{file} is no file; a clip's frames are {told(kinds)} files")


def told(kinds: Kinds) -> str:
    """ "JPEG", or "JPEG, PNG, WEBP or BMP"."""
    *most, last = dict.fromkeys(kinds.values())
    return f"{', '.join(most)} or {last}" if most else last
