"""What is wrong with pictures, by a glance at them and the inputs that should move them. Legend: T frames."""

from collections.abc import Iterator

import numpy as np

from playtape.actions import ActionSpace, Axis
from playtape.actions.runs import runs
from playtape.check import lag
from playtape.check.findings import Finding, Limits
from playtape.check.glance import Glance
from playtape.recordings import Recording
from playtape.recordings.desync import MOVES, SAME

TURN = "mouse.dx"
CLEAR = 0.5  # of the usual turn: a smaller one may move the picture by less than a pixel
MOVING = 0.3  # share of a still stretch's intervals that have inputs which should move the picture
FEWEST = 30  # intervals to judge a share or a correlation by
STEADY_S = 1.5  # that a border stays within a pixel, as no dark corner of a game does
WIDER = 0.04  # of the picture's side


def turns(recording: Recording) -> np.ndarray:
    """float32 [T - 1]: how far the mouse turns in each interval, in counts."""
    return ActionSpace((), (Axis(TURN, "sum"),)).actions(recording.events, recording.time_ns).axes[:-1, 0]


def findings(recording: Recording, seen: Glance, turn: np.ndarray, limits: Limits) -> Iterator[Finding]:
    """All of this file, in no order. `turn` as `turns` gives it."""
    time, moves = recording.time_ns, _moving(recording, turn)
    frozen = list(_frozen(time, seen, moves, limits))
    yield from frozen
    apart = np.ones(len(moves), bool)
    for one in frozen:
        apart &= (time[1:] <= one.start_ns) | (time[:-1] >= one.end_ns)
    yield from _duplicates(recording, seen, moves & apart, limits)
    yield from _lag(recording, seen, apart, limits)
    yield from _size(recording, seen)


def _moving(recording: Recording, turn: np.ndarray) -> np.ndarray:
    """bool [T - 1]: intervals whose inputs move the picture; by clear turns where there are any, else by keys."""
    if (turn != 0).sum() >= FEWEST:
        return np.abs(turn) >= CLEAR * np.median(np.abs(turn[turn != 0]))
    return ActionSpace(MOVES, ()).actions(recording.events, recording.time_ns).buttons[:-1].any(axis=1)


def _frozen(time: np.ndarray, seen: Glance, moves: np.ndarray, limits: Limits) -> Iterator[Finding]:
    for first, last in runs(seen.change < SAME):
        seconds = (time[last] - time[first]) / 1e9
        if seconds >= limits.frozen_s and moves[first:last].mean() > MOVING:
            text = f"the picture stands still for {seconds:.1f} s while inputs move it (limit {limits.frozen_s:g} s)"
            yield Finding(int(time[first]), int(time[last]), "frozen", text)


def _duplicates(recording: Recording, seen: Glance, moves: np.ndarray, limits: Limits) -> Iterator[Finding]:
    if moves.sum() < FEWEST:
        return
    share = float((seen.change[moves] < SAME).mean())
    if share > limits.duplicate_share:
        text = f"{share:.0%} of the frames that should differ are shown twice (limit {limits.duplicate_share:.0%})"
        yield Finding(0, recording.video.end_ns, "duplicates", text)


def _lag(recording: Recording, seen: Glance, apart: np.ndarray, limits: Limits) -> Iterator[Finding]:
    """By turns of the mouse alone: a car answers its keys late, and rightly. `check --lag` looks at all there is."""
    found = lag.turned(recording, seen, apart)
    if not found.found:
        return
    step = float(np.median(np.diff(recording.time_ns))) / 1e9
    frames = round(found.seconds / step)
    if abs(frames) >= limits.lag_frames:
        late = "later" if frames > 0 else "earlier"
        text = (
            f"the picture answers turns {abs(frames)} frames {late} than it should ({found.seconds * 1e3:.0f} ms, "
            f"from {found.low * 1e3:.0f} to {found.high * 1e3:.0f}; limit {limits.lag_frames} frames)"
        )
        yield Finding(0, recording.video.end_ns, "lag", text)


def _size(recording: Recording, seen: Glance) -> Iterator[Finding]:
    """A window that was resized leaves black borders that stay, in a video that keeps its size."""
    time = np.append(recording.time_ns, recording.video.end_ns)
    known = seen.border.min(axis=1) >= 0
    steady = (np.abs(np.diff(seen.border, axis=0)).max(axis=1) <= 1) & known[1:] & known[:-1]
    stays = [
        (first, last + 1, np.median(seen.border[first : last + 1], axis=0).astype(int))
        for first, last in runs(steady)
        if (time[last + 1] - time[first]) / 1e9 >= STEADY_S and (seen.change[first:last] >= SAME).any()
    ]
    if not stays:
        return
    usual = max(stays, key=lambda stay: stay[1] - stay[0])[2]
    sides = np.array([seen.size[1], seen.size[1], seen.size[0], seen.size[0]])
    for first, last, border in stays:
        if (np.abs(border - usual) > WIDER * sides).any():
            width, height = seen.size
            inside = f"{width - border[2] - border[3]} x {height - border[0] - border[1]} of {width} x {height}"
            text = f"the picture has black borders, {inside} pixels are of the game; elsewhere there are others"
            yield Finding(int(time[first]), int(time[last]), "size", text)
