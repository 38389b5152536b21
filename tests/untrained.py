"""A policy that has learned nothing, which is enough to see that it is played and judged rightly."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from playtape.actions import Actions, ActionSpace
from playtape.envs.simple_fps import SPACE
from playtape.models import pixels2play
from playtape.training import checkpoint


def save_untrained(folder: Path, *, text_width: int = 0, space: ActionSpace = SPACE, **train: Any) -> Path:
    """A checkpoint folder of a tiny policy, for simple_fps by default; `train` is added to what its train.json says."""
    torch.manual_seed(0)
    config = replace(pixels2play.tiny(), fps=20.0, text_width=text_width)
    model = pixels2play.build(config, space)
    motion = np.round(np.random.default_rng(0).normal(0, 20, (500, len(space.axes)))).astype(np.float32)
    model.fit(Actions(np.zeros((500, len(space.buttons)), bool), motion))
    about = {"steps": 0, "window": 16} | train
    return checkpoint.save(folder, "pixels2play", model, model.state_dict(), about)
