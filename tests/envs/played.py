"""One episode of any player at any game, kept so that a test can look at it."""

from typing import Any, NamedTuple

import numpy as np


class Played(NamedTuple):
    pictures: list[np.ndarray]  # uint8 [H, W, 3], one more than steps
    rewards: list[float]
    ended: bool  # by the game itself, not cut
    info: dict[str, Any]  # of the last step

    @property
    def score(self) -> float:
        return sum(self.rewards)


def play(env: Any, player: Any, seed: int, steps: int = 10**6) -> Played:
    """Until the game ends or is cut, at most `steps`."""
    obs, info = env.reset(seed=seed)
    player.start(seed)
    pictures, rewards = [obs], []
    ended = cut = False
    while len(rewards) < steps and not (ended or cut):
        obs, reward, ended, cut, info = env.step(player.act(obs, info))
        pictures.append(obs)
        rewards.append(float(reward))
    return Played(pictures, rewards, ended, info)
