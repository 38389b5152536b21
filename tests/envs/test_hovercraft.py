"""Hovercraft: laps that count only if driven, walls, inertia, steering, roads that are kept for testing, difficulties."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from playtape import envs
from playtape.envs import _maps, _roads, hovercraft
from playtape.envs.hovercraft import SPACE, Hovercraft
from playtape.recordings import desync
from tests.envs.played import Played, play

ROADS = (*hovercraft.TRAINING, *hovercraft.TESTING)


def action(*names: str, dx: float = 0.0) -> dict[str, np.ndarray]:
    made = envs.nothing(SPACE)
    made["buttons"][[SPACE.buttons.index(name) for name in names]] = 1
    made["axes"][0] = dx
    return made


@pytest.fixture
def craft() -> Iterator[Hovercraft]:
    """A drive on track 6, at the foot of a long straight, along it and at rest."""
    with contextlib.closing(hovercraft.make("track06")) as env:
        env.reset(seed=0)
        put(env, straight(env.road))
        yield env


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are not drawn: the scripted player does not look at them."""
    monkeypatch.setattr(Hovercraft, "_look", lambda env: env._picture)


def straight(road: np.ndarray) -> int:
    """The point of a road from which its next 6 cells are the straightest."""
    bends = [
        abs(hovercraft._turn(_roads.direction(road, k + 50) - _roads.direction(road, k))) for k in range(len(road))
    ]
    worst = [max(np.take(bends, range(k, k + 20), mode="wrap")) for k in range(len(road))]
    return int(np.argmin(worst))


def put(env: Hovercraft, k: int, backwards: bool = False) -> None:
    """Place the craft at rest on point `k` of its road, as if it had always been there."""
    env.x, env.y = (float(v) for v in env.road[k % len(env.road)])
    env.heading = hovercraft._turn(_roads.direction(env.road, k) + np.pi * backwards)
    env.speed_x = env.speed_y = env.spin = 0.0
    env.mark = k


def carry(env: Hovercraft, places: np.ndarray) -> list[tuple[Any, ...]]:
    """Move the craft by hand from place to place, one step each; what the steps returned, up to an end."""
    results = []
    for x, y in places:
        env.x, env.y, env.speed_x, env.speed_y = float(x), float(y), 0.0, 0.0
        results.append(env.step(action()))
        if results[-1][2]:
            break
    return results


def drive(env: Hovercraft, seed: int, **options: Any) -> Played:
    """One drive of the scripted player."""
    return play(env, hovercraft.ScriptedPlayer(env, **options), seed)


def test_a_whole_lap_counts_once_and_tells_its_seconds(craft):
    start = craft.mark
    results = carry(craft, np.roll(craft.road, -start - 1, 0)[2::3])
    results += carry(craft, np.roll(craft.road, -start, 0)[:3])
    _, _, ended, cut, info = results[-1]
    assert (ended, cut, info["lap"]) == (True, False, 1.0)
    assert info["lap_seconds"] == info["seconds"] == len(results) / craft.hz
    assert not any("lap_seconds" in result[4] or result[2] for result in results[:-1])
    time_left = 1 - info["seconds"] / hovercraft.SECONDS
    assert sum(float(result[1]) for result in results) == pytest.approx(1 + time_left)


def test_reversing_over_the_line_is_no_lap(craft):
    start, count = craft.mark, len(craft.road)
    back = carry(craft, craft.road[(start - np.arange(1, 40)) % count])
    assert back[-1][4]["lap"] == pytest.approx(-39 / count)
    forth = carry(craft, craft.road[(start + np.arange(-39, 1)) % count])
    assert forth[-1][4]["lap"] == 0
    assert not any(result[2] for result in back + forth)
    assert sum(float(result[1]) for result in back + forth) == pytest.approx(0)


def test_a_whole_lap_backwards_is_no_lap(craft):
    around = carry(craft, craft.road[(craft.mark - np.arange(1, 3 * len(craft.road), 4)) % len(craft.road)])
    assert not any(result[2] for result in around)
    assert around[-1][4]["lap"] < -2


def test_back_and_forth_gains_nothing(craft):
    start = craft.mark
    places = craft.road[(start + np.r_[1:60, 60:0:-1]) % len(craft.road)]
    results = [result for _ in range(5) for result in carry(craft, places)]
    assert results[-1][4]["lap"] < 0.01
    assert sum(float(result[1]) for result in results) < 0.01


@pytest.mark.parametrize("track", ROADS)
def test_a_jump_across_the_ground_gains_nothing(track, blind):
    with contextlib.closing(hovercraft.make(f"track{track:02d}")) as env:
        env.reset(seed=0)
        count, start = len(env.road), env.mark
        for share in (0.25, 0.5, 0.75):
            put(env, start)
            env.gained = 0
            results = carry(env, np.repeat(env.road[(start + int(share * count)) % count][None], 30, 0))
            assert results[-1][4]["lap"] == 0, "the mark ran after the craft through the walls"


@pytest.mark.parametrize("difficulty", hovercraft.DIFFICULTY)
@pytest.mark.parametrize("track", ROADS)
def test_a_road_has_no_shortcut(track, difficulty):
    """Closed at any one place, what is left of a road is in one piece and its two ends are far from each other."""
    road, half = _roads.loop(track), hovercraft.DIFFICULTY[difficulty][0]
    walls = hovercraft._world(road, half, track)[0].walls
    assert _maps.connected(walls)
    rows, columns = np.mgrid[: len(walls), : len(walls)] + 0.5
    for k in range(0, len(road), 40):
        gate = road[k]
        ahead = _roads.direction(road, k)
        along = (columns - gate[0]) * np.cos(ahead) + (rows - gate[1]) * np.sin(ahead)
        near = np.hypot(columns - gate[0], rows - gate[1]) < 2.8
        closed = np.where(near & (np.abs(along) < 0.75), 1, walls)
        behind, before = (tuple(int(v) for v in road[(k + step) % len(road)][::-1]) for step in (-14, 14))
        way = _maps.distances(closed, behind)[before]
        assert way > 0.6 * len(road) * _roads.STEP, f"from {behind} to {before} it is {way} cells"


@pytest.mark.parametrize("track", ROADS)
def test_a_road_has_straights_and_tight_bends_and_never_leaves_the_ground(track):
    road = _roads.loop(track)
    steps = np.hypot(*(np.roll(road, -1, 0) - road).T)
    assert steps.max() < 1.1 * _roads.STEP
    assert 60 < len(road) * _roads.STEP < 120
    assert road.min() > 1.5
    assert road.max() < _roads.SIDE - 1.5
    ways = np.array([_roads.direction(road, k) for k in range(len(road))])
    bend = np.abs((np.roll(ways, -3) - ways + np.pi) % (2 * np.pi) - np.pi) / (3 * _roads.STEP)  # 1 / cells
    assert 0.5 < 1 / bend.max() < 1.7  # cells, the tightest bend
    assert (bend < 0.1).mean() > 0.25
    assert bend.sum() * _roads.STEP > 2 * 2 * np.pi  # a circle has 1


def test_roads_for_testing_are_never_in_train(blind):
    told = {}
    for level in ("train", "test"):
        with contextlib.closing(hovercraft.make(level)) as env:
            infos = [env.reset(seed=seed)[1] for seed in range(200)]
        told[level] = {info["map"] for info in infos}
        assert {info["split"] for info in infos} == {level}
    assert told["train"] == {f"track{number:02d}" for number in hovercraft.TRAINING}
    assert told["test"] == {f"track{number:02d}" for number in hovercraft.TESTING}
    walls = {(hovercraft._world(_roads.loop(n), 1.0, n)[0].walls > 0).tobytes() for n in ROADS}
    assert len(walls) == len(ROADS)
    turning = [np.sign(_area(_roads.loop(number))) for number in ROADS]
    assert set(turning) == {-1.0, 1.0}  # some run to the right and some to the left


def _area(road: np.ndarray) -> float:
    x, y = road.T
    return float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum())


def test_pushing_braking_and_sliding_on(craft):
    for _ in range(20):
        craft.step(action("key.w"))
    fast = np.hypot(craft.speed_x, craft.speed_y)
    assert fast > 2.5
    craft.step(action())
    assert 0.9 * fast < np.hypot(craft.speed_x, craft.speed_y) < fast
    for _ in range(20):
        craft.step(action("key.s"))
    assert np.hypot(craft.speed_x, craft.speed_y) < 0.35  # it stops, and does not run backwards


def test_turning_changes_where_it_looks_before_where_it_goes(craft):
    for _ in range(20):
        craft.step(action("key.w"))
    before = np.arctan2(craft.speed_y, craft.speed_x)
    heading = craft.heading
    craft.step(action(dx=400))
    turned = hovercraft._turn(craft.heading - heading)
    assert turned == pytest.approx(np.deg2rad(400 * craft.mouse_scale))
    assert abs(hovercraft._turn(np.arctan2(craft.speed_y, craft.speed_x) - before)) < 0.2 * turned


def test_right_is_positive_for_mouse_and_keys_and_shows_in_the_steps_own_picture(craft):
    still, *_ = craft.step(action())
    heading = craft.heading
    turned, *_ = craft.step(action(dx=40))
    assert hovercraft._turn(craft.heading - heading) > 0
    assert desync.horizontal_shift([still[:120], turned[:120]])[0] < -0.01
    for key, sign in (("key.d", 1), ("key.a", -1)):
        put(craft, craft.mark)
        heading = craft.heading
        for _ in range(5):
            craft.step(action(key))
        assert sign * hovercraft._turn(craft.heading - heading) > 0.1
    for _ in range(200):
        craft.step(action("key.d", dx=craft.action_space["axes"].high[0]))
        assert -np.pi <= craft.heading < np.pi


def test_walls_stop_the_craft_and_cost_speed(craft):
    craft.heading = hovercraft._turn(craft.heading + np.pi / 2)
    fastest = 0.0
    for _ in range(60):
        craft.step(action("key.w"))
        speed = float(np.hypot(craft.speed_x, craft.speed_y))
        assert not _maps._blocked(craft._world.walls, craft.x, craft.y, hovercraft.RADIUS)
        if speed < 0.5 * fastest:
            break
        fastest = max(fastest, speed)
    else:
        pytest.fail("it drove on through the wall")
    far = np.hypot(craft.road[:, 0] - craft.x, craft.road[:, 1] - craft.y).min()
    assert far < craft.half + 1


def test_a_craft_is_never_inside_a_wall(blind):
    with contextlib.closing(hovercraft.make("train/hard", seconds=30)) as env:
        rng = np.random.default_rng(0)
        for seed in range(5):
            env.reset(seed=seed)
            cut = False
            while not cut:
                made = envs.random_action(SPACE, rng)
                made["buttons"][:2] = 1, 0
                _, _, _, cut, _ = env.step(made)
                assert not _maps._blocked(env._world.walls, env.x, env.y, hovercraft.RADIUS)


@pytest.mark.parametrize("track", ROADS)
def test_the_scripted_player_makes_a_lap_of_every_road(track, blind):
    for difficulty in hovercraft.DIFFICULTY:
        with contextlib.closing(hovercraft.make(f"track{track:02d}/{difficulty}")) as env:
            driven = drive(env, 1)
        assert driven.ended, f"{difficulty}: {driven.info}"
        assert driven.info["lap_seconds"] < 65
        assert driven.score == pytest.approx(2 - driven.info["lap_seconds"] / hovercraft.SECONDS)


def test_difficulties_and_skill_order_the_scripted_players_score(blind):
    score = {}
    for difficulty in hovercraft.DIFFICULTY:
        with contextlib.closing(hovercraft.make(f"train/{difficulty}")) as env:
            score[difficulty] = np.mean([drive(env, seed).score for seed in range(12)])
    assert score["easy"] > score["normal"] > score["hard"], score
    with contextlib.closing(hovercraft.make("train")) as env:
        clumsy = np.mean([drive(env, seed, skill=0.2).score for seed in range(12)])
    assert clumsy < score["normal"]


def test_a_drive_is_cut_when_its_seconds_are_over():
    with contextlib.closing(hovercraft.make("test", seconds=2)) as env:
        env.reset(seed=0)
        results = [env.step(action()) for _ in range(40)]
    assert [result[2:4] for result in results] == [(False, False)] * 39 + [(False, True)]
    assert results[-1][4]["seconds"] == 2.0
    assert "lap_seconds" not in results[-1][4]
    assert sum(float(result[1]) for result in results) == 0


def test_the_same_seed_is_the_same_drive():
    with contextlib.closing(hovercraft.make("train", seconds=10)) as env:
        first, other, again = (drive(env, seed) for seed in (3, 4, 3))
    np.testing.assert_array_equal(np.stack(first.pictures), np.stack(again.pictures))
    assert first.rewards == again.rewards
    assert first.rewards != other.rewards
    assert {(picture.dtype, picture.shape) for picture in first.pictures} == {(np.dtype(np.uint8), (192, 192, 3))}
