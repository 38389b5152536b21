"""Doom: what a step means, signs and units, episodes' ends, processes; and the scripted player's hands."""

import contextlib
import os
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip("vizdoom", reason="the game doom needs vizdoom, which is not installed")

from playtape import envs
from playtape.actions.games import DOOM
from playtape.envs import _child, doom
from playtape.envs._hand import Hand
from playtape.errors import BadInput
from playtape.recordings import desync


def action(*names: str, dx: float = 0.0) -> dict[str, np.ndarray]:
    made = envs.nothing(DOOM)
    made["buttons"][[DOOM.buttons.index(name) for name in names]] = 1
    made["axes"][0] = dx
    return made


@pytest.fixture(scope="module")
def game():
    with contextlib.closing(doom.make("freedoom2/MAP01", max_tics=400)) as env:
        yield env


def test_turning_right_is_positive_and_32_counts_are_256_angles(game):
    _, before = game.reset(seed=1)
    _, _, _, _, after = game.step(action(dx=320))
    assert (before["angle"] - after["angle"]) % 360 == pytest.approx(320 * 8 * 360 / 65536, abs=0.006)


@pytest.mark.parametrize("scenario", ["freedoom1/E1M1", "deadly_corridor", "basic"])
def test_the_very_first_action_counts(scenario):
    with contextlib.closing(doom.make(scenario)) as env:
        first, before = env.reset(seed=1)
        turned, _, _, _, after = env.step(action(dx=-160))
    assert (after["angle"] - before["angle"]) % 360 == pytest.approx(160 * 8 * 360 / 65536, abs=0.006)
    assert np.abs(turned[:200].astype(int) - first[:200]).mean() > 1


def test_a_steps_picture_is_the_one_after_its_action(game):
    game.reset(seed=1)
    for _ in range(25):  # until the weapon is up and nothing moves by itself
        still, *_ = game.step(action())
    turned, *_ = game.step(action(dx=128))
    shift = desync.horizontal_shift([still, turned])
    assert shift[0] == pytest.approx(
        -128 * 8 / 65536 * 360 / 90 * np.pi / 4, abs=0.02
    )  # right turn: picture moves left
    after, *_ = game.step(action())
    assert np.abs(after[:200].astype(int) - turned[:200]).mean() < 1.0  # nothing is left over for the next step


def test_forward_and_run_and_sides(game):
    def moved(*names: str) -> tuple[float, float]:
        """Along and to the right of where the player looks, in map units, in half a second."""
        _, start = game.reset(seed=1)
        for _ in range(18):
            _, _, _, _, end = game.step(action(*names))
        heading = np.deg2rad(start["angle"])
        dx, dy = end["position_x"] - start["position_x"], end["position_y"] - start["position_y"]
        along = dx * np.cos(heading) + dy * np.sin(heading)
        return float(along), float(dx * np.sin(heading) - dy * np.cos(heading))

    walk, run = moved("key.w")[0], moved("key.w", "key.shift")[0]
    assert walk > 30
    assert run == pytest.approx(2 * walk, rel=0.1)
    assert moved("key.s")[0] < -30
    assert moved("key.d")[1] > 20
    assert moved("key.a")[1] < -20


def test_fire_uses_ammunition_and_number_keys_change_weapons(game):
    _, start = game.reset(seed=1)
    for _ in range(30):
        _, _, _, _, info = game.step(action("mouse.left"))
    assert info["selected_weapon_ammo"] < start["selected_weapon_ammo"]
    for tic in range(60):
        _, _, _, _, info = game.step(action("key.1") if tic == 30 else action())
    assert info["selected_weapon"] == 1


def test_sight_changes_no_picture(game):
    plain = [game.reset(seed=9)[0]] + [game.step(action("key.w", dx=32))[0] for _ in range(20)]
    with contextlib.closing(doom.make("freedoom2/MAP01")) as env:
        env.sight = True
        seen = [env.reset(seed=9)[0]] + [env.step(action("key.w", dx=32))[0] for _ in range(20)]
        sight = env.look()
    np.testing.assert_array_equal(np.stack(plain), np.stack(seen))
    assert sight.depth.shape == (240, 320)


def test_an_episode_is_cut_at_its_limit_with_a_picture():
    with contextlib.closing(doom.make("basic", max_tics=5)) as env:
        env.reset(seed=0)
        results = [env.step(action(dx=32)) for _ in range(5)]
    assert [(ended, cut) for _, _, ended, cut, _ in results] == [(False, False)] * 4 + [(False, True)]
    assert results[-1][4]["picture"]
    assert not np.array_equal(results[-1][0], results[-2][0])


def test_a_map_comes_of_the_seed():
    with contextlib.closing(doom.make("freedoom1", max_tics=5)) as env:
        maps = [env.reset(seed=seed)[1]["map"] for seed in (1, 2, 3, 1)]
    assert maps[0] == maps[3]
    assert len(set(maps)) > 1


def test_numbers_out_of_range_are_told():
    with pytest.raises(BadInput, match="skill is 6"):
        doom.make("basic", skill=6)
    with pytest.raises(BadInput, match="max_tics is 0"):
        doom.make("basic", max_tics=0)


def test_closing_and_forgetting_end_the_process_and_leave_no_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = _child.children("vizdoom")
    env = doom.make("basic")
    env.reset(seed=0)
    assert len(_child.children("vizdoom") - before) == 1
    env.close()
    assert _child.children("vizdoom") == before
    env.reset(seed=0)  # a closed game can be played again
    del env
    assert _child.children("vizdoom") == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")  # noqa: PTH112
def test_the_game_dies_with_us_even_if_we_are_killed():
    script = (
        "import os, signal\nfrom playtape.envs import _child, doom\nenv = doom.make('basic')\nenv.reset(seed=0)\n"
        "print(*_child.children('vizdoom'), flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    path = os.pathsep.join(filter(None, [os.getcwd(), os.environ.get("PYTHONPATH", "")]))  # noqa: PTH109
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path}
    ) as run:
        assert run.stdout is not None
        pid = int(run.stdout.readline())
    for _ in range(100):
        if not _alive(pid):
            return
        time.sleep(0.1)
    pytest.fail(f"the game's process {pid} is still there")


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_stroke_starts_and_ends_slowly_and_lands_near():
    ends, peaks = [], []
    for seed in range(40):
        hand = Hand(np.random.default_rng(seed), skill=0.7, grain=32)
        hand.stroke(1000)
        moves = []
        while hand.moving:
            moves.append(hand.step()[1])
        assert all(move % 32 == 0 for move in moves)
        ends.append(sum(moves))
        peaks.append(np.argmax(moves) / len(moves))
        assert moves[0] < max(moves) / 2
    assert 950 < np.mean(ends) < 1100
    assert np.std(ends) > 20  # nobody hits exactly
    assert 0.2 < np.mean(peaks) < 0.6


def test_keys_are_held_as_long_as_asked_and_let_go():
    hand = Hand(np.random.default_rng(0), skill=1.0)
    hand.press("key.w", 3)
    hand.press("key.d", 2, delay=1)
    assert [sorted(hand.step()[0]) for _ in range(4)] == [["key.w"], ["key.d", "key.w"], ["key.d", "key.w"], []]
    hand.press("key.w", 50)
    hand.step()
    hand.release()
    assert hand.step()[0] == set()


def test_the_players_inputs_look_like_a_persons():
    with contextlib.closing(doom.make("freedoom1/E2M1")) as env:
        player = doom.ScriptedPlayer(env, seed=1)
        obs, info = env.reset(seed=1)
        actions = []
        for _ in range(700):
            actions.append(player.act(obs, info))
            obs, _, ended, _, info = env.step(actions[-1])
            if ended:
                break
    buttons = np.stack([a["buttons"] for a in actions]).astype(bool)
    turn = np.stack([a["axes"] for a in actions])[:, 0]
    walking = buttons[:, [0, 1]].any(axis=1).mean()
    assert 0.15 < walking < 0.8  # people: 0.22-0.56
    assert 0.15 < (turn != 0).mean() < 0.7  # people: 0.19-0.43
    held = buttons[:, DOOM.buttons.index("key.w")].astype(int)
    presses = (np.diff(held, prepend=0) == 1).sum()
    assert held.sum() / max(1, presses) > 6  # held keys, not taps
    assert (turn % 32 == 0).all()
