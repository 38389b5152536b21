"""Simple-FPS: hits given and taken, dodging, walls, switches, maps kept for testing, difficulties."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from playtape import envs
from playtape.envs import _maps, simple_fps
from playtape.envs._raycast import Eye
from playtape.envs.simple_fps import SPACE, Ball, Drone, SimpleFps
from playtape.recordings import desync
from tests.envs.played import Played, play


def action(*names: str, dx: float = 0.0, dy: float = 0.0) -> dict[str, np.ndarray]:
    made = envs.nothing(SPACE)
    made["buttons"][[SPACE.buttons.index(name) for name in names]] = 1
    made["axes"][:] = dx, dy
    return made


@pytest.fixture
def hall() -> Iterator[SimpleFps]:
    """A game in an empty hall of 14 by 14 cells with nobody in it; the player looks along x from its middle."""
    with contextlib.closing(simple_fps.make("map01")) as env:
        env.reset(seed=0)
        walls = np.ones((14, 14), int)
        walls[1:-1, 1:-1] = 0
        env._world = simple_fps._world(walls, 1)
        env.eye = Eye(7.5, 7.5, 0.0)
        env.drones = []
        yield env


def asleep(x: float, y: float) -> Drone:
    """A drone that waits longer than any test here."""
    return Drone(x, y, wait=10**6)


def fight(env: SimpleFps, seed: int) -> Played:
    """One game of the scripted player."""
    return play(env, simple_fps.ScriptedPlayer(env), seed)


def test_a_shot_counts_if_a_drone_is_under_the_middle_and_two_end_it(hall):
    hall.drones = [asleep(11.0, 7.5)]
    _, reward, _, _, info = hall.step(action("mouse.left"))
    assert (reward, info["given"], info["taken"]) == (1.0, 1, 0)
    rewards = [hall.step(action("mouse.left"))[1] for _ in range(simple_fps.RELOAD)]
    assert rewards == [0, 0, 0, 0, 1]  # it reloads
    assert hall.drones[0].away > 0
    assert [hall.step(action("mouse.left"))[1] for _ in range(6)] == [0] * 6  # nobody is there
    for _ in range(simple_fps.HZ):
        hall.step(action())
    (back,) = hall.drones
    assert (back.away, back.lives) == (0, 2)
    assert np.hypot(back.x - hall.eye.x, back.y - hall.eye.y) > 3


@pytest.mark.parametrize(
    ("x", "y", "turn", "pitch"),
    [(11.0, 9.0, 0.0, 0.0), (4.0, 7.5, 0.0, 0.0), (11.0, 7.5, 0.4, 0.0), (11.0, 7.5, 0.0, 0.3)],
    ids=["beside", "behind", "turned away", "above"],
)
def test_a_shot_elsewhere_hits_nothing(hall, x, y, turn, pitch):
    hall.drones = [asleep(x, y)]
    hall.eye = Eye(7.5, 7.5, turn, pitch)
    _, reward, _, _, info = hall.step(action("mouse.left"))
    assert (reward, info["given"]) == (0.0, 0)


def test_a_wall_stops_shots_sight_and_balls(hall):
    hall._world.walls[7, 9] = 1
    hall.drones = [asleep(11.0, 7.5)]
    hall.balls = [Ball(11.0, 7.5, -0.25, 0.0)]
    assert hall.look().drones == ()
    assert hall.step(action("mouse.left"))[1] == 0
    for _ in range(20):
        _, _, _, _, info = hall.step(action())
    assert (info["given"], info["taken"], hall.balls) == (0, 0, [])


def test_of_two_drones_the_nearer_is_hit(hall):
    hall.drones = [asleep(12.0, 7.5), asleep(10.0, 7.5)]
    hall.step(action("mouse.left"))
    assert [drone.lives for drone in hall.drones] == [2, 1]


def flown_at(env: SimpleFps, made: dict[str, np.ndarray]) -> tuple[float, dict[str, Any]]:
    """A ball from 3.5 cells ahead, while one action is held: the sum of rewards and the last info."""
    env.balls = [Ball(11.0, 7.5, -simple_fps.BALL / simple_fps.HZ, 0.0)]
    results = [env.step(made) for _ in range(16)]
    return sum(float(result[1]) for result in results), results[-1][4]


def test_a_ball_hits_who_stands_and_misses_who_steps_aside(hall):
    reward, info = flown_at(hall, action())
    assert (reward, info["taken"]) == (-1.0, 1)
    for key in ("key.a", "key.d"):
        hall.eye = Eye(7.5, 7.5, 0.0)
        reward, info = flown_at(hall, action(key))
        assert (reward, info["taken"]) == (0.0, 1)


def test_a_hit_taken_shows(hall):
    hall.balls = [Ball(7.8, 7.5, -0.25, 0.0)]
    before = hall.render()
    after, reward, *_ = hall.step(action())
    assert reward == -1
    assert after[..., 0].mean() > before[..., 0].mean() + 10


def test_a_drone_warns_before_it_fires(hall):
    hall.drones = [Drone(11.0, 7.5, wait=0)]
    steps = 0
    while not hall.balls:
        hall.step(action())
        steps += 1
        assert steps < 30
        assert hall.balls or hall.drones[0].charge > 0
    assert steps >= 10  # half a second, with its eye red


@pytest.mark.parametrize("heading", [0.0, 0.7, 2.0, 4.0])
def test_walls_stop_the_player(hall, heading):
    hall.eye = Eye(7.5, 7.5, heading)
    for _ in range(120):
        hall.step(action("key.w"))
    beyond = simple_fps.RADIUS + simple_fps.SPEED / simple_fps.HZ
    near = min(hall.eye.x - 1, 13 - hall.eye.x, hall.eye.y - 1, 13 - hall.eye.y)
    assert simple_fps.RADIUS - 1e-9 <= near < beyond


def test_nobody_is_ever_inside_a_wall():
    with contextlib.closing(simple_fps.make("train/hard", seconds=20)) as env:
        rng = np.random.default_rng(0)
        for seed in range(3):
            env.reset(seed=seed)
            cut = False
            while not cut:
                _, _, _, cut, _ = env.step(envs.random_action(SPACE, rng))
                for body, radius in [
                    (env.eye, simple_fps.RADIUS),
                    *((drone, simple_fps.DRONE) for drone in env.drones),
                ]:
                    assert not _maps._blocked(env._world.walls, body.x, body.y, radius)


def test_keys_walk_as_the_player_looks_and_not_faster_slantwise(hall):
    def moved(*names: str) -> tuple[float, float]:
        hall.eye = Eye(7.5, 7.5, 0.0)
        for _ in range(10):
            hall.step(action(*names))
        return round(hall.eye.x - 7.5, 3), round(hall.eye.y - 7.5, 3)

    assert moved("key.w") == (1.5, 0.0)
    assert moved("key.s") == (-1.5, 0.0)
    assert moved("key.d") == (0.0, 1.5)
    assert moved("key.a") == (0.0, -1.5)
    assert moved("key.w", "key.s") == (0.0, 0.0)
    assert np.hypot(*moved("key.w", "key.d")) == pytest.approx(1.5, abs=0.01)


def test_looking_right_and_down_is_positive_and_shows_in_the_steps_own_picture(hall):
    hall._world.walls[5, 13] = 5  # something to see
    still, *_ = hall.step(action())
    turned, *_ = hall.step(action(dx=30))
    assert hall.eye.heading == pytest.approx(np.deg2rad(30 * hall.mouse_scale))
    assert desync.horizontal_shift([still[:140], turned[:140]])[0] < -0.01
    hall.step(action(dx=-30))
    down, *_ = hall.step(action(dy=100))
    assert hall.eye.pitch == pytest.approx(-np.deg2rad(100 * hall.mouse_scale))
    assert np.argmax(np.abs(np.diff(down[:140, 40].astype(int).sum(1)))) < np.argmax(
        np.abs(np.diff(still[:140, 40].astype(int).sum(1)))
    )  # the wall's upper edge went up


def test_pitch_has_limits_and_heading_goes_round(hall):
    far = hall.action_space["axes"].high
    for sign in (1, -1):
        for _ in range(5):
            obs, *_ = hall.step(action(dx=sign * far[0], dy=sign * far[1]))
            assert 0 <= hall.eye.heading < 2 * np.pi
        assert hall.eye.pitch == pytest.approx(-sign * simple_fps.PITCH)
        assert obs.std() > 5


@pytest.mark.parametrize("seed", range(4))
def test_only_the_wanted_switch_is_rewarded_and_the_text_says_which(seed):
    with contextlib.closing(simple_fps.make("switches")) as env:
        pressed = {}
        for colour in simple_fps.COLOURS:
            _, info = env.reset(seed=seed)
            assert info["text"] == f"press the {env.wanted} switch"
            (row, column) = next(place for place, found in env._switches().items() if found == colour)
            away = Eye(4.5, 4.5, float(np.arctan2(row - 4, column - 4)))
            env.eye = away
            assert env.step(action("key.e"))[1:3] == (0.0, False)  # out of reach
            x, y = np.clip((column + 0.5, row + 0.5), 1.6, 7.4)
            env.eye = Eye(float(x), float(y), float(np.arctan2(row + 0.5 - y, column + 0.5 - x)))
            assert env.step(action())[2] is False
            _, reward, ended, cut, _ = env.step(action("key.e"))
            assert (ended, cut) == (True, False)
            pressed[colour] = reward
        assert pressed == {colour: float(colour == env.wanted) for colour in simple_fps.COLOURS}


def test_every_colour_is_wanted_and_the_scripted_player_does_as_told():
    with contextlib.closing(simple_fps.make("switches")) as env:
        assert np.mean([fight(env, seed).score for seed in range(12)]) > 0.8
        wanted = {env.reset(seed=seed)[1]["text"].split()[2] for seed in range(12)}
    assert wanted == set(simple_fps.COLOURS)
    with contextlib.closing(simple_fps.make("switches/blue")) as env:
        assert {env.reset(seed=seed)[1]["text"] for seed in range(12)} == {"press the blue switch"}
    with contextlib.closing(simple_fps.make("train")) as env:
        assert "text" not in env.reset(seed=0)[1]


@pytest.mark.parametrize("seed", [180, 150, 28])
def test_the_scripted_player_rests_and_does_not_get_stuck(seed):
    """Where it once stood for 10 to 17 s and looked through a slit that nobody walks through."""
    with contextlib.closing(simple_fps.make()) as env:
        player = simple_fps.ScriptedPlayer(env)
        obs, info = env.reset(seed=seed)
        player.start(seed)
        still = longest = 0
        for _ in range(600):
            action = player.act(obs, info)
            still = 0 if action["buttons"].any() or action["axes"].any() else still + 1
            longest = max(longest, still)
            obs, _, _, _, info = env.step(action)
        assert longest < 2 * env.hz


def test_maps_kept_for_testing_are_never_in_train(monkeypatch):
    monkeypatch.setattr(SimpleFps, "_look", lambda env: env._picture)
    told = {}
    for level in ("train", "test"):
        with contextlib.closing(simple_fps.make(level)) as env:
            infos = [env.reset(seed=seed)[1] for seed in range(300)]
        told[level] = {info["map"] for info in infos}
        assert {info["split"] for info in infos} == {level}
    assert told["train"] == {f"map{number:02d}" for number in simple_fps.TRAINING}
    assert told["test"] == {f"map{number:02d}" for number in simple_fps.TESTING}
    halls = [_maps.blocks(number, 14, 0.16, 6) > 0 for number in (*simple_fps.TRAINING, *simple_fps.TESTING)]
    assert len({hall.tobytes() for hall in halls}) == 20
    assert all(_maps.connected(hall.astype(int)) for hall in halls)


def test_difficulties_order_the_scripted_players_score(monkeypatch):
    monkeypatch.setattr(SimpleFps, "_look", lambda env: env._picture)  # the scripted player does not look at it
    score = {}
    for difficulty in simple_fps.DIFFICULTY:
        with contextlib.closing(simple_fps.make(f"train/{difficulty}")) as env:
            score[difficulty] = np.mean([fight(env, seed).score for seed in range(30)])
    assert score["easy"] > score["normal"] > score["hard"], score


def test_the_sum_of_rewards_is_hits_given_less_hits_taken():
    with contextlib.closing(simple_fps.make("test", seconds=20)) as env:
        first, again = fight(env, 3), fight(env, 3)
    assert len(first.rewards) == 400  # and then it is cut
    assert first.score == first.info["given"] - first.info["taken"]
    assert first.info["given"] + first.info["taken"] > 0
    np.testing.assert_array_equal(np.stack(first.pictures), np.stack(again.pictures))
    assert first.rewards == again.rewards
    assert {(picture.dtype, picture.shape) for picture in first.pictures} == {(np.dtype(np.uint8), (192, 192, 3))}


def test_pictures_belong_to_who_got_them(hall):
    first, *_ = hall.step(action())
    kept = first.copy()
    hall.render()[:] = 0
    hall.step(action(dx=50))
    np.testing.assert_array_equal(first, kept)


def test_a_way_is_free_up_to_the_first_wall_whatever_its_kind(hall):
    hall._world.walls[7, 10] = 1
    hall._world.walls[7, 12] = 6
    sight = hall.look()
    ahead = sight.clear[np.abs(sight.angles).argmin()]
    assert ahead == pytest.approx(2.5, abs=0.25)
