"""A recording laid on a steady grid of frames, for formats in which frame k is shown at k / fps. T rows and frames.

A frame within half a period of a place on the grid stands there, and what was done is counted from its own time on, as
everywhere; where the screen stood still for longer, the picture that was on it is shown again. So nobody sees what was not yet
on screen, and every event counts once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from playtape.actions import ActionSpace, Axis
from playtape.actions.names import INDEX, is_button, kind
from playtape.errors import BadInput
from playtape.recordings.convert import Resize
from playtape.recordings.formats import _video_files
from playtape.recordings.formats._lerobot_dataset import DONE, MOST_ROWS, REWARD
from playtape.recordings.formats._lerobot_note import moved
from playtape.recordings.formats._lerobot_stats import Pictures, sampled
from playtape.recordings.nouns import Recording, Span
from playtape.recordings.timeline import check_unchanged
from playtape.recordings.video import Video, write_video

EXACT_NS = 50_000  # LeRobot's own reader takes a frame within 100 us of its place


@dataclass(frozen=True)
class Laid:
    """What a recording's rows are. `frames` int64 [T] are numbers of its video's, rising, perhaps repeated."""

    frames: np.ndarray
    steady: bool  # is it each frame of the video, in its place?
    fps: float
    names: tuple[str, ...]
    action: np.ndarray  # float32 [T, n]
    texts: tuple[str, ...]
    task: np.ndarray  # int64 [T], a text's place in `texts`
    told: tuple[str, ...]
    reward: np.ndarray  # float32 [T]
    done: np.ndarray  # bool [T]
    spans: tuple[Span, ...]
    resampled: str

    def columns(self, episode: int) -> dict[str, np.ndarray]:
        """The table's, which `finish` lays out anew for all recordings."""
        rows = np.arange(len(self.frames))
        return {
            "action": self.action,
            REWARD: self.reward,
            DONE: self.done,
            "timestamp": (rows / self.fps).astype(np.float32),
            "frame_index": rows,
            "episode_index": np.full(len(rows), episode),
            "index": rows,
            "task_index": self.task,
        }


def rate(video: Video) -> float:
    """A steady video's frames a second. Raises BadInput for one whose rate varies."""
    if len(video) < 2:
        raise BadInput(f"{video.path} has {len(video)} frames; an episode has two or more")
    if video.vfr:
        raise BadInput(
            f"{video.path} shows its frames at a rate that varies (about {video.fps:.4g} a second), and a LeRobot data set "
            "has one steady rate; --fps lays it on one"
        )
    return float(Fraction(video.fps).limit_denominator(1001))


def laid(recording: Recording, fps: float) -> Laid:
    """Raises BadInput for a video of fewer than two frames."""
    video = recording.video
    frames, starts = steady(video.time_ns, fps)
    if len(frames) < 2:
        raise BadInput(f"{video.path} has {len(frames)} frames at {fps:g} a second; an episode has two or more")
    whole = np.array_equal(frames, np.arange(len(video)))
    exact = whole and np.abs(_places(video.time_ns, fps) - video.time_ns).max() <= EXACT_NS
    end_ns = max(video.end_ns, int(starts[-1]) + 1)
    edges = np.append(starts, end_ns)
    used = set(recording.events.counts())
    names = tuple(sorted(used, key=lambda name: (not is_button(name), INDEX[name])))
    axes = [Axis(name, "sum" if kind(name) == "sum" else "state") for name in names if not is_button(name)]
    actions = ActionSpace(tuple(name for name in names if is_button(name)), tuple(axes)).actions(
        recording.events, edges
    )
    texts, task = _tasks(recording.spans, starts)
    reward, done = _outcomes(recording, starts)
    kinds = {span.kind for span in recording.spans}
    again = len(frames) - len(np.unique(frames))
    return Laid(
        frames=frames,
        steady=exact,
        fps=fps,
        names=names,
        action=np.concatenate([actions.buttons, actions.axes], 1).astype(np.float32)[:-1],
        texts=texts,
        task=task,
        told=tuple(column for column, name in ((REWARD, "reward"), (DONE, "end")) if name in kinds),
        reward=reward,
        done=done,
        spans=moved(recording.spans, int(starts[0]), end_ns),
        resampled=""
        if whole
        else f"laid on {fps:g} frames a second: {len(np.unique(frames))} of {len(video)} frames, {again} shown again",
    )


def steady(time_ns: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Which frame stands at each place of a grid, and when its interval begins: int64 [T] and int64 [T], which rises."""
    period = 1e9 / fps
    if not len(time_ns):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    count = (
        int((int(time_ns[-1]) - int(time_ns[0])) / period + 0.25) + 1
    )  # the last frame may come a little before its place
    if count > MOST_ROWS:
        raise BadInput(f"at {fps:g} frames a second a recording would have {count} frames; up to {MOST_ROWS} are legal")
    grid = time_ns[0] + np.rint(np.arange(count) * period).astype(np.int64)
    shown = np.searchsorted(time_ns, grid, side="right") - 1
    following = np.minimum(shown + 1, len(time_ns) - 1)
    nearest = np.where(time_ns[following] - grid < grid - time_ns[shown], following, shown)
    near = np.abs(time_ns[nearest] - grid) < period / 2 - 1
    return np.where(near, nearest, shown), np.where(near, time_ns[nearest], grid)


def write_pictures(
    video: Video, rows: Laid, target: Path, size: tuple[int, int], resize: Resize | None
) -> dict[str, Any]:
    """The video of an episode; gives its statistics. What is h264 in mp4 and steady already is copied."""
    check_unchanged(video.path, video.signature)
    same = size == (video.width, video.height)
    plain = _video_files.is_plain(video) and video.coded_size == size and not video.origin_ns
    wanted = sampled(len(rows.frames))
    seen = Pictures()
    if rows.steady and same and plain and not any(n % 2 for n in size) and not video.time_ns[0]:
        _video_files.copy(video, target)
        for frame in video.stream(indices=wanted):
            seen.add(frame)
        return seen.told()
    pictures = _repeated(video, rows.frames)
    if not same and resize is not None:
        pictures = _video_files.sized(pictures, size, resize)
    write_video(target, _watched(pictures, wanted, seen), fps=rows.fps)
    return seen.told()


def _places(time_ns: np.ndarray, fps: float) -> np.ndarray:
    return time_ns[0] + np.arange(len(time_ns)) * (1e9 / fps)


def _repeated(video: Video, frames: np.ndarray) -> Iterator[np.ndarray]:
    numbers, times = np.unique(frames, return_counts=True)
    for frame, count in zip(video.stream(indices=numbers), times.tolist()):
        yield from (frame for _ in range(count))


def _watched(frames: Iterator[np.ndarray], wanted: np.ndarray, seen: Pictures) -> Iterator[np.ndarray]:
    numbers = set(wanted.tolist())
    for number, frame in enumerate(frames):
        if number in numbers:
            seen.add(frame)
        yield frame


def _tasks(spans: tuple[Span, ...], starts: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """The instruction in force at each frame, "" for none: what began later paints over what began before, and of those that
    began together the one that ends first counts, as for models that learn here."""
    painted = np.full(len(starts), "", object)
    for span in sorted((s for s in spans if s.kind == "text"), key=lambda s: (s.start_ns, -s.end_ns, s.value)):
        first, last = np.searchsorted(starts, [span.start_ns, span.end_ns])
        painted[first:last] = span.value.strip()
    texts = tuple(dict.fromkeys(painted.tolist()))
    number = {text: place for place, text in enumerate(texts)}
    return texts, np.array([number[text] for text in painted], np.int64)


def _outcomes(recording: Recording, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    reward, done = np.zeros(len(starts), np.float64), np.zeros(len(starts), bool)
    for span in recording.spans:
        row = max(0, int(np.searchsorted(starts, span.start_ns, side="right")) - 1)
        if span.kind == "end":
            done[row] = True
        elif span.kind == "reward":
            try:
                reward[row] += float(span.value)
            except ValueError:
                reward[row] = np.nan
    if not np.isfinite(reward).all() or np.abs(reward).max(initial=0) > np.finfo(np.float32).max:
        raise BadInput(f"{recording.name} has a reward that is no finite number")
    return reward.astype(np.float32), done
