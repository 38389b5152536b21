"""`playtape play human WORLD` as people run it: how it begins, and how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from playtape import cli
from playtape.recordings import open_recording
from tests.play.dream.conftest import Guest
from tests.untrained import save_untrained, save_untrained_world

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def started(*words: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command in a process of its own, and its page's address."""
    pytest.importorskip("starlette", reason="the extra pages is not installed")
    process = subprocess.Popen(
        [sys.executable, "-m", "playtape", "play", *map(str, words), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    try:
        yield process, json.loads(process.stdout.readline())["address"]
    finally:
        process.kill()
        process.communicate(timeout=60)


@pytest.mark.parametrize(("number", "by"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "a termination signal")])
def test_it_is_served_until_it_is_stopped(number: int, by: str, run: Path, tmp_path: Path) -> None:
    """In the middle of a dream, whose recording is whole."""
    words = [run, "--human"] if by == "Ctrl-C" else ["human", run, "--mode", "fast", "--passes", "2"]
    with started(*words, "--record", tmp_path, "--seed", "7") as (process, address), Guest(address) as guest:
        guest.told()
        guest.say("play")
        for _ in range(5):
            guest.picture()
        process.send_signal(number)
        rest, said = process.communicate(timeout=60)
        assert (process.returncode, rest) == (128 + number, "")
        assert said.splitlines()[-1].startswith(f"playtape play: stopped by {by}")
        assert "frames were dreamt in 1 episodes" in said
        assert "Traceback" not in said
    (path,) = tmp_path.glob("*.mcap")
    recording = open_recording(path)
    assert recording.name == "world_dreamt_human_seed7"
    assert len(recording.time_ns) >= 5
    assert recording.warnings == ()
    assert recording.info.extra["mode"] == ("exact" if by == "Ctrl-C" else "fast 2")


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert cli.main(["play", "human", *map(str, words)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err.splitlines()[-1]


def test_what_cannot_be_served(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("starlette", reason="the extra pages is not installed")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"cannot listen at 127.0.0.1:{port}" in refused(capsys, run, "--port", port)
    assert "port is 70000" in refused(capsys, run, "--port", 70000)
    assert "--seed is -1" in refused(capsys, run, "--seed", -1)
    assert "temperature is -1" in refused(capsys, run, "--temperature", -1)
    assert "which cannot foretell" in refused(capsys, save_untrained(tmp_path / "policy"))
    exact = save_untrained_world(tmp_path / "exact", parallel=0.0)
    assert "exact has not learned the fast way" in refused(capsys, exact, "--mode", "fast")
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "world_dreamt_human_seed0.mcap").touch()
    assert "already holds world_dreamt_human_seed0.mcap" in refused(capsys, run, "--record", tmp_path / "r")
    (tmp_path / "file").touch()
    assert "it is a file; give a folder" in refused(capsys, run, "--record", tmp_path / "file")


@pytest.mark.parametrize("package", ["starlette", "uvicorn", "websockets"])
def test_without_the_extra_it_is_a_sentence(
    package: str, run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    said = refused(capsys, run)
    assert f"needs the package {package}, which is not installed; pip install 'playtape[pages]'" in said
