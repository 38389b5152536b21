"""`playtape adapt`: a labeller learns one person's game, and is told apart from one that is not good enough to label with."""

from playtape.adapt.adapt import Wanted, adapt

__all__ = ["Wanted", "adapt"]
