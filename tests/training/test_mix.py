"""Data sets drawn together: by their shares whatever they hold, at their pace, and what is said of those that are not there."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from playtape.clips import Clips
from playtape.clips.augmentation import Augmentation
from playtape.errors import BadInput
from playtape.models import video_tokenizer as coder
from playtape.models.recipe import Data, Recipe
from playtape.recordings.convert import convert
from playtape.recordings.formats import something_something
from playtape.training import checkpoint
from playtape.training.run import train
from playtape.training.sources import brought, gather
from playtape.training.words import parse, spelled

WINDOW = 4
LENGTHS = {"bridge": (60, 20, 20), "toto": (70,), "kuka": (9, 50)}
LIGHT = {"bridge": 40, "toto": 120, "kuka": 200}


@pytest.fixture(autouse=True)
def recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    data = Data(fps=20, window=WINDOW, augmentation=Augmentation(0, 0, 0, 0), held_out=("*_99999999",))
    monkeypatch.setitem(coder.RECIPES, "tokenizer-test", Recipe(coder.tiny(), 2, 2, data))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three data sets of the mix, each of its own light; frame k is k lighter. One recording of each is there to be held out."""
    root = tmp_path_factory.mktemp("oxe")
    for name, lengths in LENGTHS.items():
        for k, length in enumerate((*lengths, 12)):
            (root / "npz" / name).mkdir(parents=True, exist_ok=True)
            light = LIGHT[name] + np.arange(length) % 50
            frames = np.broadcast_to(light[:, None, None, None], (length, 16, 16, 3)).astype(np.uint8)
            number = k if k < len(lengths) else 99999999
            np.savez(root / "npz" / name / f"train_eps_{number:08d}.npz", image=frames)
    convert(root / "npz", root / "data", "episodes_npz", progress=False)
    return root / "data"


def words(data: Path, *more: str) -> list[str]:
    return ["tokenizer-test", str(data), "--mix", "oxe", "--out", "out", *more]


def clips(data: Path, batch: int, *more: str) -> Clips:
    run = parse(words(data, *more))[2]
    sources = gather(run)
    stored = brought(run, sources, sources.space, progress=False)
    return Clips(stored, sources.weights, sources.space, run.data.window, batch, 0, run.data.augmentation)


def test_a_drawn_sample_has_the_shares(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = clips(data, 3000)[0].frames
    said = capsys.readouterr().err
    assert "mix oxe: not in" in said
    assert "so the others (25.6% of it) are drawn the more: fractal20220817_data, bc_z, " in said
    assert "bridge" not in said.partition("more: ")[2]
    light = frames[:, 0].float().mean((1, 2, 3)).numpy()
    drawn = Counter(min(LIGHT, key=lambda name: abs(LIGHT[name] + 25 - one)) for one in light)
    parts = {"bridge": 0.15, "toto": 0.2 / 31, "kuka": 0.1}
    for name, share in parts.items():
        wanted = share / sum(parts.values())
        assert drawn[name] / 3000 == pytest.approx(wanted, abs=4 * (wanted * (1 - wanted) / 3000) ** 0.5)


def test_recordings_of_a_data_set_are_drawn_alike_however_long(data: Path) -> None:
    sources = gather(parse(words(data))[2])
    chance = np.array(
        [len(one.time_ns) * weight for one, weight in zip(sources.training, sources.weights, strict=True)]
    )
    of = [one.info.game for one in sources.training]
    for name, lengths in LENGTHS.items():
        own = chance[[each == name for each in of]]
        assert len(own) == len(lengths)
        np.testing.assert_allclose(own, own[0])


def test_the_pace_is_three_a_second_or_what_the_episode_holds(data: Path) -> None:
    """bridge has 5 pictures a second, toto 30, kuka 10; of its two episodes one holds four pictures at a stride of 2 alone."""
    run = parse(words(data))[2]
    sources = gather(run)
    stored = brought(run, sources, sources.space, progress=False)
    strides = {
        name: [one.stride for one, of in zip(stored, sources.training, strict=True) if of.info.game == name]
        for name in LENGTHS
    }
    assert strides == {"bridge": [2, 2, 2], "toto": [10], "kuka": [2, 3]}
    for one in stored:
        clip = Clips([one], [1.0], sources.space, WINDOW, 20, 0, run.data.augmentation)[0]
        light = clip.frames.float().mean((2, 3, 4))
        step = (light[:, 1:] - light[:, :-1]) % 50
        assert float((step - one.stride).abs().max()) < 2  # of the video's coding


def test_a_run_of_a_mix_says_its_pace(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(
        [*words(data, "--batch", "2", "--workers", "0", "--device", "cpu")[:4], "--out", str(out), "--workers", "0"],
        progress=False,
    )
    loaded = checkpoint.load(out)
    assert loaded.train["hz"] == 3
    config = json.loads((out / "run.json").read_text())["config"]
    assert (config["mix"], config["data"]["hz"]) == ("oxe", 0.0)


def test_a_sweep_s_words_keep_the_pace_without_the_mix(data: Path) -> None:
    run = parse(words(data))[2]
    again = parse(["tokenizer-test", str(data), "--out", "out", *spelled("tokenizer-test", run)])[2]
    assert (again.mix, again.data.hz) == ("", 3)


def test_people_are_taken_frame_by_frame(data: Path, tmp_path: Path) -> None:
    both = tmp_path / "both"
    both.mkdir()
    (both / "kuka").symlink_to(data / "kuka", target_is_directory=True)
    convert(
        something_something.example(tmp_path / "raw"),
        both / "something_something",
        "something_something",
        progress=False,
    )
    run = parse(["tokenizer-test", str(both), "--mix", "oxe-sthsth", "--out", "out"])[2]
    sources = gather(run)
    stored = brought(run, sources, sources.space, progress=False)
    assert [one.stride for one in stored] == [2, 3, 1]
    chance = [len(one.time_ns) * weight for one, weight in zip(sources.training, sources.weights, strict=True)]
    np.testing.assert_allclose(chance, [0.85 * 0.1 / 2] * 2 + [0.15])


def test_bad_words_are_told(data: Path) -> None:
    with pytest.raises(BadInput, match="there is no mix 'oxy'"):
        parse(["tokenizer-test", str(data), "--mix", "oxy", "--out", "out"])
    run = parse(["tokenizer-test", str(data), str(data), "--mix", "oxe", "--out", "out"])[2]
    with pytest.raises(BadInput, match="--mix oxe is drawn from one folder of data sets, not from 2"):
        gather(run)
    with pytest.raises(BadInput, match=r"data\.hz is -1"):
        parse(words(data, "--data.hz", "-1"))
