"""Back to Pixels2Play's format: to the byte if nothing was changed, with what was changed if something was, and from nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playtape.actions import ActionSpace, Axis, Events
from playtape.clips import observed_space
from playtape.recordings import Info, Recording, Span, Video, open_recording, save_recording, write_video
from playtape.recordings.annotation import load
from playtape.recordings.formats import p2p
from playtape.recordings.proto.video_annotation_pb2 import VideoAnnotation
from tests.recordings.annotations import MS, annotation, folder, instruct, key, motion
from tests.recordings.pictures import numbered


def there(source: Path, tmp: Path) -> Recording:
    """A published folder as an OWAMcap on the disk."""
    return open_recording(save_recording(p2p.read(source), tmp / "there" / "a.mcap", video="copy"))


def assert_same(back: Events, events: Events) -> None:
    """The same but for a nanosecond, which is lost where one clock is laid over the other."""
    assert np.array_equal(back.input, events.input)
    assert np.array_equal(back.value, events.value)
    assert np.abs(back.time_ns - events.time_ns).max() <= 1


def written(recording: Recording, tmp: Path) -> VideoAnnotation:
    return load(p2p.write(recording, tmp / "back") / "annotation.proto")


@pytest.fixture
def full() -> VideoAnnotation:
    """Eight frames of a person with words, a key that we do not know, and things that our nouns have no place for."""
    message = annotation(8)
    frames = message.frame_annotations
    for number, frame in enumerate(frames):
        motion(frame, number, 1, frame.frame_time - 20 * MS)
        frame.user_action.mouse.mouse_absolute_px.x = 7
        frame.action_task.lower_level_task = f"task {number}"
    key(frames[2], "w", True, frames[2].frame_time - 10 * MS)
    key(frames[2], "Fn", True, frames[2].frame_time - 9 * MS)
    key(frames[2], "RightBracket", False, frames[2].frame_time - 8 * MS)
    key(frames[5], "w", False, frames[5].frame_time - 10 * MS)
    for frame in frames[2:5]:
        frame.user_action.keyboard.keys.extend(["Fn", "w"])
    instruct(frames[1], "open the door", 0.1, [0.5] * 768)
    instruct(frames[3], "go on", 0.2, [0.25] * 768)
    message.voice_events.add(time=5, speaking=True)
    message.task_specific_info.pathfinding_info.pathfinding_trajectory.add(x=1.5)
    message.metadata.golden_example_path = "golden"
    return message


@pytest.mark.parametrize("name", ["user_only", "system_and_user"])
def test_the_samples_go_there_and_back_to_the_byte(annotations, tmp_path, name):
    data = (annotations / f"{name}.proto").read_bytes()
    source = folder(tmp_path / name, data)
    back = p2p.write(there(source, tmp_path), tmp_path / "back")
    assert (back / "annotation.proto").read_bytes() == data
    assert (back / "video.mp4").read_bytes() == (source / "video.mp4").read_bytes()


@pytest.mark.parametrize("name", ["user_only", "system_and_user"])
def test_the_samples_from_nothing_are_the_same_play(annotations, tmp_path, name):
    recording = p2p.read(folder(tmp_path / name, (annotations / f"{name}.proto").read_bytes()))
    back = p2p.read(p2p.write(replace(recording, attachments={}), tmp_path / "back"))
    assert back.events.equals(recording.events)
    assert (back.info, back.spans, back.warnings) == (recording.info, recording.spans, ())
    message = load(tmp_path / "back" / "annotation.proto")
    old = VideoAnnotation.FromString((annotations / f"{name}.proto").read_bytes())
    for mine, theirs in zip(message.frame_annotations, old.frame_annotations, strict=True):
        assert mine.user_action.is_known == theirs.user_action.is_known
        if theirs.user_action.is_known:
            held, level = set(mine.user_action.keyboard.keys), set(theirs.user_action.keyboard.keys)
            assert level <= held  # taps that the recorder's levels miss are in ours
            assert mine.user_action.mouse.mouse_absolute_px == theirs.user_action.mouse.mouse_absolute_px
    sums = [[f.user_action.mouse.mouse_delta_px.x for f in m.frame_annotations[1:]] for m in (message, old)]
    assert [x for x, f in zip(sums[0], message.frame_annotations[1:]) if f.user_action.is_known] == [
        x for x, f in zip(sums[1], old.frame_annotations[1:]) if f.user_action.is_known
    ]


def test_any_bytes_that_are_read_are_given_back(full, tmp_path):
    """Fields in another order, twice, or of a later schema: nothing is tidied up."""
    data = full.SerializeToString()
    data = b"\x30\x04" + data + b"\xfa\x3e\x03new" + b"\x30\x05"  # version 4, a field 1007, and then version 5
    back = p2p.write(there(folder(tmp_path / "a", data), tmp_path), tmp_path / "back")
    assert (back / "annotation.proto").read_bytes() == data


def test_an_annotation_without_an_id_or_any_facts(tmp_path):
    message = VideoAnnotation()
    for i in range(4):
        message.frame_annotations.add(frame_time=i * 50 * MS)
    recording = there(folder(tmp_path / "a", message), tmp_path)
    assert recording.info.extra == {"session": "a"}
    assert written(recording, tmp_path) == message
    back = written(replace(recording, info=replace(recording.info, game="quake")), tmp_path)
    assert back == VideoAnnotation.FromString(message.SerializeToString() + b"\x12\x09\x32\x07\x0a\x05quake")


def test_another_game_is_all_that_changes(full, tmp_path):
    recording = there(folder(tmp_path / "a", full), tmp_path)
    info = replace(
        recording.info, game="quake", player="Alex", licence="CC0", extra={**recording.info.extra, "hz": "20"}
    )
    message = written(replace(recording, info=info), tmp_path)
    assert (message.metadata.env.env, message.metadata.user) == ("quake", "Alex")
    assert p2p.read(tmp_path / "back").info == info
    del message.changelog[:]  # where the licence stands, for which there is no field
    message.metadata.env.env, message.metadata.user = "msdos", "Sam"
    assert message == full


def test_a_new_instruction_and_one_less(full, tmp_path):
    recording = there(folder(tmp_path / "a", full), tmp_path)
    kept = [span for span in recording.spans if span.value != "open the door"]
    new = Span(recording.time_ns[4] + 1, int(recording.time_ns[6]), "text", "jump")
    message = written(replace(recording, spans=(*kept, new)), tmp_path)
    (said,) = message.frame_annotations[5].frame_text_annotation
    assert (said.instruction, said.duration) == ("jump", pytest.approx(0.05))
    assert message.frame_annotations[3].frame_text_annotation == full.frame_annotations[3].frame_text_annotation
    assert not message.frame_annotations[1].frame_text_annotation
    for number in (1, 5):
        message.frame_annotations[number].CopyFrom(full.frame_annotations[number])
    assert message == full


def test_another_action_is_put_into_its_frame_alone(full, tmp_path):
    recording = there(folder(tmp_path / "a", full), tmp_path)
    tap = [
        (int(recording.time_ns[2]) + 10 * MS, "mouse.left", 1),
        (int(recording.time_ns[2]) + 30 * MS, "mouse.left", 0),
    ]
    events = Events.concatenate(recording.events, Events.from_rows(tap))
    message = written(replace(recording, events=events), tmp_path)
    changed = [i for i, (a, b) in enumerate(zip(message.frame_annotations, full.frame_annotations)) if a != b]
    assert changed == [3]
    frame, old = message.frame_annotations[3], full.frame_annotations[3]
    assert list(frame.user_action.mouse.buttons_down) == ["0"]
    assert frame.user_action.mouse.mouse_delta_px == old.user_action.mouse.mouse_delta_px
    assert frame.action_task == old.action_task
    times = [event.time for event in frame.input_events]
    assert times == sorted(times)
    assert all(full.frame_annotations[2].frame_time < time <= old.frame_time for time in times)
    assert list(frame.user_action.keyboard.keys) == ["w", "Fn"]  # what has no name with us stays
    assert_same(p2p.read(tmp_path / "back").events, events)


def test_what_has_no_name_with_us_stays_where_actions_change(full, tmp_path):
    recording = there(folder(tmp_path / "a", full), tmp_path)
    message = written(replace(recording, events=recording.events.of("mouse.x", "mouse.y")), tmp_path)
    keys = [
        e.keyboard_event.key for f in message.frame_annotations for e in f.input_events if e.HasField("keyboard_event")
    ]
    assert keys == ["Fn", "RightBracket"]
    assert list(message.frame_annotations[2].user_action.keyboard.keys) == ["Fn"]
    assert message.frame_annotations[0] == full.frame_annotations[0]  # before the first picture, which nothing changed
    assert message.voice_events == full.voice_events


def test_another_in_control(full, tmp_path):
    recording = there(folder(tmp_path / "a", full), tmp_path)
    time = recording.time_ns.tolist()
    spans = [span for span in recording.spans if span.kind == "text"]
    spans += [Span(0, time[4], "control", "human"), Span(time[4], time[6], "control", "policy runs/fps")]
    spans += [Span(time[6], time[7], "masked", "a menu")]
    message = written(replace(recording, spans=tuple(spans)), tmp_path)
    known = [(f.user_action.is_known, f.system_action.is_known) for f in message.frame_annotations]
    assert known == [(True, False)] * 5 + [(False, True)] * 2 + [(False, False)]
    assert message.frame_annotations[:5] == full.frame_annotations[:5]
    assert message.frame_annotations[6].system_action.mouse.mouse_delta_px.x == 6
    assert not message.frame_annotations[6].user_action.HasField("mouse")
    back = p2p.read(tmp_path / "back")
    assert [s.value for s in back.spans if s.kind == "control"] == ["human", "policy"]
    assert_same(back.events, recording.events)


def test_what_the_format_has_no_words_for_is_told(video):
    rows = [(10, "key.vk_7", 1), (20, "key.vk_7", 0), (30, "pad.guide", 1), (video.end_ns - 1, "key.w", 1)]
    recording = Recording(video, Events.from_rows(rows))
    assert p2p.unsaid(recording) == [
        "the format has no name for pad.guide (1), key.vk_7 (2); these events are left out",
        "1 events after the last frame is shown have no annotation and are left out",
    ]


NAMES = ["key.w", "key.left_shift", "key.left_bracket", "mouse.left", "mouse.x1", "pad.south", "pad.left_bumper"]
SPACE = ActionSpace(
    tuple(NAMES),
    (
        *(Axis(name) for name in ("mouse.dx", "mouse.dy", "mouse.wheel", "mouse.hwheel")),
        *(Axis(name, "state") for name in ("mouse.x", "mouse.y", "pad.left_x", "pad.right_y", "pad.left_trigger")),
    ),
)


@st.composite
def played(draw) -> list[tuple[int, str, float]]:
    """Events as hands make them, with ties, at frames' own times and before the first."""
    rows, time = [], draw(st.sampled_from([-30 * MS, 0]))
    held: set[str] = set()
    for _ in range(draw(st.integers(0, 30))):
        time += draw(st.sampled_from([0, 0, 1, 20 * MS, 50 * MS]))
        name = draw(st.sampled_from([*NAMES, *(axis.name for axis in SPACE.axes)]))
        if name in NAMES:
            rows.append((time, name, draw(st.sampled_from([0, 2])) if name in held else 1))
            (held.discard if rows[-1][2] == 0 else held.add)(name)
        elif name.startswith("pad."):
            rows.append((time, name, draw(st.sampled_from([0.0, 0.25, 1.0]))))
        else:
            rows.append((time, name, draw(st.integers(-250, 250).filter(bool))))
    return rows


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Video:
    return Video(write_video(tmp_path_factory.mktemp("film") / "video.mp4", numbered(12, 32, 48), fps=20))


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=played())
def test_a_recording_of_our_own_is_the_same_play_when_read_back(film, tmp_path, rows):
    events = Events.from_rows(rows)
    back = p2p.read(p2p.write(Recording(film, events), tmp_path / "out"))
    mine, theirs = (SPACE.actions(one, film.time_ns) for one in (events, back.events))
    assert np.array_equal(mine.buttons, theirs.buttons)
    assert np.array_equal(mine.axes[:, :4], theirs.axes[:, :4])
    assert np.array_equal(mine.axes[:, 4:], theirs.axes[:, 4:])
    message = load(tmp_path / "out" / "annotation.proto")
    for t, frame in enumerate(message.frame_annotations[1:]):
        moved = frame.user_action.mouse.mouse_delta_px
        assert [moved.x, moved.y] == mine.axes[t, :2].tolist()
        assert [name for name in NAMES if mine.buttons[t, NAMES.index(name)]] == sorted(
            p2p_names(frame.user_action), key=NAMES.index
        )


def p2p_names(action) -> list[str]:
    told = {"w": "key.w", "LeftShift": "key.left_shift", "LeftBracket": "key.left_bracket"}
    found = [told[name] for name in action.keyboard.keys]
    found += [{"0": "mouse.left", "3": "mouse.x1"}[name] for name in action.mouse.buttons_down]
    return found + [f"pad.{field.name}" for field, _ in action.game_pad.buttons.ListFields()]


def test_our_own_play_with_corrections(tmp_path):
    """A policy, a person who takes over, and a stretch that nobody vouches for; odd frame times; a generic Shift."""
    times = np.cumsum([0, *([28_571] * 40)]) * 1000
    video = Video(write_video(tmp_path / "own.mp4", numbered(41, 32, 48), time_ns=times))
    t = video.time_ns.tolist()
    spans = (
        Span(0, t[10], "control", "policy runs/x"),
        Span(t[10], t[25], "control", "scripted"),
        Span(t[25], t[40], "control", "human"),
        Span(t[30], t[33], "masked", "confidence below 0.7"),
        Span(t[2], t[20], "text", "find the red door"),
    )
    rows = [(t[3] + 5, "key.shift", 1), (t[8], "key.shift", 0), (t[12] + 9, "mouse.dx", 2.5), (t[13], "mouse.dx", 2.5)]
    info = Info("doom", "somewhere", "BSD-3-Clause", (320, 240), 0.04, "test", "player0", {"session": "demo4"})
    recording = Recording(video, Events.from_rows(rows), spans, info, provenance={"model": "m"})
    back = p2p.read(p2p.write(recording, tmp_path / "own"))
    assert np.array_equal(back.time_ns, recording.time_ns)
    assert back.info == info
    assert back.provenance == {"model": "m", "format": "Pixels2Play annotation", "version": "5"}
    assert [(s.start_ns, s.end_ns, s.kind, s.value) for s in back.spans] == [
        (0, t[10], "control", "policy"),
        (t[2], pytest.approx(t[20], abs=100), "text", "find the red door"),
        (t[10], t[30], "control", "human"),
        (t[30], t[33], "masked", "nobody is known to have acted"),
        (t[33], t[40], "control", "human"),
    ]
    space = ActionSpace(("key.shift",), (Axis("mouse.dx"),))
    mine, theirs = (space.actions(one.events, one.time_ns) for one in (recording, back))
    assert np.array_equal(mine.buttons, theirs.buttons)
    assert theirs.axes[12:14, 0].tolist() == [2, 3]  # whole counts, whose sum is kept


def test_a_real_recording_of_the_desktop(samples, tmp_path):
    """OWAMcap of another recorder, VFR and HEVC: the picture is encoded anew, the play is the same."""
    recording = open_recording(samples / "0.3.2.mcap")
    back = p2p.read(p2p.write(recording, tmp_path / "desk"))
    assert (len(back.video), back.video.codec) == (len(recording.video), "h264")
    space = observed_space([recording], 60)
    mine, theirs = (space.actions(one.events, one.time_ns) for one in (recording, back))
    assert np.array_equal(mine.buttons, theirs.buttons)
    assert np.array_equal(mine.axes, theirs.axes)


def test_the_small_video_is_made_by_the_resize_that_is_given(tmp_path):
    source = folder(tmp_path / "a", annotation(70))
    asked = []

    def resize(frames: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        asked.append((frames.shape, size))
        return np.repeat(frames[:, :1, :1], size[0], 1).repeat(size[1], 2)

    small = Video(p2p.write(p2p.read(source), tmp_path / "b", resize) / "192x192.mp4")
    assert asked == [((64, 32, 48, 3), (192, 192)), ((6, 32, 48, 3), (192, 192))]
    assert (len(small), small.width, small.height) == (70, 192, 192)
    assert np.array_equal(small.time_ns, p2p.read(source).time_ns)


def test_a_video_that_is_small_already_is_the_small_one(tmp_path):
    video = Video(write_video(tmp_path / "s.mp4", numbered(4, 192, 192), fps=20))
    out = p2p.write(Recording(video, Events.empty()), tmp_path / "a", lambda frames, size: pytest.fail("resized"))
    assert sorted(file.name for file in out.iterdir()) == ["192x192.mp4", "annotation.proto"]
    assert (out / "192x192.mp4").read_bytes() == video.path.read_bytes()
