"""Sentences to vectors: one file an encoder. The folder is the registry: `--data.text minilm` imports `minilm`.

A module has `Encoder`, a class without arguments that is a SentenceEncoder. Making one costs nothing; weights are read at the
first sentence. None downloads anything, reads a pickle, or runs code that lies beside weights. There are no dotted paths
here: a checkpoint names its encoder, and must not say what is imported.
"""

import importlib
import pkgutil
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Protocol

import numpy as np

from playtape.errors import BadInput

__all__ = ["NotHere", "SentenceEncoder", "encoder_names", "find_encoder", "without"]


class NotHere(BadInput):
    """An encoder's package or weights are not on this machine. The message says how to bring them."""


class SentenceEncoder(Protocol):
    """`name` is the file's; `width` is E, the numbers a sentence becomes."""

    name: str
    width: int

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [n, E] on the CPU. A text's row depends on nothing but the text; what is longer than the encoder's limit
        is cut there. Raises NotHere if the weights or a package are missing, BadInput if what is there cannot be read."""
        ...


def encoder_names() -> list[str]:
    """The encoders that come with Playtape: modules of this folder."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def find_encoder(name: str) -> SentenceEncoder:
    """An encoder by name, its weights not yet read. Raises BadInput with the nearest legal name."""
    legal = encoder_names()
    if name not in legal:
        near = get_close_matches(name, legal, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise BadInput(f"there is no text encoder {name!r}; {hint}legal are {', '.join(legal)}")
    return importlib.import_module(f"{__name__}.{name}").Encoder()


def without(name: str, package: str) -> NotHere:
    """What to raise where an encoder's package is not installed."""
    return NotHere(
        f"the text encoder {name} needs the package {package}, which is not installed; `pip install 'playtape[text]'` brings it"
    )
