"""What hands did: names, events, action spaces. Numpy only; knows no file, no frame's picture, no clock."""

from playtape.actions import names
from playtape.actions.events import Events
from playtape.actions.space import Actions, ActionSpace, Axis

__all__ = ["ActionSpace", "Actions", "Axis", "Events", "names"]
