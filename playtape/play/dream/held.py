"""What a browser's hands do, between two steps of the world. A tap counts however short it is."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from playtape.actions import ActionSpace
from playtape.envs import gym_space, nothing


class Held:
    """Buttons that were down at any moment since the last read, motion summed over it, positions as they were put last."""

    def __init__(self, space: ActionSpace):
        self.space = space
        reach: Any = gym_space(space)["axes"]
        self._limit = reach.high
        self.release()

    def hear(self, held: Collection[str], axes: Mapping[str, float]) -> None:
        """All buttons that are down now, and axes that moved (a motion since the last word), or were put somewhere."""
        self._down = set(held)
        self._tapped |= self._down
        for k, axis in enumerate(self.space.axes):
            if axis.name in axes:
                before = self._axes[k] if axis.kind == "sum" else 0.0
                self._axes[k] = before + axes[axis.name]

    def read(self) -> dict[str, np.ndarray]:
        """The action of the time since the last read."""
        action = nothing(self.space)
        action["buttons"][:] = [name in self._down | self._tapped for name in self.space.buttons]
        action["axes"][:] = np.clip(self._axes, -self._limit, self._limit)
        self._tapped = set()
        self._axes[[axis.kind == "sum" for axis in self.space.axes]] = 0
        return action

    def release(self) -> None:
        """Let everything go; what was put somewhere goes back to 0."""
        self._down: set[str] = set()
        self._tapped: set[str] = set()
        self._axes = np.zeros(len(self.space.axes))
