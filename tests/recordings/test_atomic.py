"""Whole or not at all, and a failure names the file that was asked for."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from playtape.errors import BadInput
from playtape.recordings import write_video
from playtape.recordings.atomic import atomic, atomic_folder, check_folder, check_rewritable, ground, sweep


def write(path: Path) -> None:
    with atomic(path) as temporary:
        temporary.write_text("whole")


def test_it_appears(tmp_path):
    write(tmp_path / "new" / "a.txt")
    assert (tmp_path / "new" / "a.txt").read_text() == "whole"
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["a.txt"]


def test_who_may_read_and_write_it_stays(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    for mode in (0o600, 0o664):
        (tmp_path / "a.txt").chmod(mode)
        write(tmp_path / "a.txt")
        assert (tmp_path / "a.txt").stat().st_mode & 0o777 == mode
    assert (tmp_path / "a.txt").read_text() == "whole"


def test_a_name_that_is_too_long_is_told(tmp_path):
    with pytest.raises(BadInput, match=f"cannot write .*/{'t' * 250}.txt: its name is too long"):
        write(tmp_path / f"{'t' * 250}.txt")
    frames = [np.zeros((16, 16, 3), np.uint8)]
    with pytest.raises(BadInput, match=f"cannot write .*/{'t' * 245}.mp4: its name is too long"):
        write_video(tmp_path / f"{'t' * 245}.mp4", frames, fps=5)


def test_a_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "file").write_text("")
    check_folder(tmp_path / "new" / "folder", "sing")
    with pytest.raises(BadInput, match="cannot sing into .*file: it is a file; give a folder"):
        check_folder(tmp_path / "file", "sing")
    with pytest.raises(BadInput, match=f"cannot sing into .*/x/y: {tmp_path / 'file'} is a file; give a folder"):
        check_folder(tmp_path / "file" / "x" / "y", "sing")


def test_the_ground_is_the_nearest_that_is_there(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    assert ground(tmp_path) == (tmp_path, True)
    assert ground(tmp_path / "a" / "b") == (tmp_path, True)
    assert ground(tmp_path / "file" / "x") == (tmp_path / "file", False)
    monkeypatch.chdir(tmp_path)
    assert ground(Path("a/b")) == (tmp_path, True)
    assert ground(Path("file")) == (Path("file"), False)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="there is no folder that not even root can write to")
def test_a_folder_that_cannot_be_written_to():
    assert ground(Path("/proc/self/x")) == (Path("/proc/self"), False)
    with pytest.raises(BadInput, match="cannot sing into /proc/self/x: /proc/self cannot be written to; give a folder"):
        check_folder(Path("/proc/self/x"), "sing")


def test_a_link_to_what_is_read_only(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to(tmp_path / "a.txt")
    check_rewritable(tmp_path / "link.txt")
    (tmp_path / "a.txt").chmod(0o444)
    with pytest.raises(BadInput, match=r"cannot rewrite .*link.txt: it is read-only; chmod u\+w makes it writable"):
        check_rewritable(tmp_path / "link.txt")


def test_what_a_kill_left_of_one_file_is_swept(tmp_path):
    mine, others = tmp_path / "a[1]*.txt", ("a1x.txt", "a[1]*.mp4", "b.txt")
    for name in (mine.name, *others):
        with atomic(tmp_path / name) as temporary:
            temporary.write_text("new")
            temporary.with_name(temporary.name.replace(".part", "9.part")).write_text("left by another process")
    left = {path.name for path in tmp_path.iterdir() if path.name.startswith(".")}
    assert len(left) == 4
    sweep(mine)
    assert len([path for path in tmp_path.iterdir() if path.name in left]) == 3
    assert mine.read_text() == "new"
    sweep(tmp_path / "none" / "a.txt")  # no folder, nothing to sweep


def held(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_what_a_folder_holds_is_flushed_before_it_takes_its_place(tmp_path, monkeypatch):
    flushed = []

    def fsync(descriptor):
        flushed.append((os.fstat(descriptor).st_ino, (tmp_path / "tape").exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    with atomic_folder(tmp_path / "tape") as part:
        (part / "deep").mkdir()
        for name in ("a.png", "b.png", "deep/c.png"):
            (part / name).write_text(name)
        os.mkfifo(part / "pipe")
        assert not flushed
    tape = tmp_path / "tape"
    held = [tape, tape / "deep", *(tape / name for name in ("a.png", "b.png", "deep/c.png"))]
    assert {number for number, there in flushed if not there} == {path.stat().st_ino for path in held}
    assert flushed[-1] == (tmp_path.stat().st_ino, True)


def test_a_folder_that_cannot_be_flushed_does_not_appear(tmp_path, monkeypatch):
    def fsync(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(BadInput, match="no space left"), atomic_folder(tmp_path / "tape") as part:
        (part / "a.png").write_text("a")
    assert not any(tmp_path.iterdir())


def test_a_folder_appears_in_the_place_of_another(tmp_path):
    for names in ("ab", "bc"):
        with atomic_folder(tmp_path / "new" / "tape") as part:
            assert not any(part.iterdir())
            for name in names:
                (part / name).write_text(names)
    assert held(tmp_path) == {"new/tape/b": "bc", "new/tape/c": "bc"}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["tape"]


@pytest.mark.parametrize("at", [0, 1])
def test_a_folder_stays_where_the_new_one_cannot_take_its_place(tmp_path, monkeypatch, at):
    with atomic_folder(tmp_path / "tape") as part:
        (part / "a").write_text("old")
    moves, replace = [], Path.replace

    def stuck(path: Path, target: Path) -> Path:
        moves.append(path)
        if len(moves) == at + 1:
            raise OSError(28, "No space left on device", str(path))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", stuck)
    with pytest.raises(BadInput, match="tape: no space left on the disk"), atomic_folder(tmp_path / "tape") as part:
        (part / "b").write_text("new")
    assert held(tmp_path) == {"tape/a": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["tape"]


def test_a_file_in_a_folder_s_place_stays(tmp_path):
    (tmp_path / "tape").write_text("mine")
    with pytest.raises(BadInput, match="cannot write .*tape: .*; give a folder"), atomic_folder(tmp_path / "tape"):
        pass
    assert held(tmp_path) == {"tape": "mine"}


def test_a_folder_in_its_place(tmp_path):
    for folder in (tmp_path, Path(), Path("/")):
        with pytest.raises(BadInput, match="it is a folder; give the name of a file"):
            write(folder)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["/proc/none/a.txt", "/proc/version/a.txt", "/proc/a.txt"])
def test_a_place_that_cannot_be_written(place):
    with pytest.raises(BadInput, match=f"^cannot write {place}: .*; give a folder that you may write to$"):
        write(Path(place))


def test_an_error_of_another_file_stays_as_it_is(tmp_path):
    with pytest.raises(FileNotFoundError) as error, atomic(tmp_path / "a.txt"):
        (tmp_path / "source").read_text()
    assert error.value.filename == str(tmp_path / "source")
