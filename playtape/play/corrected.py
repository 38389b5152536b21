"""A policy plays, and the game's scripted player takes over now and then and hands back: corrections without a person.

The states are those that the policy gets into, the answers the script's (DAgger, arXiv 1011.0686). As with a person who takes
over (shared.py), the policy is told what was done, and of the recording only the script's stretches are learned from.
"""

from typing import Any

import numpy as np

from playtape.play.hands import Hands, Taught

POLICY, SCRIPT = (40, 160), (30, 100)  # steps of a stretch, from and below


class Corrected:
    """`who` is in control: the policy's name, or "scripted". The script begins each of its stretches afresh, hands free."""

    def __init__(self, policy: Taught, script: Hands, name: str):
        self.policy, self.script, self.name = policy, script, name
        self.who, self.left = name, 0

    def start(self, seed: int) -> None:
        """The policy begins; the seed decides when the script takes over."""
        self.policy.start(seed)
        self.draw, self.who = np.random.default_rng(seed), self.name
        self.left = int(self.draw.integers(*POLICY))

    def act(self, obs: np.ndarray, info: dict[str, Any]) -> dict[str, np.ndarray]:
        """What whoever is in control does."""
        if not self.left:
            self._hand()
        self.left -= 1
        said = self.policy.act(obs, info)
        if self.who == self.name:
            return said
        done = self.script.act(obs, info)
        self.policy.told(done)
        return done

    def _hand(self) -> None:
        if self.who == self.name:
            self.who, self.left = "scripted", int(self.draw.integers(*SCRIPT))
            self.script.start(int(self.draw.integers(2**31)))
        else:
            self.who, self.left = self.name, int(self.draw.integers(*POLICY))
