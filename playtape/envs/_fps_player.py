"""A scripted player of Simple-FPS whose inputs look like a person's: late, held, overshooting, now and then at rest.

It knows only what is in view, some steps late: fights the drone nearest to its aim, sidesteps what flies at it, goes where
there is most room, and presses the switch that it was told to. Nothing in it is fast or exact: see _hand.py. Angles are in
radians.
"""

from collections import deque
from typing import Any

import numpy as np

from playtape.envs import nothing
from playtape.envs._hand import Hand

DRONE = 0.32  # its radius, cells
ROOM = 1.3  # cells: less than this ahead makes it turn


class ScriptedPlayer:
    """Plays `env`, a Simple-FPS of ours. `skill` 0-1: reaction of 300 to 100 ms, and aim; `reaction` in steps overrides it.

    The same seed and the same game give the same play.
    """

    def __init__(self, env: Any, seed: int = 0, skill: float = 0.7, reaction: int | None = None):
        self.env, self.seed, self.skill = env.unwrapped, seed, skill
        self.reaction = round(6 - 4 * skill) if reaction is None else reaction
        self.count = np.deg2rad(self.env.mouse_scale)  # radians
        self.start()

    def start(self, seed: int | None = None) -> None:
        """Forget the last episode."""
        self.rng = np.random.default_rng(self.seed if seed is None else seed)
        self.hand, self.wrist = Hand(self.rng, self.skill), Hand(self.rng, self.skill)  # across, and up and down
        self.seen: deque[tuple[Any, float, float]] = deque(maxlen=self.reaction + 1)
        self.step = self.resting_until = self.dancing_until = self.next_look = 0
        self.side = "key.a"

    def act(self, obs: np.ndarray, info: dict[str, Any]) -> dict[str, np.ndarray]:
        """One step's action. The picture itself is not looked at."""
        self.seen.append((self.env.look(), self.hand.turned, self.wrist.turned))
        sight, turned, tilted = self.seen[0]
        moved = (self.hand.turned - turned) * self.count  # what the hand did since; a person feels that
        tilt = (self.wrist.turned - tilted) * self.count
        if self.step >= self.resting_until:
            if "text" in info:
                self._press(sight, moved, info["text"])
            elif sight.drones:
                self._fight(sight, moved, tilt)
            else:
                self._explore(sight, moved, tilt)
        self.step += 1
        down, dx = self.hand.step()
        _, dy = self.wrist.step()
        action = nothing(self.env.actions)
        action["buttons"][:] = [name in down for name in self.env.actions.buttons]
        limit = self.env.action_space["axes"].high
        action["axes"][:] = np.clip((dx, dy), -limit, limit)
        return action

    def _fight(self, sight: Any, moved: float, tilt: float) -> None:
        angle, up, far, charging = min(sight.drones, key=lambda drone: abs(drone[0] - moved) + 0.1 * drone[2])
        error, width = angle - moved, np.arctan(DRONE / max(far, 0.3))
        near = abs(error) < width * (1.3 - 0.6 * self.skill)
        if not near and not self.hand.moving:
            self.hand.stroke(error / self.count)
        self._level(-(up + tilt), width)
        if near:
            self.hand.press("mouse.left", int(self.rng.integers(2, 7)))
        flying = any(far < 3.5 and abs(angle - moved) < 0.5 for angle, far in sight.balls)
        if self.step >= self.dancing_until and (charging or flying or self.rng.random() < 0.1):
            self._dance(far)

    def _level(self, pitch: float, slack: float) -> None:
        """Bring the aim back to the horizon, where drones float."""
        if abs(pitch) > 0.6 * slack and not self.wrist.moving:
            self.wrist.stroke(pitch / self.count)

    def _dance(self, far: float) -> None:
        steps = int(self.rng.integers(6, 16))
        self.dancing_until = self.step + steps
        self.hand.release("key.w", "key.s", "key.a", "key.d")
        self.side = "key.d" if self.side == "key.a" else "key.a"
        self.hand.press(self.side, steps, delay=int(self.rng.integers(0, 2)))
        if far > 4 and self.rng.random() < 0.6:
            self.hand.press("key.w", steps, delay=1)
        elif far < 2:
            self.hand.press("key.s", steps, delay=1)

    def _explore(self, sight: Any, moved: float, tilt: float) -> None:
        """Walk on while there is room ahead; else turn to where there is most."""
        if self.rng.random() < 0.002:
            self.resting_until = self.step + int(self.rng.integers(8, 30))
            self.hand.release()
            return
        self._level(sight.pitch - tilt if abs(sight.pitch) > 0.05 else 0.0, 0.1)
        offset = (sight.angles - moved + np.pi) % (2 * np.pi) - np.pi
        ahead = float(sight.clear[np.abs(offset) < 0.3].min(initial=12.0))
        if not self.hand.moving and (ahead < ROOM or self.step >= self.next_look):
            room = np.minimum.reduce([np.roll(sight.clear, by) for by in (-1, 0, 1)])  # nobody walks through a slit
            worth = np.minimum(room, 6.0) * (1.2 + np.cos(offset)) * self.rng.uniform(0.7, 1.3, len(offset))
            turn = float(offset[worth.argmax()])
            if abs(turn) > 0.15:
                self.hand.stroke(turn / self.count, slowness=1.3)
            self.next_look = self.step + int(self.rng.integers(15, 50))
        if ahead > 0.7 and not self.hand.held("key.w"):
            self.hand.press("key.w", int(self.rng.integers(15, 60)), delay=int(self.rng.integers(0, 4)))
        elif ahead < 0.5:
            self.hand.release("key.w")

    def _press(self, sight: Any, moved: float, text: str) -> None:
        """Look for the switch of the colour that was named, walk up to it, and press."""
        found = [(angle - moved, far) for colour, angle, far in sight.switches if colour in text]
        if not found:
            if not self.hand.moving:
                self.hand.stroke(float(self.rng.uniform(0.8, 1.4)) / self.count)
            return
        error, far = found[0]
        if abs(error) > 0.12 and not self.hand.moving:
            self.hand.stroke(error / self.count)
        if far > 0.9 and abs(error) < 0.5 and not self.hand.held("key.w"):
            self.hand.press("key.w", int(self.rng.integers(4, 12)))
        if far < 1.15 and abs(error) < 0.3 and not self.hand.held("key.e"):
            self.hand.release("key.w")
            self.hand.press("key.e", int(self.rng.integers(2, 5)))
