"""Games and simulators: one file a game. The folder is the registry: `playtape play scripted doom` imports `doom`.

A module has `make(scenario=None) -> gymnasium.Env`, `scenarios() -> tuple[str, ...]`, and where one can be had
`ScriptedPlayer(env, seed=0, skill=0.7)` with `start()` and `act(obs, info) -> action`. Its environment has `.actions`, an
ActionSpace, and `.hz`, steps a second, and may have `.score_range`, the least and the largest score of an episode; its
action space is `gym_space(env.actions)`, and its observation the picture, uint8 [H, W, 3] RGB, after the step's action.
Files whose names begin with an underscore are parts of those without.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
from gymnasium import spaces

from playtape.actions import ActionSpace
from playtape.errors import BadInput

__all__ = ["env_names", "find_env", "gym_space", "nothing", "random_action"]

REACH = 20.0  # the largest motion of a step, in an axis' typical magnitudes


def env_names() -> list[str]:
    """The games that come with Playtape: modules of this folder."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def find_env(name: str) -> ModuleType:
    """Import a game by name or dotted path. Raises BadInput that lists the legal ones, or says what must be installed."""
    legal = f"legal are {', '.join(env_names())}, or the dotted path of a module with make"
    dotted = "." in name and all(part.isidentifier() for part in name.split("."))
    if name not in env_names() and not dotted:
        raise BadInput(f"unknown game {name!r}; {legal}")
    try:
        module = importlib.import_module(name if dotted else f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        if dotted and name.startswith(error.name or " "):
            raise BadInput(f"there is no game module {name!r}; {legal}") from error
        package = error.name if dotted else f"'playtape[{name}]'"
        raise BadInput(
            f"the game {name!r} needs the package {error.name}, which is not installed; pip install {package} installs it"
        ) from error
    if not callable(getattr(module, "make", None)):
        raise BadInput(f"the module {name!r} is not a game: it has no make; {legal}")
    return module


def gym_space(space: ActionSpace) -> spaces.Dict:
    """Gymnasium's form of an action space: {"buttons": MultiBinary(B), "axes": Box [A] in native units}."""
    limit = np.array([REACH * axis.scale for axis in space.axes], np.float32)
    return spaces.Dict(
        {"buttons": spaces.MultiBinary(len(space.buttons)), "axes": spaces.Box(-limit, limit, dtype=np.float32)}
    )


def nothing(space: ActionSpace) -> dict[str, np.ndarray]:
    """The action of hands that rest."""
    return {"buttons": np.zeros(len(space.buttons), np.int8), "axes": np.zeros(len(space.axes), np.float32)}


def random_action(space: ActionSpace, rng: np.random.Generator) -> Mapping[str, Any]:
    """Each button held with probability 1/2, each axis normal with its typical magnitude: the player to beat."""
    scale = np.array([axis.scale for axis in space.axes], np.float32)
    axes = np.clip(rng.normal(0, scale), -REACH * scale, REACH * scale)
    return {"buttons": rng.integers(0, 2, len(space.buttons)).astype(np.int8), "axes": axes.astype(np.float32)}
