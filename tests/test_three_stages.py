"""The whole story once, at sizes that teach nothing: from a few labels to policies that were played."""

import contextlib
import importlib.util
import io
import json
import subprocess
from pathlib import Path

import pytest
import torch

from playtape import cli
from playtape.errors import BadInput
from playtape.play import play
from playtape.recordings import open_recording
from tests.conftest import ROOT

TINY = [
    *("--share", "0.5", "--idm", "idm-tiny", "--idm-steps", "3", "--steps", "4", "--fine", "0.5", "--episodes", "1"),
    *("--batch", "2", "--data.window", "8", "--model.width", "24", "--model.heads", "2", "--model.layers", "1"),
    *("--model.decoder-layers", "1", "--model.decoder-heads", "2", "--model.height", "32", "--model.width-px", "32"),
    *("--scenario", "track12/easy", "--max-steps", "50"),
]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the script ran: each in this process, which spares a minute of starting others."""
    ran: list[str] = []

    def run(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        assert words[1:3] == ["-m", "playtape"]
        ran.append(" ".join(words[3:5]))
        with contextlib.redirect_stdout(io.StringIO()) as said:
            assert cli.main(words[3:]) == 0
        return subprocess.CompletedProcess(words, 0, said.getvalue())

    threads = torch.get_num_threads()
    monkeypatch.setattr(subprocess, "run", run)
    yield ran
    torch.set_num_threads(threads)


def run_script(monkeypatch: pytest.MonkeyPatch, game: str, data: Path, *words: str) -> Path:
    """Into the folder that is returned."""
    spec = importlib.util.spec_from_file_location("three_stages", ROOT / "scripts/three_stages.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    out = data.with_name("out")
    monkeypatch.setattr("sys.argv", ["three_stages.py", game, str(data), "--out", str(out), *words])
    script.main()
    return out


def test_three_stages_and_what_they_are_judged_by(tmp_path: Path, commands: list[str], monkeypatch) -> None:
    play("scripted", "hovercraft", episodes=4, record=tmp_path / "data", max_steps=120, progress=False)
    out = run_script(monkeypatch, "hovercraft", tmp_path / "data", *TINY)
    assert [words.split()[0] for words in commands] == ["train"] * 5 + ["play"] * 6

    result = json.loads((out / "result.json").read_text())
    assert set(result["play"]) == {"scripted", "random", "all", "few", "pre", "pseudo"}
    assert all(len(block["scores"]) == 1 for block in result["play"].values())
    names = {path.stem for path in (tmp_path / "data").glob("*.mcap")}
    few = set(result["labelled"])
    labelled = sorted((out / "labelled").glob("*.mcap"))
    assert len(few) == len(labelled) == 2
    assert few | {path.stem for path in labelled} == names
    for path in labelled:  # what the model saw, not what was done
        assert open_recording(path).info.source == "labelled by idm"

    trained = {
        arm: json.loads((out / arm / "train.json").read_text()) for arm in ("idm", "all", "few", "pre", "pseudo")
    }
    known = {arm: {*about["trained_on"], *about["held_out"]} for arm, about in trained.items()}
    assert known == {"idm": few, "few": few, "pseudo": few, "all": names, "pre": names}
    assert [trained[arm]["steps"] for arm in ("all", "few", "pre", "pseudo")] == [4, 4, 2, 2]

    commands.clear()
    (out / "played-few.json").unlink()
    run_script(monkeypatch, "hovercraft", tmp_path / "data", *TINY)  # goes on where it was
    assert [words.split()[0] for words in commands] == ["play"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--share", "nan"], "--share nan of 2; legal are"),
        (["--recordings", "0"], "--recordings 0 with"),
        (["--recordings", "3"], "--recordings 3 with"),
    ],
)
def test_what_cannot_be_shared_out_is_told(
    tmp_path: Path, commands: list[str], monkeypatch: pytest.MonkeyPatch, words: list[str], sentence: str
) -> None:
    play("scripted", "hovercraft", episodes=2, record=tmp_path, max_steps=2, progress=False)
    with pytest.raises(BadInput, match=sentence):
        run_script(monkeypatch, "hovercraft", tmp_path, *words)
    with pytest.raises(BadInput, match="unknown game 'nonsense'"):
        run_script(monkeypatch, "nonsense", tmp_path)
    assert commands == []
