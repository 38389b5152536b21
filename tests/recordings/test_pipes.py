"""A named pipe in the place of any file of any format: nothing waits for somebody to write into it."""

import os
import re
import signal
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from types import FrameType

import pytest

from playtape.errors import BadInput
from playtape.recordings.convert import convert, find_format, format_names

SECONDS = 60


class Waited(BaseException):
    """No format takes this for a file that cannot be read."""


@pytest.fixture(autouse=True)
def clock() -> Generator[None]:
    def late(number: int, frame: FrameType | None) -> None:
        raise Waited(f"it still waits after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", format_names())
def test_a_pipe_in_the_place_of_a_file(name: str, tmp_path: Path) -> None:
    """One of each kind of files, by their names without numbers."""
    module = find_format(name)
    root = module.example(tmp_path / "example")
    kinds = {re.sub(r"\d+", "0", path.name): path for path in sorted(root.rglob("*")) if path.is_file()}
    if name == "lerobot":
        kinds |= {"card": next(root.rglob("meta")).parent / "README.md"}
    assert kinds
    for path in kinds.values():
        aside = path.with_name("aside.kept")
        if path.exists():
            path.replace(aside)
        os.mkfifo(path)
        signal.alarm(SECONDS)
        with suppress(BadInput):
            for source in module.find(root):
                with suppress(BadInput):
                    module.read(source)
        path.unlink()
        if aside.exists():
            aside.replace(path)


@pytest.mark.parametrize(("name", "ending"), [("frames", "png"), ("something_something", "jpg")])
def test_a_pipe_among_pictures_is_named(name: str, ending: str, tmp_path: Path) -> None:
    root = find_format(name).example(tmp_path / "example")
    folder = find_format(name).find(root)[0]
    (folder / f"000005.{ending}").unlink()
    os.mkfifo(folder / f"000005.{ending}")
    with pytest.raises(BadInput, match=rf"000005\.{ending} is no file"):
        convert(folder, tmp_path / "out", name, progress=False)


def test_a_folder_that_is_called_as_a_picture_is_not_replaced(tmp_path: Path) -> None:
    frames = find_format("frames")
    clip = frames.find(frames.example(tmp_path))[0]
    (tmp_path / "out" / "old.png").mkdir(parents=True)
    with pytest.raises(BadInput, match="it holds old.png"):
        frames.write(frames.read(clip), tmp_path / "out")
