"""A full disk is waited for: what took hours to compute is not thrown away because somebody else filled the disk."""

import errno
import time
from collections.abc import Callable
from typing import TypeVar

from playtape.errors import BadInput

FULL = {errno.ENOSPC, errno.EDQUOT}
WAIT_S = 5.0
Made = TypeVar("Made")


def full(error: BaseException | None) -> bool:
    """Is it, or what it came from, a disk without space?"""
    return isinstance(error, OSError) and error.errno in FULL


def patient(write: Callable[[], Made], tell: Callable[[str], None]) -> Made:
    """What `write` gives, which is called again while the disk is full; that is told once. It must leave nothing
    half-written."""
    told = False
    while True:
        try:
            return write()
        except (BadInput, OSError) as error:
            if not full(error) and not full(error.__cause__):
                raise
            if not told:
                why = str(error).removesuffix("; nothing was written, free some and try again")
                tell(f"paused: {why}; it goes on by itself when there is some, Ctrl-C leaves")
            told = True
        time.sleep(WAIT_S)
