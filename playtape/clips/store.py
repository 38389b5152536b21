"""Recordings at model size: decoded and resized once, then read at random as memory-mapped arrays.

Reading a random clip from source video decodes from a keyframe each time; from here it is a copy, some hundred times
quicker. Entries are named by what they hold (path, size and date of the file, picture size, rate), so nothing stale is
ever read, and are written under a temporary name first, so that a cut-off run leaves none by halves.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain, repeat
from pathlib import Path

import numpy as np

from playtape.actions import Actions, ActionSpace, Axis
from playtape.actions.names import INPUTS, is_button, kind
from playtape.clips.encoders import SentenceEncoder
from playtape.clips.resize import regular, resize, stride
from playtape.clips.text import Text, beside
from playtape.errors import BadInput
from playtape.recordings import Confidence, Recording

BATCH = 64  # frames resized at once


@dataclass(frozen=True, eq=False)
class Stored:
    """One recording at model size: `frames` uint8 [T, 3, H, W] memory-mapped, `time_ns` int64 [T], `actions` numpy T rows,
    `mask` bool [T] (may be learned from), `confidence` float32 [T] (1 for truth), `text` T rows, `reward` float32 [T] (NaN where
    nothing is told), `ended` bool [T], `embodiment`: the number of its body, where a model knows several.

    Clips take every `stride`-th frame; row t is of all that lies between frame t and frame t + stride, for any t.
    """

    name: str
    frames: np.ndarray
    time_ns: np.ndarray
    actions: Actions
    mask: np.ndarray
    confidence: np.ndarray
    text: Text
    reward: np.ndarray
    ended: np.ndarray
    embodiment: int = 0
    stride: int = 1

    def __len__(self) -> int:
        return len(self.time_ns)

    def reach(self, frames: int) -> int:
        """How many of its frames lie from the first of a clip of so many to the last, both included."""
        return (frames - 1) * self.stride + 1


def store(
    recording: Recording,
    space: ActionSpace,
    size: tuple[int, int],
    fps: float,
    encoder: SentenceEncoder | None = None,
    embodiments: tuple[str, ...] = (),
    *,
    crop: bool = False,
    hz: float = 0.0,
    window: int = 0,
) -> Stored:
    """One recording at `size` (height, width) and at most `fps` frames a second, its instructions embedded by `encoder`.

    `embodiments` are the bodies that a model knows, by the game or data set that they act in. `crop`: the middle of each picture,
    and not all of it squashed. `hz`: all frames, of which clips take every n-th, about `hz` a second; more where there are
    fewer than `window` of those. Raises BadInput for a recording that is of no embodiment.
    """
    keep, every = _kept(recording, fps, hz, window)
    time_ns = recording.time_ns[keep]
    reward, ended = _outcome(recording, time_ns)
    with np.errstate(over="ignore"):
        reward = _following(reward, every, np.float64(0)).sum(-1).astype(np.float32)
    if np.isinf(reward).any():
        raise BadInput(
            f"{recording.name} has rewards that add up to more than {np.finfo(np.float32).max:g}, the most that is legal"
        )
    return Stored(
        recording.name,
        _frames(recording, keep, size, crop),
        time_ns,
        _together(space.actions(recording.events, time_ns), space, every),
        _following(_learnable(recording, time_ns), every, False).min(-1),
        _following(_certainty(recording, time_ns), every, np.float32(1)).min(-1),
        Text.of(recording, time_ns, encoder),
        reward,
        _following(ended, every, False).max(-1),
        _body(recording, embodiments),
        every,
    )


def _kept(recording: Recording, fps: float, hz: float, window: int) -> tuple[np.ndarray, int]:
    """Which frames are kept, and every how many-th of them a clip takes."""
    if not hz:
        return regular(recording.time_ns, fps), 1
    return np.arange(len(recording.time_ns)), stride(recording.time_ns, hz, window)


def _together(actions: Actions, space: ActionSpace, n: int) -> Actions:
    """Each row of T with the n - 1 after it: what was done in n intervals."""
    if n == 1:
        return actions
    axes = _following(actions.axes, n, np.float32(0))
    sums = np.array([axis.kind == "sum" for axis in space.axes], bool)
    put = actions.axes[np.minimum(np.arange(len(actions.axes)) + n - 1, len(actions.axes) - 1)]
    return Actions(_following(actions.buttons, n, False).max(-1), np.where(sums, axes.sum(-1), put).astype(np.float32))


def _following(rows: np.ndarray, n: int, beyond: object) -> np.ndarray:
    """[T, ...] to [T, ..., n]: each row and the n - 1 after it; behind the last one there is `beyond`."""
    padded = np.concatenate([rows, np.full((n - 1, *rows.shape[1:]), beyond, rows.dtype)])
    return np.lib.stride_tricks.sliding_window_view(padded, n, 0)


def session(recording: Recording) -> str:
    """What may not be divided between training and judging: players of one co-op session saw the same moments."""
    return recording.info.extra.get("session", recording.video.path.stem)


def observed_space(
    recordings: Iterable[Recording], fps: float, hz: Iterable[float] = (), window: int = 0
) -> ActionSpace:
    """The buttons that are pressed and the axes that move in these recordings, in the vocabulary's order, as `store` would keep
    them, at `hz` of each.

    An axis' scale is the root mean square of its intervals with motion, to two digits; a robot's axis is where it was
    put. Empty where nothing was done, as in films: who learns from what is done asks for more.
    """
    buttons, motion = set(), {}
    for recording, pace in zip(recordings, chain(hz, repeat(0.0))):
        events = recording.events
        used = {events.names[i] for i in np.unique(events.input)}
        buttons |= {name for name in used if is_button(name)}
        axes = tuple(Axis(name, "sum" if kind(name) == "sum" else "state") for name in sorted(used - buttons))
        keep, every = _kept(recording, fps, pace, window)
        time_ns = recording.time_ns[keep[::every]]
        values = ActionSpace((), axes).actions(events, time_ns).axes.astype(np.float64)
        for axis, column in zip(axes, values.T, strict=True):
            squares, count = motion.get(axis, (0.0, 0))
            motion[axis] = squares + float((column**2).sum()), count + int((column != 0).sum())
    scaled = [
        replace(axis, scale=float(f"{(squares / count) ** 0.5:.2g}"))
        for axis, (squares, count) in motion.items()
        if count
    ]
    return ActionSpace(
        tuple(name for name in INPUTS if name in buttons),
        tuple(sorted(scaled, key=lambda axis: INPUTS.index(axis.name))),
    )


def _frames(recording: Recording, keep: np.ndarray, size: tuple[int, int], crop: bool) -> np.ndarray:
    folder = beside(recording)
    video = recording.video.path
    stat = video.stat()
    cut = ["crop"] if crop else []  # what is squashed keeps its name
    key = json.dumps([video.name, stat.st_size, stat.st_mtime_ns, size, len(keep), int(keep.sum()), *cut])
    entry = folder / f"{video.stem}-{hashlib.sha256(key.encode()).hexdigest()[:12]}.npy"
    if not entry.exists():
        folder.mkdir(exist_ok=True)
        partial = entry.with_suffix(f".{os.getpid()}.part")
        try:
            _decode(recording, partial, keep, size, crop)
            os.replace(partial, entry)
        finally:
            partial.unlink(missing_ok=True)
    return np.load(entry, mmap_mode="r")


def _decode(recording: Recording, path: Path, keep: np.ndarray, size: tuple[int, int], crop: bool) -> None:
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(len(keep), 3, *size))
    done, batch = 0, []
    for frame in recording.video.stream(indices=keep):
        batch.append(frame)
        if len(batch) == BATCH or done + len(batch) == len(keep):
            out[done : done + len(batch)] = resize(np.stack(batch), size, crop=crop).numpy()
            done, batch = done + len(batch), []
    out.flush()


def certainty(confidence: Confidence) -> np.ndarray:
    """How sure a labeller is of each interval: float32 [T], that of the button it is least sure of, max(p, 1 - p).

    The mean over buttons would say 0.95 of everything, since most buttons are idle and easy.
    """
    held = confidence.value[:, [is_button(name) for name in confidence.names]]
    return np.maximum(held, 1 - held).min(1, initial=1.0)


def _certainty(recording: Recording, time_ns: np.ndarray) -> np.ndarray:
    if recording.confidence is None:
        return np.ones(len(time_ns), np.float32)
    row = np.searchsorted(recording.confidence.time_ns, time_ns, side="right").clip(1) - 1
    return certainty(recording.confidence)[row]


def _learnable(recording: Recording, time_ns: np.ndarray) -> np.ndarray:
    """bool [T]: false for the last frame, which has no interval, for what touches a "masked" span, and where a policy played.

    What a policy did is what it knows already, mistakes included; what a person did who took over from it is what it lacks.
    """
    mask = np.append(~recording.masked(time_ns), False)
    for span in recording.spans:
        if span.kind == "control" and span.value.startswith("policy"):
            mask[:-1] &= (time_ns[1:] <= span.start_ns) | (time_ns[:-1] >= span.end_ns)
    return mask


def _outcome(recording: Recording, time_ns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What each interval earned, float64 [T], and whether it was the last, bool [T]. Rewards within one interval add up."""
    reward, ended = np.full(len(time_ns), np.nan), np.zeros(len(time_ns), bool)
    if any(span.kind == "reward" for span in recording.spans):
        reward[:] = 0
    for span in recording.spans:
        row = max(0, int(np.searchsorted(time_ns, span.start_ns, side="right")) - 1)
        if span.kind == "reward":
            reward[row] += _number(recording, span.value)
        elif span.kind == "end":
            ended[row] = True
    return reward, ended


def _number(recording: Recording, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadInput(f"{recording.name} has a span reward of {text[:60]!r}; it must be a finite number")
    return value


def _body(recording: Recording, embodiments: tuple[str, ...]) -> int:
    if not embodiments:
        return 0
    if (game := recording.info.game) not in embodiments:
        raise BadInput(f"{recording.name} is of {game!r}; the model's embodiments are {', '.join(embodiments)}")
    return embodiments.index(game)
