"""A policy plays in a window, and a person may take over at any moment and hand back: F1. Escape ends at once, F2 pauses.

What the person does is told to the policy, which goes on from there as if it had done it itself; in the recording it is the
person's, and only that is learned from (DAgger, arXiv 1011.0686; the correction data of Pixels2Play).
"""

import time
from typing import Any

import numpy as np

from playtape.envs._window import Window
from playtape.play.hands import Taught


class Shared:
    """One step is the time that a picture is shown: the policy answers at its start, the person has until its end.

    `who` is in control: the policy's name, or "human". Closing the window or Escape raises KeyboardInterrupt, as Ctrl-C would.
    """

    def __init__(self, policy: Taught, name: str, window: Window, hz: float):
        self.policy, self.name, self.window, self.seconds = policy, name, window, 1 / hz
        self.who, self.due = name, 0.0

    def start(self, seed: int) -> None:
        """The policy begins."""
        self.policy.start(seed)
        self._hand(self.name)
        self.window.read()
        self.due = time.monotonic()

    def act(self, obs: np.ndarray, info: dict[str, Any]) -> dict[str, np.ndarray]:
        """What whoever is in control does while this picture is shown."""
        begun = time.monotonic()
        said = self.policy.act(obs, info)
        took = 1000 * (time.monotonic() - begun)
        lines = [f"{self.who} (F1 {'hands back' if self.who == 'human' else 'takes over'}), {took:.0f} ms"]
        self.window.show(obs, [*lines, info["text"]] if info.get("text") else lines)
        self.due = max(self.due + self.seconds, time.monotonic())
        time.sleep(max(0.0, self.due - time.monotonic()))
        self._heed(obs, lines)
        done = self.window.read()
        if self.who != "human":
            return said
        self.policy.told(done)
        return done

    def _heed(self, obs: np.ndarray, lines: list[str]) -> None:
        paused = False
        while True:
            for control in self.window.controls():
                if control == "end":
                    self.window.close()
                elif control == "pause":
                    paused = not paused
                    self._hand(self.who)  # the mouse is the person's again
                else:
                    self._hand(self.name if self.who == "human" else "human")
            if self.window.closed:
                raise KeyboardInterrupt("the window was closed")
            if not paused:
                return
            self.window.hold_mouse(False)
            self.window.show(obs, [*lines, "paused; F2 goes on, Escape ends"])
            time.sleep(0.02)
            self.due = time.monotonic()

    def _hand(self, who: str) -> None:
        self.who = who
        self.window.hold_mouse(who == "human")
