"""What forbids commercial use forbids it for all that is made of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from playtape.actions.games import DOOM
from playtape.label import label
from playtape.models import idm
from playtape.play import play
from playtape.recordings import open_recording, save_recording, summary
from playtape.recordings.convert import convert
from playtape.recordings.licences import forbidding, inherited, joined, licences, note
from playtape.training import checkpoint
from playtape.training.about import about
from playtape.training.run import train

NC = "CC BY-NC 4.0"


@pytest.mark.parametrize(
    ("licence", "forbids"),
    [
        (NC, True),
        ("CC-BY-NC-SA-4.0", True),
        ("non-commercial research only", True),
        ("Noncommercial use", True),
        ("for research only", True),
        ("MIT", False),
        ("CC BY 4.0", False),
        ("BSD-3-Clause", False),
        ("", False),
        ("incorporated", False),
    ],
)
def test_what_forbids(licence: str, forbids: bool) -> None:
    assert forbidding([licence]) == ([licence] if forbids else [])


def test_each_is_told_once_and_what_is_not_told_is_left_out() -> None:
    assert joined(["MIT", ""], ["not told", NC, "MIT "]) == [NC, "MIT"]
    assert note([""]) == {}
    assert inherited(note([NC, "MIT"])) == [NC, "MIT"]
    for damaged in ("{", "[1]", '"MIT"', "[" * 100_000):
        assert inherited({"licences": damaged}) == ["unreadable list of licences"]


def test_they_travel_from_a_source_to_what_its_models_do(tmp_path: Path) -> None:
    first, second = (
        play("random", "hovercraft", seed=seed, max_steps=30, record=tmp_path / "source", progress=False)["outputs"][0]
        for seed in (0, 1)
    )
    tainted = open_recording(first)
    save_recording(replace(tainted, info=replace(tainted.info, licence=NC)), tmp_path / "in" / "a.mcap", video="copy")
    convert(tmp_path / "in", tmp_path / "data", progress=False)
    assert summary(tmp_path / "data" / "a.mcap")["not_for_commerce"] == [NC]
    small = ["--batch", "1", "--workers", "0", "--steps", "1", "--data.window", "8", "--data.fps", "20"]
    train(["p2p-tiny", str(tmp_path / "data"), "--out", str(tmp_path / "policy"), *small], progress=False)
    assert about(tmp_path / "policy")["not_for_commerce"] == [NC]
    both = joined([NC, open_recording(second).info.licence])
    assert len(both) == 2
    again = ["--init", str(tmp_path / "policy"), *small]
    train(["p2p-tiny", second, "--out", str(tmp_path / "next"), *again], progress=False)
    assert about(tmp_path / "next")["licences"] == both  # from weights that were taken over
    played = play(str(tmp_path / "next"), "hovercraft", max_steps=3, record=tmp_path / "played", progress=False)
    recording = open_recording(Path(played["outputs"][0]))
    assert licences(recording) == both
    assert summary(played["outputs"][0])["not_for_commerce"] == [NC]


def test_labels_have_those_of_their_model_and_of_their_video(tmp_path: Path) -> None:
    made = play("random", "hovercraft", max_steps=60, record=tmp_path / "play", progress=False)["outputs"][0]
    own = open_recording(made)
    save_recording(
        replace(own, info=replace(own.info, licence="CC0-1.0")), tmp_path / "other" / "film.mcap", video="copy"
    )
    model = idm.build(replace(idm.tiny(), fps=20.0), DOOM)
    run = checkpoint.save(tmp_path / "run", "idm", model, model.state_dict(), {"recipe": "idm-tiny", "licences": [NC]})
    label(tmp_path / "other" / "film.mp4", tmp_path / "labels", model=run, device="cpu", progress=False)
    found = summary(tmp_path / "labels" / "film.mcap")
    assert found["licences"] == ["CC BY-NC 4.0", "CC0-1.0"]
    assert found["not_for_commerce"] == [NC]
