"""Every game in playtape/envs: gymnasium's own check, determinism under a seed, a scripted player that beats chance."""

import contextlib
import re
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from playtape import envs
from playtape.actions import ActionSpace
from playtape.errors import BadInput
from tests.envs.played import play


@dataclass(frozen=True)
class Game:
    """What the tests must know of a game. `beaten` is a short scenario in which a player who looks does better than one who does
    not, and `by` how much at least in 300 steps, in the game's own rewards."""

    beaten: str
    by: float
    unknown: tuple[str, ...]  # scenarios that it does not have
    mapless: str  # pattern of the scenarios that do not say on which map they are
    every: int = 1  # of its scenarios so many are one that is played
    needs: str | None = None


GAMES = {
    "doom": Game(
        "basic",
        1.0,  # a kill is about 100
        ("doom2", "freedoom2/MAP33", "freedoom1/MAP01", "basic/MAP01", "../basic"),
        mapless="[^/]+",
        every=12,  # each starts a process
        needs="vizdoom",
    ),
    "hovercraft": Game(
        "train",
        0.2,  # of a lap
        ("track16", "train/brutal", "Train", "track1", "switches", "../track01"),
        mapless="(train|test)(/.*)?",
    ),
    "simple_fps": Game(
        "train",
        2.0,  # hits
        ("map20", "train/brutal", "switches/easy", "Train", "map1", "../map01"),
        mapless="(train|test)(/.*)?",
    ),
}


class Chance:
    def __init__(self, env: Any):
        self.space = env.actions

    def start(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def act(self, obs: np.ndarray, info: dict[str, Any]) -> Any:
        return envs.random_action(self.space, self.rng)


@pytest.fixture(params=envs.env_names())
def name(request: pytest.FixtureRequest) -> str:
    if package := GAMES[request.param].needs:
        pytest.importorskip(package, reason=f"the game {request.param} needs {package}, which is not installed")
    return request.param


def test_every_game_is_a_gymnasium_environment(name):
    with contextlib.closing(envs.find_env(name).make()) as env, warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*normalized space")  # ours are in native units, for the recordings
        check_env(env, skip_render_check=True, skip_close_check=True)


def test_every_game_says_how_it_is_played(name):
    module = envs.find_env(name)
    assert GAMES[name].beaten in module.scenarios()
    with contextlib.closing(module.make(GAMES[name].beaten)) as env:
        assert isinstance(env.actions, ActionSpace)
        assert env.action_space == envs.gym_space(env.actions)
        assert env.hz > 0
        obs, _ = env.reset(seed=1)
        assert obs.dtype == np.uint8
        assert obs.ndim == 3
        assert obs.shape[2] == 3
        action = envs.nothing(env.actions)
        assert env.action_space.contains(action)


def test_every_game_repeats_itself_under_a_seed(name):
    module = envs.find_env(name)
    with contextlib.closing(module.make(GAMES[name].beaten)) as env:
        player = module.ScriptedPlayer(env, seed=5)
        first = play(env, player, 5, 60)
        other = play(env, player, 6, 60)
        again = play(env, player, 5, 60)
    with contextlib.closing(module.make(GAMES[name].beaten)) as env:
        anew = play(env, module.ScriptedPlayer(env, seed=5), 5, 60)
    for same in (again, anew):
        np.testing.assert_array_equal(np.stack(first.pictures), np.stack(same.pictures))
        assert first.rewards == same.rewards
    assert not np.array_equal(np.stack(first.pictures)[:30], np.stack(other.pictures)[:30])


def test_every_scripted_player_beats_chance(name):
    module = envs.find_env(name)
    with contextlib.closing(module.make(GAMES[name].beaten)) as env:
        scripted = [play(env, module.ScriptedPlayer(env), seed, 300).score for seed in range(6)]
        chance = [play(env, Chance(env), seed, 300).score for seed in range(6)]
    assert np.mean(scripted) > np.mean(chance) + GAMES[name].by, (scripted, chance)


def test_every_scenario_can_be_played(name):
    module = envs.find_env(name)
    for scenario in module.scenarios()[:: GAMES[name].every]:
        with contextlib.closing(module.make(scenario)) as env:
            played = play(env, module.ScriptedPlayer(env), 0, 3)
        assert all(picture.std() > 5 for picture in played.pictures), scenario
        assert played.info["map"] in scenario or re.fullmatch(GAMES[name].mapless, scenario)


def test_unknown_scenarios_list_the_legal_ones(name):
    module = envs.find_env(name)
    first, last = ", ".join(module.scenarios()[:3]), module.scenarios()[-1]
    for scenario in GAMES[name].unknown:
        with pytest.raises(
            BadInput, match=rf"unknown (\w+ )?scenario {re.escape(repr(scenario))}.*; legal are {first}.*{last}$"
        ) as told:
            module.make(scenario)
        assert name in str(told.value).lower()


def test_a_step_before_the_first_reset_is_told(name):
    env = envs.find_env(name).make()
    with pytest.raises(BadInput, match="reset"):
        env.step(envs.nothing(env.actions))
