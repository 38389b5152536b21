"""A Pixels2Play annotation and its video -> Recording. The convention and what is left out stand in p2p.py.

Letters: N frames that have an annotation, R rows of inputs, B buttons.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from playtape.actions import Events
from playtape.actions.names import INDEX, INPUTS, is_button
from playtape.errors import BadInput
from playtape.recordings.annotation import Known, text_warnings
from playtape.recordings.annotation_inputs import Inputs
from playtape.recordings.formats._p2p_about import about, is_ours
from playtape.recordings.formats._p2p_levels import HOTKEYS, MOTION, Levels
from playtape.recordings.nouns import Clock, Recording, Span
from playtape.recordings.pairs import pair
from playtape.recordings.proto.video_annotation_pb2 import FrameAnnotation, VideoAnnotation
from playtape.recordings.video import Video

LARGEST_STEP = 0x7FFF / 120  # notches that an OWAMcap message can carry; a real step is a few
NOBODY = "nobody is known to have acted"
MS = 1_000_000
APART = 0.02  # annotations and frames may differ by so much, as in the recorder's own check of the duration
STRAY_NS = MS  # an event may be stamped so far outside its frame's interval before it is worth a word
EPOCH_MS = (946_684_800_000, 4_102_444_800_000)  # 2000 to 2100: other timestamps are no time of day


@dataclass(frozen=True, eq=False)
class Grid:
    """Two clocks: `frame_time` is when each frame was taken, as the recorder says, `time_ns` when the video shows it."""

    frame_time: np.ndarray  # int64 [N]
    time_ns: np.ndarray  # int64 [N]

    @classmethod
    def of(cls, frames: Sequence[FrameAnnotation], video: Video) -> "Grid":
        count = min(len(frames), len(video))
        stamps = np.array([frame.frame_time for frame in frames[:count]], np.uint64)
        return cls(np.minimum(stamps, 2**62).astype(np.int64), video.time_ns[:count])

    def __len__(self) -> int:
        return len(self.time_ns)

    def warnings(self) -> list[str]:
        falls = int((np.diff(self.frame_time) <= 0).sum())
        return [f"{falls} frames are stamped no later than the one before"] if falls else []

    def shown(self, frame: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Recorder's times [R] of what frames [R] >= 1 list, on the video's clock: between the frame before and that frame."""
        frame = np.asarray(frame)
        start, length = self.time_ns[frame - 1], self.time_ns[frame] - self.time_ns[frame - 1]
        taken = np.maximum(self.frame_time[frame] - self.frame_time[frame - 1], 1)
        passed = np.clip(time - self.frame_time[frame - 1], 0, taken)
        return start + np.minimum((passed * (length / taken)).astype(np.int64), length - 1)

    def taken(self, frame: np.ndarray | int, time: np.ndarray) -> np.ndarray:
        """The way back, to a nanosecond: video times [R] between frames [R] - 1 and [R], on the recorder's clock."""
        start, length = self.frame_time[frame - 1], self.frame_time[frame] - self.frame_time[frame - 1]
        shown = self.time_ns[frame] - self.time_ns[frame - 1]
        return start + np.ceil((time - self.time_ns[frame - 1]) * (length / shown)).astype(np.int64)

    def ends(self, frame: int, seconds: float) -> int:
        """When something that begins with a frame and lasts so many of the recorder's seconds ends, on the video's clock."""
        if not math.isfinite(seconds) or seconds <= 0:
            return int(self.time_ns[frame])
        return int(self.time_ns[frame]) + round(min(seconds, 1e9) * 1e9)


def recording_of(message: VideoAnnotation, video: Video, name: str) -> Recording:
    """Everything that our nouns have a place for. `name` stands in for an id where the annotation has none.

    Raises BadInput if the annotation's frames are not the video's.
    """
    frames, warnings = _matched(message.frame_annotations, video)
    grid, known, inputs = Grid.of(frames, video), Known.of(frames), Inputs.of(frames)
    levels = Levels.of([f.system_action if system else f.user_action for f, system in zip(frames, known.system)])
    lacking, stood_in = levels.stand_in(inputs.kinds, grid.time_ns)
    events, mended = _events(inputs, levels, grid, () if is_ours(message) else HOTKEYS)
    events, lost = _without_stray_releases(Events.concatenate(events, lacking))
    events = pair(events).closed(video.end_ns)
    users = np.array(known.user, bool) & ~np.array(known.system, bool)
    warnings += [*grid.warnings(), *known.warnings(), *inputs.warnings(), *stood_in, *mended, *lost]
    warnings += [*levels.differ(events, users, grid.time_ns), *text_warnings(frames)]
    spans = [*_control(known, grid, video), *(span for _, _, span in texts(frames, grid, video.end_ns))]
    told, began = about(message, name), message.metadata.timestamp
    return Recording(
        video,
        events,
        tuple(sorted(spans)),
        told.info,
        provenance=told.provenance,
        warnings=tuple(warnings),
        clock=Clock(began * MS + int(grid.frame_time[0]) if EPOCH_MS[0] < began < EPOCH_MS[1] else 0),
    )


def _matched(frames: Sequence[FrameAnnotation], video: Video) -> tuple[Sequence[FrameAnnotation], list[str]]:
    """The annotations that have a frame, and a word where their numbers differ a little."""
    if len(frames) == len(video):
        return frames, []
    said = f"{len(frames)} annotations for the {len(video)} frames of {video.path}"
    if abs(len(frames) - len(video)) > max(2, APART * len(video)):
        raise BadInput(f"there are {said}, which cannot be of one recording; legal is a difference of {APART:.0%}")
    return frames[: len(video)], [
        f"{said}: both are taken to begin together, and what has no counterpart is not learned"
    ]


def _events(inputs: Inputs, levels: Levels, grid: Grid, hot: Sequence[str]) -> tuple[Events, list[str]]:
    """What hands did, on the video's clock, and what had to be mended."""
    frame, time, index, value = inputs.frame, inputs.time, inputs.input, inputs.value
    steep = np.isin(index, [INDEX["mouse.wheel"], INDEX["mouse.hwheel"]]) & (np.abs(value) > LARGEST_STEP)
    kept = ~steep & ~np.isin(index, [INDEX[name] for name in hot])
    first, later = kept & (frame == 0), kept & (frame > 0)
    begun = _held_at_first(index[first], value[first], levels)
    frame, time, index, value = frame[later], time[later], index[later], value[later]
    far = (time < grid.frame_time[frame - 1] - STRAY_NS) | (time > grid.frame_time[frame] + STRAY_NS)
    seen = Events(grid.shown(frame, time), index, value)
    shown = int(grid.time_ns[0])
    start = Events.from_rows((shown, name, v) for name, v in begun.items() if not _begins_at(seen, name, shown))
    mended = [
        (int(steep.sum()), f"wheel events of more than {LARGEST_STEP:.0f} steps are left out"),
        (int(far.sum()), "events are stamped outside the time between their frames and are moved into it"),
    ]
    return Events.concatenate(start, seen), [f"{count} {what}" for count, what in mended if count]


def _held_at_first(index: np.ndarray, value: np.ndarray, levels: Levels) -> dict[str, float]:
    """What happened before there was a picture is only its result: what is held at the first, and where the pointer is."""
    begun = {**dict.fromkeys(levels.held[0], 1.0), **levels.pointer}
    for name, number in zip((INPUTS[i] for i in index), value.tolist()):
        if is_button(name) and not number:
            begun.pop(name, None)
        elif name not in MOTION:
            begun[name] = number
    return begun


def _begins_at(events: Events, name: str, time: int) -> bool:
    """Do the events themselves say at this very moment where it stands? A button that is released then was held before."""
    mine = events.of(name)
    return len(mine) > 0 and int(mine.time_ns[0]) == time and (mine.value[0] > 0 or not is_button(name))


def _without_stray_releases(events: Events) -> tuple[Events, list[str]]:
    """Without releases of what is up."""
    keep = np.ones(len(events), bool)
    for index in np.unique(events.input):
        if is_button(events.names[index]):
            rows = np.flatnonzero(events.input == index)
            down = events.value[rows] > 0
            keep[rows] = down | np.append(False, down[:-1])
    if keep.all():
        return events, []
    kept = Events(events.time_ns[keep], events.input[keep], events.value[keep], events.names)
    return kept, [f"{int((~keep).sum())} releases are of buttons that were not down and are left out"]


def _control(known: Known, grid: Grid, video: Video) -> Iterator[Span]:
    """Who acted in [frame t, frame t + 1), as annotation t + 1 says; what nobody is known to have done is masked."""
    who = ["policy" if system else "human" if user else "" for user, system in zip(known.user, known.system)]
    runs = [(value, len(list(run))) for value, run in groupby(who[1:])]
    edges = grid.time_ns[np.cumsum([0, *(length for _, length in runs)])].tolist()
    for (value, _), start, end in zip(runs, edges, edges[1:]):
        yield Span(start, end, "control", value) if value else Span(start, end, "masked", NOBODY)
    if len(video) > len(grid):
        yield Span(int(grid.time_ns[-1]), video.end_ns, "masked", "the annotation ends here")


def texts(frames: Sequence[FrameAnnotation], grid: Grid, end_ns: int) -> Iterator[tuple[int, int, Span]]:
    """(frame, place in its list, span) of every instruction. None reaches beyond the video."""
    for number, frame in enumerate(frames[: len(grid)]):
        for place, said in enumerate(frame.frame_text_annotation):
            start, end = int(grid.time_ns[number]), min(grid.ends(number, said.duration), end_ns)
            yield number, place, Span(start, max(start, end), "text", said.instruction)
