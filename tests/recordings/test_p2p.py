"""Pixels2Play's annotations, to our convention: `actions[t]` is annotation t + 1."""

from pathlib import Path

import numpy as np
import pytest

from playtape.actions import ActionSpace, Axis
from playtape.clips import cut, store
from playtape.errors import BadInput
from playtape.recordings import Recording, Span, open_recording, save_recording, summary
from playtape.recordings.formats import p2p
from tests.recordings.annotations import MS, STARTED_MS, annotation, folder, instruct, key, motion, read

KEYS = ("key.w", "key.a", "key.left_shift", "mouse.left")
SPACE = ActionSpace(KEYS, tuple(Axis(name) for name in ("mouse.dx", "mouse.dy", "mouse.hwheel", "mouse.wheel")))


def held(recording: Recording) -> list[list[str]]:
    """Which of KEYS are held in each interval."""
    buttons = SPACE.actions(recording.events, recording.time_ns).buttons
    return [[name for name, down in zip(KEYS, row) if down] for row in buttons.tolist()]


def test_actions_t_is_annotation_t_plus_1(tmp_path):
    message = annotation(6)
    for number, frame in enumerate(message.frame_annotations):
        motion(frame, number + 1, -number, frame.frame_time - 10 * MS)
    recording = read(tmp_path, message)
    assert recording.time_ns.tolist() == [i * 50 * MS for i in range(6)]
    axes = SPACE.actions(recording.events, recording.time_ns).axes
    assert axes[:, 0].tolist() == [2, 3, 4, 5, 6, 0]  # annotation 0 lies before the first picture
    assert axes[:, 1].tolist() == [-1, -2, -3, -4, -5, 0]
    assert recording.warnings == ()


def test_a_button_is_held_that_was_down_at_any_moment(tmp_path):
    """Levels of annotation t, and presses listed by annotation t + 1; a tap that no level shows is there."""
    message = annotation(6)
    time = [frame.frame_time for frame in message.frame_annotations]
    frames = message.frame_annotations
    key(frames[2], "w", True, time[2] - 20 * MS)
    key(frames[4], "w", False, time[4] - 20 * MS)
    for frame in frames[2:4]:
        frame.user_action.keyboard.keys.append("w")
    key(frames[3], "a", True, time[3] - 9 * MS)
    key(frames[3], "a", False, time[3] - 7 * MS)
    recording = read(tmp_path, message)
    assert held(recording) == [[], ["key.w"], ["key.w", "key.a"], ["key.w"], [], []]
    assert recording.warnings == ()  # what levels cannot tell is no contradiction


def test_an_event_keeps_its_place_between_its_frames(tmp_path):
    message = annotation(4)
    one, two, three = message.frame_annotations[1:]
    start = message.frame_annotations[0].frame_time
    for share in (0.25, 0.5, 1.0):  # the last is stamped as the frame that lists it: it was before that picture
        motion(one, 1, 0, start + round(share * (one.frame_time - start)))
    motion(two, 1, 0, one.frame_time - 4_300)  # stamped just before the frame before, as some are
    motion(three, 1, 0, two.frame_time)
    recording = read(tmp_path, message)
    assert recording.events.time_ns.tolist() == [12_500_000, 25_000_000, 50_000_000 - 1, 50_000_000, 100_000_000]
    assert SPACE.actions(recording.events, recording.time_ns).axes[:, 0].tolist() == [3, 1, 1, 0]
    assert recording.warnings == ()


def test_the_clock_is_the_recorders_day(tmp_path):
    recording = read(tmp_path, annotation(3))
    assert recording.clock.anchor_ns == STARTED_MS * MS + 130 * MS
    back = open_recording(save_recording(recording, tmp_path / "a.mcap"))
    assert back.clock.anchor_ns == recording.clock.anchor_ns


def test_what_was_before_the_first_frame_is_its_result(tmp_path):
    message = annotation(3)
    first, second, _ = message.frame_annotations
    key(first, "w", True, 100 * MS)
    first.user_action.keyboard.keys.extend(["w", "a"])  # A was down before the recorder began
    second.user_action.keyboard.keys.append("a")
    key(second, "w", False, second.frame_time - 1 * MS)
    motion(first, 5, 5, 110 * MS)
    first.input_events.add(time=120 * MS).mouse_move_event.x = 7
    recording = read(tmp_path, message)
    assert list(recording.events)[:4] == [(0, "key.w", 1), (0, "key.a", 1), (0, "mouse.x", 7), (0, "mouse.y", 0)]
    assert held(recording)[:2] == [["key.w", "key.a"], ["key.a"]]
    assert not SPACE.actions(recording.events, recording.time_ns).axes.any()


def test_who_acted_decides_what_is_learned(tmp_path):
    """The label rule: the system's action is an input and no label, and so is one that nobody is known to have done."""
    who = "uuusssbu--uu"
    message = annotation(len(who), who=who)
    for frame in message.frame_annotations:
        motion(frame, 3, 0, frame.frame_time - 10 * MS)
    recording = read(tmp_path, message)
    ms = [(s.start_ns // MS, s.end_ns // MS, s.kind, s.value) for s in recording.spans]
    assert ms == [
        (0, 100, "control", "human"),
        (100, 300, "control", "policy"),
        (300, 350, "control", "human"),
        (350, 450, "masked", "nobody is known to have acted"),
        (450, 550, "control", "human"),
    ]
    stored = store(recording, SPACE, (32, 32), 20)
    clip = cut(stored, 0, len(stored))
    assert clip.mask.tolist() == [letter == "u" for letter in who[1:]] + [False]
    assert clip.actions.axes[:-1, 0].tolist() == [3] * 11  # all of them are inputs
    assert recording.warnings[:2] == (
        "1 frames are the user's and the system's at once; the system's action counts, unlearned",
        "2 frames are neither the user's nor the system's; nothing is learned from them",
    )


def test_the_samples_have_the_published_numbers(annotations, tmp_path):
    for name, frames, users in (("user_only", 157, 157), ("system_and_user", 741, 250)):
        message = (annotations / f"{name}.proto").read_bytes()
        recording = read(tmp_path / name, message, frames)
        assert recording.warnings == ()  # so levels and sums are those of the events in every frame
        stored = store(recording, SPACE, (32, 32), 20)
        assert stored.mask.sum() == users - 1  # the first annotation lies before the first picture


def test_the_recorders_own_keys_are_no_actions_but_shift_is(tmp_path):
    message = annotation(5)
    frames = message.frame_annotations
    for name in ("LeftBracket", "RightBracket", "LeftShift"):  # all of which it leaves out of its levels
        key(frames[1], name, True, frames[1].frame_time - 9 * MS)
        key(frames[3], name, False, frames[3].frame_time - 9 * MS)
    recording = read(tmp_path, message)
    assert held(recording) == [["key.left_shift"]] * 3 + [[], []]
    assert set(recording.events.counts()) == {"key.left_shift"}
    assert recording.warnings == ()


def test_names_that_we_lack_are_counted_and_told(tmp_path):
    message = annotation(4)
    for frame in message.frame_annotations[1:3]:
        key(frame, "Fn", True, frame.frame_time - 5 * MS)
        frame.user_action.mouse.buttons_down.append("17")
        frame.input_events.add(time=frame.frame_time).SetInParent()
    message.frame_annotations[3].input_events.add(time=1).game_pad_axis_event.axis = "wheel"
    expected = {"key Fn": 2, "mouse 17": 2, "an event of an unknown kind": 2, "pad wheel": 1}
    recording = read(tmp_path, message)
    assert recording.warnings == (
        "7 inputs have no name in Playtape and are left out: "
        "key Fn (2), an event of an unknown kind (2), mouse 17 (2), pad wheel (1)",
    )
    assert summary(tmp_path / "annotation.proto")["unknown"] == expected
    assert recording.warnings[0] in summary(tmp_path / "annotation.proto")["warnings"]


def test_levels_stand_in_where_there_are_no_events(tmp_path):
    message = annotation(6)
    for number in (2, 3):
        user = message.frame_annotations[number].user_action
        user.keyboard.keys.append("w")
        user.mouse.buttons_down.append("0")
        user.mouse.mouse_delta_px.x, user.mouse.scroll_delta_px.y = number, -1
    recording = read(tmp_path, message)
    assert held(recording) == [[], ["key.w", "mouse.left"], ["key.w", "mouse.left"], [], [], []]
    assert SPACE.actions(recording.events, recording.time_ns).axes[1:3].tolist() == [[2, 0, 0, -1], [3, 0, 0, -1]]
    (said,) = recording.warnings
    assert said == (
        "there are no events of key.w, mouse.left, mouse.dx, mouse.wheel: levels and sums stand in, without taps"
    )


def test_levels_that_contradict_the_events_are_told(tmp_path):
    message = annotation(6)
    frames = message.frame_annotations
    key(frames[1], "w", True, frames[1].frame_time - 9 * MS)  # and no level says so
    frames[3].user_action.keyboard.keys.append("a")  # which no event says
    motion(frames[2], 4, 0, frames[2].frame_time - 9 * MS)
    frames[2].user_action.mouse.mouse_delta_px.x = 5
    recording = read(tmp_path, message)
    assert held(recording)[1:5] == [["key.w"]] * 4
    assert recording.warnings == (
        "in 4 of 6 frames the annotation's keys or buttons are not what its events come to (the first is frame 2); "
        "the events count",
        "in 1 of 6 frames the annotation's motion is not what its events come to (the first is frame 2); the events count",
    )


def test_a_gamepad(tmp_path):
    message = annotation(4)
    frame = message.frame_annotations[1]
    for field, name in (("button", "south"), ("button", "left_trigger"), ("button", "left_stick")):
        event = frame.input_events.add(time=frame.frame_time - 9 * MS).game_pad_button_event
        setattr(event, field, name)
        event.pressed = True
    for name, value in (("left_stick_x", 0.5), ("left_stick_y", 0.25)):  # there up is positive
        event = frame.input_events.add(time=frame.frame_time - 9 * MS).game_pad_axis_event
        event.axis, event.value = name, value
    event = frame.input_events.add(time=frame.frame_time - 9 * MS).game_pad_trigger_event
    event.trigger, event.value = "left_trigger", 0.75
    events = read(tmp_path, message).events
    assert [row[1:] for row in list(events)[:6]] == [
        ("pad.south", 1),
        ("pad.left_bumper", 1),
        ("pad.left_stick", 1),
        ("pad.left_x", 0.5),
        ("pad.left_y", -0.25),
        ("pad.left_trigger", 0.75),
    ]


def test_instructions(tmp_path):
    message = annotation(8)
    frames = message.frame_annotations
    instruct(frames[1], "open the door", 0.1)
    instruct(frames[1], "take the key", 0.2)
    instruct(frames[5], "go on", 60)  # longer than the video
    instruct(frames[6], "", float("nan"))
    recording = read(tmp_path, message)
    texts = [(s.start_ns // MS, s.end_ns // MS, s.value) for s in recording.spans if s.kind == "text"]
    assert texts == [(50, 150, "open the door"), (50, 250, "take the key"), (250, 400, "go on"), (300, 300, "")]
    assert recording.warnings == (
        "1 instructions have a duration that is no length of time; they end where they begin",
    )


def test_where_it_comes_from(tmp_path):
    message = annotation(2)
    device = message.metadata.capture_device_specs
    device.os, device.window_specs.screen_id, device.window_specs.title = "windows", 7, "Quake"
    device.screen_specs.add(width=800, height=600, id=3)
    device.screen_specs.add(width=3840, height=2160, id=7)
    message.metadata.video_source_info.source.youtube_source.video_id = "abc"
    info = read(tmp_path, message).info
    assert (info.game, info.player, info.screen, info.source) == ("msdos", "Sam", (3840, 2160), "youtube abc")
    assert info.extra == {"session": "0198-id", "variant": "quake", "os": "windows", "window": "Quake"}
    assert read(tmp_path, message).provenance == {
        "format": "Pixels2Play annotation",
        "version": "5",
        "recorder": "13",
    }


def test_find(tmp_path):
    for name in ("dataset/b", "dataset/a", "c"):
        folder(tmp_path / name, annotation(2))
    (tmp_path / "data_metadata.parquet").write_bytes(b"PAR1")
    assert p2p.find(tmp_path) == [tmp_path / "c", tmp_path / "dataset/a", tmp_path / "dataset/b"]
    assert p2p.find(tmp_path / "c") == p2p.find(tmp_path / "c" / "annotation.proto") == [tmp_path / "c"]
    assert p2p.find((tmp_path / "empty").mkdir() or tmp_path / "empty") == []
    (tmp_path / "empty" / "batch_00001.tar.gz").write_bytes(b"")
    with pytest.raises(BadInput, match=r"holds 1 archives \(batch_00001.tar.gz, ...\); unpack them first"):
        p2p.find(tmp_path / "empty")
    with pytest.raises(BadInput, match=r"is no annotation.proto; give its folder"):
        p2p.find(tmp_path / "data_metadata.parquet")


def test_the_large_video_is_the_picture_and_the_small_one_stands_in(tmp_path):
    source = folder(tmp_path / "a", annotation(3))
    (source / "video.mp4").rename(source / "192x192.mp4")
    assert p2p.read(source / "annotation.proto").video.path.name == "192x192.mp4"
    folder(source, annotation(3))
    assert p2p.read(source).video.path.name == "video.mp4"
    for file in source.glob("*.mp4"):
        file.unlink()
    with pytest.raises(BadInput, match=r"has no video; legal is video.mp4 or 192x192.mp4 beside its annotation.proto"):
        p2p.read(source)


def test_its_annotation_stays_with_it(tmp_path):
    source = folder(tmp_path / "a", annotation(3))
    path = save_recording(p2p.read(source), tmp_path / "out" / "a.mcap", video="copy")
    data = (source / "annotation.proto").read_bytes()
    assert open_recording(path).attachments["annotation.proto"].read() == data
    assert summary(path)["attachments"] == {"annotation.proto": len(data)}
    again = save_recording(open_recording(path), tmp_path / "again.mcap")
    assert open_recording(again).attachments["annotation.proto"].read() == data
    kept = open_recording(path).attachments["annotation.proto"]
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(BadInput, match="changed while it was being read"):
        kept.read()


def test_a_span_of_a_video_that_goes_on_is_masked(tmp_path):
    recording = read(tmp_path, annotation(99), frames=100)
    assert Span(98 * 50 * MS, 100 * 50 * MS, "masked", "the annotation ends here") in recording.spans
    assert np.array_equal(recording.time_ns, np.arange(100) * 50 * MS)
    assert recording.warnings == (
        f"99 annotations for the 100 frames of {Path(tmp_path) / 'video.mp4'}: both are taken to begin together, and what "
        "has no counterpart is not learned",
    )
