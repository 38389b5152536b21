"""A run's folder is one command's at a time, and none stays that nothing was written into."""

from pathlib import Path

import pytest

from playtape.errors import BadInput
from playtape.recordings.convert import convert
from playtape.recordings.formats import doom_demo
from playtape.recordings.lock import locked
from playtape.training.run import train, writing


def test_two_runs_in_one_folder_are_one_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fcntl")
    convert(doom_demo.example(tmp_path / "source"), tmp_path / "data", "doom_demo", progress=False)
    out = tmp_path / "run"
    said = f"{out} is being written by another `playtape train`; wait for it, or give another --out"
    begun = ["idm-tiny", str(tmp_path / "data"), "--out", str(out), "--batch", "2", "--workers", "0", "--steps", "2"]
    with writing(out, "train"):
        with pytest.raises(BadInput, match=said):
            train(begun, progress=False)
        monkeypatch.setenv("RANK", "1")  # another process of the same run
        with writing(out, "train"):
            pass
        monkeypatch.delenv("RANK")
    assert not out.exists()  # nothing was written
    train(begun, progress=False)
    with locked(out, "free"), pytest.raises(BadInput, match=said):
        train(["--resume", str(out), "--steps", "3"], progress=False)
    assert train(["--resume", str(out), "--steps", "3"], progress=False)["steps"] == 3
