"""Hovercraft: a lap around a walled road, after the game that Pixels2Play judges by (arXiv 2601.04575): the seconds for a loop.

W pushes, S brakes, A and D and the mouse steer, and the craft slides on: it has inertia, and walls stop it. The road is a closed
loop with chevrons ahead of its bends. One step is 1/20 s; the picture that a step returns is the one after its action. Everything
follows from the seed. Tracks 0 to 11 are for training, 12 to 15 for testing only: `make("test")` plays the latter, `make(None)` the former.

Units: cells for places, radians for angles (heading grows to the right), seconds for times, counts for the mouse.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium import spaces

from playtape.actions import ActionSpace, Axis
from playtape.envs import _maps, _pictures, gym_space, nothing
from playtape.envs._hand import Hand
from playtape.envs._raycast import Billboard, Eye, World, packed, render, shaded
from playtape.errors import BadInput

__all__ = ["SPACE", "Hovercraft", "ScriptedPlayer", "make", "scenarios"]

SPACE = ActionSpace(buttons=("key.w", "key.s", "key.a", "key.d"), axes=(Axis("mouse.dx", "sum", 40.0),))
HZ, SIZE, SIDE = 20, 192, 24
RADIANS_PER_COUNT = np.deg2rad(0.08)
TRAINING, TESTING = range(12), range(12, 16)
DIFFICULTY = {"easy": 1.5, "normal": 1.15, "hard": 0.9}  # half the road's width, cells
PUSH, DRAG, GRIP, BRAKE = (
    4.5,
    0.7,
    1.6,
    6.0,
)  # cells a second squared; shares of the speed, ahead and aside, lost in a second; as PUSH
TURN, SWING = 7.0, 5.0  # radians a second squared of a held key; share of the turning lost in a second
RADIUS = 0.25
SECONDS = 60
CHEVRON = 7  # in the atlas


@dataclass(frozen=True)
class Sight:
    """What a scripted player may know: the road ahead, as angles to the right of where the craft looks, and its own motion."""

    ahead: float  # to the road's middle, as far ahead as the speed asks for
    bend: float  # how much the road turns between there and the craft
    speed: float  # cells a second, along the heading
    slip: float  # cells a second, to the right
    spin: float  # radians a second, to the right


class Hovercraft(gymnasium.Env[np.ndarray, Mapping[str, Any]]):
    """One drive. `scenario`: see `scenarios()`. Rewards: the share of a lap that was gained; the drive ends with a lap, or its time."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": HZ}  # noqa: RUF012  # gymnasium's own form
    actions = SPACE
    hz = HZ
    mouse_scale = float(np.rad2deg(RADIANS_PER_COUNT))
    source = "playtape/envs/hovercraft.py"
    licence = "Apache-2.0"

    def __init__(self, scenario: str = "train", *, seconds: float = SECONDS, render_mode: str | None = "rgb_array"):
        if scenario not in scenarios():
            raise BadInput(f"unknown scenario {scenario!r} of hovercraft; legal are {', '.join(scenarios())}")
        self.scenario = scenario
        self.level, _, difficulty = scenario.partition("/")
        self.half = DIFFICULTY[difficulty or "normal"]
        self.steps, self.render_mode = round(seconds * HZ), render_mode
        self.action_space = gym_space(SPACE)
        self.observation_space = spaces.Box(0, 255, (SIZE, SIZE, 3), np.uint8)
        self._picture = np.zeros((SIZE, SIZE, 3), np.uint8)
        self._world: World | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        numbers = {"train": TRAINING, "test": TESTING}.get(self.level) or [int(self.level.removeprefix("track"))]
        self.track = int(self.np_random.choice(list(numbers)))
        self.road = loop(self.track)  # [N, 2]
        self._world, self._signs = _world(self.road, self.half, self.track)
        start = int(self.np_random.integers(len(self.road)))
        self.x, self.y = (float(v) for v in self.road[start])
        self.heading = _direction(self.road, start) + float(self.np_random.normal(0, 0.1))
        self.speed_x = self.speed_y = self.spin = 0.0
        self.mark, self.gained, self.step_number = start, 0, 0
        return self._look(), self._info()

    def step(self, action: Mapping[str, Any]) -> tuple[np.ndarray, SupportsFloat, bool, bool, dict[str, Any]]:
        if self._world is None:
            raise BadInput("reset the game before the first step")
        held = dict(zip(SPACE.buttons, np.asarray(action["buttons"]).astype(bool).tolist(), strict=True))
        self._drive(held, float(action["axes"][0]))
        before = self.gained
        self._follow()
        self.step_number += 1
        ended = self.gained >= len(self.road)
        reward = (self.gained - before) / len(self.road)
        return self._look(), reward, ended, not ended and self.step_number >= self.steps, self._info()

    def render(self) -> np.ndarray:
        return self._picture.copy()

    def look(self) -> Sight:
        """The road ahead, for a scripted player."""
        cos, sin = np.cos(self.heading), np.sin(self.heading)
        speed, slip = self.speed_x * cos + self.speed_y * sin, self.speed_y * cos - self.speed_x * sin
        near, far = (self.mark + round(n * (0.7 + 0.16 * max(speed, 0))) for n in (14, 34))
        to_near, to_far = (self._angle_to(k) for k in (near, far))
        return Sight(to_near, _turn(to_far - to_near), speed, slip, self.spin)

    def _angle_to(self, k: int) -> float:
        x, y = self.road[k % len(self.road)]
        return _turn(float(np.arctan2(y - self.y, x - self.x)) - self.heading)

    def _drive(self, held: Mapping[str, bool], counts: float) -> None:
        step = 1 / HZ
        self.spin += step * TURN * (held["key.d"] - held["key.a"])
        self.spin -= step * SWING * self.spin
        self.heading = _turn(self.heading + step * self.spin + counts * RADIANS_PER_COUNT)
        cos, sin = np.cos(self.heading), np.sin(self.heading)
        ahead, aside = self.speed_x * cos + self.speed_y * sin, self.speed_y * cos - self.speed_x * sin
        ahead += step * (PUSH * held["key.w"] - BRAKE * held["key.s"] * (ahead > 0) - DRAG * ahead)
        aside -= step * GRIP * aside
        self.speed_x, self.speed_y = ahead * cos - aside * sin, ahead * sin + aside * cos
        x, y = _maps.slide(self._world.walls, self.x, self.y, step * self.speed_x, step * self.speed_y, RADIUS)
        if x == self.x:
            self.speed_x *= -0.3
        if y == self.y:
            self.speed_y *= -0.3
        self.x, self.y = x, y

    def _follow(self) -> None:
        """Move the mark along the road to the point nearest to the craft, if that is not far from the last one."""
        window = np.arange(-12, 13)
        points = self.road[(self.mark + window) % len(self.road)]
        moved = int(window[np.hypot(points[:, 0] - self.x, points[:, 1] - self.y).argmin()])
        self.mark, self.gained = self.mark + moved, self.gained + moved

    def _look(self) -> np.ndarray:
        eye = Eye(self.x, self.y, self.heading, -0.06, 0.42, 1.5)
        near = [sign for sign in self._signs if np.hypot(sign.x - self.x, sign.y - self.y) < 9]
        picture = render(self._world, eye, near, SIZE)
        _bonnet(picture, self.spin)
        self._picture = picture
        return picture.copy()

    def _info(self) -> dict[str, Any]:
        return {"lap": self.gained / len(self.road), "seconds": self.step_number / HZ, "map": f"track{self.track:02d}"}


class ScriptedPlayer:
    """Drives `env` with a person's hands: late, with held keys. `skill` 0-1: reaction of 300 to 100 ms, and daring.

    The same seed and the same game give the same drive. `reaction` in steps overrides the skill's.
    """

    def __init__(self, env: Any, seed: int = 0, skill: float = 0.7, reaction: int | None = None):
        self.env, self.seed, self.skill = env.unwrapped, seed, skill
        self.reaction = round(6 - 4 * skill) if reaction is None else reaction
        self.start()

    def start(self, seed: int | None = None) -> None:
        """Forget the last drive."""
        self.rng = np.random.default_rng(self.seed if seed is None else seed)
        self.hand = Hand(self.rng, self.skill)
        self.seen: list[Sight] = []

    def act(self, obs: np.ndarray, info: dict[str, Any]) -> dict[str, np.ndarray]:
        """One step's action. The picture itself is not looked at."""
        self.seen = [*self.seen[-self.reaction :], self.env.look()]
        sight = self.seen[0]
        error = sight.ahead - 0.18 * sight.spin - 0.04 * sight.slip  # what it turns already, a hand knows
        for key, sign in (("key.d", 1), ("key.a", -1)):
            if sign * error > 0.09 * (1.5 - 0.5 * self.skill):
                self.hand.press(key, int(self.rng.integers(2, 3 + round(4 * min(1.0, abs(error))))))
            elif sign * error < -0.02:
                self.hand.release(key)
        if abs(error) > 0.5 and not self.hand.moving:
            self.hand.stroke(0.6 * error / RADIANS_PER_COUNT)
        brisk = (2.6 + 2.6 * self.skill) / (1 + 2.2 * abs(sight.bend) + 1.2 * abs(sight.ahead))
        if sight.speed < brisk and not self.hand.held("key.w"):
            self.hand.release("key.s")
            self.hand.press("key.w", int(self.rng.integers(3, 12)))
        elif sight.speed > 1.35 * brisk and not self.hand.held("key.s"):
            self.hand.release("key.w")
            self.hand.press("key.s", int(self.rng.integers(2, 6)))
        down, counts = self.hand.step()
        action = nothing(self.env.actions)
        action["buttons"][:] = [name in down for name in self.env.actions.buttons]
        limit = self.env.action_space["axes"].high
        action["axes"][:] = np.clip(counts, -limit, limit)
        return action


def make(scenario: str | None = None, **options: Any) -> Hovercraft:
    """A drive. Raises BadInput for an unknown scenario."""
    return Hovercraft(scenario or "train", **options)


def scenarios() -> tuple[str, ...]:
    """train, test, one track (track00 to track15), each alone or with a difficulty (train/easy)."""
    levels = ("train", "test", *(f"track{number:02d}" for number in (*TRAINING, *TESTING)))
    return (*levels, *(f"{level}/{name}" for level in levels for name in DIFFICULTY))


def loop(number: int) -> np.ndarray:
    """The middle of road `number`: points [N, 2] about 0.12 cells apart, a closed curve; every second one runs the other way."""
    rng = np.random.default_rng(900 + number)
    angle = np.linspace(0, 2 * np.pi, 4000, endpoint=False)
    radius = 8.2 + sum(
        rng.uniform(0.3, 1.6) / k**0.7 * np.sin(k * angle + rng.uniform(0, 2 * np.pi)) for k in (2, 3, 4, 5)
    )
    radius = radius.clip(4.0, SIDE / 2 - 2.2)
    points = np.stack([SIDE / 2 + radius * np.cos(angle), SIDE / 2 + radius * np.sin(angle)], 1)
    far = np.concatenate([[0], np.cumsum(np.hypot(*(np.roll(points, -1, 0) - points).T))])
    count = int(far[-1] / 0.12)
    even = np.interp(np.linspace(0, far[-1], count, endpoint=False), far, np.arange(4001))
    road = points[even.astype(int) % 4000]
    return road[::-1].copy() if number % 2 else road


def _turn(angle: float) -> float:
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


def _direction(road: np.ndarray, k: int) -> float:
    dx, dy = road[(k + 3) % len(road)] - road[k % len(road)]
    return float(np.arctan2(dy, dx))


def _world(road: np.ndarray, half: float, number: int) -> tuple[World, list[Billboard]]:
    """Walls wherever the road is not, on a grid twice as fine as it looks, and chevrons outside of the bends."""
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    far = np.hypot(columns[..., None] - road[::4, 0], rows[..., None] - road[::4, 1]).min(-1)
    walls = np.where(far < half + 0.25, 0, 1 + (rows.astype(int) + columns.astype(int)) % 2)
    walls[0] = walls[-1] = walls[:, 0] = walls[:, -1] = 1
    floor = np.where(far < half * 0.75, 5, 6)
    signs = []
    for k in range(0, len(road), 16):
        bend = _turn(_direction(road, k + 10) - _direction(road, k - 10))
        if abs(bend) > 0.45:
            out = _direction(road, k) - np.sign(bend) * np.pi / 2
            signs.append(
                Billboard(
                    road[k, 0] + half * np.cos(out), road[k, 1] + half * np.sin(out), 0.35, 0.4, CHEVRON + (bend < 0)
                )
            )
    return World(walls, floor, np.full(walls.shape, -1), _ATLAS, _SKY), signs


def _bonnet(picture: np.ndarray, spin: float) -> None:
    """The craft's nose at the foot of the picture; it leans into the turn."""
    lean = int(np.clip(6 * spin, -10, 10))
    for row in range(SIZE - 26, SIZE):
        half = 10 + 2 * (row - SIZE + 26)
        middle = SIZE // 2 + lean * (SIZE - row) // 26
        picture[row, max(0, middle - half) : middle + half] = (200, 70, 40) if row % 8 else (120, 40, 30)


def _chevron(right: bool) -> np.ndarray:
    sign = _pictures.arrow((250, 210, 30))
    return np.rot90(sign, -1 if right else 1).copy()


_ATLAS = shaded(
    np.stack(
        [
            _pictures.stripes((210, 60, 50), (225, 225, 225), 1),
            _pictures.panels((110, 120, 140), 2),
            _pictures.bricks((150, 130, 110), 3),
            _pictures.bricks((120, 120, 120), 4),
            _pictures.tiles((90, 90, 95), 5),
            _pictures.grains((85, 85, 90), 6),
            _pictures.grains((95, 125, 70), 7),
            _chevron(True),
            _chevron(False),
        ]
    )
)
_SKY = packed(_pictures.panorama((215, 200, 180), (100, 150, 220), (70, 100, 80), 2))
