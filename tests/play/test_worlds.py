"""A world model's folder as a game: who plays in it, what is recorded, and what is no world."""

import contextlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from playtape import cli
from playtape.actions import ActionSpace, Axis
from playtape.envs.hovercraft import SPACE as CRAFT
from playtape.errors import BadInput
from playtape.models import world_model
from playtape.play import Inside, play, play_episodes
from playtape.play.worlds import find_game
from playtape.recordings import open_recording
from tests.untrained import save_untrained, save_untrained_world

STEPS = 8


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_untrained_world(tmp_path_factory.mktemp("run") / "dreamt")


@pytest.mark.parametrize("player", ["random", "policy"])
def test_it_is_played_in_like_a_game(player: str, run: Path, policy: Path, tmp_path: Path) -> None:
    who = str(policy) if player == "policy" else player
    result = play(who, str(run), episodes=2, record=tmp_path, max_steps=STEPS, progress=False)
    assert (result["steps"], result["scores"]) == (2 * STEPS, [0.0, 0.0])
    recording = open_recording(result["outputs"][0])
    assert (recording.info.game, recording.info.source) == ("world dreamt", "imagined by dreamt")
    assert recording.info.extra["mode"] == "exact"
    assert len(recording.info.extra["imagined"]) == 64
    assert len(recording.time_ns) == STEPS + 1
    again = play(who, str(run), episodes=2, record=tmp_path / "b", max_steps=STEPS, progress=False)
    one, two = (np.stack(list(open_recording(each["outputs"][1]).video.stream())) for each in (result, again))
    assert np.array_equal(one, two)


def test_its_command(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "play",
        "random",
        str(run),
        "--max-steps",
        "3",
        "--mode",
        "fast",
        "--passes",
        "2",
        "--record",
        str(tmp_path),
    ]
    assert cli.main(words) == 0
    assert "3 steps" in capsys.readouterr().out
    (path,) = tmp_path.glob("*.mcap")
    assert open_recording(path).info.extra["mode"] == "fast 2"


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert cli.main(["play", *map(str, words)]) == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_what_is_no_world_is_told(run: Path, policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "'world dreamt' has no scripted player; legal are random" in refused(capsys, "scripted", run)
    assert "which cannot foretell; give the checkpoint of a world model" in refused(capsys, "random", policy)
    assert f"there is no world {tmp_path}/none" in refused(capsys, "random", tmp_path / "none")
    assert f"{run} is a world, which has no scenario 'test'" in refused(capsys, "random", f"{run}:test")
    assert "--passes is 0" in refused(capsys, "random", run, "--mode", "fast", "--passes", 0)
    assert "hovercraft is no world model, so it has no --mode" in refused(
        capsys, "random", "hovercraft", "--mode", "fast"
    )
    assert "--port and --human are for a person in a world" in refused(capsys, "random", run, "--port", 0)
    assert "--port and --human are for a person in a world" in refused(capsys, "hovercraft", "--human")
    assert "names another; leave out one" in refused(capsys, "random", run, "--human")
    assert "what is scripted to play?" in refused(capsys, "scripted")
    assert "--episodes is not for a person in a world" in refused(capsys, "human", run, "--episodes", 2)
    without = save_untrained_world(tmp_path / "without", starts=0)
    assert "give recordings of its game with --starts DATA" in refused(capsys, "random", without)


def test_a_policy_of_another_game_is_told(run: Path, tmp_path: Path) -> None:
    space = ActionSpace((*CRAFT.buttons, "key.q"), CRAFT.axes)
    other = save_untrained(tmp_path / "other", space=space)
    with pytest.raises(BadInput, match="the policy acts with key.q, which world dreamt does not have; it has key.w"):
        play(str(other), str(run), max_steps=1, progress=False)


@pytest.mark.parametrize("fps", [20.0, 12.5, 10 / 3, 0.5])
def test_a_recording_has_what_was_done_at_any_rate(fps: float, tmp_path: Path) -> None:
    """Positions are written where they change, also to 0; motion where there is some."""
    space = ActionSpace(("key.w",), (Axis("mouse.dx"), Axis("arm.0", "state")))
    coder = replace(world_model.tiny().tokenizer, fps=fps)
    game, name, _ = find_game(str(save_untrained_world(tmp_path / "w", space=space, tokenizer=coder)), Inside())

    class Steady:
        done = ((1, 3.0, 0.5), (1, 0.0, 0.5), (0, -2.0, 0.0), (1, 0.0, -0.25))

        def start(self, seed: int) -> None:
            self.number = -1

        def act(self, obs: np.ndarray, info: dict) -> dict[str, np.ndarray]:
            self.number += 1
            held, moved, put = self.done[self.number]
            return {"buttons": np.array([held], np.int8), "axes": np.array([moved, put], np.float32)}

    with contextlib.closing(game.make()) as env:
        (path,) = play_episodes(env, Steady(), ("steady", name), range(1), tmp_path / "r", max_steps=4, progress=False)[
            "outputs"
        ]
    recording = open_recording(path)
    assert np.allclose(np.diff(recording.time_ns), 1e9 / fps, rtol=1e-3)
    found = space.actions(recording.events, recording.time_ns)
    assert found.buttons[:4, 0].tolist() == [True, True, False, True]
    assert found.axes[:4].tolist() == [[3.0, 0.5], [0.0, 0.5], [-2.0, 0.0], [0.0, -0.25]]
