"""Playtape learns to play by watching: gameplay video becomes actions, actions become agents."""

__version__ = "0.1.0"
