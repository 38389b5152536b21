"""Hovercraft: a lap around a walled road, after the game that Pixels2Play judges by (arXiv 2601.04575): seconds for a loop.

W pushes, S brakes, A and D and the mouse steer, and the craft slides on: it has inertia, and walls stop it. The road is a
closed loop with chevrons outside of its bends; walls to its left are red and to its right blue, so that one sees which way it
leads. One step is 1/20 s; the picture that a step returns is the one after its
action. Everything follows from the seed. Tracks 0 to 11 are for training, 12 to 15 for testing only: `make("test")` plays
the latter, `make(None)` the former.

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
from playtape.envs._roads import SIDE, direction, loop
from playtape.errors import BadInput

__all__ = ["SPACE", "Hovercraft", "ScriptedPlayer", "make", "scenarios"]

SPACE = ActionSpace(buttons=("key.w", "key.s", "key.a", "key.d"), axes=(Axis("mouse.dx", "sum", 40.0),))
HZ, SIZE = 20, 192
RADIANS_PER_COUNT = np.deg2rad(0.08)
TRAINING, TESTING = range(12), range(12, 16)
# Half the road's width in cells, and the share of the speed aside that is lost in a second.
DIFFICULTY = {"easy": (1.5, 2.4), "normal": (1.15, 1.6), "hard": (0.9, 1.1)}
PUSH, BRAKE = 4.5, 6.0  # cells a second squared
DRAG = 0.7  # share of the speed ahead that is lost in a second
SCRAPE = 1.0  # share of the speed into a wall that is lost along it
TURN, SWING = 7.0, 5.0  # radians a second squared of a held key; share of the turning lost in a second
RADIUS = 0.25
SECONDS = 90
LOST = 0.2  # chance that a drive begins with the craft turned anywhere
AWAY = 0.005  # chance that the scripted player looks away at a step
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
    """One drive: it ends with a lap, or when its `seconds` are over. `scenario`: see `scenarios()`.

    Rewards: the share of a lap that was gained, less what was lost; with the lap, the share of the seconds that are left. So
    a drive's sum is the share driven where no lap was made, and above 1 the more the faster the lap was.
    `info`: "lap", the share driven so far; "seconds" so far; "map"; its "split" (train or test); and "lap_seconds" once the
    lap is made.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": HZ}  # noqa: RUF012  # gymnasium's own form
    actions = SPACE
    hz = HZ
    mouse_scale = float(np.rad2deg(RADIANS_PER_COUNT))
    source = "playtape/envs/hovercraft.py"
    licence = "Apache-2.0"
    score_range = (-np.inf, 2.0)  # a lap in no time

    def __init__(self, scenario: str = "train", *, seconds: float = SECONDS, render_mode: str | None = "rgb_array"):
        if scenario not in scenarios():
            raise BadInput(f"unknown scenario {scenario!r} of hovercraft; legal are {', '.join(scenarios())}")
        self.scenario = scenario
        self.level, _, difficulty = scenario.partition("/")
        self.half, self.grip = DIFFICULTY[difficulty or "normal"]
        self.steps, self.render_mode = round(seconds * HZ), render_mode
        self.action_space = gym_space(SPACE)
        self.observation_space = spaces.Box(0, 255, (SIZE, SIZE, 3), np.uint8)
        self._picture = np.zeros((SIZE, SIZE, 3), np.uint8)
        self.step_number = -1  # until the first reset

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
        turned = (
            self.np_random.normal(0, 0.1) if self.np_random.random() > LOST else self.np_random.uniform(-np.pi, np.pi)
        )
        self.heading = _turn(direction(self.road, start) + float(turned))
        self.speed_x = self.speed_y = self.spin = 0.0
        self.mark, self.gained, self.step_number = start, 0, 0
        return self._look(), self._info()

    def step(self, action: Mapping[str, Any]) -> tuple[np.ndarray, SupportsFloat, bool, bool, dict[str, Any]]:
        if self.step_number < 0:
            raise BadInput("reset the game before the first step")
        held = dict(zip(SPACE.buttons, np.asarray(action["buttons"]).astype(bool).tolist(), strict=True))
        self._drive(held, float(action["axes"][0]))
        before = self.gained
        self._follow()
        self.step_number += 1
        ended = self.gained == len(self.road)
        reward = (self.gained - before) / len(self.road) + ended * (1 - self.step_number / self.steps)
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
        aside -= step * self.grip * aside
        self.speed_x, self.speed_y = ahead * cos - aside * sin, ahead * sin + aside * cos
        x, y = _maps.slide(self._world.walls, self.x, self.y, step * self.speed_x, step * self.speed_y, RADIUS)
        if x == self.x:
            self.speed_x, self.speed_y = _bounce(self.speed_x, self.speed_y)
        if y == self.y:
            self.speed_y, self.speed_x = _bounce(self.speed_y, self.speed_x)
        self.x, self.y = x, y

    def _follow(self) -> None:
        """Move the mark along the road to the point nearest to the craft, if that is not far from the last one.

        Not if the craft is off the road, where the nearest point says nothing: only a road that was driven counts.
        """
        window = np.arange(-12, 13)
        points = self.road[(self.mark + window) % len(self.road)]
        far = np.hypot(points[:, 0] - self.x, points[:, 1] - self.y)
        moved = int(window[far.argmin()]) if far.min() < self.half + 1 else 0
        self.mark, self.gained = self.mark + moved, min(self.gained + moved, len(self.road))

    def _look(self) -> np.ndarray:
        eye = Eye(self.x, self.y, self.heading, -0.06, 0.42, 1.5)
        near = [sign for sign in self._signs if np.hypot(sign.x - self.x, sign.y - self.y) < 9]
        picture = render(self._world, eye, near, SIZE)
        _bonnet(picture, self.spin)
        self._picture = picture
        return picture.copy()

    def _info(self) -> dict[str, Any]:
        lap, seconds = self.gained / len(self.road), self.step_number / HZ
        made = {"lap_seconds": seconds} if lap == 1 else {}
        split = "test" if self.track in TESTING else "train"
        return {"lap": lap, "seconds": seconds, "map": f"track{self.track:02d}", "split": split} | made


class ScriptedPlayer:
    """Drives `env` with a person's hands: late, with held keys, now and then without looking.

    `skill` 0-1: reaction of 300 to 100 ms, and daring; `reaction` in steps overrides the skill's. The same seed and the same
    game give the same drive.
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
        self.step = self.away_until = 0

    def act(self, obs: np.ndarray, info: dict[str, Any]) -> dict[str, np.ndarray]:
        """One step's action. The picture itself is not looked at."""
        self.seen = [*self.seen[-self.reaction :], self.env.look()]
        self.step += 1
        if self.step > self.away_until:
            self._drive(self.seen[0])
            self._look_away()
        down, counts = self.hand.step()
        action = nothing(self.env.actions)
        action["buttons"][:] = [name in down for name in self.env.actions.buttons]
        limit = self.env.action_space["axes"].high
        action["axes"][:] = np.clip(counts, -limit, limit)
        return action

    def _look_away(self) -> None:
        """Now and then hands stay as they are for a second or so. What goes wrong then shows how one gets out of it."""
        if self.rng.random() < AWAY:
            steps = int(self.rng.integers(15, 36))
            self.away_until = self.step + steps
            for key in filter(self.hand.held, self.env.actions.buttons):
                self.hand.press(key, steps)

    def _drive(self, sight: Sight) -> None:
        """Steer for the road's middle, as fast as the bend allows."""
        error = sight.ahead - 0.18 * sight.spin - 0.04 * sight.slip  # what it turns already, a hand knows
        for key, sign in (("key.d", 1), ("key.a", -1)):
            if sign * error > 0.09 * (1.5 - 0.5 * self.skill):
                self.hand.press(key, int(self.rng.integers(2, 3 + round(4 * min(1.0, abs(error))))))
            elif sign * error < -0.02:
                self.hand.release(key)
        if abs(error) > 0.5 and not self.hand.moving:
            self.hand.stroke(0.6 * error / RADIANS_PER_COUNT)
        brisk = (3.0 + 3.0 * self.skill) / (1 + 1.4 * abs(sight.bend) + 1.0 * abs(sight.ahead))
        if sight.speed < brisk and not self.hand.held("key.w"):
            self.hand.release("key.s")
            self.hand.press("key.w", int(self.rng.integers(3, 12)))
        elif sight.speed > 1.35 * brisk and not self.hand.held("key.s"):
            self.hand.release("key.w")
            self.hand.press("key.s", int(self.rng.integers(2, 6)))


def make(scenario: str | None = None, **options: Any) -> Hovercraft:
    """A drive. Raises BadInput for an unknown scenario."""
    return Hovercraft(scenario or "train", **options)


def scenarios() -> tuple[str, ...]:
    """train, test, one track (track00 to track15), each alone or with a difficulty (train/easy)."""
    levels = ("train", "test", *(f"track{number:02d}" for number in (*TRAINING, *TESTING)))
    return (*levels, *(f"{level}/{name}" for level in levels for name in DIFFICULTY))


def _bounce(into: float, along: float) -> tuple[float, float]:
    """The speed into a wall and along it, after the wall was hit: the harder the hit, the more it scrapes."""
    return -0.3 * into, float(np.sign(along)) * max(0.0, abs(along) - SCRAPE * abs(into))


def _turn(angle: float) -> float:
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


def _world(road: np.ndarray, half: float, number: int) -> tuple[World, list[Billboard]]:
    """Walls wherever the road is not, of two looks by turns so that speed can be seen, and chevrons outside of the bends."""
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    x, y = columns[..., None] - road[::4, 0], rows[..., None] - road[::4, 1]  # [SIDE, SIDE, N / 4]
    nearest = np.hypot(x, y).argmin(-1)[..., None]
    x, y = (np.take_along_axis(part, nearest, -1)[..., 0] for part in (x, y))
    far, way = np.hypot(x, y), np.array([direction(road, k) for k in range(0, len(road), 4)])[nearest[..., 0]]
    to_the_right = np.cos(way) * y - np.sin(way) * x > 0
    walls = 1 + (rows.astype(int) + columns.astype(int)) % 2 + 2 * to_the_right
    rim = np.ones_like(walls, bool)
    rim[1:-1, 1:-1] = False
    walls[(far < half + 0.25) & ~rim] = 0
    floor = np.where(far < half * 0.75, 5, 6)
    signs = []
    for k in range(0, len(road), 16):
        bend = _turn(direction(road, k + 10) - direction(road, k - 10))
        if abs(bend) > 0.45:
            out = direction(road, k) - np.sign(bend) * np.pi / 2
            aside = 0.85 * half  # clear of the wall, which follows the grid
            x, y = road[k, 0] + aside * np.cos(out), road[k, 1] + aside * np.sin(out)
            signs.append(Billboard(float(x), float(y), 0.35, 0.4, CHEVRON + int(bend < 0)))
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
            _pictures.panels((140, 115, 110), 2),
            _pictures.stripes((40, 90, 200), (225, 225, 225), 3),
            _pictures.panels((95, 120, 110), 4),
            _pictures.tiles((90, 90, 95), 5),
            _pictures.grains((85, 85, 90), 6),
            _pictures.grains((95, 125, 70), 7),
            _chevron(True),
            _chevron(False),
        ]
    )
)
_SKY = packed(_pictures.panorama((215, 200, 180), (100, 150, 220), (70, 100, 80), 2))
