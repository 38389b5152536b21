"""What a checkpoint is, for `playtape info`: its model, what it acts with, how it was trained, and what may be done with it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from playtape.recordings.licences import KEY, forbidding
from playtape.training import checkpoint
from playtape.training.tensors import check_whole

TOLD = (
    "recipe",
    "steps",
    "seed",
    "parameters",
    "frames",
    "fps",
    "window",
    "text_encoder",
    "playtape_version",
    "history",
)


def about(folder: Path) -> dict[str, Any]:
    """{"path", "kind": "run", "model", "buttons", "axes", "config", ..., "licences", "not_for_commerce"}; all values are plain.

    Raises BadInput for what is no checkpoint, and for weights that are not whole by their header.
    """
    told = checkpoint.described(folder)
    check_whole(folder / checkpoint.FILES[0])
    named = list(told.train.get(KEY, ()))
    return {
        "path": str(folder),
        "kind": "run",
        "model": told.name,
        "buttons": list(told.space.buttons),
        "axes": [axis.name for axis in told.space.axes],
        "config": asdict(told.config),
        **{key: told.train.get(key) for key in TOLD},
        "trained_on": len(told.train.get("trained_on") or ()),
        "held_out": len(told.train.get("held_out") or ()),
        "licences": named,
        "not_for_commerce": forbidding(named),
    }
