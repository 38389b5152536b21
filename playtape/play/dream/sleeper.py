"""One browser's dream: a world, what the browser's hands do in it, and its recording. Knows no socket.

`hear` is for the thread that talks; `begin`, `step` and `end` are for the one that computes, which all dreams share.
"""

import struct
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from playtape.imagine.env import ImaginedEnv, World
from playtape.imagine.futures import Way
from playtape.play.dream.held import Held
from playtape.play.dream.said import Said
from playtape.play.tape import Tape

AHEAD = 2  # frames that may be on their way: a browser that does not draw them is waited for
HEAD = struct.Struct("<IffI")  # before each picture's RGB: its number, milliseconds it took, score, 1 if it is the last


class Dream:
    """`seed` gives each of its episodes one; `record` is the folder of their recordings."""

    def __init__(self, world: World, way: Way, seed: Callable[[], int], record: Path | None):
        self.env, self.held, self.seed, self.record = ImaginedEnv(world, way), Held(world.space), seed, record
        self.playing = self.ended = False
        self.anew = True  # an episode is to begin
        self.sent = self.seen = -1  # numbers of pictures, which go on over episodes
        self.score = 0.0
        self._tape: Tape | None = None

    def hear(self, message: Said) -> None:
        """Raises BadInput for a way that the model has not learned."""
        if message.kind == "hands":
            self.held.hear(message.held, message.axes)
        elif message.kind == "seen":
            self.seen = max(self.seen, min(message.frame, self.sent))
        elif message.kind in ("play", "pause"):
            self.playing = message.kind == "play"
            self.held.release()
        elif message.kind == "restart":
            self.anew = True
        else:
            self.env.way = replace(self.env.way, passes=message.passes)
            self.anew = self.anew or self.record is not None  # a recording was made in one way

    @property
    def wanted(self) -> bool:
        """Is there something to compute?"""
        return self.anew or (self.playing and not self.ended and self.sent - self.seen < AHEAD)

    def next(self) -> bytes:
        """The next picture: of a new episode, or a step further. What goes wrong ends the recording."""
        try:
            return self._begin() if self.anew else self._step()
        except Exception as error:
            self.end(error)
            raise

    def end(self, error: Exception | None = None) -> None:
        """Close the recording, if there is one."""
        if self._tape is not None:
            tape, self._tape = self._tape, None
            tape.__exit__(type(error) if error else None, error, None)

    def _begin(self) -> bytes:
        self.end()
        self.anew, self.ended, self.score = False, False, 0.0
        seed, start = self.seed(), time.perf_counter()
        picture, info = self.env.reset(seed=seed)
        self._tape = Tape(self.env, self.record, "human", f"world {self.env.world.name}", seed)
        self._tape.begin(picture, info)
        return self._message(picture, start)

    def _step(self) -> bytes:
        action, start = self.held.read(), time.perf_counter()
        picture, reward, self.ended, _, info = self.env.step(action)
        message = self._message(picture, start, float(reward))
        if self._tape is not None:
            self._tape.add(action, picture, info, reward=float(reward), ended=bool(self.ended))
        if self.ended:
            self.end()
        return message

    def _message(self, picture: np.ndarray, start: float, reward: float = 0.0) -> bytes:
        self.sent += 1
        self.score += reward
        took = 1000 * (time.perf_counter() - start)
        return HEAD.pack(self.sent % 2**32, took, self.score, self.ended) + picture.tobytes()
