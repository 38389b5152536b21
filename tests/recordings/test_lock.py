"""One writer at a time, and a lock that nobody has to clear away."""

import sys
from multiprocessing import get_context
from pathlib import Path
from time import sleep

import pytest

from playtape.errors import BadInput
from playtape.recordings.lock import locked

pytest.importorskip("fcntl")


@pytest.fixture(params=["file", "folder"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    found = tmp_path / "one"
    found.touch() if request.param == "file" else found.mkdir()
    return found


def test_the_second_is_refused_until_the_first_is_done(path: Path) -> None:
    with locked(path, "taken"), pytest.raises(BadInput, match="^taken$"), locked(path, "taken"):
        pass
    with locked(path, "taken"):
        pass


def test_it_is_free_after_an_error(path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), locked(path, "taken"):
        raise KeyboardInterrupt
    with locked(path, "taken"):
        pass


def test_a_process_begun_meanwhile_does_not_keep_it(tmp_path: Path) -> None:
    with locked(tmp_path, "taken"):
        child = get_context("fork").Process(target=sleep, args=(60,))
        child.start()
    try:
        with locked(tmp_path, "taken"):
            pass
    finally:
        child.kill()
        child.join()


def test_where_there_are_no_locks_nobody_is_kept_out(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with locked(path, "taken"):
        monkeypatch.setattr(sys, "platform", "win32")
        with locked(path, "taken"):
            pass
