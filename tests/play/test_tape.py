"""Recordings of play: none replaces what is there."""

from pathlib import Path

import pytest

from playtape.envs.hovercraft import Hovercraft
from playtape.errors import BadInput
from playtape.play import play
from playtape.play.tape import check_free
from playtape.recordings import open_recording, summary


def record(folder: Path, seed: int = 0, episodes: int = 1) -> dict:
    words = {"seed": seed, "episodes": episodes, "record": folder, "max_steps": 2, "progress": False}
    return play("random", "hovercraft", **words)


def test_a_recording_is_not_replaced(tmp_path: Path) -> None:
    record(tmp_path, seed=3)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(BadInput, match=r"already holds hovercraft_random_seed3.mcap; give another --record or --seed"):
        record(tmp_path, seed=2, episodes=10**15)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert len(record(tmp_path, seed=4)["outputs"]) == 1
    assert len(record(tmp_path, seed=33)["outputs"]) == 1


@pytest.mark.parametrize("split", ["train", "test"])
def test_recordings_of_maps_kept_for_testing_say_so(tmp_path: Path, split: str) -> None:
    (path,) = play("random", f"hovercraft:{split}", record=tmp_path, max_steps=2, progress=False)["outputs"]
    assert open_recording(path).info.split == split


def test_info_says_how_it_can_be_played_again(tmp_path: Path) -> None:
    (path,) = record(tmp_path, seed=3)["outputs"]
    assert summary(Path(path))["extra"] | {"map": "any"} == {"seed": "3", "hz": "20", "map": "any"}


def test_what_was_earned_is_recorded_where_it_was_earned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    earned = []

    def step(env: Hovercraft, action: dict) -> tuple:
        obs, _, _, _, info = stepped(env, action)
        earned.append(0.5 if len(earned) in (1, 4) else 0.0)
        return obs, earned[-1], len(earned) == 6, False, info

    stepped = Hovercraft.step
    monkeypatch.setattr(Hovercraft, "step", step)
    (path,) = play("random", "hovercraft", record=tmp_path, progress=False)["outputs"]
    recording = open_recording(path)
    found = [span for span in recording.spans if span.kind in ("reward", "end")]
    at = {int(time): t for t, time in enumerate(recording.time_ns)}
    assert [(at[span.start_ns], at[span.end_ns], span.kind, span.value) for span in found] == [
        *((1, 2, "reward", "0.5"), (4, 5, "reward", "0.5"), (5, 6, "end", "")),
    ]


def test_a_play_without_any_reward_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stepped = Hovercraft.step
    monkeypatch.setattr(
        Hovercraft, "step", lambda env, action: (stepped(env, action)[0], 0.0, *stepped(env, action)[2:])
    )
    recording = open_recording(record(tmp_path)["outputs"][0])
    assert [(span.start_ns, span.value) for span in recording.spans if span.kind == "reward"] == [(0, "0")]


@pytest.mark.parametrize("suffix", [".mcap", ".mp4", ".mcap.part", ".mp4.part"])
def test_a_folder_in_the_way_shows_before_anything_is_played(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"hovercraft_random_seed0{suffix}").mkdir()
    with pytest.raises(BadInput, match=f"already holds hovercraft_random_seed0{suffix};"):
        record(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("hz", [1e-300, 0.0, 0.05, 1001.0, float("nan")])
def test_a_beat_that_cannot_be_kept(hz: float) -> None:
    with pytest.raises(BadInput, match="0.1 to 1000 is legal"):
        play("random", "hovercraft", hz=hz, progress=False)


def test_a_seed_beyond_all_numbers() -> None:
    with pytest.raises(BadInput, match="the largest legal seed"):
        play("random", "hovercraft", seed=2**63, progress=False)


def test_a_player_whose_name_makes_no_file_name(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="makes a file name of 2.. bytes; give its folder a name that is .* shorter"):
        check_free(tmp_path, f"policy {'é' * 100}", "hovercraft:test", range(3))
