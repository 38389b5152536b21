"""Recordings to batches: the one resize, the store at model size, seeded sampling, augmentation."""

from playtape.clips.clip import Clip, stack
from playtape.clips.dataset import Clips, Source, cut
from playtape.clips.resize import regular, resize
from playtape.clips.store import Stored, certainty, observed_space, session, store

__all__ = [
    "Clip",
    "Clips",
    "Source",
    "Stored",
    "certainty",
    "cut",
    "observed_space",
    "regular",
    "resize",
    "session",
    "stack",
    "store",
]
