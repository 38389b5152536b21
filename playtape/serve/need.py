"""Packages of the extra `serve`."""

import importlib
from types import ModuleType

from playtape.errors import BadInput


def need(module: str) -> ModuleType:
    """Raises BadInput that says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.split(".")[0]
        raise BadInput(
            f"this needs the package {package}, which is not installed; pip install 'playtape[serve]' installs it"
        ) from None
