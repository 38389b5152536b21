"""Doom by ViZDoom: whole Freedoom maps and ViZDoom's scenarios, with the keys and the mouse of `games.DOOM`.

One step is one tic (1/35 s). The observation is the picture *after* the step's action: an action that turns shows in the
very picture that its step returns (measured, and tested: turning lies over the shift of the picture at lag 0). So with
frame 0 from `reset` and frame t + 1 from step t, `actions[t]` is what was done between frames t and t + 1: Playtape's
convention. Turning right is positive: 32 counts of `mouse.dx` are 256 binary angles, 1.40625 degrees to the right.

It looks as a person's Doom does: status bar, weapon and messages, no crosshair. Episodes are alike bit for bit under a
seed, whatever was played before. A step that ends the game (death, the map's exit) has no picture of its own: it returns
the last one again, and `info["picture"]` is False.
"""

import contextlib
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
import vizdoom
from gymnasium import spaces

from playtape.actions.games import DOOM
from playtape.envs import _child, gym_space
from playtape.envs._doom_player import ScriptedPlayer
from playtape.errors import BadInput

__all__ = ["Doom", "ScriptedPlayer", "Sight", "make", "scenarios"]

HZ = 35
FROZEN = 10  # tics that a game runs before its first picture: in its first 8 it does nothing with any input (measured)
DEGREES_PER_COUNT = 8 * 360 / 65536
CONFIGURED = (
    "basic",
    "deadly_corridor",
    "deathmatch",
    "defend_the_center",
    "defend_the_line",
    "health_gathering",
    "health_gathering_supreme",
    "my_way_home",
    "predict_position",
    "simpler_basic",
    "take_cover",
)
MAPS = {
    "freedoom1": tuple(f"E{episode}M{level}" for episode in range(1, 5) for level in range(1, 10)),
    "freedoom2": tuple(f"MAP{level:02d}" for level in range(1, 33)),
}
KEYS = {
    "key.w": "MOVE_FORWARD",
    "key.s": "MOVE_BACKWARD",
    "key.a": "MOVE_LEFT",
    "key.d": "MOVE_RIGHT",
    "key.shift": "SPEED",
    "key.space": "USE",
    "mouse.left": "ATTACK",
    **{f"key.{n}": f"SELECT_WEAPON{n}" for n in range(1, 8)},
}
VARIABLES = (
    *("HEALTH", "KILLCOUNT", "SELECTED_WEAPON", "SELECTED_WEAPON_AMMO", "POSITION_X", "POSITION_Y", "ANGLE"),
    *(f"WEAPON{n}" for n in range(1, 8)),
)
_starting = Lock()  # a game is started from a folder of its own, and the current folder belongs to the whole process


@dataclass(frozen=True)
class Sight:
    """What a scripted player may see beside the picture."""

    depth: np.ndarray  # uint8 [H, W], about 7.5 map units a level
    things: tuple[Any, ...]  # vizdoom.Label: object_name, object_category, x, y, width, height


class Doom(gymnasium.Env[np.ndarray, Mapping[str, Any]]):
    """One game. `scenario`: see `scenarios()`; "freedoom2" alone takes a map by the episode's seed.

    `skill` 1-5 and `max_tics` override the scenario's own (for maps 3 and 2100, a minute). Rewards are the scenario's; on
    maps 1 a kill, 1 a secret, 10 the exit, -5 death. Close it: the game is a process of its own.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": HZ}  # noqa: RUF012  # gymnasium's own form
    actions = DOOM
    hz = HZ
    mouse_scale = DEGREES_PER_COUNT
    source = "https://github.com/Farama-Foundation/ViZDoom with https://github.com/freedoom/freedoom"
    licence = "BSD-3-Clause"  # of Freedoom's pictures; ViZDoom's own scenarios and code are MIT

    def __init__(
        self,
        scenario: str = "freedoom2",
        *,
        skill: int | None = None,
        max_tics: int | None = None,
        render_mode: str | None = "rgb_array",
    ):
        self.scenario = scenario
        self.game_name, self.map = _parse(scenario)
        if skill is not None and not 1 <= skill <= 5:
            raise BadInput(f"Doom's skill is {skill}: 1 (easy) to 5 (nightmare) are legal.")
        if max_tics is not None and max_tics < 1:
            raise BadInput(f"max_tics is {max_tics}: at least 1 is legal.")
        self.skill, self.max_tics, self.render_mode = skill, max_tics, render_mode
        self.action_space = gym_space(DOOM)
        self.observation_space = spaces.Box(0, 255, (240, 320, 3), np.uint8)
        self.sight = False  # a scripted player sets it before the first reset
        self._game: Any = None
        self._stop: Any = None
        self._tic = 0
        self._limit = 0
        self._picture = np.zeros((240, 320, 3), np.uint8)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode; its course depends on `seed` (or on the seeds before) and the actions alone."""
        super().reset(seed=seed)
        if self._game is None:
            self._start()
        episode = int(self.np_random.integers(1, 2**31 - 1))
        if self.game_name in MAPS and self.map is None:
            maps = MAPS[self.game_name]
            self._game.set_doom_map(maps[int(self.np_random.integers(len(maps)))])
        self._game.set_seed(episode)
        self._game.new_episode()
        self._tic = 0
        return self._look(), self._info(True)

    def step(self, action: Mapping[str, Any]) -> tuple[np.ndarray, SupportsFloat, bool, bool, dict[str, Any]]:
        """Hold the buttons and turn for one tic; the picture is the one after it."""
        if self._game is None:
            raise BadInput("reset the game before the first step.")
        turn = float(action["axes"][0]) * DEGREES_PER_COUNT
        reward = self._game.make_action([*(float(held) for held in action["buttons"]), turn], 1)
        self._tic += 1
        over = self._game.is_episode_finished()
        obs = self._picture.copy() if over else self._look()
        return obs, float(reward), over, not over and self._tic >= self._limit, self._info(not over)

    def render(self) -> np.ndarray:
        """The last picture."""
        return self._picture.copy()

    def look(self) -> Sight | None:
        """Depth and things of the last picture; None once the game is over. Needs `sight`."""
        state = self._game.get_state() if self._game is not None else None
        return None if state is None or not self.sight else Sight(state.depth_buffer, tuple(state.labels))

    def close(self) -> None:
        """End the game's process. The next reset starts another."""
        if self._stop is not None:
            self._stop()
        self._game = self._stop = None

    def __del__(self) -> None:
        if getattr(self, "_stop", None) is not None:
            self.close()

    def _start(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="playtape-doom-"))
        game = self._configured(folder)
        with _starting:
            before = _child.children("vizdoom")
            with contextlib.chdir(folder):  # it leaves files where it is started
                game.init()
            shell = _child.guard(_child.children("vizdoom") - before)
        self._game = game
        self._stop = weakref.finalize(self, _end, game, shell, folder)  # runs at exit too

    def _configured(self, folder: Path) -> Any:
        home = Path(vizdoom.__file__).parent
        game = vizdoom.DoomGame()
        if self.game_name in MAPS:
            game.set_doom_game_path(str(home / f"{self.game_name}.wad"))
            game.set_doom_map(self.map or MAPS[self.game_name][0])
            game.set_doom_skill(self.skill or 3)
            game.set_kill_reward(1)
            game.set_secret_reward(1)
            game.set_map_exit_reward(10)
            game.set_death_penalty(5)
            self._limit = self.max_tics or 60 * HZ
        else:
            game.load_config(str(home / "scenarios" / f"{self.game_name}.cfg"))
            game.set_doom_game_path(str(home / "freedoom2.wad"))
            if self.skill is not None:
                game.set_doom_skill(self.skill)
            self._limit = self.max_tics or game.get_episode_timeout() or 60 * HZ
        game.set_episode_start_time(max(FROZEN, game.get_episode_start_time()))
        game.set_episode_timeout(0)  # we count ourselves: a game that ends has no last picture
        game.set_doom_config_path(str(folder / "vizdoom.ini"))
        game.set_mode(vizdoom.Mode.PLAYER)
        game.set_window_visible(False)
        game.set_screen_resolution(vizdoom.ScreenResolution.RES_320X240)
        game.set_screen_format(vizdoom.ScreenFormat.RGB24)
        for shown in ("hud", "weapon", "messages", "decals", "particles", "screen_flashes", "corpses"):
            getattr(game, f"set_render_{shown}")(True)
        game.set_render_crosshair(False)
        game.set_depth_buffer_enabled(self.sight)
        game.set_labels_buffer_enabled(self.sight)
        buttons = [getattr(vizdoom.Button, KEYS[name]) for name in DOOM.buttons]
        game.set_available_buttons([*buttons, vizdoom.Button.TURN_LEFT_RIGHT_DELTA])
        game.set_available_game_variables([getattr(vizdoom.GameVariable, name) for name in VARIABLES])
        return game

    def _look(self) -> np.ndarray:
        self._picture = np.array(self._game.get_state().screen_buffer)
        return self._picture.copy()

    def _info(self, picture: bool) -> dict[str, Any]:
        values = (self._game.get_game_variable(getattr(vizdoom.GameVariable, name)) for name in VARIABLES)
        info: dict[str, Any] = {name.lower(): float(value) for name, value in zip(VARIABLES, values, strict=True)}
        return info | {"tic": self._tic, "map": self._game.get_doom_map(), "picture": picture}


def make(scenario: str | None = None, **options: Any) -> Doom:
    """A game of Doom. Raises BadInput for an unknown scenario."""
    return Doom(scenario or "freedoom2", **options)


def scenarios() -> tuple[str, ...]:
    """What can be played: ViZDoom's scenarios, a game (its map by seed), or GAME/MAP."""
    return (*CONFIGURED, *MAPS, *(f"{game}/{level}" for game, maps in MAPS.items() for level in maps))


def _parse(scenario: str) -> tuple[str, str | None]:
    """ "freedoom2/MAP05" -> ("freedoom2", "MAP05"); "basic" -> ("basic", None)."""
    if scenario not in scenarios():
        raise BadInput(
            f"unknown Doom scenario {scenario!r}; legal are {', '.join((*CONFIGURED, *MAPS))}, "
            "freedoom1/E1M1 to freedoom1/E4M9, and freedoom2/MAP01 to freedoom2/MAP32"
        )
    game, _, level = scenario.partition("/")
    return game, level or None


def _end(game: Any, shell: Any, folder: Path) -> None:
    with contextlib.suppress(vizdoom.ViZDoomErrorException, vizdoom.ViZDoomUnexpectedExitException):
        game.close()
    _child.release(shell)
    shutil.rmtree(folder, ignore_errors=True)
