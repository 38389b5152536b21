"""What every test may ask for. Tests run on one thread each: several processes share the cores."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything imports numpy or torch
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")

import errno
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.view.browser import Browser

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in a shell's background; commands under test inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of samples beside the repository; a test that needs it is skipped where it is absent."""
    path = ROOT.parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip("needs the samples in ../shared/data, which are not on this machine")
    return path


@pytest.fixture
def odd_names(tmp_path: Path) -> None:
    """A test that needs files whose names are no UTF-8 is skipped where the file system has none."""
    odd = tmp_path / "odd\udcff"
    try:
        odd.touch()
    except OSError as error:
        if error.errno != errno.EILSEQ:
            raise
        pytest.skip("this file system has only UTF-8 names")
    odd.unlink()


@pytest.fixture(scope="session")
def playtape() -> Run:
    """Runs `playtape` in a process of its own: playtape("info", "x.mp4", cwd=folder)."""

    def run(*words: object, cwd: Path | None = None, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "playtape", *map(str, words)]
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        env = os.environ | {"PYTHONPATH": path, "COLUMNS": "100"}
        return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout)

    return run


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as one:
        yield one


@pytest.fixture
def browser(started: Browser) -> Browser:
    """It has nothing open, and no errors of the page before."""
    started.visit("about:blank", "location.href === 'about:blank'")
    started.errors.clear()
    return started
