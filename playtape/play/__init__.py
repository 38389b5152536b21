"""Play a game, by hand, by script or by a policy, at a steady beat; and record it."""

from playtape.play.hands import Manner
from playtape.play.session import play, play_episodes
from playtape.play.worlds import Inside

__all__ = ["Inside", "Manner", "play", "play_episodes"]
