"""Futures of recorded moments: which actions lead to them, and what is drawn of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from playtape.actions import Actions, ActionSpace, Axis
from playtape.clips import store
from playtape.errors import BadInput
from playtape.imagine.drawn import GAP, HEAD, LABEL
from playtape.imagine.futures import Way, futures, generator, moments
from playtape.imagine.predict import Counts, predict
from playtape.models import world_model as world
from playtape.nets.similarity import psnr
from playtape.recordings import open_recording, save_recording
from playtape.recordings.formats import episodes_npz
from playtape.training import checkpoint
from tests.untrained import save_untrained_world

SPACE = ActionSpace((), (Axis("arm.0", "state"), Axis("arm.1", "state")))
CONTEXT, FRAMES = 2, 5


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("episodes")
    for path in episodes_npz.find(episodes_npz.example(folder / "npz")):
        save_recording(episodes_npz.read(path), folder / "data" / f"{path.stem}.mcap", video="copy")
    return folder / "data"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    config = replace(world.tiny(), frames=6)
    model = world.build(replace(config, tokenizer=replace(config.tokenizer, fps=10.0)), SPACE)
    for name, parameter in model.named_parameters():
        parameter.data += 0.2 * torch.randn_like(parameter) if "tokenizer" not in name else 0
    folder = tmp_path_factory.mktemp("run") / "world"
    return checkpoint.save(folder, "world_model", model, model.state_dict(), {"trained_on": ["traj_00000"]})


def test_a_moments_rows_led_to_its_frames(data: Path) -> None:
    path = data / "traj_00000.mcap"
    one = store(open_recording(path), SPACE, (16, 16), 10)
    found = moments([one], CONTEXT, FRAMES, 3)
    assert [each.start for each in found] == [0, (len(one) - 7) // 2, len(one) - 7]
    for each in found:
        assert np.array_equal(each.frames, one.frames[each.start : each.start + 7])
        assert np.array_equal(each.actions.axes, one.actions.axes[each.start + 1 : each.start + 6])
    with pytest.raises(BadInput, match="no recording is as long as 2 frames to begin from and 50 to foretell"):
        moments([one], CONTEXT, 50, 1)


def test_a_moment_at_a_pace_takes_every_nth_frame(data: Path, run: Path) -> None:
    loaded = checkpoint.load(run)
    whole, third = (replace(loaded, train={**loaded.train, "hz": hz}) for hz in (0, 10 / 3))
    recording = open_recording(data / "traj_00000.mcap")
    every, one = third.stored(recording), whole.stored(recording)
    assert (every.stride, one.stride) == (3, 1)
    (moment,) = moments([every], CONTEXT, 4, 1)
    assert np.array_equal(moment.frames, one.frames[moment.start : moment.start + 16 : 3])
    put = one.actions.axes[moment.start + 3 : moment.start + 15]
    assert np.array_equal(moment.actions.axes, put[2::3])  # an arm stays where it was put last
    with pytest.raises(BadInput, match="2 frames to begin from and 6 to foretell; the longest has 7"):
        moments([every], CONTEXT, 6, 1)


def test_a_seed_draws_the_same_futures_and_another_does_not(data: Path, run: Path) -> None:
    model = checkpoint.load(run, to="foretell").model
    one = store(open_recording(data / "traj_00000.mcap"), SPACE, (16, 16), 10)
    of = moments([one], CONTEXT, FRAMES, 2)
    first, again, other = (futures(model, of, 3, Way(seed=seed), progress=False) for seed in (0, 0, 1))
    assert first.shape == (2, 3, FRAMES, 3, 16, 16)
    assert first.dtype == torch.uint8
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    still = [replace(each, actions=Actions(each.actions.buttons, 0 * each.actions.axes)) for each in of]
    sure = Way(temperature=0)
    moved, stayed = (futures(model, which, 1, sure, progress=False) for which in (of, still))
    assert not torch.equal(moved, stayed)


def test_every_seed_and_every_turn_of_it_draws_otherwise() -> None:
    high = (2**32, 2**33, 2**62, 2**63 - 1, 2**63)  # whose low 32 bits are those of 0 and of each other
    of = [(seed, *turn) for seed in (0, 1, *high) for turn in ((), (0,), (1,), (0, 64), (64, 0))]
    drawn = {tuple(torch.rand(4, generator=generator("cpu", *one)).tolist()) for one in of}
    assert len(drawn) == len(of)


def test_a_world_with_a_goal_is_shown_where_to_end(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(world.tiny(), frames=6, goal=True)
    model, begun = world.build(replace(config, tokenizer=replace(config.tokenizer, fps=10.0)), SPACE), []
    run = checkpoint.save(tmp_path / "run", "world_model", model, model.state_dict(), {})
    start = world.WorldModel.start
    monkeypatch.setattr(world.WorldModel, "start", lambda self, x, *rest: (begun.append(x), start(self, x, *rest))[1])
    result = predict(run, data / "traj_00000.mcap", tmp_path / "out", Counts(FRAMES, 1, 1), progress=False)
    frames = store(open_recording(data / "traj_00000.mcap"), SPACE, (16, 16), 10).frames
    assert np.array_equal(begun[0][0], frames[[FRAMES, 0]])  # the last that is foretold, and the first
    still = psnr(torch.from_numpy(frames[:1].copy()), torch.from_numpy(frames[1 : FRAMES + 1].copy())).mean()
    assert result["psnr_still"] == pytest.approx(float(still))


def test_a_way_that_was_not_learned_is_refused(data: Path, tmp_path: Path) -> None:
    run = save_untrained_world(tmp_path / "exact", space=SPACE, parallel=0.0)
    with pytest.raises(BadInput, match="exact has not learned the fast way .*; legal is --mode exact"):
        predict(run, data, tmp_path / "out", Counts(), way=Way(passes=1), progress=False)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("way", [Way(), Way(passes=2)])
def test_a_picture_and_a_film_are_drawn(data: Path, run: Path, tmp_path: Path, way: Way) -> None:
    result = predict(run, data, tmp_path / "out", Counts(FRAMES, 2, 2), way=way, progress=False)
    picture = Image.open(result["picture"])
    assert picture.size == (LABEL + (CONTEXT + FRAMES) * 96, 2 * (HEAD + 4 * 96) + GAP)
    pixels = np.asarray(picture.convert("RGB"))
    truth = torch.from_numpy(pixels[HEAD : HEAD + 96, LABEL:].copy())
    held = pixels[HEAD + 3 * 96 : HEAD + 4 * 96, LABEL + CONTEXT * 96 : LABEL + (CONTEXT + 1) * 96]
    last = truth[:, (CONTEXT - 1) * 96 : CONTEXT * 96].numpy()
    assert (held[:, 3:-3] == last[:, 3:-3]).all(), "the last row holds the context's last frame"
    assert (pixels[:, :LABEL] != 255).any(), "rows have names"
    film = open_film(Path(result["film"]))
    assert film.shape == (CONTEXT + FRAMES, 3 * 96, 2 * 96, 3)
    assert 0 < result["psnr"] <= result["psnr_best"] < 60
    assert result["warnings"] == ["1 of 2 recordings are left out: it was trained on them"]
    assert len({clip["recording"] for clip in result["clips"]} - {"traj_00000"}) == 1
    assert len(result["clips"]) == 2
    seen = predict(run, data / "traj_00000.mcap", tmp_path / "seen", Counts(FRAMES, 1, 1), way=way, progress=False)
    assert seen["warnings"] == [f"{run}: it was trained on 1 of these 1 recordings, so its numbers there say little"]


def test_of_many_recordings_some_are_looked_at_evenly_spread(
    data: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10):
        save_recording(open_recording(data / "traj_00000.mcap"), tmp_path / "data" / f"r{number}.mcap")
    opened = []
    monkeypatch.setattr(
        "playtape.imagine.predict.open_recording", lambda path: opened.append(path.stem) or open_recording(path)
    )
    result = predict(run, tmp_path / "data", tmp_path / "out", Counts(FRAMES, 1, 4), progress=False)
    assert opened == ["r0", "r3", "r6", "r9"]
    assert [clip["recording"] for clip in result["clips"]] == opened
    result = predict(run, tmp_path / "data", tmp_path / "more", Counts(FRAMES, 1, 12), progress=False)
    assert len(result["clips"]) == 12
    assert {clip["recording"] for clip in result["clips"]} == {f"r{number}" for number in range(10)}


def open_film(path: Path) -> np.ndarray:
    from playtape.recordings.video import Video

    return np.stack(list(Video(path).stream()))


def test_bad_words_are_told(data: Path, run: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--frames is 0"):
        Counts(frames=0)
    for wrong, said in (
        ({"temperature": -1}, "--temperature is -1"),
        ({"passes": 1001}, "--passes is 1001"),
        ({"seed": -1}, "--seed is -1"),
        ({"top": 0}, "top is 0"),
    ):
        with pytest.raises(BadInput, match=said):
            Way(**wrong)
    with pytest.raises(BadInput, match="cannot draw futures into /proc/none: .*; give a folder that can"):
        predict(run, data, Path("/proc/none"), Counts(FRAMES, 10, 1000))  # hours, but it cannot be kept
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot draw futures into .*file/out: .*file is a file; give a folder"):
        predict(tmp_path / "none", data, tmp_path / "file" / "out", Counts())  # before the world is looked at
    with pytest.raises(BadInput, match="there is no checkpoint"):
        predict(tmp_path / "none", data, tmp_path, Counts())
