"""A player that stalls: everything is let go, the game goes on, and it is told so when it answers again."""

import threading
import time
from typing import Any

import numpy as np
import pytest

from playtape.actions import ActionSpace
from playtape.errors import BadInput
from playtape.play.clock import Clock
from playtape.play.watch import Watched

SPACE = ActionSpace(("key.w",), ())
OBS = np.zeros((2, 2, 3), np.uint8)


class Slow:
    """Presses W, once `gate` is open."""

    def __init__(self) -> None:
        self.gate, self.heard, self.fails = threading.Event(), [], False
        self.gate.set()

    def start(self, seed: int) -> None:
        self.heard.append("start")

    def act(self, obs: np.ndarray, info: dict[str, Any]) -> dict[str, np.ndarray]:
        assert self.gate.wait(10)
        if self.fails:
            raise BadInput("it broke")
        return {"buttons": np.ones(1, np.int8), "axes": np.zeros(0, np.float32)}

    def told(self, action: dict[str, np.ndarray]) -> None:
        self.heard.append(int(action["buttons"][0]))


def held(watched: Watched) -> int:
    return int(watched.act(OBS, {})["buttons"][0])


def test_a_stalled_player_holds_nothing_and_is_told_so() -> None:
    slow, clock = Slow(), Clock(None)
    watched = Watched(slow, SPACE, clock, patience=0.05)
    watched.start(0)
    assert held(watched) == 1
    slow.gate.clear()
    begun = time.monotonic()
    assert [held(watched) for _ in range(5)] == [0] * 5
    assert time.monotonic() - begun < 2
    assert clock.stalled == 5
    slow.gate.set()
    while not held(watched):  # until the thread has said what it could not say in time
        time.sleep(0.001)
    assert slow.heard == ["start", 0]
    assert clock.report()["stalled"] >= 5


def test_a_player_that_never_answers_is_given_up() -> None:
    slow = Slow()
    watched = Watched(slow, SPACE, Clock(None), patience=0.01, give_up=0.05)
    slow.gate.clear()
    with pytest.raises(BadInput, match="not answered for 0.05 seconds; all inputs were let go"):
        for _ in range(100):
            held(watched)
            time.sleep(0.005)
    slow.gate.set()


def test_what_breaks_in_the_thread_is_raised_in_the_game() -> None:
    slow = Slow()
    slow.fails = True
    with pytest.raises(BadInput, match="it broke"):
        held(Watched(slow, SPACE, Clock(None)))
