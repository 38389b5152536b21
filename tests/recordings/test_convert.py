"""Formats are modules; outputs are atomic; unknown ones are told what is legal."""

import sys

import pytest

from playtape.actions import Events
from playtape.errors import BadInput
from playtape.recordings import Recording, Video, open_recording, save_recording, write_video
from playtape.recordings.convert import convert, find_format, format_names
from tests.recordings.pictures import numbered


@pytest.fixture
def source(tmp_path):
    """Two recordings in folders of their own, and one video."""
    root = tmp_path / "in"
    video = Video(write_video(root / "v.mp4", numbered(10), fps=30))
    for name in ("one/a.mcap", "two/a.mcap"):
        save_recording(Recording(video, Events.from_rows([(5, "mouse.dx", 7)])), root / name)
    return root


def test_convert(source, tmp_path, capfd):
    result = convert(source, tmp_path / "out", "owamcap")
    assert result["outputs"] == [str(tmp_path / "out" / name) for name in ("one/a.mcap", "two/a.mcap")]
    assert result["seconds"] > 0
    assert "convert owamcap" in capfd.readouterr().err
    for path in result["outputs"]:
        assert list(open_recording(path).events) == [(5, "mouse.dx", 7)]
    assert sorted(file.name for file in (tmp_path / "out" / "one").iterdir()) == ["a.mcap", "a.mp4"]


def test_one_file_and_no_progress(source, tmp_path, capfd):
    result = convert(source / "one" / "a.mcap", tmp_path / "out", "owamcap", progress=False)
    assert result["outputs"] == [str(tmp_path / "out" / "a.mcap")]
    assert capfd.readouterr().err == ""


def test_unknown_formats(source, tmp_path):
    with pytest.raises(BadInput, match=r"unknown format 'owa'; legal are .*owamcap, p2p, or the dotted path of a module"):
        convert(source, tmp_path / "out", "owa")
    with pytest.raises(BadInput, match=r"no format module 'no.such.thing'"):
        convert(source, tmp_path / "out", "no.such.thing")
    with pytest.raises(BadInput, match=r"module 'os.path' is not a format: it has no find and no read"):
        convert(source, tmp_path / "out", "os.path")
    with pytest.raises(BadInput, match="unknown format '../x'"):
        find_format("../x")
    assert "owamcap" in format_names()
    assert not (tmp_path / "out").exists()


def test_format_of_ones_own(source, tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "tape.py").write_text("from playtape.recordings.formats.owamcap import find, read\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert len(convert(source, tmp_path / "out", "mine.tape", progress=False)["outputs"]) == 2
    sys.modules.pop("mine", None)
    sys.modules.pop("mine.tape", None)


def test_what_cannot_be_converted(source, tmp_path):
    with pytest.raises(BadInput, match="there is no file or folder"):
        convert(tmp_path / "none", tmp_path / "out", "owamcap")
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="it is a file; give a folder"):
        convert(source, tmp_path / "file", "owamcap")


def test_an_interrupt_keeps_what_is_whole(source, tmp_path, monkeypatch):
    module = find_format("owamcap")
    reads = []

    def read(path):
        reads.append(path)
        if len(reads) == 2:
            raise KeyboardInterrupt
        return open_recording(path)

    monkeypatch.setattr(module, "read", read)
    with pytest.raises(KeyboardInterrupt):
        convert(source, tmp_path / "out", "owamcap", progress=False)
    files = sorted(str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*") if file.is_file())
    assert files == ["one/a.mcap", "one/a.mp4"]
    open_recording(tmp_path / "out" / "one" / "a.mcap")


def test_two_that_would_be_one(tmp_path, monkeypatch, source):
    module = find_format("owamcap")
    monkeypatch.setattr(module, "find", lambda root: [source / "one" / "a.mcap"] * 2)
    with pytest.raises(BadInput, match="two recordings .* would be written to"):
        convert(source, tmp_path / "out", "owamcap")


@pytest.mark.parametrize("body", ["raise SystemExit(3)", "from os import nothing", "1 / 0", "x ="])
def test_a_module_that_cannot_be_imported(source, tmp_path, monkeypatch, body):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "tape.py").write_text(body)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(BadInput, match=r"format module 'broken.tape' cannot be imported \(\w+.*; legal are"):
        convert(source, tmp_path / "out", "broken.tape")
    sys.modules.pop("broken", None)


def test_a_source_is_not_converted_onto_itself(source, tmp_path):
    path = source / "one" / "a.mcap"
    before = path.read_bytes()
    (tmp_path / "link").symlink_to(source)
    for root, out in ((source, source), (source, tmp_path / "link"), (path, source / "one")):
        with pytest.raises(BadInput, match=r"cannot convert .*a.mcap onto itself; give another --out"):
            convert(root, out, "owamcap", progress=False)
    assert path.read_bytes() == before
    assert not path.with_suffix(".mp4").exists()
