"""What was measured of a run is measured once, of the same recordings wherever they lie, and trusted only if it is right."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from playtape.errors import BadInput
from playtape.evaluate import judged
from playtape.evaluate.judged import FILE, Judged, judge
from playtape.play import play
from playtape.recordings import Recording, find_recordings, open_recording
from playtape.training.checkpoint import Loaded
from playtape.training.run import train

SMALL = ("--batch", "1", "--workers", "0", "--data.window", "8", "--model.window", "4", "--model.height", "32")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two checkpoints, judged on the recording that it held out."""
    folder = tmp_path_factory.mktemp("judged")
    play("scripted", "simple_fps", episodes=3, record=folder / "data", max_steps=24, progress=False)
    words = [
        "p2p-tiny",
        str(folder / "data"),
        "--out",
        str(folder / "run"),
        "--steps",
        "2",
        "--keep-every",
        "1",
        *SMALL,
    ]
    train(words, progress=False)
    shutil.copytree(folder / "data", folder / "elsewhere")  # with the dates
    judge(folder / "run", held_out(folder / "data"), "key")
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained / "run", tmp_path / "run"))


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often recordings were brought to a model's size, and losses measured."""
    calls = {"stored": 0, "losses": 0}

    def watch(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*words: Any) -> Any:
            calls[name] += 1
            return function(*words)

        return called

    for owner, name in ((Loaded, "stored"), (judged, "losses")):
        monkeypatch.setattr(owner, name, watch(name, getattr(owner, name)))
    return calls


def held_out(data: Path) -> list[Recording]:
    return [open_recording(path) for path in find_recordings(data) if path.stem.endswith("seed1")]


def same(one: Judged, other: Judged) -> bool:
    return list(one.losses) == list(other.losses) and all(
        np.array_equal(one.losses[step].sums[kind], other.losses[step].sums[kind])
        for step in one.losses
        for kind in one.losses[step].sums
    )


def test_recordings_that_were_moved_are_the_same(trained: Path, run: Path, counted: dict[str, int]) -> None:
    there = judge(run, held_out(trained / "elsewhere"), "key")
    assert counted == {"stored": 0, "losses": 0}
    assert list(there.losses) == [1, 2]
    assert there.warnings == []


@pytest.mark.parametrize("ending", [".mcap", ".mp4"])
def test_a_file_that_changed_is_measured_again(
    trained: Path, run: Path, tmp_path: Path, counted: dict[str, int], ending: str
) -> None:
    data = shutil.copytree(trained / "data", tmp_path / "data")
    file = held_out(data)[0].path
    assert file is not None
    os.utime(file.with_suffix(ending), ns=(1, 1))
    judge(run, held_out(data), "key")
    assert counted["losses"] == 2


def test_recordings_are_brought_to_size_once_a_run(trained: Path, run: Path, counted: dict[str, int]) -> None:
    every = [open_recording(path) for path in find_recordings(trained / "data")]
    found = judge(run, every, "key")
    assert counted == {"stored": 3, "losses": 2}
    assert found.warnings == ["it was trained on 2 of these 3 recordings, so its numbers there say little"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"sums": None},
        {"sums": {}},
        {"sums": {"key": 3}},
        {"frames": None},
        {"frames": [1.0, 2.0]},
        {"frames": [-1.0]},
        {"frames": ["many"]},
        {"frames": [10**400]},
        {"frames": [float("nan")]},
    ],
)
def test_what_is_wrong_is_measured_again(trained: Path, run: Path, counted: dict[str, int], wrong: dict) -> None:
    right = judge(trained / "run", held_out(trained / "data"), "key")
    kept = json.loads((run / FILE).read_text())
    (run / FILE).write_text(json.dumps({name: entry | wrong for name, entry in kept.items()}))
    assert same(judge(run, held_out(trained / "data"), "key"), right)
    assert counted == {"stored": 1, "losses": 2}
    assert json.loads((run / FILE).read_text()) == kept


@pytest.mark.parametrize("content", ["{", "[]", "null", '{"x": 3}'])
def test_a_file_that_is_none_is_made_again(trained: Path, run: Path, content: str) -> None:
    (run / FILE).write_text(content)
    assert list(judge(run, held_out(trained / "data"), "key").losses) == [1, 2]
    assert json.loads((trained / "run" / FILE).read_text()).items() <= json.loads((run / FILE).read_text()).items()


@pytest.mark.parametrize("kind", ["keys", "loss", ""])
def test_a_kind_that_is_none_is_told_before_anything_is_measured(
    trained: Path, run: Path, counted: dict[str, int], kind: str
) -> None:
    (run / FILE).unlink()
    with pytest.raises(BadInput, match=f"--kind is '{kind}'; legal are key, click, mouse_dx: what .*/run has learned"):
        judge(run, held_out(trained / "data"), kind)
    assert counted == {"stored": 0, "losses": 0}


@pytest.mark.parametrize("steps", [None, [2], "2", True])
def test_a_run_that_does_not_say_its_steps(trained: Path, run: Path, steps: object) -> None:
    shutil.rmtree(run / "kept")
    told = json.loads((run / "train.json").read_text())
    (run / "train.json").write_text(json.dumps(told | {"steps": steps}))
    with pytest.raises(BadInput, match="train.json does not say of how many steps the run is"):
        judge(run, held_out(trained / "data"), "key")
