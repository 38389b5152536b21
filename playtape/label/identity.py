"""Which video it is: the SHA-256 of all of its bytes, so that a video is known under any name; and the fetching of URLs.

A digest is computed once: the ledger keeps it beside the file's size and time (ledger.py).
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from playtape.errors import BadInput
from playtape.label.inputs import said
from playtape.recordings.atomic import atomic
from playtape.recordings.timeline import signature

BLOCK = 16 << 20  # bytes
Tick = Callable[[int], None]


def identify(path: Path, tick: Tick = lambda size: None) -> tuple[str, tuple[int, int]]:
    """(SHA-256, (size, modification time in ns)). Raises BadInput for what cannot be read, or changes meanwhile."""
    if not path.is_file():
        raise BadInput(f"there is no video file {path}" if not path.is_dir() else f"{path} is a folder")
    try:
        before, digest = signature(path), hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
                tick(len(block))
        after = signature(path)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    if after != before:
        raise BadInput(f"{path} changed while it was being read; wait until it is complete and try again")
    return digest.hexdigest(), before


def fetch(url: str, target: Path, tick: Tick = lambda size: None) -> None:
    """The bytes of a URL into a file that appears whole. Raises BadInput where either side fails; from OSError if it was the
    disk."""
    if target.is_file():
        return  # by a run that was cut off after it: what is there is whole
    with atomic(target) as temporary, temporary.open("wb") as file:
        for block in _blocks(url):
            file.write(block)
            tick(len(block))


def _blocks(url: str) -> Iterator[bytes]:
    import fsspec

    try:
        with fsspec.open(url, "rb") as source:
            while block := source.read(BLOCK):
                yield block
    except Exception as error:  # each file system has errors of its own
        raise BadInput(f"{url} cannot be read: {said(error)}") from None
