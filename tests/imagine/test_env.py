"""A world model as a game: gymnasium's contract, starts, seeds, length, and what the model says of rewards and ends."""

import json
import re
import shutil
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from safetensors.torch import load_file, save_file
from torch import Tensor

from playtape import envs
from playtape.actions import Actions, ActionSpace, Axis
from playtape.envs.simple_fps import SPACE
from playtape.errors import BadInput
from playtape.imagine.env import ImaginedEnv, World, axis_ends, open_world
from playtape.imagine.futures import Way
from playtape.play import play
from playtape.training.starts import FILE, Starts, read_starts
from tests.untrained import save_untrained, save_untrained_world

ARM = ActionSpace((), (Axis("arm.0", "state"), Axis("arm.1", "state")))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_untrained_world(tmp_path_factory.mktemp("run") / "world", frames=5)


@pytest.fixture(scope="module")
def world(run: Path) -> World:
    return open_world(run)


def dreamt(env: ImaginedEnv, seed: int, actions: list[dict[str, np.ndarray]]) -> np.ndarray:
    """Pictures [T + 1, H, W, 3]."""
    pictures = [env.reset(seed=seed)[0]]
    return np.stack(pictures + [env.step(action)[0] for action in actions])


def acts(space: ActionSpace, count: int, seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [envs.random_action(space, rng) for _ in range(count)]


@pytest.mark.parametrize(("space", "way"), [(SPACE, Way()), (SPACE, Way(passes=2)), (ARM, Way())])
def test_a_world_is_a_gymnasium_environment(tmp_path: Path, space: ActionSpace, way: Way) -> None:
    env = ImaginedEnv(open_world(save_untrained_world(tmp_path / "world", space=space)), way)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*normalized space")
        check_env(env, skip_render_check=True, skip_close_check=True)
    assert (env.actions, env.hz, env.action_space) == (space, 20.0, envs.gym_space(space))
    obs, _ = env.reset(seed=1)
    assert (obs.dtype, obs.shape) == (np.uint8, (16, 16, 3))
    assert np.array_equal(env.render(), obs)


def test_its_pace_is_that_of_the_clips_that_it_learned_from(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "slow")
    train = tmp_path / "slow" / "train.json"
    train.write_text(json.dumps(json.loads(train.read_text()) | {"hz": 5.0}))
    env = ImaginedEnv(open_world(tmp_path / "slow"))
    assert (env.hz, env.metadata["render_fps"]) == (5.0, 5.0)


def test_an_episode_begins_with_what_was_recorded(world: World, run: Path) -> None:
    starts = read_starts(run, 2, (16, 16))
    assert starts is not None
    env, seen = ImaginedEnv(world), set()
    for seed in range(20):
        obs, info = env.reset(seed=seed)
        assert np.array_equal(obs, starts.frames[info["start"], -1].permute(1, 2, 0))
        seen.add(info["start"])
    assert seen == {0, 1, 2}


@pytest.mark.parametrize("way", [Way(), Way(passes=3)])
def test_the_seed_and_the_hands_decide_everything(world: World, way: Way) -> None:
    """Over three contexts: a line holds 3 later frames, and 10 are dreamt."""
    env, done = ImaginedEnv(world, way), acts(SPACE, 10)
    first, again = dreamt(env, 4, done), dreamt(ImaginedEnv(world, way), 4, done)
    assert np.array_equal(first, again)
    assert len({picture.tobytes() for picture in first}) > 6  # it goes on; two may well be alike
    assert not np.array_equal(first, dreamt(env, 7, done))


def test_what_is_done_matters(world: World) -> None:
    sure = ImaginedEnv(world, Way(temperature=0))
    moved, stayed = (dreamt(sure, 4, each) for each in (acts(SPACE, 10), [envs.nothing(SPACE)] * 10))
    assert np.array_equal(moved[0], stayed[0])
    assert not np.array_equal(moved, stayed)


def test_the_way_can_be_changed_between_two_steps(world: World) -> None:
    env = ImaginedEnv(world)
    env.reset(seed=0)
    env.step(envs.nothing(SPACE))
    env.way = Way(passes=2)
    env.step(envs.nothing(SPACE))
    assert env.facts == {"imagined": world.hash, "mode": "fast 2", "temperature": "1"}


@dataclass
class Count:
    """A world that counts what was done, brings it as reward, and ends at 3."""

    number: int
    done: int = 0


class Counting:
    fast, earns = False, True

    def beginning(self, frames: Tensor) -> Tensor:
        return frames[:, :1]

    def start(self, frames: Tensor, futures: int = 1, embodiment: Tensor | None = None) -> Count:
        return Count(0)

    def step(self, state: Count, actions: Actions, **how: Any) -> Count:
        done = int(actions.buttons.sum())
        return Count(state.number + done, done)

    def outcome(self, state: Count) -> tuple[Tensor, Tensor]:
        return torch.tensor([0.5 * state.done]), torch.tensor([float(state.number >= 3)])

    def frames(self, state: Count, last: int) -> Tensor:
        return torch.full((1, last, 3, 4, 4), state.number / 255)


def test_rewards_and_ends_are_the_models(world: World) -> None:
    space = ActionSpace(("key.w",), ())
    env = ImaginedEnv(
        World(
            "count",
            Counting(),
            space,
            10.0,
            Starts(torch.zeros(1, 1, 3, 4, 4, dtype=torch.uint8), torch.zeros(1, dtype=torch.int64)),
        )
    )
    env.reset(seed=0)
    said = [env.step({"buttons": np.array([held], np.int8), "axes": np.zeros(0)}) for held in (1, 0, 1, 1)]
    assert [picture[0, 0, 0] for picture, *_ in said] == [1, 1, 2, 3]
    assert [(reward, ended) for _, reward, ended, _, _ in said] == [(0.5, False), (0, False), (0.5, False), (0.5, True)]
    plain = ImaginedEnv(world)
    plain.reset(seed=0)
    assert plain.step(envs.nothing(SPACE))[1:4] == (0.0, False, False)


def test_what_cannot_be_entered_is_told(run: Path, world: World, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="reset the world before the first step"):
        ImaginedEnv(world).step(envs.nothing(SPACE))
    with pytest.raises(BadInput, match="pixels2play, which cannot foretell; give the checkpoint of a world model"):
        open_world(save_untrained(tmp_path / "policy"))
    without = save_untrained_world(tmp_path / "without", starts=0)
    with pytest.raises(
        BadInput, match="holds no moments to begin from; give recordings of its game with --starts DATA"
    ):
        open_world(without)
    exact = open_world(save_untrained_world(tmp_path / "exact", parallel=0.0))
    with pytest.raises(BadInput, match="exact has not learned the fast way .*; legal is --mode exact"):
        ImaginedEnv(exact, Way(passes=1))
    with pytest.raises(BadInput, match="temperature is -1"):
        ImaginedEnv(world, Way(temperature=-1))
    sizes = [(2, 2, 3, 8, 8), (2, 3, 3, 16, 16), (2, 0, 3, 16, 16), (0, 2, 3, 16, 16)]
    for frames in (torch.zeros(2, 2, 3, 16, 16), torch.zeros(0), *(torch.zeros(s, dtype=torch.uint8) for s in sizes)):
        save_file({"frames": frames}, without / FILE)
        with pytest.raises(BadInput, match=r"starts.safetensors holds .*; it must be uint8 \[N, 2, 3, 16, 16\]"):
            open_world(without)
    frames = torch.zeros(2, 2, 3, 16, 16, dtype=torch.uint8)
    for body in (torch.tensor([0, 1]), torch.zeros(1, dtype=torch.int64), torch.zeros(2)):
        save_file({"frames": frames, "embodiment": body}, without / FILE)
        with pytest.raises(BadInput, match=r"starts.safetensors holds embodiments .*; they must be 2 of 0 to 0"):
            open_world(without)


def test_recordings_of_another_game_are_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = save_untrained_world(tmp_path / "arm", space=ARM, starts=0, frames=5)
    play("random", "simple_fps", record=tmp_path / "game", max_steps=8, progress=False)
    capsys.readouterr()
    assert len(open_world(run, starts=tmp_path / "game").starts) == 16
    assert re.search(r"in .*game .*mouse\.dx.* is done, which the world does not know", capsys.readouterr().err)
    same = save_untrained_world(tmp_path / "same", starts=0, frames=5)
    open_world(same, starts=tmp_path / "game")
    assert capsys.readouterr().err == ""


def test_a_world_of_several_bodies_goes_on_with_the_right_one(tmp_path: Path) -> None:
    folder = save_untrained_world(tmp_path / "two", embodiments=("arm", "crane"), starts=1)
    frames = load_file(folder / FILE)["frames"]
    shown = []
    for body in (0, 1):
        save_file({"frames": frames, "embodiment": torch.tensor([body])}, folder / FILE)
        env = ImaginedEnv(open_world(folder), Way(temperature=0))
        env.reset(seed=0)
        shown.append(np.stack([env.step(envs.nothing(SPACE))[0] for _ in range(4)]))
    assert not np.array_equal(*shown)


def test_a_trained_world_tells_what_it_earns(tmp_path: Path) -> None:
    env = ImaginedEnv(open_world(save_untrained_world(tmp_path / "earns", outcomes=True)))
    env.reset(seed=0)
    said = [env.step(envs.nothing(SPACE)) for _ in range(30)]  # beyond a line of tokens
    assert len({reward for _, reward, *_ in said}) > 5
    assert all(0 <= info["end_chance"] <= 1 and ended == (info["end_chance"] > 0.5) for *_, ended, _, info in said)


def test_actions_go_no_farther_than_what_was_seen_done(tmp_path: Path) -> None:
    world = open_world(save_untrained_world(tmp_path / "world", space=ARM))
    count, beyond = len(ARM.axes), 1e30
    whole = [20 * axis.scale for axis in ARM.axes]
    seen = replace(world, ends=(np.full(count, -0.5, np.float32), np.full(count, beyond, np.float32)))
    low, high = axis_ends(seen)
    assert low == [-0.5] * count
    assert high == pytest.approx(whole)
    box = ImaginedEnv(seen).action_space["axes"]
    assert all(abs(box.low + 0.5) < 1e-6)
    world.model.scaled.fit(torch.tensor([[-2.0] * count, [3.0] * count]))
    assert [float(end[0]) for end in world.model.ends] == pytest.approx([-2, 3], abs=0.01)
