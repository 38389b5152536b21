"""Models that have learned nothing, which is enough to see that they are played, and played in, rightly."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from playtape.actions import Actions, ActionSpace
from playtape.envs.simple_fps import SPACE
from playtape.models import pixels2play, world_model
from playtape.training import checkpoint
from playtape.training.starts import FILE
from playtape.training.tensors import write_tensors


def save_untrained(folder: Path, *, text_width: int = 0, space: ActionSpace = SPACE, **train: Any) -> Path:
    """A checkpoint folder of a tiny policy, for simple_fps by default; `train` is added to what its train.json says."""
    torch.manual_seed(0)
    config = replace(pixels2play.tiny(), fps=20.0, text_width=text_width)
    model = pixels2play.build(config, space)
    motion = np.round(np.random.default_rng(0).normal(0, 20, (500, len(space.axes)))).astype(np.float32)
    model.fit(Actions(np.zeros((500, len(space.buttons)), bool), motion))
    about = {"steps": 0, "window": 16} | train
    return checkpoint.save(folder, "pixels2play", model, model.state_dict(), about)


def save_untrained_world(folder: Path, *, space: ActionSpace = SPACE, starts: int = 3, **config: Any) -> Path:
    """A checkpoint folder of a tiny world model of 16 x 16 pixels that heeds actions, with so many moments to begin from."""
    torch.manual_seed(0)
    model = world_model.build(replace(world_model.tiny(), **config), space)
    for name, parameter in model.named_parameters():
        parameter.data += 0.2 * torch.randn_like(parameter) if "tokenizer" not in name else 0
    checkpoint.save(folder, "world_model", model, model.state_dict(), {"trained_on": []})
    side, context = model.config.tokenizer.side, model.config.tokenizer.context
    if starts:
        frames = torch.randint(0, 256, (starts, context, 3, side, side), dtype=torch.uint8)
        write_tensors(folder / FILE, {"frames": frames})
    return folder
