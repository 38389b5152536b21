"""OWAMcap: what we write reads back to the bit, and stands in the file as the format says."""

import dataclasses
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader

from playtape.actions import Events, names
from playtape.errors import BadInput
from playtape.recordings import (
    Confidence,
    Info,
    Recording,
    Span,
    Video,
    find_recordings,
    open_recording,
    save_recording,
    write_video,
)
from playtape.recordings.nouns import Clock
from playtape.recordings.schemas import SCHEMAS, TOPICS
from tests.recordings.pictures import EPOCH, assert_numbered, numbered

SECOND = 1_000_000_000
BUTTONS = ["key.w", "key.left_shift", "key.shift", "key.vk_7", "mouse.left", "mouse.x2", "pad.south"]


def messages(path: Path) -> list[tuple[str, int, dict]]:
    """Every message as the `mcap` package reads it."""
    with path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        return [(channel.topic, m.log_time, orjson.loads(m.data)) for _, channel, m in reader.iter_messages()]


@st.composite
def well_formed(draw) -> Events:
    """Events as a hand makes them: presses and releases in turn, every button released; moves in whole counts."""
    rows, time, held = [], 0, set()
    for _ in range(draw(st.integers(0, 40))):
        time += draw(st.sampled_from([0, 0, 1, 7_000_000, 130_000_000]))
        kind = draw(st.sampled_from(["button", "motion", "wheel", "pointer", "stick"]))
        if kind == "button":
            name = draw(st.sampled_from(BUTTONS))
            value = draw(st.sampled_from([0, 2])) if name in held else 1
            rows.append((time, name, value))
            (held.discard if value == 0 else held.add)(name)
        elif kind == "motion":
            count = draw(st.integers(-3000, 3000).filter(bool))
            rows.append((time, draw(st.sampled_from(["mouse.dx", "mouse.dy"])), count))
        elif kind == "wheel":
            rows.append(
                (time, draw(st.sampled_from(["mouse.wheel", "mouse.hwheel"])), draw(st.sampled_from([-2, -1, 0.5, 1])))
            )
        elif kind == "pointer":
            rows += [(time, "mouse.x", draw(st.integers(-50, 4000))), (time, "mouse.y", draw(st.integers(-50, 4000)))]
        else:
            rows.append((time, draw(st.sampled_from(["pad.left_x", "arm.3"])), draw(st.floats(-1, 1, width=32))))
    rows += [(time + 1, name, 0) for name in sorted(held)]
    return Events.from_rows(rows)


@settings(max_examples=60, deadline=None)
@given(well_formed())
def test_events_come_back_in_order_and_to_the_bit(tmp_path_factory, events):
    base = tmp_path_factory.getbasetemp()
    if not (base / "video.mp4").exists():
        write_video(base / "video.mp4", numbered(30), fps=10)
    recording = Recording(Video(base / "video.mp4"), events)
    back = open_recording(save_recording(recording, base / "events.mcap"))
    assert list(back.events) == list(events)
    assert back.warnings == ()


def test_everything_comes_back(recording, tmp_path):
    time = recording.video.time_ns[:-1]
    value = np.random.default_rng(0).random((59, 2), np.float32)
    value[3, 1] = np.nan
    full = dataclasses.replace(
        recording,
        spans=(Span(0, SECOND, "text", "go – left"), Span(5, 5, "control", "model"), Span(9, 10, "mood", "calm")),
        info=Info("doom", "here", "BSD-3-Clause", (1920, 1080), 0.022, "test", "p1", {"map": "E1M1"}),
        confidence=Confidence(time, ("key.w", "mouse.dx"), value),
        provenance={"model": "sha256:1", "version": "0.1"},
    )
    back = open_recording(save_recording(full, tmp_path / "full.mcap"))
    assert back.events.equals(full.events)
    assert back.spans == full.spans
    assert back.info == dataclasses.replace(full.info, extra={"map": "E1M1"})
    assert back.confidence is not None
    assert back.confidence.equals(full.confidence)
    assert back.provenance == full.provenance
    assert back.path == tmp_path / "full.mcap"
    assert back.video.path.samefile(recording.video.path)
    assert np.array_equal(back.time_ns, recording.time_ns)
    assert_numbered([back.video[7]], [7])
    assert back.warnings == ()


def test_the_file_is_as_the_format_says(recording, tmp_path):
    path = save_recording(dataclasses.replace(recording, clock=Clock(EPOCH)), tmp_path / "a.mcap")
    with path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        header, summary = reader.get_header(), reader.get_summary()
        assert header.profile == "owa"
        assert header.library.startswith("playtape ")
        assert summary is not None
        assert summary.statistics is not None
        assert summary.statistics.message_count == len(list(reader.iter_messages()))
        assert {chunk.compression for chunk in summary.chunk_indexes} == {"zstd"}
        for channel in summary.channels.values():
            schema = summary.schemas[channel.schema_id]
            assert (channel.message_encoding, channel.metadata) == ("json", {})
            assert schema.encoding == "jsonschema"
            assert schema.name == TOPICS[channel.topic]
            assert orjson.loads(schema.data)["additionalProperties"] is False
        times = [(m.log_time, m.publish_time, m.sequence) for _, _, m in reader.iter_messages(log_time_order=False)]
        assert all(log == publish and sequence == 0 for log, publish, sequence in times)
        assert times == sorted(times)
        names_of_records = {record.name for record in reader.iter_metadata()}
        assert {"recording", "clock", "media"} <= names_of_records
    rows = messages(path)
    first = next(row for row in rows if row[0] == "screen")
    assert first == (
        "screen",
        EPOCH,
        {"utc_ns": EPOCH, "source_shape": [64, 48], "shape": [64, 48], "media_ref": {"uri": "video.mp4", "pts_ns": 0}},
    )
    assert sum(topic == "screen" for topic, _, _ in rows) == 60
    keys = [(log - EPOCH, message) for topic, log, message in rows if topic == "keyboard"]
    assert keys == [
        (100_000_000, {"event_type": "press", "vk": 87}),
        (600_000_000, {"event_type": "press", "vk": 87}),  # auto-repeat is a further press
        (900_000_000, {"event_type": "release", "vk": 87}),
    ]
    raw = [message for topic, _, message in rows if topic == "mouse/raw"]
    plain = {"us_flags": 0, "button_flags": 0, "button_data": 0}
    assert raw == [{**plain, "last_x": 5, "last_y": -3}, {**plain, "last_x": -2, "last_y": 0}]


def test_payloads_are_compact_and_obey_their_schemas(recording, tmp_path):
    full = dataclasses.replace(
        recording,
        events=Events.concatenate(recording.events, Events.from_rows([(5, "pad.left_x", 0.5), (6, "mouse.x", 3)])),
        spans=(Span(0, 5, "text", "a"),),
        confidence=Confidence(np.array([0]), ("key.w",), np.ones((1, 1), np.float32)),
    )
    path = save_recording(full, tmp_path / "a.mcap")
    with path.open("rb") as file:
        for _, channel, message in make_reader(file).iter_messages():
            value, schema = orjson.loads(message.data), SCHEMAS[TOPICS[channel.topic]]
            assert orjson.dumps(value) == message.data or b"." in message.data
            assert b"null" not in message.data
            assert set(schema["required"]) <= set(value) <= set(schema["properties"])


def test_snapshots_every_second_agree_with_the_events(tmp_path):
    video = Video(write_video(tmp_path / "v.mp4", numbered(50), fps=10))
    rows = [(500_000_000, "key.w", 1), (SECOND, "mouse.left", 1), (2_500_000_000, "mouse.left", 0)]
    rows += [(3_200_000_000, "key.w", 0), (3_500_000_000, "mouse.x", 11), (3_500_000_000, "mouse.y", 12)]
    path = save_recording(Recording(video, Events.from_rows(rows)), tmp_path / "a.mcap")
    keys = {log: message["buttons"] for topic, log, message in messages(path) if topic == "keyboard/state"}
    assert keys == {0: [], SECOND: [87, 1], 2 * SECOND: [87, 1], 3 * SECOND: [87], 4 * SECOND: []}
    mouse = {log: message for topic, log, message in messages(path) if topic == "mouse/state"}
    assert mouse[2 * SECOND] == {"x": 0, "y": 0, "buttons": ["left"]}
    assert mouse[4 * SECOND] == {"x": 11, "y": 12, "buttons": []}


def test_motion_just_before_a_snapshot_keeps_its_time(tmp_path):
    video = Video(write_video(tmp_path / "v.mp4", numbered(50), fps=10))
    rows = [(SECOND - 60_000_000, "mouse.dx", 224), (SECOND - 60_000_000, "mouse.left", 1), (SECOND + 1, "mouse.dx", 3)]
    path = save_recording(
        Recording(video, Events.from_rows([*rows, (SECOND + 1, "mouse.left", 0)])), tmp_path / "a.mcap"
    )
    stamps = [log for topic, log, _ in messages(path) if topic == "mouse/raw"]
    assert stamps == [SECOND - 60_000_000, SECOND + 1]


def test_snapshots_stand_in_a_recording_without_events(video, tmp_path):
    path = save_recording(Recording(video, Events.empty()), tmp_path / "a.mcap")
    topics = [topic for topic, _, _ in messages(path)]
    assert topics.count("keyboard/state") == topics.count("mouse/state") == 2


def test_one_raw_message_carries_motion_buttons_and_wheel(video, tmp_path):
    at = 5_000_000
    rows = [
        (at, "mouse.dx", 3),
        (at, "mouse.dy", -4),
        (at, "mouse.left", 1),
        (at, "mouse.right", 1),
        (at, "mouse.wheel", -1),
    ]
    rows += [(at + 1, "mouse.left", 0), (at + 1, "mouse.right", 0)]
    path = save_recording(Recording(video, Events.from_rows(rows)), tmp_path / "a.mcap")
    raw = [message for topic, _, message in messages(path) if topic == "mouse/raw"]
    assert raw[0] == {"us_flags": 0, "last_x": 3, "last_y": -4, "button_flags": 0x1 | 0x4 | 0x400, "button_data": 65416}
    assert raw[1]["button_flags"] == 0x2 | 0x8
    assert len(raw) == 2
    assert list(open_recording(path).events) == rows


def test_fractional_motion_is_rounded_without_drift(video, tmp_path):
    moves = np.random.default_rng(0).normal(0, 3, 500)
    events = Events.from_rows((i * 1_000_000, "mouse.dx", v) for i, v in enumerate(moves))
    back = open_recording(save_recording(Recording(video, events), tmp_path / "a.mcap")).events
    assert np.array_equal(back.value, np.rint(back.value))
    exact = np.cumsum(moves)
    for time, total in zip(back.time_ns.tolist(), np.cumsum(back.value), strict=True):
        assert abs(total - exact[time // 1_000_000]) < 0.51


def test_every_key_of_the_vocabulary_survives(video, tmp_path):
    keys = [name for name in names.INPUTS if names.is_button(name)]
    rows = [(i, name, value) for i, name in enumerate(keys) for value in (1, 0)]
    back = open_recording(save_recording(Recording(video, Events.from_rows(rows)), tmp_path / "a.mcap"))
    assert back.events.equals(Events.from_rows(rows))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_copy_puts_the_video_beside_it(tmp_path, suffix):
    source = Video(write_video(tmp_path / "elsewhere" / f"a{suffix}", numbered(5), fps=30))
    path = save_recording(Recording(source, Events.empty()), tmp_path / "out" / "b.mcap", video="copy")
    assert sorted(file.name for file in path.parent.iterdir()) == ["b.mcap", f"b{suffix}"]
    source.path.unlink()
    assert_numbered(open_recording(path).video.stream(), range(5))


def test_reference_is_relative_and_moves_with_the_folder(tmp_path):
    folder = tmp_path / "one"
    video = Video(write_video(folder / "films" / "odd name%20é.mp4", numbered(5), fps=30))
    save_recording(Recording(video, Events.empty()), folder / "labels" / "b.mcap")
    moved = folder.rename(tmp_path / "two")
    back = open_recording(moved / "labels" / "b.mcap")
    assert back.video.path.samefile(moved / "films" / "odd name%20é.mp4")
    assert messages(back.path)[0][2]["media_ref"]["uri"] == "../films/odd name%20é.mp4"


def test_a_colon_in_a_name_is_no_scheme(tmp_path):
    video = Video(write_video(tmp_path / "doom: e1m1.mp4", numbered(5), fps=30))
    path = save_recording(Recording(video, Events.empty()), tmp_path / "a.mcap")
    assert len(open_recording(path).video) == 5


def test_padding_is_cut_off_again(tmp_path):
    source = Video(write_video(tmp_path / "v.mp4", numbered(5, 49, 65), fps=30), crop=(65, 49))
    path = save_recording(Recording(source, Events.empty()), tmp_path / "a.mcap")
    back = open_recording(path)
    assert (back.video.width, back.video.height) == (65, 49)
    assert back.video[0].shape == (49, 65, 3)


def test_transport_stream_times_are_the_containers_own(encode, tmp_path):
    """MediaRef counts from the container's own zero, the recording from its first frame: both must hold."""
    source = Video(encode("v.ts", numbered(20), bframes=2))
    path = save_recording(Recording(source, Events.from_rows([(5, "mouse.dx", 1)])), tmp_path / "a.mcap")
    first = messages(path)[0]
    assert first[0] == "screen"
    assert first[2]["media_ref"]["pts_ns"] == source.origin_ns > 0
    back = open_recording(path)
    assert back.time_ns[0] == 0
    assert back.events.time_ns.tolist() == [5]


def test_resaving_keeps_clock_and_recorders_settings(mcap, tmp_path):
    config = {"MouseThreshold1": "6", "SmoothMouseXCurve": "FQAAAA=="}
    path = mcap(
        [(EPOCH + 7, "keyboard", {"event_type": "press", "vk": 87})], metadata={"pointer_ballistics_config": config}
    )
    once = open_recording(path)
    assert once.info.extra["pointer_ballistics_config.SmoothMouseXCurve"] == "15000000"
    twice = open_recording(save_recording(once, tmp_path / "again.mcap"))
    assert twice.clock.anchor_ns == once.clock.anchor_ns == EPOCH
    assert twice.info == once.info
    assert twice.events.equals(Events.concatenate(once.events, Events.from_rows([(2 * SECOND, "key.w", 0)])))


def test_find(recording, tmp_path):
    paths = [save_recording(recording, tmp_path / name) for name in ("b.mcap", "a.mcap", "deep/c.mcap")]
    (tmp_path / ".hidden.1.part.mcap").write_bytes(b"")
    assert find_recordings(tmp_path) == sorted(paths)
    lost = tmp_path / "deep" / "lost.mcap"
    lost.symlink_to("nowhere.mcap")
    assert find_recordings(tmp_path) == sorted([*paths, lost])
    with pytest.raises(BadInput, match=r"there is no recording .*lost\.mcap \(a link that leads nowhere\)"):
        open_recording(lost)
    assert find_recordings(paths[0]) == [paths[0]]
    with pytest.raises(BadInput, match="no recording or folder"):
        find_recordings(tmp_path / "none")
    with pytest.raises(BadInput, match=r"no recording \(.mcap\) in"):
        find_recordings((tmp_path / "empty").mkdir() or tmp_path / "empty")


def test_repr_tells_what_is_in_it(recording):
    assert "60 frames, 30.000 fps cfr" in repr(recording)
    assert "Events(6 from" in repr(recording)
