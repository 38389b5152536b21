"""`evaluate video`: a world that is right is told from one that is deaf, and every score stands beside what needs no model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from playtape.actions import ActionSpace, Axis
from playtape.clips import cut, stack, store
from playtape.errors import BadInput
from playtape.evaluate import video
from playtape.evaluate.video import Counts, evaluate_video
from playtape.evaluate.video_clips import choose, exchanged, resampled
from playtape.evaluate.video_panel import Files, Panel
from playtape.evaluate.video_table import video_table
from playtape.imagine.futures import Way
from playtape.models import idm
from playtape.models import world_model as world
from playtape.nets.lpips import GROUPS, PLACES, Lpips
from playtape.nets.similarity import psnr
from playtape.recordings import open_recording
from playtape.training import checkpoint, features
from playtape.training.tensors import write_tensors
from tests.evaluate import rolling
from tests.evaluate.rolling import CONTEXT, SIDE, SPACE, Rolling
from tests.evaluate.test_video_frechet import Mean
from tests.untrained import save_untrained

COUNTS = Counts(clips=4, samples=2)
FRAMES = 5  # what the model's line of tokens holds beside the context


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rolling")
    for seed in range(4):
        rolling.record(folder, f"take{seed}", seed)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rolling.save_world(tmp_path_factory.mktemp("run") / "world")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rolling.save_reader(tmp_path_factory.mktemp("reader") / "idm")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, reader: Path) -> Files:
    """Random weights in the files that the published ones would be in."""
    folder = tmp_path_factory.mktemp("files")
    torch.manual_seed(0)
    names = {f"features.{place}": (group, k) for group, places in enumerate(PLACES) for k, place in enumerate(places)}
    state = Lpips().state_dict()
    vgg = {f"{n}.{kind}": state[f"groups.{g}.{k}.{kind}"] for n, (g, k) in names.items() for kind in ("weight", "bias")}
    write_tensors(folder / "vgg16.safetensors", vgg)
    torch.save(
        {f"lin{k}.model.1.weight": state[f"weigh.{k}"].view(1, -1, 1, 1) for k in range(len(GROUPS))},
        folder / "vgg.pth",
    )
    torch.jit.script(Mean()).save(folder / "mean.pt")
    return Files((folder / "vgg16.safetensors", folder / "vgg.pth"), folder / "mean.pt", reader)


@pytest.fixture
def unwheeled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the extra `video` were not installed, which is quicker."""
    monkeypatch.setattr(features, "PACKAGE", "no_such_wheel")


def judged(run: Path, data: Path, **changes: Any) -> dict[str, Any]:
    return evaluate_video(run, data, COUNTS, **({"device": "cpu", "progress": False} | changes))


def test_a_right_world_is_told_from_a_deaf_one(
    run: Path, data: Path, reader: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(idm.IDM, "look", rolling.look)
    monkeypatch.setattr(idm.IDM, "judge", rolling.judge)
    found = {}
    for deaf in (False, True):
        Rolling(deaf).replaces(monkeypatch)
        found[deaf] = judged(run, data, files=Files(idm=reader), out=tmp_path / str(deaf))
    right, deaf = found[False], found[True]
    for span in ("future", "all"):
        assert right[span]["psnr"]["mean"]["value"] > 30
        assert right[span]["psnr"]["gain"]["low"] > 10
        assert right[span]["ssim"]["mean"]["low"] > 0.9
        assert deaf[span]["psnr"]["gain"] == {"value": 0.0, "low": 0.0, "high": 0.0}
        assert deaf[span]["ssim"]["mean"]["high"] < 0.8
    assert right["heeds"]["psnr"]["low"] > 10
    assert deaf["heeds"]["psnr"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert right["by_frame"]["psnr"]["told_others"][-1] < 20 < 30 < right["by_frame"]["psnr"]["mean"][-1]
    _the_hands_are_read(right["hands"], deaf["hands"])
    assert right["frechet"]["frechet_lite0"]["value"] < 0.5 * deaf["frechet"]["frechet_lite0"]["value"]
    assert deaf["frechet"]["frechet_lite0"]["value"] == pytest.approx(deaf["frechet"]["frechet_lite0"]["still"])
    assert Image.open(right["picture"]).size == (825, 528)


def _the_hands_are_read(right: dict[str, Any], deaf: dict[str, Any]) -> None:
    assert (right["buttons"], right["axes"]) == (["key.w"], ["mouse.dx"])
    for who in ("happened", "generated", "generated_told_others"):
        assert right[who]["accuracy"]["value"] == 1
        assert right[who]["pearson"]["mouse.dx"]["low"] > 0.99
    for who in ("generated", "still", "generated_told_others"):
        assert deaf[who]["pearson"]["mouse.dx"]["value"] is None
        assert deaf[who]["accuracy"]["value"] < 0.9
    assert 0.2 < right["happened"]["never_pressed"]["value"] < 0.8


@pytest.mark.usefixtures("unwheeled")
def test_scores_are_of_the_frames_that_they_say(run: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Rolling(deaf=True).replaces(monkeypatch)
    result = judged(run, data)
    still, average, contexts, futures = [], [], [], []
    for path in sorted(data.glob("*.mcap")):
        frames = torch.from_numpy(
            np.array(store(open_recording(path), SPACE, (SIDE, SIDE), 10).frames[: CONTEXT + FRAMES])
        )
        contexts.append(frames[:CONTEXT])
        futures.append(frames[CONTEXT:])
        still.append(psnr(frames[CONTEXT - 1], frames[CONTEXT:]).mean())
    mean = torch.cat(contexts).double().mean(0).round().to(torch.uint8)
    average = [psnr(mean, frames).mean() for frames in futures]
    found = result["future"]["psnr"]
    assert found["still"]["value"] == pytest.approx(float(np.mean(still)), rel=1e-6)
    assert found["average"]["value"] == pytest.approx(float(np.mean(average)), rel=1e-3)
    context = 80  # the context is drawn without loss
    assert found["coded"]["value"] == pytest.approx(80, rel=1e-6)  # and so are true codes
    for who, alone in found.items():
        if who != "gain":
            both = (CONTEXT * context + FRAMES * alone["value"]) / (CONTEXT + FRAMES)
            assert result["all"]["psnr"][who]["value"] == pytest.approx(both, rel=1e-3)


def test_a_real_model_is_judged_by_everything(run: Path, data: Path, files: Files) -> None:
    result = judged(run, data, files=files)
    assert result["missing"].keys() <= {"frechet_lite0"}
    assert (result["clips"], result["recordings"], result["frames"]) == (4, 4, FRAMES)
    for span in ("future", "all"):
        assert result[span].keys() == {"psnr", "ssim", "lpips"}
        assert result[span]["psnr"]["mean"]["value"] < result[span]["psnr"]["best"]["value"]
        assert result[span]["lpips"]["mean"]["value"] > result[span]["lpips"]["best"]["value"] > 0
        for scores in result[span].values():
            assert all(leaf["low"] <= leaf["value"] <= leaf["high"] for leaf in scores.values())
    fvd = result["frechet"]["fvd"]
    assert (fvd["real_clips"], fvd["generated_clips"], fvd["features"]) == (4, 8, 3)
    assert all(len(curve) == FRAMES for curve in result["by_frame"]["lpips"].values())
    assert result["heeds"]["psnr"]["low"] < result["heeds"]["psnr"]["high"]
    assert result["hands"]["generated"].keys() == {"accuracy", "f1", "never_pressed", "pearson"}
    table = video_table(result)
    for words in (
        "best of 2",
        "LPIPS",
        "FVD",
        "what true actions are worth, PSNR",
        "generated, told others",
        "only 4 recordings",
    ):
        assert words in table


@pytest.mark.usefixtures("unwheeled")
def test_losses_are_the_models_own(run: Path, data: Path) -> None:
    result = judged(run, data)
    model = checkpoint.load(run).model
    own = []
    for path in sorted(data.glob("*.mcap")):
        clip = stack([cut(store(open_recording(path), SPACE, (SIDE, SIDE), 10), 0, CONTEXT + FRAMES)])
        with torch.no_grad():
            own.append(float(model.losses(clip)["exact"]))
    assert result["losses"]["exact"]["value"] == pytest.approx(np.mean(own), rel=1e-5)
    assert result["heeds"]["losses"]["exact"]["value"] != 0


@pytest.mark.usefixtures("unwheeled")
def test_the_same_seed_says_the_same_and_fast_is_another_way(run: Path, data: Path) -> None:
    first, again, other, fast = (judged(run, data, way=way) for way in (Way(), Way(), Way(seed=1), Way(passes=2)))
    assert first["future"] == again["future"]
    assert first["heeds"] == again["heeds"]
    assert first["future"]["psnr"]["mean"] != other["future"]["psnr"]["mean"]
    assert first["future"]["psnr"]["mean"] != fast["future"]["psnr"]["mean"]
    assert set(first["frechet"].values()) == {None}
    assert first["future"]["lpips"] is None
    assert "pip install 'playtape[video]'" in first["missing"]["frechet_lite0"]
    assert "--lpips-weights" in first["missing"]["lpips"]
    assert "--i3d" in first["missing"]["fvd"]
    assert all(text in video_table(first) for text in first["missing"].values())


@pytest.mark.usefixtures("unwheeled")
def test_no_future_is_drawn_twice(run: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More of each clip than are drawn at once, and more clips."""
    seen, see = [], Panel.see
    monkeypatch.setattr(video, "TOGETHER", 3)
    monkeypatch.setattr(Panel, "see", lambda self, shown: (seen.append(shown.drawn), see(self, shown)))
    evaluate_video(run, data / "take1.mcap", Counts(clips=1, samples=9), device="cpu", progress=False)
    assert len({each.numpy().tobytes() for each in seen[0][0]}) == 9


@pytest.mark.usefixtures("unwheeled")
def test_a_model_that_is_told_nothing_heeds_nothing(data: Path, tmp_path: Path) -> None:
    result = judged(rolling.save_world(tmp_path / "world", acts=False, outcomes=True), data)
    assert result["heeds"] is None
    assert result["losses"].keys() >= {"exact", "reward", "end"}
    assert "so it cannot heed them" in video_table(result)


@pytest.mark.usefixtures("unwheeled")
def test_a_model_with_a_goal_is_shown_where_to_end(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, begun = rolling.save_world(tmp_path / "world", goal=True), []
    start = world.WorldModel.start
    monkeypatch.setattr(world.WorldModel, "start", lambda self, x, *rest: (begun.append(x), start(self, x, *rest))[1])
    result = judged(run, data)
    frames = store(open_recording(data / "take0.mcap"), SPACE, (SIDE, SIDE), 10).frames
    assert np.array_equal(begun[0][0], frames[[FRAMES, 0]])  # the last of the clip, and its first
    assert result["losses"]["exact"]["value"] > 0


def test_one_clip_is_judged_by_what_it_can_be(run: Path, data: Path) -> None:
    result = evaluate_video(run, data / "take0.mcap", Counts(clips=1, samples=1), device="cpu", progress=False)
    assert result["heeds"] is None
    assert result["frechet"]["frechet_lite0"]["real_halves"] is None
    assert "nobody else's actions can be told" in video_table(result)
    several = evaluate_video(run, data / "take0.mcap", Counts(clips=3, samples=1), device="cpu", progress=False)
    assert several["clips"] == 3
    assert several["heeds"]["psnr"]["value"] is not None
    assert several["bootstrap"]["unit"] == "10 s block"


def test_clips_begin_at_the_first_frame_and_are_spread(data: Path) -> None:
    stored = [store(open_recording(path), SPACE, (SIDE, SIDE), 10) for path in sorted(data.glob("*.mcap"))]
    published = choose(stored, CONTEXT, FRAMES, 4, goal=False)
    assert [(one.recording, one.moment.start) for one in published] == [(k, 0) for k in range(4)]
    more = choose(stored[:2], CONTEXT, FRAMES, 6, goal=False)
    assert [one.recording for one in more] == [0, 0, 0, 1, 1, 1]
    assert [one.moment.start for one in more[:3]] == [0, 8, 17]
    goal = choose(stored, CONTEXT, FRAMES, 4, goal=True)[0].moment
    assert torch.equal(goal.frames[0], goal.frames[-1])
    assert np.array_equal(goal.frames[1:], stored[0].frames[: CONTEXT + FRAMES - 1])
    assert np.array_equal(goal.actions.axes, stored[0].actions.axes[:FRAMES])
    every = store(open_recording(data / "take0.mcap"), SPACE, (SIDE, SIDE), 10, hz=5)
    (half,) = choose([replace(every, mask=np.arange(24) != 6)], CONTEXT, FRAMES, 1, goal=False)
    assert np.array_equal(half.moment.frames, stored[0].frames[: 2 * (CONTEXT + FRAMES) - 1 : 2])
    assert half.mask.tolist() == [True, True, False, True, True]
    masked = replace(stored[0], mask=np.arange(24) != 3)
    assert choose([masked], CONTEXT, FRAMES, 1, goal=False)[0].mask.tolist() == [True, True, False, True, True]


def test_blocks_of_time_are_of_the_recordings_own(data: Path) -> None:
    one = store(open_recording(data / "take0.mcap"), SPACE, (SIDE, SIDE), 10)
    slow = replace(one, time_ns=one.time_ns * 10)  # a frame a second
    chosen = choose([slow], CONTEXT, FRAMES, 3, goal=False)
    assert [each.moment.start for each in chosen] == [0, 8, 17]
    assert resampled(chosen, [slow], 0)[0].tolist() == [0, 0, 1]


@pytest.mark.parametrize("count", [2, 3, 50])
def test_nobody_is_told_its_own_actions(count: int) -> None:
    other = exchanged([0] * count, 0)
    assert sorted(other) == list(range(count))
    assert all(k != one for k, one in enumerate(other))


def test_bodies_exchange_among_themselves() -> None:
    bodies = [0, 1, 0, 1, 1, 2]
    other = exchanged(bodies, 3)
    assert [bodies[k] for k in other[:-1]] == bodies[:-1]
    assert all(k != one for k, one in enumerate(other))  # the last one, which is alone, has that of somebody else


def test_what_cannot_be_judged_is_told(run: Path, data: Path, tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match="no recording is as long as 2 frames to begin from and 50 to foretell; the longest has 24"
    ):
        evaluate_video(run, data, Counts(frames=50), progress=False)
    with pytest.raises(BadInput, match="which cannot foretell; give the checkpoint of a world model"):
        judged(save_untrained(tmp_path / "policy"), data)
    for words, why in (
        ({"clips": 0}, "--clips is 0"),
        ({"samples": 1001}, "--samples is 1001"),
        ({"frames": 0}, "--frames is 0"),
    ):
        with pytest.raises(BadInput, match=why):
            Counts(**words)
    with pytest.raises(BadInput, match="exact has not learned the fast way .*; legal is --mode exact"):
        judged(rolling.save_world(tmp_path / "exact", parallel=0.0), data, way=Way(passes=2))
    other = rolling.save_reader(tmp_path / "fast", fps=35)
    with pytest.raises(
        BadInput, match="--idm learned from 35 frames a second and the world from 10; they must be of one rate"
    ):
        judged(run, data, files=Files(idm=other))
    other = rolling.save_reader(tmp_path / "strange", space=ActionSpace(("key.a",), (Axis("mouse.dy"),)))
    with pytest.raises(BadInput, match="--idm knows key.a, mouse.dy and the world key.w, mouse.dx"):
        judged(run, data, files=Files(idm=other))
    with pytest.raises(BadInput, match="cannot label"):
        judged(run, data, files=Files(idm=run))


def test_a_model_that_is_told_actions_needs_some(data: Path, tmp_path: Path) -> None:
    from playtape.actions import Events
    from playtape.recordings import save_recording

    idle = replace(open_recording(data / "take0.mcap"), events=Events.from_rows([]))
    save_recording(idle, tmp_path / "idle" / "take0.mcap", video="copy")
    run = rolling.save_world(tmp_path / "world")
    with pytest.raises(BadInput, match="nothing is done, and .* acts with key.w, mouse.dx"):
        judged(run, tmp_path / "idle")
