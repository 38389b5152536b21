"""Every game in playtape/envs: gymnasium's own check, determinism under a seed, a scripted player that beats chance."""

import contextlib
import warnings
from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from playtape import envs
from playtape.actions import ActionSpace

# One short scenario of each game, in which a player who looks does better than one who does not, and by how much at least in
# 300 steps, in the game's own rewards: in doom a kill is about 100, in simple_fps a hit is 1, in hovercraft a lap.
BEATEN = {"doom": ("basic", 1.0), "hovercraft": ("train", 0.2), "simple_fps": ("train", 2.0)}
NEEDS = {"doom": "vizdoom"}


def episode(env: Any, player: Any, seed: int, steps: int) -> tuple[list[np.ndarray], list[float]]:
    obs, info = env.reset(seed=seed)
    player.start(seed)
    pictures, rewards = [obs], []
    for _ in range(steps):
        obs, reward, ended, cut, info = env.step(player.act(obs, info))
        pictures.append(obs)
        rewards.append(float(reward))
        if ended or cut:
            break
    return pictures, rewards


class Chance:
    def __init__(self, env: Any):
        self.space = env.actions

    def start(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def act(self, obs: np.ndarray, info: dict[str, Any]) -> Any:
        return envs.random_action(self.space, self.rng)


@pytest.fixture(params=envs.env_names())
def name(request: pytest.FixtureRequest) -> str:
    if package := NEEDS.get(request.param):
        pytest.importorskip(package, reason=f"the game {request.param} needs {package}, which is not installed")
    return request.param


def test_every_game_is_a_gymnasium_environment(name):
    with contextlib.closing(envs.find_env(name).make()) as env, warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*normalized space")  # ours are in native units, for the recordings
        check_env(env, skip_render_check=True, skip_close_check=True)


def test_every_game_says_how_it_is_played(name):
    module = envs.find_env(name)
    assert BEATEN[name][0] in module.scenarios()
    with contextlib.closing(module.make(BEATEN[name][0])) as env:
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
    with contextlib.closing(module.make(BEATEN[name][0])) as env:
        player = module.ScriptedPlayer(env, seed=5)
        first = episode(env, player, 5, 60)
        other = episode(env, player, 6, 60)
        again = episode(env, player, 5, 60)
    with contextlib.closing(module.make(BEATEN[name][0])) as env:
        anew = episode(env, module.ScriptedPlayer(env, seed=5), 5, 60)
    for same in (again, anew):
        np.testing.assert_array_equal(np.stack(first[0]), np.stack(same[0]))
        assert first[1] == same[1]
    assert not np.array_equal(np.stack(first[0])[:30], np.stack(other[0])[:30])


def test_every_scripted_player_beats_chance(name):
    module = envs.find_env(name)
    with contextlib.closing(module.make(BEATEN[name][0])) as env:
        scripted = [sum(episode(env, module.ScriptedPlayer(env), seed, 300)[1]) for seed in range(6)]
        chance = [sum(episode(env, Chance(env), seed, 300)[1]) for seed in range(6)]
    assert np.mean(scripted) > np.mean(chance) + BEATEN[name][1], (scripted, chance)
