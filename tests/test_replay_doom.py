"""`scripts/replay_doom.py`: the inputs that are played are those recorded, and what is left out stays out."""

import contextlib
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("vizdoom", reason="the game doom needs vizdoom, which is not installed")

from playtape.actions.games import DOOM
from playtape.play import play_episodes
from playtape.recordings import desync, open_recording

SCRIPT = runpy.run_path(str(Path(__file__).resolve().parents[1] / "scripts" / "replay_doom.py"))


def inputs() -> tuple[np.ndarray, np.ndarray]:
    """120 intervals that tell one another apart: turning by k units, and w held in every second block of ten."""
    buttons = np.zeros((120, len(DOOM.buttons)), bool)
    buttons[:, 0] = np.arange(120) // 10 % 2
    return buttons, (32.0 * (np.arange(120) % 7 - 3)).astype(np.float32)[:, None]


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replayed")
    with contextlib.closing(SCRIPT["Anywhere"]("freedoom1", ["E1M2"])) as env:
        names = ("replay", "doom:freedoom1")
        result = play_episodes(
            env, SCRIPT["Replay"]([inputs()]), names, range(5, 7), folder, max_steps=70, progress=False
        )
    return [open_recording(path) for path in result["outputs"]]


def test_recorded_actions_are_a_stretch_of_the_inputs(played) -> None:
    buttons, axes = inputs()
    for recording in played:
        actions = DOOM.actions(recording.events, recording.time_ns)
        first = actions.axes[:20, 0]
        starts = [k for k in range(100) if (axes[k : k + 20, 0] == first).all()]
        assert any((buttons[k : k + 20, 0] == actions.buttons[:20, 0]).all() for k in starts)
        assert recording.info.extra["map"] == "E1M2"
        assert recording.info.player == "replay"


def test_the_picture_follows_the_inputs(played) -> None:
    for recording in played:
        actions = DOOM.actions(recording.events, recording.time_ns)
        assert desync.still_fraction(recording.video.stream(), actions, DOOM) < desync.OUT_OF_STEP


def test_episodes_begin_in_different_places(played) -> None:
    one, other = (recording.video[0].astype(int) for recording in played)
    assert np.abs(one - other).mean() > 5


@pytest.mark.parametrize(
    ("name", "level", "expected"),
    [("freedoom1_demo4_player2", "4/6", "freedoom1/E4M6"), ("freedoom2_demo4_player0", "1/23", "freedoom2/MAP23")],
)
def test_the_map_of_a_demo(name: str, level: str, expected: str) -> None:
    recording = SimpleNamespace(path=Path(f"{name}.mcap"), info=SimpleNamespace(extra={"map": level}))
    assert SCRIPT["map_of"](recording) == expected


def test_flicks_are_played_as_they_are_recorded() -> None:
    hands = SCRIPT["Replay"]([inputs()], flicks=0.2)
    hands.start(3)
    turns = np.array([hands.act(None, {"position_x": k, "position_y": 0.0})["axes"][0] for k in range(400)])
    assert (turns % 32 == 0).all()
    assert (np.abs(turns) > 10 * 32).mean() > 0.1
    assert np.abs(turns).max() <= 4096
