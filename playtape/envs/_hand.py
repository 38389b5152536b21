"""A hand like a person's: keys are held for a while, the mouse moves in strokes that start and end slowly and miss a little.

Knows no game: times are steps, motion is in mouse counts. A stroke is the minimum-jerk path (Flash and Hogan 1985); how long
it takes grows with the logarithm of its length (Fitts 1954), and what it misses grows with its length (signal-dependent
noise), mostly past the target, so that a second, small stroke corrects it.
"""

import numpy as np

STEADY = 100.0  # counts: strokes below this take the least time


class Hand:
    """Keys and mouse of one player. `press` and `stroke` say what to do; `step` tells what is down and how far it moves."""

    def __init__(self, rng: np.random.Generator, skill: float, grain: float = 1.0):
        """`skill` 0-1: how quick and how exact. `grain`: the mouse moves by whole multiples of this many counts."""
        self.rng, self.skill, self.grain = rng, skill, grain
        self.turned = 0.0  # counts given out so far
        self._down: dict[str, list[int]] = {}  # name -> [first step, end]
        self._step = 0
        self._from = self._length = self._carry = 0.0
        self._start, self._steps, self._rest = 0, 0, 0

    @property
    def moving(self) -> bool:
        """Is a stroke under way, or its short rest after it?"""
        return self._step < self._start + self._steps + self._rest

    def press(self, name: str, steps: int, delay: int = 0) -> None:
        """Hold a key for some steps, or longer if it is held longer already. Two fingers never start in the same step."""
        first = self._step + delay
        held = self._down.get(name)
        if held is not None and first <= held[1]:
            held[1] = max(held[1], first + steps)
        else:
            self._down[name] = [first, first + steps]

    def release(self, *names: str) -> None:
        """Let go of some keys, or of all."""
        for name in names or tuple(self._down):
            self._down.pop(name, None)

    def held(self, name: str) -> bool:
        """Is the key down, or about to be?"""
        return name in self._down

    def stroke(self, counts: float, slowness: float = 1.0) -> None:
        """Move the mouse by about `counts`, from now on; what is left of another stroke is given up."""
        spread = 0.03 + 0.11 * (1 - self.skill)
        self._length = counts * self.rng.normal(1.02 + 0.5 * spread, spread)
        effort = 3.0 + (4.5 - 2.0 * self.skill) * np.log2(1 + abs(counts) / STEADY)
        self._steps = max(2, round(slowness * effort * self.rng.uniform(0.8, 1.25)))
        self._start, self._rest = self._step, int(self.rng.integers(1, 5))
        self._from = 0.0

    def step(self) -> tuple[set[str], float]:
        """The keys down in this step, and the counts that the mouse moves in it."""
        self._down = {name: span for name, span in self._down.items() if self._step < span[1]}
        down = {name for name, span in self._down.items() if span[0] <= self._step}
        done = min(1.0, (self._step + 1 - self._start) / max(1, self._steps))
        reached = self._length * done**3 * (10 - 15 * done + 6 * done**2)
        wanted = self._carry + reached - self._from
        given = self.grain * np.rint(wanted / self.grain)
        self._carry, self._from = wanted - given, reached
        self.turned += given
        self._step += 1
        return down, float(given)
