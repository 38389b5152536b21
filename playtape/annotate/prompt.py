"""The question to the model: a text with places, the user's or the one that comes with Playtape, filled in for each chunk."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path

from playtape.errors import BadInput

PLACES = {
    "game": "the name of the game",
    "length": "how long the stretch is, as MM:SS",
    "gap": "the least number of seconds between two instructions",
    "before": "what was told of the recording until then",
}
NEEDED = ("length", "before")
LONGEST = 100_000  # characters
PLACE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


@dataclass(frozen=True)
class Prompt:
    """A text with places such as {{game}}."""

    text: str
    name: str = "the prompt that comes with Playtape"

    def __post_init__(self) -> None:
        legal = f"legal are {', '.join(f'{{{{{place}}}}}' for place in PLACES)}"
        found = PLACE.findall(self.text)
        for place in found:
            if place not in PLACES:
                near = get_close_matches(place, PLACES, 1)
                hint = f"did you mean {{{{{near[0]}}}}}? " if near else ""
                raise BadInput(f"{self.name} has the unknown place {{{{{place[:40]}}}}}; {hint}{legal}")
        for place in NEEDED:
            if place not in found:
                raise BadInput(
                    f"{self.name} has no {{{{{place}}}}} ({PLACES[place]}); put it where the model shall read that"
                )

    @classmethod
    def read(cls, path: Path | None) -> "Prompt":
        """The prompt of a file; without one, Playtape's. Raises BadInput for what is no text, unknown places and missing ones."""
        if path is None:
            return cls(files("playtape.annotate").joinpath("prompt.txt").read_text("utf-8"))
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no UTF-8 text"
            raise BadInput(
                f"cannot read the prompt {path}: {why}; `playtape annotate --show-prompt` prints one to change"
            ) from None
        if not text.strip() or len(text) > LONGEST:
            raise BadInput(
                f"the prompt {path} has {len(text)} characters; legal are 1 to {LONGEST}, not all of them blank"
            )
        return cls(text, str(path))

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    def filled(self, values: Mapping[str, str]) -> str:
        """The text with a value in each place. What a value says is never taken for a place."""
        return PLACE.sub(lambda found: values[found[1]], self.text).strip()
