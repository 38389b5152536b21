"""A policy that has learned nothing, which is enough to see that it is played rightly."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from playtape.actions import Actions
from playtape.envs import simple_fps
from playtape.models import pixels2play
from playtape.training import checkpoint


@pytest.fixture(scope="session")
def policy(tmp_path_factory) -> Path:
    """A checkpoint folder of a tiny policy for simple_fps; knows no texts."""
    torch.manual_seed(0)
    model = pixels2play.build(replace(pixels2play.tiny(), fps=20.0), simple_fps.SPACE)
    motion = np.round(np.random.default_rng(0).normal(0, 20, (500, 2))).astype(np.float32)
    model.fit(Actions(np.zeros((500, len(simple_fps.SPACE.buttons)), bool), motion))
    folder = tmp_path_factory.mktemp("policy") / "run"
    return checkpoint.save(folder, "pixels2play", model, model.state_dict(), {"steps": 0, "window": 16})
