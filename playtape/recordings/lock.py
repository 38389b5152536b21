"""A file or folder that one process writes at a time. The system frees it when the process ends, however it ends."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from playtape.errors import BadInput


@contextmanager
def locked(path: Path, refusal: str) -> Generator[None]:
    """While this lasts, nobody else gets `path`, which must exist. Raises BadInput(refusal) if somebody has it.

    Nobody is kept out on Windows, and on drives that know no locks.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput(refusal) from None
        except OSError:  # a drive without locks
            pass
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # else a process begun meanwhile would go on having it
        os.close(descriptor)
