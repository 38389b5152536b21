"""Spans changed in a file that stays otherwise what it was, whoever wrote it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mcap.reader import make_reader
from mcap.writer import Writer

from playtape.errors import BadInput
from playtape.recordings import Clock, Recording, Span, open_recording, save_recording
from playtape.recordings.respan import respan
from tests.recordings.pictures import EPOCH

SECOND = 1_000_000_000
NEW = Span(SECOND // 2, SECOND, "text", "Go to the door")


def content(path: Path) -> dict[str, Any]:
    """Everything but spans and the provenance, by mcap's own reader."""
    with path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        header = reader.get_header()
        rows = [
            (c.topic, c.message_encoding, tuple(c.metadata.items()), s.name if s else "", s.data if s else b"",
             m.log_time, m.publish_time, m.sequence, m.data)
            for s, c, m in reader.iter_messages(log_time_order=False)
            if s is None or s.name != "playtape/Span"
        ]  # fmt: skip
        return {
            "header": (header.profile, header.library),
            "rows": rows,
            "metadata": [(m.name, m.metadata) for m in reader.iter_metadata() if m.name != "provenance"],
            "attachments": [
                (a.name, a.media_type, a.log_time, a.create_time, a.data) for a in reader.iter_attachments()
            ],
        }


def test_a_foreign_file_keeps_all_that_we_do_not_understand(mcap: Callable[..., Path]):
    rows = [
        (EPOCH + 5, "window", {"title": "DOOM", "rect": [0, 0, 1, 1], "hWnd": 1}),
        (EPOCH + 10, "keyboard", {"event_type": "press", "vk": 87}),
        (EPOCH + 15, "keyboard", b"damaged"),
        (EPOCH + 20, "heart/rate", {"bpm": 90}),
        (EPOCH + 30, "keyboard", {"event_type": "release", "vk": 87}),
    ]
    path = mcap(rows, metadata={"session": {"who": "me"}, "provenance": {"from": "elsewhere"}})
    before, was = content(path), open_recording(path)
    respan(was, add=[NEW], provenance={"text.model": "eyes"})
    assert content(path) == before
    now = open_recording(path)
    assert now.warnings == was.warnings
    assert set(now.spans) == {*was.spans, NEW}
    assert now.provenance == {"from": "elsewhere", "text.model": "eyes"}
    respan(now, drop=[NEW])
    assert open_recording(path).spans == was.spans
    assert content(path) == before


def test_attachments_sequences_and_channel_facts_stay(video, tmp_path: Path):
    path = tmp_path / "odd.mcap"
    with path.open("wb") as file:
        writer = Writer(file, use_chunking=False)
        writer.start(profile="owa", library="somebody 1.2")
        writer.add_attachment(1, 2, "notes.txt", "text/plain", b"hello")
        schema = writer.register_schema("desktop/ScreenCaptured", "jsonschema", b"{}")
        screen = writer.register_channel("screen", "json", schema, {"device": "left"})
        bare = writer.register_channel("raw", "cbor", 0)
        for number, time in enumerate(video.time_ns.tolist()):
            message = b'{"media_ref":{"uri":"video.mp4","pts_ns":%d}}' % time
            writer.add_message(screen, EPOCH + time, message, EPOCH + time + 7, number)
        writer.add_message(bare, EPOCH + 1, b"\x00\x01", 3, 4)
        writer.finish()
    before = content(path)
    assert before["attachments"]
    respan(open_recording(path), add=[NEW])
    assert content(path) == before
    assert NEW in open_recording(path).spans


def test_spans_of_all_kinds_keep_their_order(recording: Recording, tmp_path: Path):
    old = tuple(
        Span(i * SECOND // 4, i * SECOND // 4 + 9, kind, str(i)) for i in range(6) for kind in ("text", "control", "x")
    )
    path = save_recording(Recording(recording.video, recording.events, old), tmp_path / "a.mcap")
    respan(open_recording(path), add=[NEW], drop=[old[0], old[4]])
    now = open_recording(path)
    assert now.warnings == ()
    assert set(now.spans) == {NEW, *old} - {old[0], old[4]}


def test_elsewhere_it_refers_to_the_same_video(recording: Recording, tmp_path: Path):
    path = save_recording(recording, tmp_path / "a.mcap")
    before = path.read_bytes()
    out = respan(open_recording(path), add=[NEW], out=tmp_path / "deep" / "er" / "b.mcap")
    assert path.read_bytes() == before
    copy = open_recording(out)
    assert copy.video.path.samefile(recording.video.path)
    assert copy.spans == (NEW,)
    assert list(copy.events) == list(open_recording(path).events)


@pytest.mark.parametrize("name", ["0.3.2", "0.5.1"])
def test_real_files_of_others(name: str, samples: Path, tmp_path: Path):
    for suffix in (".mcap", ".mkv"):
        (tmp_path / f"{name}{suffix}").write_bytes((samples / f"{name}{suffix}").read_bytes())
    path = tmp_path / f"{name}.mcap"
    before, was = content(path), open_recording(path)
    respan(was, add=[NEW])
    assert content(path) == before
    assert NEW in open_recording(path).spans
    out = respan(open_recording(path), drop=[NEW], out=tmp_path / "out" / "x.mcap")
    assert open_recording(out).spans == was.spans


def test_a_span_that_cannot_be_is_refused_and_nothing_is_written(recording: Recording, tmp_path: Path):
    path = save_recording(recording, tmp_path / "a.mcap")
    before = path.read_bytes()
    for wrong in (Span(5, 4, "text", "x"), Span(-5, 4, "text", "x")):
        with pytest.raises(BadInput, match="the span text 'x' covers"):
            respan(open_recording(path), add=[wrong])
    with pytest.raises(BadInput, match="has no file yet"):
        respan(recording, add=[NEW])
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir() if file.suffix == ".mcap"] == ["a.mcap"]


@pytest.mark.parametrize("drift_ppm", [0.0, 80.5, -300.0])
@pytest.mark.parametrize("written", [False, True])
def test_the_files_clock_and_the_videos_are_each_others_inverse(drift_ppm: float, written: bool):
    clock = Clock(EPOCH, "cues", drift_ppm, written=written)
    for time_ns in (0, 1, 999_999_999, 3_600 * SECOND + 7, 86_400 * SECOND):
        back = int(clock.video_time(np.array(clock.log_time(time_ns))))
        assert abs(back - time_ns) <= (1 if drift_ppm and not written else 0)
