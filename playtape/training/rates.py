"""Does a model's rate fit what it learns from? Who labels, follows or plays looks at what comes later at the rate in its config.

Recordings that are slower are taken whole, so `fps` is what a model looks at at most. Worlds and tokenizers go by the pace of
the clips that they learned from instead (`Loaded.hz`), so theirs may be anything.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from playtape.errors import BadInput
from playtape.models.protocols import Follower, Labeler, Model, Player
from playtape.recordings import Recording
from playtape.training.words import Run

SLOWER = 0.95  # of the model's rate: the frames of a recording may be that much fewer


def check_pace(model: Model, run: Run[Any], hz: Sequence[float]) -> None:
    """Raises BadInput where clips of a model that acts take every n-th frame of recordings, at `hz` of each."""
    if any(hz) and isinstance(model, Player | Labeler | Follower):
        what = f"--mix {run.mix}" if run.mix else f"--data.hz {run.data.hz:g}"
        raise BadInput(
            f"{what} is for worlds and tokenizers: a model that labels or plays looks at {run.model.fps:g} frames a second "
            "whatever its clips had; leave it out, and give --data.fps and --model.fps one rate"
        )


def rates(recordings: Sequence[Recording], fps: float) -> list[float]:
    """How many frames a second of each recording are learned from where at most `fps` are, to four digits."""
    usual = [1e9 / float(np.median(np.diff(one.time_ns))) for one in recordings if len(one.time_ns) > 1]
    return [float(f"{min(rate, fps):.4g}") for rate in usual]


def slower(model: Model, run: Run[Any], recordings: Sequence[Recording]) -> str:
    """A sentence where what a model that acts learns from is slower than it will look at what comes later; else none."""
    if not isinstance(model, Player | Labeler | Follower):
        return ""
    fps, found = run.model.fps, rates(recordings, run.data.fps)
    slow = [rate for rate in found if rate < SLOWER * fps]
    if not slow:
        return ""
    least = min(slow)
    if max(found) * SLOWER > least:  # no one rate is all of theirs, but all can be brought to the least
        said = f"{len(slow)} of {len(found)} recordings are learned from at {least:g} frames a second or some more"
        flags = f"--model.fps {least:g} --data.fps {least:g} makes all of one rate"
    else:
        said = f"the recordings are learned from at {least:g} frames a second"
        flags = f"--model.fps {least:g} makes the model's rate theirs"
    if run.init is not None:
        flags = f"{run.init}, which it begins from, has that rate"
    elif not _legal(run.model, least):
        flags = "no rate that is legal for the model is theirs"
    return f"{said}, and the model looks at {fps:g} when it labels or plays: {flags}"


def _legal(config: Any, fps: float) -> bool:
    try:
        replace(config, fps=fps)
    except BadInput:
        return False
    return True
