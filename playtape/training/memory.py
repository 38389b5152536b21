"""What a training asks of the machine's memory, and what becomes of what it has freed.

A training step on CPU frees and asks again for blocks of tens of MB. glibc returns each to the kernel, which zeroes it page
by page on the next use: measured here, a step takes 2.9 times as long (123 against 356 frames/s). So it is told to keep them.
"""

import ctypes
import os
import sys
from collections.abc import Callable

import torch
from torch import nn

from playtape.errors import BadInput

HELD = 16  # bytes a learned number takes at least: itself, its gradient, and AdamW's two moments
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4  # malloc.h of glibc


def keep_freed_memory() -> bool:
    """True if the C library was told; anything but glibc is left as it is."""
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    settings = ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, 256 * 2**20))
    return all(mallopt(option, value) == 1 for option, value in settings)


def check_fits(build: Callable[[], nn.Module]) -> None:
    """Raises BadInput for a model that this machine's memory could not train; its weights are not made for that."""
    with torch.device("meta"):
        count = sum(weight.numel() for weight in build().parameters())
    try:
        most = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # a system that does not tell
        return
    if count * HELD > most:
        raise BadInput(
            f"a model of these sizes has {count:,} parameters, which take {count * HELD / 2**30:,.0f} GiB to train; "
            f"this machine has {most / 2**30:,.0f}"
        )
