"""Annotations that are cut, damaged or strange: a sentence or a warning, and never anything else."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playtape.errors import BadInput
from playtape.recordings import Video, save_recording, summary, write_video
from playtape.recordings.annotation import load, parse
from playtape.recordings.formats import p2p
from playtape.recordings.formats._p2p_reading import recording_of
from playtape.recordings.formats._p2p_writing import merge
from playtape.recordings.proto.video_annotation_pb2 import InputEvent, VideoAnnotation
from tests.recordings.annotations import MS, annotation, folder, instruct, key, motion, read
from tests.recordings.pictures import numbered

LATEST = 2**64 - 1


def busy() -> VideoAnnotation:
    """Three frames with something of everything."""
    message = annotation(3, who="usu")
    for frame in message.frame_annotations:
        key(frame, "w", True, frame.frame_time - 5 * MS)
        motion(frame, 3, -2, frame.frame_time - 4 * MS)
        frame.user_action.keyboard.keys.append("w")
    instruct(message.frame_annotations[1], "go", 0.5, [0.5, 0.25])
    return message


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Video:
    return Video(write_video(tmp_path_factory.mktemp("film") / "video.mp4", numbered(3, 32, 48), fps=20))


def test_a_file_cut_at_any_byte(tmp_path, film):
    """What is cut within a frame is no message; what is cut between two is one of fewer frames."""
    source, data = folder(tmp_path, busy()), busy().SerializeToString(deterministic=True)
    whole = 0
    for size in range(len(data)):
        (source / "annotation.proto").write_bytes(data[:size])
        for look in (lambda: p2p.read(source), lambda: summary(source / "annotation.proto")):
            try:
                look()
            except BadInput as error:
                said = str(error)
                assert any(part in said for part in ("is not a Pixels2Play annotation", "is empty", "2 %")), said
            else:
                whole += 1
    assert 0 < whole < 20


@settings(deadline=None, max_examples=150)
@given(seed=st.integers(0, 2**32))
def test_damaged_bytes(film, seed):
    """A few wrong bytes anywhere: it is refused, or what is read can be written again."""
    draw, data = random.Random(seed), bytearray(busy().SerializeToString(deterministic=True))
    for _ in range(draw.randint(1, 4)):
        data[draw.randrange(len(data))] = draw.randrange(256)
    try:
        recording = recording_of(parse(bytes(data), "x"), film, "x")
    except BadInput:
        return
    assert (np.diff(recording.events.time_ns) >= 0).all()
    assert recording.spans == tuple(sorted(recording.spans))
    message = parse(bytes(data), "x")
    assert not merge(message, recording, "x")  # nothing was changed
    merge(message, replace(recording, events=recording.events.of("key.w"), spans=()), "x")
    assert len(message.SerializeToString()) > 0


@pytest.mark.parametrize(("annotations", "frames", "legal"), [(3, 5, True), (5, 3, True), (3, 6, False), (6, 3, False)])
def test_counts_that_differ(tmp_path, annotations, frames, legal):
    if not legal:
        with pytest.raises(
            BadInput, match=f"{annotations} annotations for the {frames} frames of .*video.mp4, which cannot"
        ):
            read(tmp_path, annotation(annotations), frames)
        return
    recording = read(tmp_path, annotation(annotations), frames)
    assert len(recording.time_ns) == frames
    assert f"{annotations} annotations for the {frames} frames" in recording.warnings[0]
    data = (tmp_path / "annotation.proto").read_bytes()
    assert (p2p.write(recording, tmp_path / "back") / "annotation.proto").read_bytes() == data


def test_nobody_acted_in_the_whole_file(tmp_path):
    for who, more in (("sssss", ""), ("-----", "5 frames are neither the user's nor the system's; nothing is learned")):
        said = read(tmp_path / who, annotation(5, who=who)).warnings
        assert said[-1] == "no frame is the user's, so that nothing can be learned from this recording"
        assert said[0].startswith(more)


def test_embeddings_of_another_size(tmp_path):
    message = annotation(4)
    instruct(message.frame_annotations[0], "one", 1, [0.5] * 768)
    instruct(message.frame_annotations[1], "two", 1, [0.5] * 384)
    torn = instruct(message.frame_annotations[2], "three", 1, [0.5] * 768)
    torn.text_embedding_dict["gemini-2.5-flash"].text_embeddings["gemma"].shape[1] = 5
    recording = read(tmp_path, message)
    assert recording.warnings == (
        "embeddings are not of 768 numbers, as EmbeddingGemma's are: 1 of 384",
        "1 embeddings have a shape that does not fit their numbers",
    )
    assert [span.value for span in recording.spans if span.kind == "text"] == ["one", "two", "three"]


@pytest.mark.parametrize("stamps", [[0, 0, 0], [LATEST, 5, 6], [5, LATEST, LATEST], [9, 8, 7]])
def test_frame_times_that_do_not_rise(tmp_path, stamps):
    message = busy()
    for frame, stamp in zip(message.frame_annotations, stamps):
        frame.frame_time = stamp
    recording = read(tmp_path, message)
    assert any("frames are stamped no later than the one before" in said for said in recording.warnings)
    lists = [t // (50 * MS) for t, name, _ in recording.events if name == "mouse.dx"]
    assert lists == [0, 1]  # the annotation that lists an event says between which frames it was
    save_recording(recording, tmp_path / "a.mcap")


def test_events_stamped_at_another_time(tmp_path):
    message = annotation(4)
    for stamp in (0, LATEST, message.frame_annotations[3].frame_time):
        motion(message.frame_annotations[2], 1, 0, stamp)
    recording = read(tmp_path, message)
    assert [t // (50 * MS) for t in recording.events.time_ns.tolist()] == [1, 1, 1]
    assert recording.warnings == ("3 events are stamped outside the time between their frames and are moved into it",)


def test_numbers_that_nothing_can_carry(tmp_path):
    message = annotation(4)
    frame = message.frame_annotations[2]
    frame.input_events.add(time=frame.frame_time).wheel_event.y = 2**31 - 1
    frame.input_events.add(time=frame.frame_time).mouse_move_event.x = -(2**31)
    motion(frame, 2**31 - 1, -(2**31), frame.frame_time)
    pad = frame.input_events.add(time=frame.frame_time).game_pad_axis_event
    pad.axis, pad.value = "left_stick_x", float("nan")
    frame.user_action.game_pad.left_trigger = float("inf")
    recording = read(tmp_path, message)
    assert "1 wheel events of more than 273 steps are left out" in recording.warnings
    assert any("pad left_stick_x without a number (1)" in said for said in recording.warnings)
    back = p2p.read(p2p.write(recording, tmp_path / "back"))
    assert back.events.equals(recording.events)
    save_recording(recording, tmp_path / "a.mcap")


def test_releases_of_what_is_up_and_presses_without_an_end(tmp_path):
    message = annotation(4)
    frame = message.frame_annotations[1]
    key(frame, "a", False, frame.frame_time - 9 * MS)
    key(frame, "w", True, frame.frame_time - 8 * MS)
    key(frame, "w", True, frame.frame_time - 7 * MS)  # the system's auto-repeat
    recording = read(tmp_path, message)
    assert [row[1:] for row in recording.events] == [("key.w", 1), ("key.w", 2), ("key.w", 0)]
    assert recording.events.time_ns[-1] == recording.video.end_ns
    assert "1 releases are of buttons that were not down and are left out" in recording.warnings


def test_a_single_frame(tmp_path):
    recording = read(tmp_path, annotation(1))
    assert (len(recording.video), len(recording.events), recording.spans) == (1, 0, ())
    written = p2p.write(replace(recording, attachments={}), tmp_path / "back")
    assert len(load(written / "annotation.proto").frame_annotations) == 1


def test_not_an_annotation_at_all(tmp_path):
    source = folder(tmp_path, annotation(2))
    for content in (b"", b"\xff" * 40, b"syntax = 'proto3';", VideoAnnotation(version=5).SerializeToString()):
        (source / "annotation.proto").write_bytes(content)
        with pytest.raises(
            BadInput, match="annotation.proto is not a Pixels2Play annotation .*; give an annotation.proto"
        ):
            p2p.read(source)
    (source / "annotation.proto").unlink()
    with pytest.raises(BadInput, match="has no annotation.proto"):
        p2p.read(source)


def test_hundreds_of_strange_names_are_told_in_one_line(tmp_path):
    message = annotation(3)
    for i in range(300):
        key(message.frame_annotations[1], f"\n{i}" * 50, True, 0)
    (said,) = [said for said in read(tmp_path, message).warnings if "no name in Playtape" in said]
    assert said.startswith("300 inputs")
    assert said.endswith("and 288 more")
    assert len(said) < 1000
    assert "\n" not in said


def test_an_event_of_a_later_schema_is_kept(tmp_path):
    """A kind of event that this schema lacks is counted, and is written back."""
    message = annotation(3)
    later = InputEvent.FromString(b"\x30\x05" + b"\xa2\x06\x02hi")  # time 5 and a field 100
    message.frame_annotations[1].input_events.append(later)
    recording = read(tmp_path, message)
    assert "an event of an unknown kind (1)" in recording.warnings[0]
    edited = replace(recording, info=replace(recording.info, game="other"))
    kept = load(p2p.write(edited, tmp_path / "back") / "annotation.proto").frame_annotations[1].input_events[0]
    assert kept.SerializeToString() == later.SerializeToString()
