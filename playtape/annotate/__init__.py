"""Goal-level instructions for recordings, by a vision-language model behind an endpoint of the user's. Starts without torch."""

from playtape.annotate.annotate import annotate
from playtape.annotate.prompt import Prompt
from playtape.annotate.settings import Settings, find_key

__all__ = ["Prompt", "Settings", "annotate", "find_key"]
