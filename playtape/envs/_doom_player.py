"""A scripted player of Doom whose inputs look like a person's: late, held, overshooting, now and then at rest.

It sees depth and the things in view some tics late, fights what it sees, picks up what lies about, explores where it has
not been, opens what stops it, and gets free when stuck. Nothing in it is fast or exact: see _hand.py. Angles are in mouse
counts (right is positive), distances in the depth buffer's levels of about 7.5 map units.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from playtape.actions.games import DOOM
from playtape.envs._hand import Hand

COUNTS_PER_DEGREE = 65536 / 8 / 360
AROUND = 180 * COUNTS_PER_DEGREE
LEVEL = 7.5  # map units
ROWS = slice(94, 112)  # around the horizon of a 240-row picture with a status bar
SECTORS = 16
NEAR = 11.0  # levels: a wall this close stops a walk
WANTED = ("Health", "Armor", "Ammo", "Weapon", "Powerup", "Key")
GRAIN = 32.0  # vanilla Doom keeps whole units of 256 binary angles a tic


@dataclass(frozen=True)
class Thing:
    """Something in view: where, how wide and how tall on the picture, in counts and pixels."""

    angle: float
    width: float
    height: int


@dataclass(frozen=True)
class Percept:
    """What was seen at one tic, with the hand's turning until then."""

    clear: np.ndarray  # float32 [SECTORS], levels to the next wall, left to right
    foes: tuple[Thing, ...]
    items: tuple[Thing, ...]
    turned: float
    place: tuple[float, float, float]  # map units x, y; degrees


class ScriptedPlayer:
    """Plays `env`, a Doom of ours, from `start` on. `skill` 0-1: reaction of 400 to 150 ms, aim, and sense of place.

    `reaction` in tics overrides that of the skill. The same seed and the same game give the same play.
    """

    def __init__(self, env: Any, seed: int = 0, skill: float = 0.7, reaction: int | None = None):
        self.env = env.unwrapped
        self.env.sight = True
        if self.env.look() is None:
            self.env.close()  # the next reset starts a game with sight
        self.seed, self.skill = seed, skill
        self.reaction = round(14 - 9 * skill) if reaction is None else reaction
        self.start()

    def start(self, seed: int | None = None) -> None:
        """Forget the last episode."""
        self.rng = np.random.default_rng(self.seed if seed is None else seed)
        self.hand = Hand(self.rng, self.skill, GRAIN)
        self.seen: deque[Percept] = deque(maxlen=self.reaction + 1)
        self.visits: dict[tuple[int, int], int] = {}
        self.tried: set[tuple[int, int, int]] = set()
        self.track: deque[tuple[float, float]] = deque(maxlen=20)
        self.side = "key.a"
        self.runs = self.rng.random() < 0.7
        self.tic = self.resting_until = self.waiting_until = self.fighting_until = 0
        self.next_burst = self.next_look = self.next_weapon = 0

    def act(self, obs: np.ndarray, info: dict[str, Any]) -> dict[str, np.ndarray]:
        """One tic's action, in the environment's action space. The picture itself is not looked at."""
        sight = self.env.look()
        if sight is not None:
            self.seen.append(self._perceive(sight, info))
            self._decide(self.seen[0], info)
        self.tic += 1
        down, counts = self.hand.step()
        buttons = np.array([name in down for name in DOOM.buttons], np.int8)
        limit = float(self.env.action_space["axes"].high[0])
        return {"buttons": buttons, "axes": np.array([np.clip(counts, -limit, limit)], np.float32)}

    def _perceive(self, sight: Any, info: dict[str, Any]) -> Percept:
        depth = sight.depth[ROWS]
        clear = depth.min(axis=0).reshape(SECTORS, -1).min(axis=1).astype(np.float32)
        wide = depth.shape[1]
        things = [(label.object_category, _thing(label, wide)) for label in sight.things]
        foes = tuple(thing for category, thing in things if category == "Monster")
        items = tuple(thing for category, thing in things if category in WANTED and thing.height >= 3)
        place = (info["position_x"], info["position_y"], info["angle"])
        return Percept(clear, foes, items, self.hand.turned, place)

    def _decide(self, seen: Percept, info: dict[str, Any]) -> None:
        self._remember(seen)
        self._think_of_weapons(info)
        if seen.foes:
            self._fight(seen)
        elif self.tic < self.resting_until:
            return
        elif self.rng.random() < 0.0015:
            self.resting_until = self.tic + int(self.rng.integers(10, 60))
            self.hand.release()
        elif self._stuck():
            self._get_free(seen)
        elif self.tic >= self.waiting_until:
            self._explore(seen)

    def _remember(self, seen: Percept) -> None:
        x, y, _ = seen.place
        self.track.append((x, y))
        if self.tic % 10 == 0:
            self.visits[_cell(x, y)] = self.visits.get(_cell(x, y), 0) + 1

    def _think_of_weapons(self, info: dict[str, Any]) -> None:
        owned = [n for n in range(1, 8) if info[f"weapon{n}"] > 0 and n != round(info["selected_weapon"])]
        empty = info["selected_weapon"] > 1 and info["selected_weapon_ammo"] < 1
        if not owned or self.tic < self.next_weapon:
            return
        if empty or (self.next_weapon and self.rng.random() < 0.5):
            better = [n for n in owned if n > 2] or owned
            self.hand.press(f"key.{self.rng.choice(better)}", int(self.rng.integers(1, 5)))
        self.next_weapon = self.tic + int(self.rng.integers(150, 600))

    def _fight(self, seen: Percept) -> None:
        turned = self.hand.turned - seen.turned  # what the hand has done since; a person feels that
        foe = min(seen.foes, key=lambda thing: abs(thing.angle - turned) - 4 * thing.height)
        error = foe.angle - turned
        near = abs(error) < 0.6 * foe.width + 40 * (1.4 - self.skill)
        if not near and not self.hand.moving:
            self.hand.stroke(error)
        if near and self.tic >= self.next_burst:
            burst = int(self.rng.integers(3, 22))
            self.hand.press("mouse.left", burst)
            self.next_burst = self.tic + burst + int(self.rng.integers(2, 12))
        if self.tic >= self.fighting_until:
            self._dance(foe)

    def _dance(self, foe: Thing) -> None:
        """Keep moving sideways, nearer to what is far and away from what is close."""
        steps = int(self.rng.integers(8, 28))
        self.fighting_until = self.tic + steps
        self.hand.release("key.w", "key.s", "key.a", "key.d")
        if self.rng.random() < 0.75:
            self.side = "key.d" if self.side == "key.a" else "key.a"
            self.hand.press(self.side, steps - 2, delay=int(self.rng.integers(0, 3)))
        if foe.height < 40 and self.rng.random() < 0.6:
            self.hand.press("key.w", steps, delay=1)
        elif foe.height > 90 and self.rng.random() < 0.5:
            self.hand.press("key.s", steps // 2, delay=1)
        if self.runs and self.rng.random() < 0.7:
            self.hand.press("key.shift", steps, delay=1)

    def _stuck(self) -> bool:
        if len(self.track) < 20 or not self.hand.held("key.w"):
            return False
        (x, y), (now_x, now_y) = self.track[0], self.track[-1]
        return abs(now_x - x) + abs(now_y - y) < 12

    def _get_free(self, seen: Percept) -> None:
        """Try to open what is ahead, once at each place; then go back, aside, and somewhere else."""
        self.track.clear()
        self.hand.release("key.w", "key.shift")
        if self._untried(seen.place):
            self._use()
            return
        self.side = str(self.rng.choice(["key.a", "key.d"]))
        self.hand.press("key.s", int(self.rng.integers(4, 14)))
        self.hand.press(self.side, int(self.rng.integers(8, 24)), delay=2)
        turn = self.rng.uniform(0.35, 0.95) * AROUND
        self.hand.stroke(turn if self.side == "key.d" else -turn)
        self.waiting_until = self.tic + int(self.rng.integers(8, 20))

    def _untried(self, place: tuple[float, float, float]) -> bool:
        """Is this a spot and a direction in which nothing was used yet? It counts as tried from now on."""
        here = (int(place[0] // 96), int(place[1] // 96), round(place[2] / 60) % 6)
        untried = here not in self.tried
        self.tried.add(here)
        return untried

    def _use(self) -> None:
        self.hand.press("key.space", int(self.rng.integers(2, 6)))
        self.waiting_until = self.tic + int(self.rng.integers(12, 30))

    def _explore(self, seen: Percept) -> None:
        ahead = float(seen.clear[SECTORS // 2 - 2 : SECTORS // 2 + 2].min())
        if not self.hand.moving:
            if seen.items:
                self._steer(min(seen.items, key=lambda item: abs(item.angle)).angle - self.hand.turned + seen.turned)
            elif ahead < NEAR or self.tic >= self.next_look:
                self._turn_somewhere(seen, ahead)
        if not self.hand.held("key.w") and (ahead > 0.5 * NEAR or seen.items or self.rng.random() < 0.1):
            steps = int(self.rng.integers(20, 110))
            self.hand.press("key.w", steps, delay=int(self.rng.integers(0, 6)))
            if self.runs and self.rng.random() < 0.75:
                self.hand.press("key.shift", max(6, steps - int(self.rng.integers(0, 12))), delay=1)
            if self.rng.random() < 0.2:
                self.hand.press(str(self.rng.choice(["key.a", "key.d"])), int(self.rng.integers(5, 25)), delay=3)
        if ahead < 0.5 * NEAR and self.hand.held("key.w") and self.rng.random() < 0.1:
            self.hand.release("key.w", "key.shift")

    def _steer(self, error: float) -> None:
        if abs(error) > 60:
            self.hand.stroke(error, slowness=1.4)

    def _turn_somewhere(self, seen: Percept, ahead: float) -> None:
        """Towards the most promising way in view, or around where there is none."""
        if ahead < NEAR and self.rng.random() < 0.3 and self._untried(seen.place):
            self.hand.release("key.w", "key.shift")
            self._use()
            return
        angles = _sector_angles()
        promise = np.minimum(seen.clear, 70.0) * np.array([self._novelty(seen, k, angles[k]) for k in range(SECTORS)])
        promise *= self.rng.uniform(0.6, 1.4, SECTORS)
        best = int(promise.argmax())
        if promise[best] < 1.3 * NEAR or self.rng.random() < 0.04:
            turn = self.rng.uniform(0.45, 1.0) * AROUND * self.rng.choice([-1, 1])
            self.hand.stroke(float(turn), slowness=1.2)
        else:
            self._steer(float(angles[best]) - self.hand.turned + seen.turned)
        self.next_look = self.tic + int(self.rng.integers(18, 70))

    def _novelty(self, seen: Percept, sector: int, angle: float) -> float:
        """1 for a way to where it has not been, less the more often it has."""
        x, y, degrees = seen.place
        heading = np.deg2rad(degrees - angle / COUNTS_PER_DEGREE)
        far = 0.7 * LEVEL * float(seen.clear[sector])
        visits = self.visits.get(_cell(x + far * np.cos(heading), y + far * np.sin(heading)), 0)
        return 1 / (1 + 0.5 * visits)


def _thing(label: Any, wide: int) -> Thing:
    """A label's place as angles; the field of view is 90 degrees."""
    left, right = (np.arctan((edge - wide / 2) / (wide / 2)) for edge in (label.x, label.x + label.width))
    counts = np.rad2deg((left + right) / 2) * COUNTS_PER_DEGREE
    return Thing(float(counts), float(np.rad2deg(right - left) * COUNTS_PER_DEGREE), label.height)


def _sector_angles() -> np.ndarray:
    """Counts from straight ahead to the middle of each sector: float64 [SECTORS]."""
    middle = (np.arange(SECTORS) + 0.5) / SECTORS * 2 - 1
    return np.rad2deg(np.arctan(middle)) * COUNTS_PER_DEGREE


def _cell(x: float, y: float) -> tuple[int, int]:
    return int(x // 160), int(y // 160)
