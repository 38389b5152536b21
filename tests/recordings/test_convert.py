"""Formats are modules; outputs are atomic; unknown ones are told what is legal; one bad recording does not lose the others."""

import errno
import json
import sys
from dataclasses import replace

import pytest

from playtape import cli
from playtape.actions import Events
from playtape.errors import BadInput
from playtape.recordings import Recording, Span, Video, open_recording, save_recording, write_video
from playtape.recordings.convert import convert, find_format, format_names
from tests.recordings.annotations import annotation, folder
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


def test_progress_says_what_recordings_become(source, tmp_path, capfd):
    convert(source / "one" / "a.mcap", tmp_path / "out", to="frames")
    assert "convert owamcap to frames" in capfd.readouterr().err


def test_unknown_formats(source, tmp_path):
    with pytest.raises(
        BadInput,
        match=r"unknown format 'owa'; legal are .*owamcap, p2p, rlds, something_something.*, or the dotted path of a module",
    ):
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
    with pytest.raises(BadInput, match=f"cannot convert into .*/x: {tmp_path / 'file'} is a file; give a folder"):
        convert(source, tmp_path / "file" / "x", "owamcap")


@pytest.mark.parametrize("flag", ["--to", "--format"])
def test_an_empty_format_is_none(source, tmp_path, flag, capsys):
    assert cli.main(["convert", str(source), "--out", str(tmp_path / "out"), flag, ""]) == 2
    assert "unknown format ''; legal are" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


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


@pytest.fixture
def published(tmp_path):
    """Four recordings in Pixels2Play's layout, of which the second has no video and the third is cut."""
    root = tmp_path / "dataset"
    for name in "abcd":
        folder(root / name, annotation(4))
    (root / "b" / "video.mp4").unlink()
    cut = root / "c" / "annotation.proto"
    cut.write_bytes(cut.read_bytes()[:-3])
    return root


def test_one_bad_recording_does_not_lose_the_others(published, tmp_path, capsys):
    result = convert(published, tmp_path / "out", "p2p", progress=False)
    assert result["outputs"] == [str(tmp_path / "out" / f"{name}.mcap") for name in "ad"]
    assert list(result["failed"]) == [str(published / name) for name in "bc"]
    assert "has no video" in result["failed"][str(published / "b")]
    assert "is not a Pixels2Play annotation (it is cut or damaged)" in result["failed"][str(published / "c")]
    told = capsys.readouterr().err.splitlines()
    assert told == [f"not converted: {said}" for said in result["failed"].values()]


def test_the_exit_code_says_that_some_failed(published, tmp_path, capsys):
    words = ["convert", str(published), "--format", "p2p", "--out", str(tmp_path / "out")]
    assert cli.main([*words, "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["failed"]) == 2
    assert cli.main([*words, "--replace"]) == 1
    assert capsys.readouterr().out.endswith(f"2 recordings in {tmp_path / 'out'}; 2 could not be converted\n")
    for name in "bc":
        folder(published / name, annotation(4))
    assert cli.main([*words, "--replace"]) == 0


def test_recordings_are_replaced_only_when_asked(source, tmp_path):
    out = tmp_path / "out"
    path = convert(source, out, progress=False)["outputs"][0]
    noted = replace(open_recording(path), spans=(Span(0, 1, "finding", "seen by a person"),))
    before = save_recording(noted, path).read_bytes()
    with pytest.raises(
        BadInput, match=r"one already holds a.mcap; --missing keeps what is there .* --replace writes all anew"
    ):
        convert(source, out, progress=False)
    with pytest.raises(BadInput, match="give one of them"):
        convert(source, out, replace=True, missing=True, progress=False)
    assert (out / "one" / "a.mcap").read_bytes() == before
    assert convert(source, out, replace=True, progress=False)["kept"] == []
    assert open_recording(path).spans == ()


def test_a_strange_video_is_replaced_only_when_asked(source, tmp_path):
    (tmp_path / "out" / "two").mkdir(parents=True)
    (tmp_path / "out" / "two" / "a.mp4").write_bytes(b"mine")
    with pytest.raises(BadInput, match=r"two already holds a.mp4; "):
        convert(source, tmp_path / "out", progress=False)
    assert (tmp_path / "out" / "two" / "a.mp4").read_bytes() == b"mine"


@pytest.mark.parametrize("to", ["owamcap", "p2p"])
def test_a_run_that_was_cut_off_is_gone_on_with(source, tmp_path, to, capsys):
    words = ["convert", str(source), "--out", str(tmp_path / "out"), "--to", to]
    assert cli.main(words) == 0
    one, two = (tmp_path / "out" / name / ("a.mcap" if to == "owamcap" else "a") for name in ("one", "two"))
    last = two if to == "owamcap" else two / "annotation.proto"  # what is written at the end, after its video
    before = last.read_bytes()
    last.unlink()
    capsys.readouterr()
    assert cli.main(words) == 2
    assert "--missing keeps what is there and goes on with the rest" in capsys.readouterr().err
    assert cli.main([*words, "--missing", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["kept"], result["outputs"]) == ([str(one)], [str(two)])
    assert last.read_bytes() == before
    assert cli.main([*words, "--missing"]) == 0
    assert capsys.readouterr().out == "Nothing converted; 2 were there already and stayed\n"


def test_nothing_could_be_converted(published, tmp_path, capsys):
    for name in "ad":
        (published / name / "video.mp4").unlink()
    words = ["convert", str(published), "--format", "p2p", "--out", str(tmp_path / "out")]
    assert cli.main(words) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"playtape convert: none of the 4 recordings in {published} could be converted; the first: ")
    assert cli.main(["convert", str(published / "b"), "--format", "p2p", "--out", str(tmp_path / "out")]) == 2
    assert "has no video; legal is" in capsys.readouterr().err  # the only one: its own sentence


def test_a_full_disk_ends_it_all(published, tmp_path, monkeypatch):
    module, reads = find_format("p2p"), []

    def read(path):
        reads.append(path)
        raise BadInput("no space left") from OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "read", read)
    with pytest.raises(BadInput, match="no space left"):
        convert(published, tmp_path / "out", "p2p", progress=False)
    assert len(reads) == 1


def test_there_and_back_by_the_command_line(published, tmp_path, capsys):
    assert cli.main(["convert", str(published / "a"), "--format", "p2p", "--out", str(tmp_path / "own")]) == 0
    assert cli.main(["convert", str(tmp_path / "own"), "--to", "p2p", "--out", str(tmp_path / "back"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["outputs"] == [str(tmp_path / "back" / "a")]
    for name in ("annotation.proto", "video.mp4"):
        assert (tmp_path / "back" / "a" / name).read_bytes() == (published / "a" / name).read_bytes()
    small = Video(tmp_path / "back" / "a" / "192x192.mp4")
    assert (small.width, small.height, len(small)) == (192, 192, 4)


def test_what_a_format_cannot_say_is_told(source, tmp_path):
    recording = open_recording(source / "one" / "a.mcap")
    odd = Recording(recording.video, Events.from_rows([(5, "key.vk_7", 1), (6, "key.vk_7", 0)]))
    save_recording(odd, source / "one" / "a.mcap")
    result = convert(source, tmp_path / "out", to="p2p", progress=False)
    assert result["outputs"] == [str(tmp_path / "out" / name / "a") for name in ("one", "two")]
    (said,) = result["warnings"][str(tmp_path / "out" / "one" / "a")]
    assert said == "the format has no name for key.vk_7 (2); these events are left out"


def test_what_cannot_be_written(source, tmp_path, capsys):
    with pytest.raises(BadInput, match="the format 'doom_demo' can only be read: it has no write"):
        convert(source, tmp_path / "out", to="doom_demo")
    with pytest.raises(BadInput, match="unknown format 'p2'; legal are .*p2p"):
        convert(source, tmp_path / "out", to="p2")
    assert cli.main(["convert", str(source), "--out", str(tmp_path / "out")]) == 2
    assert "say what the recordings are with --format, or what they are to become with --to" in capsys.readouterr().err


def test_a_folder_is_not_converted_onto_itself(published):
    with pytest.raises(BadInput, match=r"cannot convert .*a onto itself; give another --out"):
        convert(published, published, "p2p", to="p2p", progress=False)
