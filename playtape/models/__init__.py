"""One file, one published model: its Config, its module, its RECIPES. `recipe(name)` finds one by looking into the folder."""

import importlib
import pkgutil
from difflib import get_close_matches
from types import ModuleType

from playtape.errors import BadInput
from playtape.models.recipe import Recipe

__all__ = ["Recipe", "model", "modules", "recipe"]

NOT_MODELS = (
    *("action_tokens", "beliefs", "event_idm_weights", "event_lanes", "event_line", "event_loop", "event_rows"),
    *("pixels2play_weights", "protocols", "recipe", "world_model_weights"),
)


def modules() -> dict[str, ModuleType]:
    """Every model file of this folder by name. The folder is the registry."""
    names = [info.name for info in pkgutil.iter_modules(__path__) if info.name not in NOT_MODELS]
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}


def model(name: str) -> ModuleType:
    """A model's module: a file here, or a dotted path for code outside."""
    if "." in name:
        return importlib.import_module(name)
    found = modules()
    if name not in found:
        raise BadInput(f"there is no model {name!r}; legal are {', '.join(sorted(found))}")
    return found[name]


def recipe(name: str) -> tuple[str, Recipe]:
    """The module's name and the recipe of `name`. Raises BadInput with the nearest legal names."""
    every = {key: (module, value) for module, loaded in modules().items() for key, value in loaded.RECIPES.items()}
    if name not in every:
        near = get_close_matches(name, every, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise BadInput(f"there is no recipe {name!r}; {hint}legal are {', '.join(sorted(every))}")
    return every[name]
