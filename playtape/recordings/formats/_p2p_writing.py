"""Recording -> Pixels2Play annotation: from nothing, or into the one that it was read from.

What was changed in our nouns since is what is put in; all else stays as the recorder wrote it, to the byte.
"""

from collections import Counter

import numpy as np

from playtape.actions.names import INPUTS
from playtape.errors import printable
from playtape.recordings.annotation_inputs import VECTORS, named, single
from playtape.recordings.formats._p2p_about import About, is_ours, sign, tell
from playtape.recordings.formats._p2p_frames import Frames
from playtape.recordings.formats._p2p_levels import HOTKEYS
from playtape.recordings.formats._p2p_reading import MS, Grid, recording_of, texts
from playtape.recordings.nouns import Recording
from playtape.recordings.proto.video_annotation_pb2 import InputEvent, LowLevelAction, VideoAnnotation

VERSION = 5  # of the annotations that the recorder of version 13 writes


def fresh(recording: Recording, name: str) -> VideoAnnotation:
    """A recording that never was an annotation, as one. Its times are the recording's."""
    message, grid = VideoAnnotation(version=VERSION), Grid(recording.time_ns, recording.time_ns)
    sign(message)
    message.metadata.id = printable(name)
    message.metadata.timestamp = recording.clock.anchor_ns // MS
    message.metadata.frames_per_second = recording.video.fps
    message.frame_annotations.extend(Frames(recording, grid))
    _instruct(message, recording, grid)
    tell(message, About(recording.info, recording.provenance), name)
    return message


def merge(message: VideoAnnotation, recording: Recording, name: str) -> bool:
    """Put what was changed of a recording into the annotation that it was read from. False if nothing was."""
    name = recording.info.extra.get("session", name)  # which, without an id, is the name that it was read under
    was, grid = recording_of(message, recording.video, name), Grid.of(message.frame_annotations, recording.video)
    spoken = sorted(was.spans) == sorted(recording.spans)
    before, after = Frames(was, grid), Frames(recording, grid)
    acted = was.events.equals(recording.events) and before.who == after.who
    told = was.info == recording.info and dict(was.provenance) == dict(recording.provenance)
    if not acted:
        _act(message, before, after)
    if not spoken:
        _instruct(message, recording, grid)
    if not told:
        tell(message, About(recording.info, recording.provenance), name)
    return not (acted and spoken and told)


def _act(message: VideoAnnotation, was: Frames, now: Frames) -> None:
    """The actions of frames whose actions have changed; inputs that have no name with us stay."""
    hot = () if is_ours(message) else HOTKEYS
    for frame, before, after in zip(message.frame_annotations, was, now):
        if before == after:
            continue
        for old, new in ((frame.user_action, after.user_action), (frame.system_action, after.system_action)):
            strange = [key for key in old.keyboard.keys if named(key, "key") is None] if new.is_known else []
            old.CopyFrom(new)
            old.keyboard.keys.extend(strange)
            _without_nothing(old)
        kept = [InputEvent.FromString(e.SerializeToString()) for e in frame.input_events if _is_strange(e, hot)]
        events = sorted([*kept, *after.input_events], key=lambda event: event.time)
        del frame.input_events[:]
        frame.input_events.extend(events)


def _without_nothing(action: LowLevelAction) -> None:
    if not action.keyboard.keys:
        action.ClearField("keyboard")


def _is_strange(event: InputEvent, hot: tuple[str, ...]) -> bool:
    """Has it no row among our events?"""
    kind = event.WhichOneof("event")
    if kind in VECTORS:
        return False
    told = single(kind, event)
    return isinstance(told, str) or INPUTS[told[0]] in hot


def _instruct(message: VideoAnnotation, recording: Recording, grid: Grid) -> None:
    """Instructions that are still there stay, with their embeddings; others go, and new ones come without."""
    now = Counter(span for span in recording.spans if span.kind == "text")
    frames = message.frame_annotations
    for number, place, span in reversed(list(texts(frames, grid, recording.video.end_ns))):
        if now[span] > 0:
            now[span] -= 1
        else:
            del frames[number].frame_text_annotation[place]
    for span in sorted(now.elements()):
        number = min(int(np.searchsorted(grid.time_ns, span.start_ns)), len(grid) - 1)
        length = max(0, span.end_ns - int(grid.time_ns[number]))
        frames[number].frame_text_annotation.add(instruction=printable(span.value), duration=length / 1e9)
