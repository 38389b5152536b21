"""Atari demonstrations: the same game as gymnasium's, which action belongs to which picture, and what is refused."""

import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from playtape.actions import Actions
from playtape.errors import BadInput
from playtape.recordings import Recording, Span
from playtape.recordings.formats import _atari_files, atari_demo

pytest.importorskip("ale_py")
OVER = {"game": "breakout", "frameskip": 12, "actions": [1] * 60}  # five balls are served, and missed


def told(path: Path, **fields: Any) -> Path:
    path.write_bytes(orjson.dumps(fields))
    return path


def rows(recording: Recording) -> Actions:
    return atari_demo.SPACE.actions(recording.events, recording.time_ns)


def earned(recording: Recording) -> dict[int, float]:
    """Interval -> what it earned."""
    time = recording.time_ns.tolist()
    return {time.index(span.start_ns): float(span.value) for span in recording.spans if span.kind == "reward"}


@pytest.fixture(scope="module")
def skiing() -> dict[str, list[float]]:
    """What a fresh emulator says that each of forty actions earns; in Skiing every frame costs something."""
    from playtape.recordings.formats import _atari_game as atari

    played = atari.Played(atari.Game("skiing"))
    actions = [0, 1, 2, 1] * 10
    return {"actions": actions, "rewards": [played.step(action) for action in actions]}


def test_it_is_the_game_that_gymnasium_plays(tmp_path: Path) -> None:
    """With its seed, sticky actions and frame skip: the same pictures and the same rewards."""
    import ale_py
    import gymnasium

    gymnasium.register_envs(ale_py)
    env = gymnasium.make("ALE/Boxing-v5", render_mode="rgb_array", full_action_space=False)
    pictures = [env.reset(seed=7)[0]]
    actions = np.random.default_rng(1).integers(0, 18, 60).tolist()
    steps = [env.step(action) for action in actions]
    env.close()
    pictures += [step[0] for step in steps]
    path = told(tmp_path / "a.atari.json", game="ALE/Boxing-v5", seed=7, frameskip=4, sticky=0.25, actions=actions)
    recording = atari_demo.read(path)
    shown = list(recording.video.stream())
    assert len(shown) == 61
    assert max(np.abs(a.astype(int) - b).mean() for a, b in zip(pictures, shown, strict=True)) < 4
    assert np.abs(pictures[0].astype(int) - pictures[40]).mean() > 4, "the game stands still: any picture would do"
    rewards = {t: float(step[1]) for t, step in enumerate(steps) if step[1]}
    assert earned(recording) == (rewards or {0: 0.0})
    assert recording.video.fps == pytest.approx(15)


def test_action_t_is_held_from_picture_t_on(tmp_path: Path) -> None:
    actions = [0, 1, 2, 11, 17, 0, 9, 0]
    recording = atari_demo.read(told(tmp_path / "a.atari.json", game="boxing", actions=actions, actions_of="full"))
    held = [
        {name for name, down in zip(atari_demo.SPACE.buttons, row, strict=True) if down}
        for row in rows(recording).buttons
    ]
    assert held == [
        *[set(), {"pad.south"}, {"pad.dpad_up"}, {"pad.dpad_right", "pad.south"}],
        *[{"pad.dpad_down", "pad.dpad_left", "pad.south"}, set(), {"pad.dpad_down", "pad.dpad_left"}, set(), set()],
    ]
    assert len(recording.video) == 9
    assert recording.video.fps == pytest.approx(60)


def test_actions_count_the_positions_that_the_game_knows(tmp_path: Path) -> None:
    recording = atari_demo.read(told(tmp_path / "a.atari.json", game="breakout", actions=[2, 3, 1, 0]))
    names = ["pad.dpad_right", "pad.dpad_left", "pad.south"]
    held = rows(recording).buttons[:3, [atari_demo.SPACE.buttons.index(name) for name in names]]
    assert held.tolist() == np.eye(3, dtype=bool).tolist()


def test_the_end_and_rewards_are_spans(tmp_path: Path) -> None:
    recording = atari_demo.read(told(tmp_path / "a.atari.json", **OVER))
    time = recording.time_ns.tolist()
    assert recording.spans[-1] == Span(time[-2], time[-1], "end", "")
    assert 30 < len(time) < 60
    assert recording.warnings == (f"the game is over after step {len(time) - 2} of 60; the rest was left out",)


def test_the_published_form(tmp_path: Path, skiing: dict[str, list[float]]) -> None:
    """A pickle as numpy 1 and Python 3 wrote it: lists, scalars of numpy, and the emulator's states as arrays."""
    states = [np.arange(9, dtype=np.uint8)] * 2
    rewards = [np.float64(value) for value in skiing["rewards"]]
    whole = {"actions": skiing["actions"], "rewards": rewards, "checkpoints": states, "checkpoint_action_nr": [3, 6]}
    for protocol in range(2, 6):
        (tmp_path / "Skiing.demo").write_bytes(pickle.dumps(whole, protocol))
        recording = atari_demo.read(tmp_path / "Skiing.demo")
        assert (recording.info.game, recording.info.licence) == ("skiing", "MIT")
        assert len(recording.video) == 41
        assert list(earned(recording).values()) == [value for value in skiing["rewards"] if value]
        assert recording.warnings == ()


@pytest.mark.parametrize("ahead", [True, False])
def test_one_reward_or_number_of_lives_more_than_actions(
    tmp_path: Path, skiing: dict[str, list[float]], ahead: bool
) -> None:
    """The older files have the reward of the first picture ahead; the newer ones the lives after the last action."""
    more = {"rewards": [0.0, *skiing["rewards"]]} if ahead else {"rewards": skiing["rewards"], "lives": [0] * 41}
    (tmp_path / "skiing_2.demo").write_bytes(pickle.dumps({"actions": skiing["actions"], **more}))
    assert atari_demo.read(tmp_path / "skiing_2.demo").warnings == ()


def test_what_the_emulator_does_otherwise_is_left_out(tmp_path: Path, skiing: dict[str, list[float]]) -> None:
    rewards = [*skiing["rewards"][:25], 99.0, *skiing["rewards"][26:]]
    recording = atari_demo.read(
        told(tmp_path / "a.atari.json", game="skiing", actions=skiing["actions"], rewards=rewards)
    )
    last = max(t for t in range(25) if rewards[t])
    assert len(recording.video) == last + 2
    assert len(recording.warnings) == 1
    assert f"from step 25 of 40 on; what is after step {last}, the last that agrees" in recording.warnings[0]
    with pytest.raises(BadInput, match="does not fit skiing: nothing that it earned agrees before step 0 of 40"):
        atari_demo.read(told(tmp_path / "b.atari.json", game="skiing", actions=skiing["actions"], rewards=[99.0] * 40))


def test_arrays_say_the_same_as_json(tmp_path: Path) -> None:
    fields = {
        "game": "Breakout",
        "frameskip": 4,
        "seed": 3,
        "sticky": 0.25,
        "actions": [0, 1, 2, 3] * 5,
        "player": "me",
    }
    json = atari_demo.read(told(tmp_path / "a.atari.json", **fields))
    np.savez(tmp_path / "b.atari.npz", **fields)
    npz = atari_demo.read(tmp_path / "b.atari.npz")
    assert npz.info == json.info
    assert list(npz.events) == list(json.events)
    assert all(np.array_equal(a, b) for a, b in zip(npz.video.stream(), json.video.stream(), strict=True))
    assert atari_demo.find(tmp_path) == [tmp_path / "a.atari.json", tmp_path / "b.atari.npz"]


class Evil:
    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), "w")


class Setting:
    def __reduce__(self) -> tuple[Any, ...]:
        return np.ndarray, ((1,),), {"state": 1}


def test_a_pickle_that_would_run_something_does_not(tmp_path: Path) -> None:
    mark = tmp_path / "it ran"
    for protocol in range(6):
        (tmp_path / "Pong.demo").write_bytes(pickle.dumps({"actions": [Evil(mark)]}, protocol))
        with pytest.raises(BadInput, match=r"is refused: it (asks for \w+\.open to be called|holds)"):
            atari_demo.read(tmp_path / "Pong.demo")
        asked = [name.name for name, _, _ in pickletools.genops((tmp_path / "Pong.demo").read_bytes())]
        assert "REDUCE" in asked, "the pickle calls nothing, so that this test could not fail"
    assert not mark.exists()
    call, words = Evil(mark).__reduce__()
    call(*words).close()
    assert mark.exists(), "what the pickle asks to be called is harmless, so that this test could not fail"


def test_a_name_of_no_letters_is_told_on_one_line(tmp_path: Path) -> None:
    (tmp_path / "Pong.demo").write_bytes(b"\x80\x02cnumpy\nar\x0cr\x1eay\n)R.")
    with pytest.raises(BadInput, match=r"it asks for numpy\.ar\\x0cr\\x1eay to be called") as raised:
        atari_demo.read(tmp_path / "Pong.demo")
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"cos\nsystem\n(S'echo no'\ntR.",
        b"(S'echo no'\nios\nsystem\n.",  # INST
        b"\x80\x02cbuiltins\neval\n\x8c\x031+1\x85\x81.",  # NEWOBJ
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x031+1\x85R.",  # STACK_GLOBAL
        b"\x80\x02\x82\x01.",  # EXT1
        b"\x80\x02X\x01\x00\x00\x00aQ.",  # BINPERSID
        pickle.dumps({"actions": Setting()}),
        pickle.dumps({"actions": np.array([{"a": 1}], object)}),
        pickle.dumps({"actions": {1, 2}}),
    ],
)
def test_whatever_else_a_pickle_can_ask_for_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "Pong.demo").write_bytes(data)
    with pytest.raises(BadInput, match="is refused: it"):
        atari_demo.read(tmp_path / "Pong.demo")


DOUBLED = b"2\x86" * 60  # DUP and TUPLE2: what is on top, twice, sixty times over


@pytest.mark.parametrize(
    "data",
    [
        b"}\x8c\x07actions)" + DOUBLED + b"s.",  # as values
        b"}\x8c\x07actions](" + b"](K\x00K\x00e" + b"2\x86" * 60 + b"es.",  # in a list
        b"})" + DOUBLED + b"K\x00s.",  # as a key
        b"}()" + DOUBLED + b"K\x00u.",  # as one of several
    ],
)
def test_a_small_pickle_of_endless_tuples_is_refused_at_once(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "Pong.demo").write_bytes(data)
    with pytest.raises(BadInput, match="must be whole numbers|it uses a tuple as a"):
        atari_demo.read(tmp_path / "Pong.demo")


def test_a_truncated_an_empty_and_a_damaged_pickle(tmp_path: Path) -> None:
    path = tmp_path / "Pong.demo"
    whole = pickle.dumps({"actions": [0] * 300, "rewards": [0.0] * 300})
    for content in (b"", b"no pickle", whole[:-1], whole[: len(whole) // 2], b"N.", b"].", b"e.", b"0.", b"h\x05."):
        path.write_bytes(content)
        with pytest.raises(BadInput, match=r"Pong\.demo (is|holds)"):
            atari_demo.read(path)
    rng = np.random.default_rng(0)
    for _ in range(300):
        hurt = bytearray(whole)
        for place in rng.integers(0, len(whole), 3):
            hurt[place] = int(rng.integers(0, 256))
        path.write_bytes(hurt)
        try:
            _atari_files.read_demo(path)
        except BadInput as error:
            said = str(error)
        else:
            continue
        assert "\n" not in said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"actions": [0]}, "has no game or no actions"),
        ({"game": "pong", "actions": [0], "cheats": 1}, "has an unknown field 'cheats'; legal are game"),
        ({"game": "pnog", "actions": [0]}, "the emulator has no game 'pnog'; did you mean pong"),
        ({"game": "combat", "actions": [0]}, "the emulator cannot play 'combat'; legal are games for one player"),
        ({"game": 3, "actions": [0]}, "that are not texts"),
        ({"game": "pong", "actions": [0, 6]}, "has actions from 0 to 6; legal are 0 to 5"),
        ({"game": "pong", "actions": [-1]}, "has actions from -1 to -1"),
        ({"game": "pong", "actions": []}, "actions in .* must be whole numbers"),
        ({"game": "pong", "actions": [0.5]}, "actions in .* must be whole numbers"),
        ({"game": "pong", "actions": [[0], [1, 2]]}, "actions in .* must be whole numbers"),
        ({"game": "pong", "actions": {"a": 1}}, "actions in .* must be whole numbers"),
        ({"game": "pong", "actions": [0, 0], "rewards": [0.0] * 4}, "has 4 rewards for 2 actions"),
        (
            {"game": "pong", "actions": [0], "frameskip": 0},
            "frameskip in .* is 0; it must be a whole number from 1 to 60",
        ),
        ({"game": "pong", "actions": [0], "sticky": 2}, "sticky in .* is 2; it must be a number from 0 to 1"),
        ({"game": "pong", "actions": [0], "mode": 77}, "pong has no mode 77; legal are 0, 1"),
        ({"game": "pong", "actions": [0], "actions_of": "some"}, "actions_of is minimal or full"),
    ],
)
def test_a_lying_file_is_told(tmp_path: Path, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        atari_demo.read(told(tmp_path / "a.atari.json", **fields))


def test_other_files_of_those_names_are_told(tmp_path: Path) -> None:
    for name, content in (
        *(("a.atari.json", text) for text in (b"", b"[1]", b'{"game": "pong", "actions": [0', b"\xff")),
        *(("a.atari.npz", data) for data in (b"", b"PK\x03\x04 no")),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadInput, match=name):
            atari_demo.read(tmp_path / name)
    np.savez(tmp_path / "b.atari.npz", game="pong", actions=np.array([{}], object))
    with pytest.raises(BadInput, match=r"not a readable \.npz file"):
        atari_demo.read(tmp_path / "b.atari.npz")


def test_a_file_that_would_play_for_a_week_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_atari_files, "MOST_FRAMES", 100)
    with pytest.raises(BadInput, match="has 30 actions of 4 frames; legal are 100 frames"):
        atari_demo.read(told(tmp_path / "a.atari.json", game="pong", actions=[0] * 30, frameskip=4))
