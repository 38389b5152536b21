"""`play`: recordings that line up with their pictures, ends of all kinds, and what cannot be played."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("vizdoom", reason="the game doom needs vizdoom, which is not installed")

from playtape.actions.games import DOOM
from playtape.envs import _child, doom
from playtape.errors import BadInput
from playtape.play import play
from playtape.recordings import desync, open_recording

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A recording of 350 steps, and the actions that were sent to the game."""
    sent = []
    step = doom.Doom.step

    def spied(self, action):
        sent.append({key: np.array(value) for key, value in action.items()})
        return step(self, action)

    doom.Doom.step = spied
    try:
        folder = tmp_path_factory.mktemp("recorded")
        result = play("scripted", "doom:freedoom2/MAP01", seed=3, record=folder, max_steps=350, progress=False)
    finally:
        doom.Doom.step = step
    return result, open_recording(result["outputs"][0]), sent


def test_the_result_says_what_was_played(recorded):
    result, recording, _ = recorded
    assert result.keys() >= {"outputs", "episodes", "steps", "scores", "score_mean", "fps", "latency_ms", "seconds"}
    assert (result["episodes"], result["steps"]) == (1, 350)
    assert (recording.info.game, recording.info.player, recording.info.licence) == ("doom", "scripted", "BSD-3-Clause")
    assert recording.info.extra["scenario"] == "freedoom2/MAP01"
    assert recording.info.extra["seed"] == "3"
    (span,) = (span for span in recording.spans if span.kind == "control")
    assert (span.kind, span.value, span.start_ns, span.end_ns) == ("control", "scripted", 0, recording.video.end_ns)
    assert recording.warnings == ()


def test_the_recording_holds_the_very_actions(recorded):
    _, recording, sent = recorded
    actions = DOOM.actions(recording.events, recording.time_ns)
    assert len(recording.time_ns) == len(sent) + 1
    np.testing.assert_array_equal(actions.buttons[:-1], np.stack([a["buttons"] for a in sent]).astype(bool))
    np.testing.assert_array_equal(actions.axes[:-1], np.stack([a["axes"] for a in sent]))
    assert not actions.buttons[-1].any()
    again = DOOM.events(actions, recording.time_ns)  # events stand where the action space would put them
    np.testing.assert_allclose(np.sort(recording.events.time_ns), np.sort(again.time_ns), atol=1)


def test_turning_lies_over_the_recorded_pictures_at_lag_0(recorded):
    _, recording, _ = recorded
    turn = DOOM.actions(recording.events, recording.time_ns).axes[:, 0]
    correlation = desync.lag_correlation(turn, desync.horizontal_shift(recording.video.stream()))
    assert max(correlation, key=correlation.__getitem__) == 0, correlation
    assert correlation[0] > 0.7
    actions = DOOM.actions(recording.events, recording.time_ns)
    assert desync.still_fraction(recording.video.stream(), actions, DOOM) < desync.OUT_OF_STEP


def test_the_step_that_ends_a_game_leaves_no_frame_behind(tmp_path):
    result = play("scripted", "doom:basic", seed=0, record=tmp_path, progress=False)
    recording = open_recording(result["outputs"][0])
    assert result["score_mean"] > 0  # it shot the monster, which ends the game
    assert len(recording.video) == result["steps"]  # the first picture, and one after each step but the last
    assert not np.array_equal(recording.video[len(recording.video) - 1], recording.video[len(recording.video) - 2])


def test_episodes_take_seeds_in_turn_and_return_their_mean(tmp_path):
    result = play("random", "doom:basic", episodes=2, seed=4, record=tmp_path, max_steps=20, progress=False)
    names = [Path(path).name for path in result["outputs"]]
    assert names == ["doom_basic_random_seed4.mcap", "doom_basic_random_seed5.mcap"]
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".mcap", ".mcap", ".mp4", ".mp4"]
    assert {open_recording(path).info.player for path in result["outputs"]} == {"random"}


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = play("random", "doom:basic", max_steps=5, progress=False)
    assert result["outputs"] == []
    assert list(tmp_path.iterdir()) == []


def test_hz_holds_the_pace():
    result = play("random", "doom:take_cover", max_steps=20, hz=40, progress=False)
    assert result["seconds"] > 0.45


def test_an_error_in_the_game_leaves_a_whole_recording_and_no_process(tmp_path, monkeypatch):
    step, count = doom.Doom.step, iter(range(100))

    def failing(self, action):
        if next(count) == 30:
            raise RuntimeError("the game fell over")
        return step(self, action)

    monkeypatch.setattr(doom.Doom, "step", failing)
    before = _child.children("vizdoom")
    with pytest.raises(RuntimeError, match="fell over"):
        play("scripted", "doom:defend_the_center", record=tmp_path, progress=False)
    assert _child.children("vizdoom") == before
    (path,) = tmp_path.glob("*.mcap")
    recording = open_recording(path)
    assert len(recording.video) == 31
    held = DOOM.actions(recording.events, np.array([0, recording.video.end_ns, recording.video.end_ns + 10**9]))
    assert not held.buttons[1].any()  # all let go
    assert sorted(file.suffix for file in tmp_path.iterdir()) == [".mcap", ".mp4"]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_leaves_a_whole_recording_and_no_process(tmp_path, stop):
    command = [sys.executable, "-m", "playtape", "play", "scripted", "doom:defend_the_center", "--episodes", "1000"]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    run = subprocess.Popen(
        [*command, "--record", str(tmp_path)],
        env=os.environ | {"PYTHONPATH": path},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # a group of its own, to which a terminal would send Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )
    try:
        deadline = time.monotonic() + 60
        while not any(file.stat().st_size > 20_000 for file in tmp_path.glob("*.mp4*")):
            assert run.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(run.pid, stop)
        code = run.wait(30)
    finally:
        run.kill()
    assert code == 128 + stop
    assert sorted({file.suffix for file in tmp_path.iterdir()}) == [".mcap", ".mp4"]
    assert all(len(open_recording(file).video) > 1 for file in tmp_path.glob("*.mcap"))
    sessions = [_session(stat) for stat in Path("/proc").glob("[0-9]*/stat")]
    assert run.pid not in sessions


def _session(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[3])
    except OSError:
        return 0


@pytest.mark.parametrize(
    ("words", "options", "sentence"),
    [
        (("nobody", "doom"), {}, "legal are scripted, random, human, and the folder"),
        (("scripted", "tetris"), {}, "unknown game 'tetris'; legal are .*doom"),
        (("scripted", "no.such.game"), {}, "no game module"),
        (("scripted", "playtape.errors"), {}, "is not a game"),
        (("scripted", "doom:MAP99"), {}, "unknown Doom scenario 'MAP99'"),
        (("scripted", "doom"), {"episodes": 0}, "0 episodes"),
        (("scripted", "doom"), {"seed": -1}, "seed -1"),
        (("scripted", "doom"), {"hz": 0}, "hz is 0"),
        (("scripted", "doom"), {"max_steps": 0}, "max_steps is 0"),
        (("scripted", "doom"), {"record": __file__}, "is a file"),
    ],
)
def test_what_cannot_be_played_is_told(words, options, sentence):
    with pytest.raises(BadInput, match=sentence):
        play(*words, **options)
