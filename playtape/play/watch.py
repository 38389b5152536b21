"""Hands that may stall, such as a model's: nothing stays pressed while they do not answer, and the game goes on.

A thread asks them. An answer that is a little late is still done; one that is not there after PATIENCE seconds is not waited
for: everything is let go until it comes, and then they are told so. After GIVE_UP seconds the play ends.
"""

import queue
import threading
import time
from typing import Any

import numpy as np

from playtape import envs
from playtape.actions import ActionSpace
from playtape.errors import BadInput
from playtape.play.clock import Clock
from playtape.play.hands import Taught

PATIENCE, GIVE_UP = 0.5, 20.0  # seconds


class Watched:
    """`inner` plays, and `clock` counts the steps at which it did not answer. Raises BadInput when it is given up."""

    def __init__(
        self, inner: Taught, space: ActionSpace, clock: Clock, patience: float = PATIENCE, give_up: float = GIVE_UP
    ):
        self.inner, self.space, self.clock, self.patience, self.give_up = inner, space, clock, patience, give_up
        self._asked: queue.SimpleQueue[tuple[np.ndarray, dict[str, Any]]] = queue.SimpleQueue()
        self._said: queue.SimpleQueue[dict[str, np.ndarray] | BaseException] = queue.SimpleQueue()
        self._since: float | None = None  # when the question that is not answered was asked
        threading.Thread(
            target=self._answer, daemon=True, name="hands"
        ).start()  # a stalled one must not hold the exit up

    def start(self, seed: int) -> None:
        """A new episode. One that is stalled is waited for until it is given up."""
        if self._since is not None:
            self._wait(max(0.0, self._since + self.give_up - time.monotonic()))
        self.inner.start(seed)

    def act(self, obs: np.ndarray, info: dict[str, Any]) -> dict[str, np.ndarray]:
        """What they say, or nothing pressed and nothing moved."""
        if self._since is not None:  # still stalled, or was until just now
            if self._wait(0.0) is None:
                return self._nothing()
            self.inner.told(envs.nothing(self.space))
        self._since = time.monotonic()
        self._asked.put((obs, info))
        action = self._wait(self.patience)
        return self._nothing() if action is None else action

    def told(self, action: dict[str, np.ndarray]) -> None:
        if self._since is None:
            self.inner.told(action)

    def _answer(self) -> None:
        while True:
            obs, info = self._asked.get()
            try:
                self._said.put(self.inner.act(obs, info))
            except BaseException as error:
                self._said.put(error)

    def _wait(self, seconds: float) -> dict[str, np.ndarray] | None:
        """The answer, if it comes in time; what went wrong in the thread is raised here."""
        try:
            said = self._said.get(timeout=seconds) if seconds else self._said.get_nowait()
        except queue.Empty:
            return None
        self._since = None
        if isinstance(said, BaseException):
            raise said
        return said

    def _nothing(self) -> dict[str, np.ndarray]:
        self.clock.stalled += 1
        if self._since is not None and time.monotonic() - self._since > self.give_up:
            raise BadInput(f"the policy has not answered for {self.give_up:g} seconds; all inputs were let go")
        return dict(envs.nothing(self.space))
