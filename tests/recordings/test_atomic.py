"""Whole or not at all, and a failure names the file that was asked for."""

from pathlib import Path

import pytest

from playtape.errors import BadInput
from playtape.recordings.atomic import atomic


def write(path: Path) -> None:
    with atomic(path) as temporary:
        temporary.write_text("whole")


def test_it_appears(tmp_path):
    write(tmp_path / "new" / "a.txt")
    assert (tmp_path / "new" / "a.txt").read_text() == "whole"
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["a.txt"]


def test_a_folder_in_its_place(tmp_path):
    for folder in (tmp_path, Path(), Path("/")):
        with pytest.raises(BadInput, match="it is a folder; give the name of a file"):
            write(folder)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["/proc/none/a.txt", "/proc/version/a.txt", "/proc/a.txt", f"/tmp/{'x' * 300}"])
def test_a_place_that_cannot_be_written(place):
    with pytest.raises(BadInput, match=f"^cannot write {place}: .*; give a folder that you may write to$"):
        write(Path(place))


def test_an_error_of_another_file_stays_as_it_is(tmp_path):
    with pytest.raises(FileNotFoundError) as error, atomic(tmp_path / "a.txt"):
        (tmp_path / "source").read_text()
    assert error.value.filename == str(tmp_path / "source")
