"""Small videos and an untrained model, and what a folder of labels holds."""

from pathlib import Path

import numpy as np
import torch

from playtape.actions.games import DOOM
from playtape.label.ledger import DONE, QUARANTINED, Ledger, Line
from playtape.models import idm
from playtape.recordings import write_video
from playtape.training import checkpoint


def save_model(folder: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    net = idm.build(idm.tiny(), DOOM)
    train = {"trained_on": ["seen"], "calibration": {}}
    return checkpoint.save(folder, "idm", net, net.state_dict(), train)


def film(path: Path, frames: int, seed: int = 0, fps: float = 35) -> Path:
    """A wall that a camera moves along."""
    path.parent.mkdir(parents=True, exist_ok=True)
    wall = np.random.default_rng(seed).integers(0, 256, (60, 400, 3), np.uint8)
    return write_video(path, (wall[:, 2 * i % 280 : 2 * i % 280 + 120] for i in range(frames)), fps=fps)


def labels(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*.mcap"))}


def lines(out: Path) -> dict[str, Line]:
    return Ledger(out).lines


def states(out: Path) -> dict[str, str]:
    """Each name's state, done or why not."""
    found = lines(out)
    assert {line.state for line in found.values()} <= {DONE, QUARANTINED}
    return {name: line.state if line.state == DONE else line.reason for name, line in found.items()}
