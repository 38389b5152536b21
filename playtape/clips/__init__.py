"""Recordings to batches: the one resize, the store at model size, seeded sampling, augmentation, text."""

from playtape.clips.clip import Clip, stack
from playtape.clips.dataset import Clips, Source, cut
from playtape.clips.encoders import SentenceEncoder, encoder_names, find_encoder
from playtape.clips.resize import pixels, regular, resize
from playtape.clips.store import Stored, certainty, observed_space, session, store
from playtape.clips.text import Text, embed, embed_all, instructions, user_cache

__all__ = [
    "Clip",
    "Clips",
    "SentenceEncoder",
    "Source",
    "Stored",
    "Text",
    "certainty",
    "cut",
    "embed",
    "embed_all",
    "encoder_names",
    "find_encoder",
    "instructions",
    "observed_space",
    "pixels",
    "regular",
    "resize",
    "session",
    "stack",
    "store",
    "user_cache",
]
