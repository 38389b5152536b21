"""What is wrong with inputs, by the inputs alone. Legend: T frames, B buttons."""

from collections.abc import Iterator

import numpy as np

from playtape.actions import ActionSpace
from playtape.actions.events import PRESS
from playtape.actions.names import is_button
from playtape.actions.runs import runs
from playtape.check.findings import Finding, Limits
from playtape.recordings import Recording

ONCE_S = 1.0  # a person's input of a second counts for that second
FASTEST_S = 0.05  # no hand presses a key 20 times a second for long; automatic repeats come at 25 to 40
EVEN = 0.25  # spread of automatic repeats' intervals, of their length


def findings(recording: Recording, limits: Limits) -> Iterator[Finding]:
    """All of this file, in no order."""
    events, time, end = recording.events, recording.time_ns, recording.video.end_ns
    names = tuple(name for name in events.counts() if is_button(name))
    held = ActionSpace(names, ()).actions(events, time).buttons[:-1]  # [T - 1, B]
    if len(held):
        yield from _held(held, names, end, limits)
        yield from _many(held, names, time, limits)
        yield from _stuck(held, names, time, limits)
    yield from _idle(recording, held, limits)
    for name in names:
        yield from _repeats(recording, name, limits)


def _held(held: np.ndarray, names: tuple[str, ...], end: int, limits: Limits) -> Iterator[Finding]:
    for name, share in zip(names, held.mean(axis=0), strict=True):
        if name.startswith("key.") and share > limits.held_share:
            yield Finding(
                0, end, "held-key", f"{name} is held in {share:.0%} of the frames (limit {limits.held_share:.0%})"
            )


def _many(held: np.ndarray, names: tuple[str, ...], time: np.ndarray, limits: Limits) -> Iterator[Finding]:
    keys = held[:, [name.startswith("key.") for name in names]].sum(axis=1)
    for first, last in runs(keys > limits.keys_at_once):
        most = int(keys[first:last].max())
        yield Finding(
            int(time[first]),
            int(time[last]),
            "many-keys",
            f"{most} keys are held at once (limit {limits.keys_at_once})",
        )


def _stuck(held: np.ndarray, names: tuple[str, ...], time: np.ndarray, limits: Limits) -> Iterator[Finding]:
    """Held in the first interval already, and for long: the recorder missed the press, or the release of a hotkey."""
    for k in np.flatnonzero(held[0]):
        last = int(np.argmin(held[:, k])) if not held[:, k].all() else len(held)
        seconds = (time[last] - time[0]) / 1e9
        if seconds >= limits.stuck_s:
            text = f"{names[k]} is held from the first frame on for {seconds:.1f} s (limit {limits.stuck_s:g} s)"
            yield Finding(int(time[0]), int(time[last]), "stuck", text)


def _idle(recording: Recording, held: np.ndarray, limits: Limits) -> Iterator[Finding]:
    time, end = recording.time_ns, recording.video.end_ns
    busy = np.concatenate([recording.events.time_ns, time[:-1][held.any(axis=1)] if len(held) else []]).astype(np.int64)
    busy = np.sort(busy[(busy >= time[0]) & (busy < end)])
    bounds = np.concatenate([[time[0]], busy, [end]])
    for i in np.flatnonzero(np.diff(bounds) > limits.idle_s * 1e9):
        seconds = (bounds[i + 1] - bounds[i]) / 1e9
        text = f"nothing is done for {seconds:.1f} s (limit {limits.idle_s:g} s)"
        yield Finding(int(bounds[i]), int(bounds[i + 1]), "idle", text)
    seconds = max(1, round((end - time[0]) / (ONCE_S * 1e9)))
    active = len(np.unique((busy - time[0]) // int(ONCE_S * 1e9))) / seconds
    if active < limits.active_share:
        text = f"something is done in {active:.0%} of its seconds (limit {limits.active_share:.0%})"
        yield Finding(int(time[0]), int(end), "idle", text)


def _repeats(recording: Recording, name: str, limits: Limits) -> Iterator[Finding]:
    """Presses at one short interval, as a held key repeats itself, and no hand does."""
    events = recording.events.of(name)
    press = events.time_ns[events.value == PRESS]
    step = np.diff(press) / 1e9
    for first, last in runs(step < FASTEST_S):
        length = last - first + 1
        part = step[first:last]
        if length >= limits.repeats and part.std() < EVEN * part.mean():
            text = (
                f"{name} is pressed {length} times in a row every {part.mean() * 1e3:.0f} ms (limit {limits.repeats})"
            )
            yield Finding(int(press[first]), int(press[last]) + 1, "auto-repeat", text)
