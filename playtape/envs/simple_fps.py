"""Simple-FPS: a shooter in halls of blocks, after the game that Pixels2Play judges by (arXiv 2601.04575): hits given minus taken.

Drones float about; they see you, charge (their eye turns red) and fire a ball that can be dodged. W, A, S and D walk, the
mouse looks, the left button fires, E presses a switch. One step is 1/20 s; the picture that a step returns is the one after
its action. Everything follows from the seed. Maps 0 to 15 are for training, 16 to 19 for testing only: `make("test")` plays
the latter, `make(None)` the former.

Units: cells for places, radians for angles (heading grows to the right, pitch up), seconds for times, counts for the mouse.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium import spaces

from playtape.actions import ActionSpace, Axis
from playtape.envs import _maps, _pictures, gym_space
from playtape.envs._fps_player import ScriptedPlayer
from playtape.envs._raycast import Billboard, Eye, World, packed, render, shaded
from playtape.errors import BadInput

__all__ = ["SPACE", "ScriptedPlayer", "SimpleFps", "make", "scenarios"]

SPACE = ActionSpace(
    buttons=("key.w", "key.s", "key.a", "key.d", "key.e", "mouse.left"),
    axes=(Axis("mouse.dx", "sum", 60.0), Axis("mouse.dy", "sum", 30.0)),
)
HZ, SIZE = 20, 192
RADIANS_PER_COUNT = np.deg2rad(0.12)
TRAINING, TESTING = range(16), range(16, 20)
FOES = 5  # drones on a map
DIFFICULTY = {"easy": 0.1, "normal": 0.3, "hard": 0.8}  # how fast and exact they are
COLOURS = {"red": (230, 40, 40), "green": (40, 200, 60), "blue": (50, 90, 240)}
SPEED, RADIUS, PITCH = 3.0, 0.22, 0.6  # cells a second, cells, radians
RELOAD, BALL, DRONE = 5, 5.0, 0.32  # steps between shots; cells a second; a drone's radius in cells
SECONDS = 60
LOOK = {"calm": 12, "charging": 13, "hurt": 14, "ball": 15, "spark": 16}  # in the atlas


@dataclass
class Drone:
    """An enemy. `charge` counts the steps to its shot, `hurt` the steps it shows a hit, `away` the steps until it is back."""

    x: float
    y: float
    lives: int = 2
    wait: int = 20
    charge: int = 0
    hurt: int = 0
    away: int = 0
    drift: float = 0.0  # sideways while it sees the player
    roam: float = 0.0  # its heading while it does not


@dataclass
class Ball:
    x: float
    y: float
    dx: float
    dy: float


@dataclass(frozen=True)
class Sight:
    """What a scripted player may know of the moment: what can be seen, no more."""

    drones: tuple[
        tuple[float, float, float, bool], ...
    ]  # of those in view (angle to the right, angle up, distance, charging)
    balls: tuple[tuple[float, float], ...]  # (angle to the right, distance)
    clear: np.ndarray  # distance to the wall in each of the directions `angles`
    angles: np.ndarray
    pitch: float
    switches: tuple[tuple[str, float, float], ...]  # (colour, angle to the right, distance) of those in view


class SimpleFps(gymnasium.Env[np.ndarray, Mapping[str, Any]]):
    """One game. `scenario`: see `scenarios()`. Rewards: 1 for a hit given, -1 for one taken; in "switches" 1 for the right one.

    `info`: "given" and "taken" so far, "map", its "split" (train or test), and in "switches" the "text" that says
    which one to press.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": HZ}  # noqa: RUF012  # gymnasium's own form
    actions = SPACE
    hz = HZ
    mouse_scale = float(np.rad2deg(RADIANS_PER_COUNT))
    source = "playtape/envs/simple_fps.py"
    licence = "Apache-2.0"

    def __init__(self, scenario: str = "train", *, seconds: float = SECONDS, render_mode: str | None = "rgb_array"):
        self.scenario = scenario
        self.level, _, rest = scenario.partition("/")
        if scenario not in scenarios():
            raise BadInput(f"unknown scenario {scenario!r} of simple_fps; legal are {', '.join(scenarios())}")
        self.fierce = DIFFICULTY.get(rest, DIFFICULTY["normal"])
        self.score_range = (0.0, 1.0) if self.level == "switches" else (-np.inf, np.inf)
        self.colours = [rest] if rest in COLOURS else list(COLOURS)  # that may be wanted
        self.steps, self.render_mode = round(seconds * HZ), render_mode
        self.action_space = gym_space(SPACE)
        self.observation_space = spaces.Box(0, 255, (SIZE, SIZE, 3), np.uint8)
        self._picture = np.zeros((SIZE, SIZE, 3), np.uint8)
        self.step_number = -1  # until the first reset

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.map, self.wanted = -1, ""
        if self.level == "switches":
            walls = self._switchboard()
        else:
            maps = {"train": TRAINING, "test": TESTING}.get(self.level) or [int(self.level.removeprefix("map"))]
            self.map = int(self.np_random.choice(list(maps)))
            walls = _maps.blocks(self.map, 14, 0.16, 6)
        self._world = _world(walls, self.map)
        if self.level == "switches":
            across, back, turned = self.np_random.uniform((4.2, 4.2, -0.05), (4.8, 4.8, 0.05)).tolist()
            self.eye = Eye(across, back, -np.pi / 2 + turned)
        else:
            self.eye = Eye(*self._free_place(), float(self.np_random.uniform(0, 2 * np.pi)))
        self.drones = [Drone(*self._free_place(4)) for _ in range(FOES if self.map >= 0 else 0)]
        for drone in self.drones:
            drone.wait = int(self.np_random.integers(20, 50))
        self.balls: list[Ball] = []
        self.step_number = self.given = self.taken = self.reload = self.flash = self.pain = 0
        return self._look(), self._info()

    def step(self, action: Mapping[str, Any]) -> tuple[np.ndarray, SupportsFloat, bool, bool, dict[str, Any]]:
        if self.step_number < 0:
            raise BadInput("reset the game before the first step")
        held = dict(zip(SPACE.buttons, np.asarray(action["buttons"]).astype(bool).tolist(), strict=True))
        dx, dy = (float(v) for v in action["axes"])
        before = self.given - self.taken
        self.flash, self.pain = max(0, self.flash - 1), max(0, self.pain - 1)
        self._move(held, dx, dy)
        self.reload = max(0, self.reload - 1)
        if held["mouse.left"] and not self.reload:
            self._fire()
        for drone in self.drones:
            self._think(drone)
        self._fly()
        self.step_number += 1
        reward, ended = float(self.given - self.taken - before), False
        if self.level == "switches" and held["key.e"] and (colour := self._pressed()):
            reward, ended = float(colour == self.wanted), True
        return self._look(), reward, ended, not ended and self.step_number >= self.steps, self._info()

    def render(self) -> np.ndarray:
        return self._picture.copy()

    def look(self) -> Sight:
        """What is in view now, for a scripted player."""
        angles = np.deg2rad(np.arange(-180, 180, 15.0))
        walls, eye = self._world.walls, self.eye
        clear = _free_ways(walls, eye.x, eye.y, eye.heading + angles)
        seen = []
        for drone in self.drones:
            angle, far = self._bearing(drone.x, drone.y)
            if not drone.away and abs(angle) < eye.fov / 2 and _maps.clear(walls, eye.x, eye.y, drone.x, drone.y):
                seen.append((angle, -eye.pitch, far, drone.charge > 0))
        balls = tuple(self._bearing(ball.x, ball.y) for ball in self.balls)
        in_view = []
        for (row, column), colour in self._switches().items():
            angle, far = self._bearing(column + 0.5, row + 0.5)
            if abs(angle) < eye.fov / 2:
                in_view.append((colour, angle, far))
        return Sight(tuple(seen), balls, clear, angles, eye.pitch, tuple(in_view))

    def _move(self, held: Mapping[str, bool], dx: float, dy: float) -> None:
        eye = self.eye
        heading = (eye.heading + dx * RADIANS_PER_COUNT) % (2 * np.pi)
        pitch = float(np.clip(eye.pitch - dy * RADIANS_PER_COUNT, -PITCH, PITCH))
        ahead, aside = held["key.w"] - held["key.s"], held["key.d"] - held["key.a"]
        step = SPEED / HZ / max(1.0, np.hypot(ahead, aside))
        cos, sin = np.cos(heading), np.sin(heading)
        dx, dy = step * (ahead * cos - aside * sin), step * (ahead * sin + aside * cos)
        x, y = _maps.slide(self._world.walls, eye.x, eye.y, dx, dy, RADIUS)
        self.eye = Eye(x, y, heading, pitch)

    def _fire(self) -> None:
        """The nearest drone under the middle of the picture is hit."""
        self.reload, self.flash = RELOAD, 2
        eye = self.eye
        under = []
        for drone in self.drones:
            angle, far = self._bearing(drone.x, drone.y)
            radius = np.arctan(DRONE / max(far, 0.3))
            seen = _maps.clear(self._world.walls, eye.x, eye.y, drone.x, drone.y)
            if not drone.away and np.hypot(angle, eye.pitch) < radius and seen:
                under.append((far, drone))
        if under:
            drone = min(under, key=lambda pair: pair[0])[1]
            self.given += 1
            drone.lives, drone.hurt = drone.lives - 1, 4
            if drone.lives == 0:
                drone.away = HZ

    def _think(self, drone: Drone) -> None:
        rng, eye, walls = self.np_random, self.eye, self._world.walls
        drone.hurt = max(0, drone.hurt - 1)
        if drone.away:
            drone.away -= 1
            if not drone.away:
                drone.x, drone.y = self._free_place(4)
                drone.lives, drone.wait, drone.charge = 2, int(rng.integers(20, 50)), 0
            return
        far = float(np.hypot(eye.x - drone.x, eye.y - drone.y))
        sees = far < 10 and _maps.clear(walls, drone.x, drone.y, eye.x, eye.y)
        if rng.random() < 0.05:
            drone.drift = float(rng.choice([-1, 0, 1]))
        pace = (0.6 + 0.6 * self.fierce) / HZ
        if sees and not drone.charge:
            dx, dy = (eye.x - drone.x) / far, (eye.y - drone.y) / far
            nearer = 1.0 if far > 4 else -0.5 if far < 2 else 0.0
            step = pace * (nearer * dx - drone.drift * dy), pace * (nearer * dy + drone.drift * dx)
            drone.x, drone.y = _maps.slide(walls, drone.x, drone.y, *step, DRONE)
        elif not sees:
            if rng.random() < 0.03:
                drone.roam = float(rng.uniform(0, 2 * np.pi))
            step = pace * np.cos(drone.roam), pace * np.sin(drone.roam)
            drone.x, drone.y = _maps.slide(walls, drone.x, drone.y, *step, DRONE)
        drone.wait = max(0, drone.wait - 1)
        if drone.charge:
            drone.charge -= 1
            if not drone.charge:
                error = rng.normal(0, 0.12 - 0.08 * self.fierce)
                angle = np.arctan2(eye.y - drone.y, eye.x - drone.x) + error
                self.balls.append(Ball(drone.x, drone.y, BALL / HZ * np.cos(angle), BALL / HZ * np.sin(angle)))
                drone.wait = int(rng.integers(20, 60) / (0.5 + self.fierce))
        elif sees and not drone.wait:
            drone.charge = 10

    def _fly(self) -> None:
        left = []
        for ball in self.balls:
            ball.x, ball.y = ball.x + ball.dx, ball.y + ball.dy
            if np.hypot(ball.x - self.eye.x, ball.y - self.eye.y) < RADIUS + 0.1:
                self.taken, self.pain = self.taken + 1, 5
            elif not self._world.walls[int(ball.y), int(ball.x)]:
                left.append(ball)
        self.balls = left

    def _bearing(self, x: float, y: float) -> tuple[float, float]:
        """(angle to the right in -pi..pi, distance) of a place as seen from the eye."""
        dx, dy = x - self.eye.x, y - self.eye.y
        angle = (np.arctan2(dy, dx) - self.eye.heading + np.pi) % (2 * np.pi) - np.pi
        return float(angle), float(np.hypot(dx, dy))

    def _free_place(self, away: float = 0.0) -> tuple[float, float]:
        """The middle of a free cell, at least `away` cells from the player where there is one."""
        free = np.argwhere(self._world.walls == 0) + 0.5
        if away:
            far = np.hypot(free[:, 1] - self.eye.x, free[:, 0] - self.eye.y)
            free = free[far >= min(away, far.max())]
        y, x = free[self.np_random.integers(len(free))]
        return float(x), float(y)

    def _switchboard(self) -> np.ndarray:
        """A room with three switches in the wall ahead, in any order, one of which is wanted."""
        walls = np.ones((9, 9), int)
        walls[1:-1, 1:-1] = 0
        walls[0, 2:7:2] = 7 + self.np_random.permutation(len(COLOURS))
        self.wanted = str(self.np_random.choice(self.colours))
        return walls

    def _switches(self) -> dict[tuple[int, int], str]:
        if self.level != "switches":
            return {}
        found = np.argwhere(self._world.walls >= 7)
        return {(int(y), int(x)): list(COLOURS)[self._world.walls[y, x] - 7] for y, x in found}

    def _pressed(self) -> str:
        """The colour of the switch ahead within reach, or nothing."""
        for far in (0.4, 0.7, 1.0):
            x, y = self.eye.x + far * np.cos(self.eye.heading), self.eye.y + far * np.sin(self.eye.heading)
            if colour := self._switches().get((int(y), int(x))):
                return colour
        return ""

    def _look(self) -> np.ndarray:
        things = []
        for drone in self.drones:
            if not drone.away:
                look = "hurt" if drone.hurt else "charging" if drone.charge else "calm"
                things.append(Billboard(drone.x, drone.y, 0.5, 2 * DRONE, LOOK[look]))
        things += [Billboard(ball.x, ball.y, 0.5, 0.22, LOOK["ball"]) for ball in self.balls]
        picture = render(self._world, self.eye, things, SIZE)
        middle = SIZE // 2
        picture[middle - 1 : middle + 1, middle - 5 : middle + 5] = 255
        picture[middle - 5 : middle + 5, middle - 1 : middle + 1] = 255
        _gun(picture, self.flash > 0)
        if self.pain:
            picture[:, :, 0] = np.maximum(picture[:, :, 0], 60 + 25 * self.pain)
        self._picture = picture
        return picture.copy()

    def _info(self) -> dict[str, Any]:
        told = {"text": f"press the {self.wanted} switch"} if self.wanted else {}
        name = f"map{self.map:02d}" if self.map >= 0 else "switches"
        split = "test" if self.map in TESTING else "train"
        return {"given": self.given, "taken": self.taken, "map": name, "split": split} | told


def make(scenario: str | None = None, **options: Any) -> SimpleFps:
    """A game. Raises BadInput for an unknown scenario."""
    return SimpleFps(scenario or "train", **options)


def scenarios() -> tuple[str, ...]:
    """train, test, one map (map00 to map19), each alone or with a difficulty (train/easy); switches, alone or with the colour
    that is always wanted (switches/red)."""
    levels = ("train", "test", *(f"map{number:02d}" for number in (*TRAINING, *TESTING)))
    return (
        *levels,
        *(f"{level}/{name}" for level in levels for name in DIFFICULTY),
        "switches",
        *(f"switches/{colour}" for colour in COLOURS),
    )


def _world(walls: np.ndarray, number: int) -> World:
    rng = np.random.default_rng(100 + number)
    floor = np.full(walls.shape, 9 + int(rng.integers(2)))
    return World(walls, floor, np.full(walls.shape, 11 if number % 3 else -1), _ATLAS, _SKY)


def _free_ways(walls: np.ndarray, x: float, y: float, angles: np.ndarray) -> np.ndarray:
    """How far a body may go in each direction [N], up to 12 cells."""
    far = np.arange(0.25, 12, 0.25)
    row = np.clip((y + far * np.sin(angles)[:, None]).astype(int), 0, walls.shape[0] - 1)
    column = np.clip((x + far * np.cos(angles)[:, None]).astype(int), 0, walls.shape[1] - 1)
    hit = walls[row, column] > 0  # [N, F]
    return np.where(hit.any(1), far[hit.argmax(1)], 12.0)


def _gun(picture: np.ndarray, flash: bool) -> None:
    """A barrel at the foot of the picture, and fire before it."""
    middle = SIZE // 2
    if flash:
        picture[SIZE - 52 : SIZE - 36, middle - 8 : middle + 8] = (255, 220, 90)
    picture[SIZE - 38 :, middle - 7 : middle + 7] = (70, 72, 80)
    picture[SIZE - 38 :, middle - 3 : middle + 1] = (120, 122, 130)


_ATLAS = shaded(
    np.stack(
        [
            _pictures.bricks((165, 75, 60), 1),
            _pictures.panels((95, 115, 140), 2),
            _pictures.bricks((140, 140, 130), 3),
            _pictures.panels((110, 135, 85), 4),
            _pictures.stripes((205, 175, 40), (50, 50, 50), 5),
            _pictures.bricks((95, 85, 150), 6),
            *(_pictures.switch(colour) for colour in COLOURS.values()),
            _pictures.tiles((120, 105, 90), 7),
            _pictures.tiles((85, 100, 105), 8),
            _pictures.panels((75, 75, 82), 9),
            _pictures.drone((80, 255, 120)),
            _pictures.drone((255, 40, 30)),
            _pictures.drone((255, 255, 255), hurt=True),
            _pictures.ball((255, 120, 20)),
            _pictures.ball((255, 255, 255)),
        ]
    )
)
_SKY = packed(_pictures.panorama((205, 170, 140), (90, 120, 180), (80, 70, 85), 1))
