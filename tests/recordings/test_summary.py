"""What `playtape info` tells, of recordings, videos and annotations."""

import json
import struct
from dataclasses import replace

import pytest

from playtape.cli import main
from playtape.errors import BadInput
from playtape.recordings import Span, save_recording, summary
from playtape.recordings.formats import episodes_npz
from playtape.recordings.inventory import inventory
from playtape.recordings.proto.video_annotation_pb2 import VideoAnnotation
from tests.recordings.pictures import EPOCH


def test_recording(recording, tmp_path):
    result = summary(save_recording(recording, tmp_path / "a.mcap"))
    json.dumps(result)
    expected = {"kind": "recording", "frames": 60, "fps": 30.0, "vfr": False, "duration_s": 2.0, "size": [64, 48]}
    assert expected.items() <= result.items()
    assert (result["codec"], result["game"], result["warnings"]) == ("h264", "test", [])
    assert (result["events"], result["inputs"]) == (6, {"key.w": 3, "mouse.dx": 2, "mouse.dy": 1})
    assert result["topics"]["screen"] == 60
    assert "desktop/RawMouseEvent" in result["schema"]
    assert result["clock"]["mode"] == "exact"


def test_the_player_and_the_texts_are_told(recording, tmp_path, capsys):
    long = "rate: " + "frames come too slowly, " * 20
    spans = [Span(t, t + 1, "text", "turn left\nand go") for t in (0, 5)] + [Span(7, 9, "text", "stop")]
    spans += [Span(0, 9, "finding", long), Span(0, 9, "control", "human")]
    told = replace(recording, spans=tuple(spans), info=replace(recording.info, player="somebody"))
    path = save_recording(told, tmp_path / "a.mcap")
    result = summary(path)
    assert result["player"] == "somebody"
    assert result["instructions"] == {"turn left\nand go": 2, "stop": 1}
    assert result["findings"] == {long: 1}
    assert main(["info", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "player       somebody" in lines
    at = lines.index(r"instructions 2 x turn left\nand go")
    assert lines[at + 1] == "             1 x stop"
    (finding,) = [line for line in lines if line.startswith("findings")]
    assert finding.startswith("findings     1 x rate: frames come")
    assert finding.endswith("...")
    assert len(finding) < 130


def test_a_folder_of_recordings(recording, tmp_path, capsys):
    for number, (game, licence, player) in enumerate((("doom", "CC0", "ann"), ("quake", "CC BY-NC 4.0", "ann"))):
        info = replace(recording.info, game=game, licence=licence, player=player)
        spans = (Span(0, 5, "text", "go"),) * (number + 1)
        save_recording(replace(recording, info=info, spans=spans), tmp_path / "data" / f"{game}.mcap")
    (tmp_path / "data" / "hurt.mcap").write_bytes(b"\x89MCAP0\r\nxx")
    result = inventory(tmp_path / "data", progress=False)
    json.dumps(result)
    assert {"kind": "folder", "recordings": 2, "frames": 120, "duration": "0:00:04"}.items() <= result.items()
    assert (result["games"], result["players"]) == ({"doom": 1, "quake": 1}, {"ann": 2})
    assert result["licences"] == {"CC0": 1, "CC BY-NC 4.0": 1}
    assert result["not_for_commerce"] == ["CC BY-NC 4.0"]
    assert (result["sizes"], result["rates"]) == ({"64x48": 2}, {"30": 2})
    assert (result["presses"], result["motions"]) == ({"key.w": 2}, {"mouse.dx": 4, "mouse.dy": 2})
    assert (result["instructions"], result["spans"]) == ({"go": 3}, {"text": 3})
    assert [*result["unreadable"]] == [str(tmp_path / "data" / "hurt.mcap")]
    assert main(["info", str(tmp_path / "data")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "games        doom 1, quake 1" in lines
    assert any(line.startswith("unreadable   ") and "hurt.mcap: " in line for line in lines)
    assert "instructions 3 x go" in lines


def test_folders_of_something_else(tmp_path):
    (tmp_path / "none").mkdir()
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "sweep.json").write_text("{}")
    episodes_npz.example(tmp_path / "robots")
    for name, words in (
        ("none", r"no recording \(.mcap\) in .*none$"),
        ("sweep", "playtape evaluate scaling"),
        ("robots", "looks like episodes_npz: `playtape convert .* --format episodes_npz"),
    ):
        with pytest.raises(BadInput, match=words):
            inventory(tmp_path / name)


def test_many_inputs_are_a_line_each(recording, tmp_path, capsys):
    for number in range(14):
        told = replace(recording, info=replace(recording.info, source=f"match {number}"))
        save_recording(told, tmp_path / f"{number}.mcap")
    assert main(["info", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.count("match ") == 12
    assert "             ... and 2 more; --json has all\n" in said


def test_many_texts_are_counted(recording, tmp_path, capsys):
    spans = tuple(Span(t, t + 1, "text", f"go to {t}") for t in range(30))
    assert main(["info", str(save_recording(replace(recording, spans=spans), tmp_path / "a.mcap"))]) == 0
    said = capsys.readouterr().out
    assert said.count(" x go to ") == 12
    assert "             ... and 18 more; --json has all\n" in said


def test_recording_without_its_video(mcap):
    rows = [(EPOCH, "screen", {"media_ref": {"uri": "gone.mkv", "pts_ns": 0}})]
    rows += [
        (EPOCH + at, "keyboard", {"event_type": kind, "vk": 87}) for at, kind in ((0, "press"), (10**9, "release"))
    ]
    result = summary(mcap(rows, screens=False))
    json.dumps(result)
    assert (result["frames"], result["events"], result["inputs"], result["event_seconds"]) == (
        None,
        2,
        {"key.w": 2},
        1.0,
    )
    assert "there is no file" in result["warnings"][0]


def test_video(video):
    result = summary(video.path)
    json.dumps(result)
    assert (result["kind"], result["frames"], result["fps"], result["size"]) == ("video", 60, 30.0, [64, 48])
    assert (result["events"], result["inputs"], result["schema"]) == (0, {}, None)


def varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def annotation() -> bytes:
    """Two frames 50 ms apart, each with one key and one motion event; only the first is a person's."""
    events = field(9, field(2, field(1, b"w")) + field(6, 1)) + field(9, field(5, field(1, 3)) + field(6, 2))
    frames = [
        field(3, field(1 if t == 0 else 6, field(3, 1)) + field(8, 130_000_000 + t * 50_000_000) + events)
        for t in range(2)
    ]
    metadata = field(1, b"id") + varint(5 << 3 | 5) + struct.pack("<f", 20.0) + field(6, field(1, b"quake"))
    return field(2, metadata) + b"".join(frames) + field(6, 13)


def test_annotation(tmp_path):
    path = tmp_path / "annotation.proto"
    path.write_bytes(annotation())
    result = summary(path)
    json.dumps(result)
    assert (result["kind"], result["frames"], result["fps"], result["version"]) == ("annotation", 2, 20.0, 13)
    assert (result["game"], result["user_known"], result["system_known"]) == ("quake", 1, 1)
    assert (result["events"], result["inputs"]) == (4, {"key": 2, "mouse motion": 2})
    assert result["duration_s"] == pytest.approx(0.05)


@pytest.mark.parametrize(
    "metadata", [field(5, b"12345678"), field(5, 3), field(6, field(1, 5)), varint(5 << 3 | 1) + bytes(8)]
)
def test_an_annotation_with_fields_of_another_kind(tmp_path, metadata):
    path = tmp_path / "a.proto"
    path.write_bytes(field(2, metadata) + annotation())
    with pytest.raises(BadInput, match="is not a Pixels2Play annotation"):
        summary(path)


def test_an_annotation_whose_time_falls(tmp_path):
    path = tmp_path / "a.proto"
    path.write_bytes(field(3, field(8, 2**64 - 1)) + field(3, field(8, 5)))
    result = summary(path)
    assert (result["duration_s"], result["fps"]) == (None, None)
    assert result["warnings"][0] == "1 frames are stamped earlier than the one before, so there is no duration"


@pytest.mark.parametrize("content", [b"syntax = 'proto3'; message Vec2 { double x = 1; }", b"\x00\x01", b"\xff" * 40])
def test_not_an_annotation(tmp_path, content):
    path = tmp_path / "a.proto"
    path.write_bytes(content)
    with pytest.raises(BadInput, match="is not a Pixels2Play annotation"):
        summary(path)


def test_cut_annotations_are_refused(tmp_path):
    path, whole = tmp_path / "a.proto", annotation()
    for size in range(1, len(whole) - 2):
        path.write_bytes(whole[:size])
        try:
            result = summary(path)
        except BadInput:
            continue
        assert VideoAnnotation.FromString(whole[:size]).ByteSize() == size  # cut between two fields
        assert result["frames"] <= 2


def test_bad_input(tmp_path):
    with pytest.raises(BadInput, match="there is no file"):
        summary(tmp_path / "none.mp4")
    (tmp_path / "empty.mcap").write_bytes(b"")
    with pytest.raises(BadInput, match="is empty"):
        summary(tmp_path / "empty.mcap")
    (tmp_path / "junk.mcap").write_bytes(b"junk" * 50)
    with pytest.raises(BadInput, match="is not an MCAP file"):
        summary(tmp_path / "junk.mcap")
