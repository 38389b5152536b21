"""What a foreign file may say, and what is made of it: mended and counted, or refused with one clear sentence."""

import numpy as np
import pytest
from mcap.writer import CompressionType

from playtape.errors import BadInput
from playtape.recordings import open_recording, write_video
from tests.recordings.pictures import EPOCH, numbered

MS = 1_000_000
PRESS, RELEASE = {"event_type": "press", "vk": 87}, {"event_type": "release", "vk": 87}


def raw(x: int = 0, y: int = 0, flags: int = 0, data: int = 0, us: int = 0) -> dict:
    return {"us_flags": us, "last_x": x, "last_y": y, "button_flags": flags, "button_data": data}


def events(path) -> list[tuple[int, str, float]]:
    return list(open_recording(path).events)


def warnings(path) -> str:
    return "\n".join(open_recording(path).warnings)


def key(at: int, message: dict | bytes) -> tuple[int, str, dict | bytes]:
    return EPOCH + at, "keyboard", message


def test_a_foreign_file(mcap):
    rows = [key(5 * MS, PRESS), (EPOCH + 6 * MS, "mouse/raw", raw(3, -4, 0x1)), key(9 * MS, RELEASE)]
    rows += [(EPOCH + 9 * MS, "mouse/raw", raw(0, 0, 0x2))]
    recording = open_recording(mcap(rows))
    assert list(recording.events) == [
        (5 * MS, "key.w", 1),
        (6 * MS, "mouse.dx", 3),
        (6 * MS, "mouse.dy", -4),
        (6 * MS, "mouse.left", 1),
        (9 * MS, "key.w", 0),
        (9 * MS, "mouse.left", 0),
    ]
    assert recording.warnings == ()
    assert recording.clock.mode == "envelope"


@pytest.mark.parametrize("compression", list(CompressionType))
@pytest.mark.parametrize("chunked", [True, False])
def test_every_way_to_pack(mcap, compression, chunked):
    rows = [key(i * MS, PRESS if i % 2 == 0 else RELEASE) for i in range(1000)]
    path = mcap(rows, compression=compression, chunked=chunked)
    assert len(open_recording(path).events) == 1000


def test_wrong_profile(mcap):
    with pytest.raises(BadInput, match="has the MCAP profile 'ros2'; Playtape reads 'owa'"):
        open_recording(mcap([], profile="ros2"))


def test_unknown_schema_of_a_known_topic(mcap):
    path = mcap([key(0, PRESS)], schemas={"keyboard": "foo/Bar"})
    with pytest.raises(
        BadInput, match="topic 'keyboard' has the unknown schema 'foo/Bar'; legal is 'desktop/KeyboardEvent'"
    ):
        open_recording(path)


def test_unknown_topics_are_ignored_and_listed(mcap):
    path = mcap([(EPOCH, "eeg", {"a": 1}), (EPOCH + 1, "eeg", {"a": 2}), key(5, PRESS), key(6, RELEASE)])
    assert len(events(path)) == 2
    assert "2 messages of unknown topics were ignored: eeg (2)" in warnings(path)


def test_out_of_order_messages_are_sorted_and_counted(mcap):
    path = mcap([key(9 * MS, RELEASE), key(5 * MS, PRESS), key(11 * MS, PRESS), key(12 * MS, RELEASE)])
    assert [time for time, _, _ in events(path)] == [5 * MS, 9 * MS, 11 * MS, 12 * MS]
    assert warnings(path) == "1 messages of topic 'keyboard' were out of order and have been sorted"


def test_equal_times_keep_the_order_of_the_file(mcap):
    path = mcap([key(5 * MS, PRESS), (EPOCH + 5 * MS, "mouse/raw", raw(1)), key(5 * MS, RELEASE)])
    assert [name for _, name, _ in events(path)] == ["key.w", "mouse.dx", "key.w"]


def test_negative_time(mcap):
    path = mcap([(2**64 - 5, "keyboard", PRESS)])
    with pytest.raises(BadInput, match="'keyboard' has a message at the negative time -5 ns; times must be >= 0"):
        open_recording(path)


@pytest.mark.parametrize("vk", [-5, -1, 0, 255, 99999, 2**63, 2**70])
def test_impossible_keys_are_left_out_and_counted(mcap, vk):
    path = mcap([key(5, PRESS), key(6, b'{"event_type":"press","vk":%d}' % vk), key(7, RELEASE)])
    assert [name for _, name, _ in events(path)] == ["key.w", "key.w"]
    assert "1 " in warnings(path)
    assert "left out" in warnings(path)


def test_unpaired_keys(mcap):
    path = mcap([key(5, RELEASE), key(6, PRESS), key(7, PRESS), key(8, PRESS)])
    assert [value for _, _, value in events(path)] == [0, 1, 2, 2]
    assert "1 releases are of buttons that were not down" in warnings(path)
    assert "1 buttons are still down at the end (key.w)" in warnings(path)


@pytest.mark.parametrize(
    "broken",
    [
        b"{",
        b"[1]",
        b"17",
        b'{"vk":87}',
        b'{"event_type":"press"}',
        b'{"event_type":"hit","vk":87}',
        b"1},{",
        b'{"event_type":"press","vk":"87"}',
    ],
)
def test_messages_that_are_not_valid_are_left_out(mcap, broken):
    path = mcap([key(5, PRESS), (EPOCH + 6, "keyboard", broken), key(7, RELEASE)])
    assert [(time, value) for time, _, value in events(path)] == [(5, 1), (7, 0)]
    assert warnings(path).startswith("1 ")
    assert "left out" in warnings(path)


def test_modifiers_keep_their_side(mcap):
    vks = {16: "key.shift", 160: "key.left_shift", 161: "key.right_shift", 17: "key.control", 164: "key.left_alt"}
    rows = [key(vk, {"event_type": kind, "vk": vk}) for vk in vks for kind in ("press", "release")]
    assert {name for _, name, _ in events(mcap(rows))} == set(vks.values())


def test_clicks_and_scrolls_where_there_is_no_raw_mouse(mcap):
    place = {"x": 3, "y": 4}
    rows = [
        (EPOCH + 1, "mouse", {"event_type": "click", **place, "button": "right", "pressed": True}),
        (EPOCH + 2, "mouse", {"event_type": "click", **place, "button": "right", "pressed": False}),
        (EPOCH + 3, "mouse", {"event_type": "scroll", **place, "dx": 0, "dy": -2}),
        (EPOCH + 4, "mouse", {"event_type": "move", "x": 5, "y": 4}),
    ]
    found = events(mcap(rows))
    assert (1, "mouse.right", 1) in found
    assert (2, "mouse.right", 0) in found
    assert (3, "mouse.wheel", -2) in found
    assert [value for _, name, value in found if name == "mouse.x"] == [3, 3, 3, 5]
    assert not any(name in ("mouse.dx", "mouse.dy") for _, name, _ in found)


def test_the_two_mouse_topics_are_never_added(mcap):
    rows = [
        (EPOCH + 1, "mouse/raw", raw(0, 0, 0x1)),
        (EPOCH + 2, "mouse", {"event_type": "click", "x": 0, "y": 0, "button": "left", "pressed": True}),
        (EPOCH + 3, "mouse/raw", raw(7, 0)),
        (EPOCH + 4, "mouse", {"event_type": "move", "x": 7, "y": 0}),
        (EPOCH + 5, "mouse/raw", raw(0, 0, 0x2)),
        (EPOCH + 6, "keyboard", {"event_type": "press", "vk": 1}),
    ]
    path = mcap(rows)
    found = events(path)
    assert [row for row in found if row[1] == "mouse.left"] == [(1, "mouse.left", 1), (5, "mouse.left", 0)]
    assert [row for row in found if row[1] == "mouse.dx"] == [(3, "mouse.dx", 7)]
    assert "1 mouse buttons stand among the keys" in warnings(path)


@pytest.mark.parametrize(
    "message",
    [
        {"event_type": "click", "x": 0, "y": 0},
        {"event_type": "click", "x": 0, "y": 0, "button": "left"},
        {"event_type": "click", "x": 0, "y": 0, "button": "unknown", "pressed": True},
        {"event_type": "scroll", "x": 0, "y": 0},
        {"event_type": "hover", "x": 0, "y": 0},
    ],
)
def test_incomplete_mouse_events_are_counted(mcap, message):
    assert warnings(mcap([(EPOCH, "mouse", message)])).startswith("1 ")


@pytest.mark.parametrize(("data", "notches"), [(120, 1), (65416, -1), (-120, -1), (60, 0.5), (240, 2)])
@pytest.mark.parametrize(("flag", "name"), [(0x400, "mouse.wheel"), (0x800, "mouse.hwheel")])
def test_wheel_data_signed_or_unsigned(mcap, data, notches, flag, name):
    path = mcap([(EPOCH + 1, "mouse/raw", raw(0, 0, flag, data))])
    assert events(path) == [(1, name, notches)]
    assert warnings(path) == ""


def test_wheel_flag_and_data_must_agree(mcap):
    path = mcap([(EPOCH + 1, "mouse/raw", raw(0, 0, 0, 120)), (EPOCH + 2, "mouse/raw", raw(0, 0, 0x400, 0))])
    assert events(path) == [(1, "mouse.wheel", 1)]
    assert "2 raw mouse events have wheel data without a wheel flag, or a flag without data" in warnings(path)


def test_several_buttons_and_motion_in_one_message(mcap):
    path = mcap([(EPOCH + 1, "mouse/raw", raw(1, 2, 0x1 | 0x8 | 0x400, 120))])
    assert [row[1:] for row in events(path)] == [
        ("mouse.dx", 1),
        ("mouse.dy", 2),
        ("mouse.left", 1),
        ("mouse.right", 0),
        ("mouse.wheel", 1),
    ]


def test_flags_beyond_the_known(mcap):
    assert "1 raw mouse events have button flags above 0xFFF" in warnings(
        mcap([(EPOCH, "mouse/raw", raw(1, 0, 0x5001))])
    )


@pytest.mark.parametrize(("us", "moves"), [(0, 5), (8, 5), (4, 5)])
def test_flags_that_are_still_relative(mcap, us, moves):
    assert events(mcap([(EPOCH + 1, "mouse/raw", raw(5, 0, us=us))])) == [(1, "mouse.dx", moves)]


def test_absolute_motion_is_never_silent(mcap):
    rows = [(EPOCH + i, "mouse/raw", raw(x, 32768, us=1)) for i, x in enumerate((0, 32768, 32768, 16384))]
    screen = {"media_ref": {"uri": "video.mp4", "pts_ns": 0}, "source_shape": [200, 100]}
    path = mcap([(EPOCH, "screen", screen), *rows], screens=False)
    assert events(path) == [(1, "mouse.dx", 100), (3, "mouse.dx", -50)]
    assert "4 raw mouse events are absolute" in warnings(path)


def test_numbers_that_are_not_whole(mcap):
    path = mcap(
        [(EPOCH, "mouse/raw", {"last_x": 1.5, "last_y": 0}), (EPOCH + 1, "mouse/raw", {"last_x": 2, "last_y": 0})]
    )
    assert events(path) == [(1, "mouse.dx", 2)]
    assert "1 messages of topic 'mouse/raw' have a value that is not a whole number" in warnings(path)


def test_snapshots_that_disagree_are_told_and_the_events_count(mcap):
    rows = [key(0, PRESS), key(1000 * MS, RELEASE)]
    rows += [
        (EPOCH + at * MS, "keyboard/state", {"buttons": held}) for at, held in ((500, [87]), (600, [179]), (1500, [87]))
    ]
    path = mcap(rows)
    assert len(events(path)) == 2
    assert "2 snapshots of held keys disagree with the events; the events count" in warnings(path)


def test_snapshots_within_a_moment_of_an_event_are_not_judged(mcap):
    rows = [key(500 * MS, PRESS), key(900 * MS, RELEASE), (EPOCH + 490 * MS, "keyboard/state", {"buttons": [87]})]
    assert warnings(mcap(rows)) == ""


def test_window_titles_become_spans(mcap):
    def window(at: int, title: str) -> tuple[int, str, dict]:
        return EPOCH + at, "window", {"title": title, "rect": [0, 0, 9, 9], "hWnd": 1}

    recording = open_recording(mcap([window(0, "Doom"), window(1000 * MS, "Doom"), window(1500 * MS, "Mail")]))
    assert [(s.start_ns, s.end_ns, s.kind, s.value) for s in recording.spans] == [
        (0, 1500 * MS, "window", "Doom"),
        (1500 * MS, 2000 * MS, "window", "Mail"),
    ]


class TestFrames:
    def screen(self, at: int, pts: int | None, uri: str = "video.mp4", **more) -> tuple[int, str, dict]:
        return EPOCH + at, "screen", {"media_ref": {"uri": uri, "pts_ns": pts}, **more}

    def test_rounded_stamps_find_the_nearest_frame(self, mcap, video):
        rows = [self.screen(t, t // MS * MS) for t in video.time_ns.tolist()]
        assert len(open_recording(mcap(rows, screens=False)).video) == 60

    def test_one_frame_without_a_message_is_normal(self, mcap, video):
        rows = [self.screen(t, t) for t in video.time_ns[:-1].tolist()]
        assert warnings(mcap(rows, screens=False)) == ""
        assert "2 frames of the video have no screen message" in warnings(mcap(rows[:-1], screens=False, name="b.mcap"))

    def test_a_stamp_between_frames(self, mcap, tmp_path):
        """Further from any frame than half the smallest gap of 20 ms."""
        write_video(tmp_path / "vfr.mp4", numbered(3), time_ns=[0, 20 * MS, 500 * MS])
        near, far = self.screen(9, 29 * MS, "vfr.mp4"), self.screen(9, 31 * MS, "vfr.mp4")
        assert len(open_recording(mcap([self.screen(0, 0, "vfr.mp4"), near], screens=False)).video) == 3
        sentence = (
            "1 screen messages show no frame of vfr.mp4; the first has pts_ns 31000000, 11000000 ns from the nearest"
        )
        with pytest.raises(BadInput, match=sentence):
            open_recording(mcap([self.screen(0, 0, "vfr.mp4"), far], screens=False, name="b.mcap"))

    def test_a_negative_stamp(self, mcap):
        with pytest.raises(BadInput, match="negative pts_ns -5"):
            open_recording(mcap([self.screen(0, -5)], screens=False))

    def test_one_last_reference_after_the_end(self, mcap, video):
        """The VPT converter writes 6,001 screens for 6,000 frames."""
        rows = [self.screen(t, t) for t in [*video.time_ns.tolist(), video.end_ns]]
        assert "1 screen message is after the video's end" in warnings(mcap(rows, screens=False))
        with pytest.raises(BadInput, match="2 screen messages show no frame"):
            open_recording(mcap([*rows, self.screen(9 * 10**9, 9 * 10**9)], screens=False, name="b.mcap"))

    def test_missing_video(self, mcap):
        with pytest.raises(BadInput, match="refers to the video 'gone.mkv', but there is no file"):
            open_recording(mcap([self.screen(0, 0, "gone.mkv")], screens=False))

    def test_remote_video(self, mcap):
        with pytest.raises(BadInput, match="refers to the video 'https://example.com/v.mp4'; download it"):
            open_recording(mcap([self.screen(0, 0, "https://example.com/v.mp4")], screens=False))

    def test_two_videos(self, mcap):
        with pytest.raises(BadInput, match="refers to 2 videos"):
            open_recording(mcap([self.screen(0, 0), self.screen(1, 0, "b.mp4")], screens=False))

    def test_no_video(self, mcap):
        with pytest.raises(BadInput, match="refers to no video"):
            open_recording(mcap([key(0, PRESS)], screens=False))

    def test_file_uri(self, mcap, video):
        assert len(open_recording(mcap([self.screen(0, 0, video.path.as_uri())], screens=False)).video) == 60

    def test_shapes_that_differ(self, mcap, video):
        rows = [self.screen(t, t, shape=[64, 48] if t else [32, 24]) for t in video.time_ns.tolist()]
        assert "screen messages differ in shape (2 shapes); the commonest counts" in warnings(mcap(rows, screens=False))

    def test_repeated_frames_are_counted(self, mcap, video):
        rows = [self.screen(t, int(video.time_ns[0])) for t in (0, 1, 2)]
        assert "2 screen messages repeat or precede the frame of the one before" in warnings(mcap(rows, screens=False))

    def test_video_that_was_replaced(self, recording, tmp_path):
        from playtape.recordings import save_recording

        path = save_recording(recording, tmp_path / "a.mcap")
        with recording.video.path.open("ab") as file:
            file.write(bytes(16))
        assert "1 video file differs in size from the one that was recorded" in warnings(path)


def test_an_hour_of_columns_is_not_an_hour_of_objects(mcap):
    """Speed: 30,000 raw mouse messages in well under a second (an hour at 1,000 a second is 120 times as many)."""
    import time

    rng = np.random.default_rng(0)
    rows = [(EPOCH + i * MS // 20, "mouse/raw", raw(*rng.integers(-40, 40, 2).tolist())) for i in range(30_000)]
    path = mcap(rows, chunk_size=1 << 20)
    start = time.process_time()
    assert len(open_recording(path).events) > 50_000
    assert time.process_time() - start < 1.0


WRONG = [1e30, "x", None, True, {"a": 1}, [], [[1], [1, 2]], 2**64 - 1, -1]
TYPED = {
    "keyboard": PRESS,
    "keyboard/state": {"buttons": [87]},
    "mouse": {"event_type": "click", "x": 1, "y": 2, "button": "left", "pressed": True},
    "mouse/raw": raw(1, 2, 1),
    "mouse/state": {"x": 1, "y": 2, "buttons": ["left"]},
    "window": {"title": "t", "rect": [0, 0, 1, 1], "hWnd": 1},
    "gamepad": {"input": "pad.a", "value": 1.0},
    "span": {"kind": "k", "value": "v", "duration_ns": 5},
    "action/confidence": {"names": ["key.w"], "offset_ns": [0, 5], "values": [[0.5], [None]]},
}


@pytest.mark.parametrize("topic", TYPED)
def test_a_field_of_the_wrong_type_is_left_out(mcap, topic):
    fine = TYPED[topic]
    rows = [(EPOCH + 5 * MS, topic, {**fine, field: wrong}) for field in fine for wrong in WRONG]
    for row in rows:
        open_recording(mcap([row, key(9 * MS, PRESS)]))
    recording = open_recording(mcap([*rows, key(9 * MS, PRESS)]))
    assert (9 * MS, "key.w", 1) in list(recording.events)


def test_a_snapshot_that_is_no_list_is_counted(mcap):
    path = mcap([(EPOCH, "keyboard/state", {"buttons": 1e30}), key(9 * MS, PRESS)])
    assert "1 snapshots of held keys are not lists and were left out" in warnings(path)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_screen_message_of_the_wrong_type_is_left_out(mcap, wrong):
    fine = {"uri": "video.mp4", "pts_ns": 0}
    for field in ("shape", "source_shape", "media_ref"):
        open_recording(mcap([(EPOCH, "screen", {"media_ref": fine, field: wrong})]))
    if wrong != -1:  # a time before the video is refused
        open_recording(mcap([(EPOCH, "screen", {"media_ref": {**fine, "pts_ns": wrong}})]))
