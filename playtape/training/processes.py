"""Which of a run's processes this one is: `torchrun` makes several, each of which learns from clips of its own."""

import os
from collections.abc import Callable


def process() -> tuple[int, int]:
    """This process' number, from 0 on, and how many there are; `torchrun` tells them."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def share() -> Callable[[int], int]:
    """A step to the number of the batch that this process draws in it: no two ever draw the same."""
    rank, count = process()
    return lambda step: step * count + rank
