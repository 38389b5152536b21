"""A recording as what the page draws: plain lists and numbers for each side, on the frame grid of the video shown.

Legend: T frames, B buttons. Row t is what was done in [time_ns[t], time_ns[t+1]); the last frame has no row.
"""

import base64
from typing import Any

import numpy as np

from playtape.actions import ActionSpace, Axis
from playtape.actions.names import GENERIC, INPUTS, POINTER, kind
from playtape.actions.runs import runs
from playtape.recordings.recording import Recording


def space_of(sides: list[Recording]) -> ActionSpace:
    """All inputs that any side uses or has confidence for; sided modifiers become generic where a side is unknown."""
    found: set[str] = set()
    for recording in sides:
        found |= set(recording.events.counts())
        found |= set(recording.confidence.names) if recording.confidence else set()
    found = {GENERIC[name] if GENERIC.get(name) in found else name for name in found} - set(POINTER)
    names = [name for name in INPUTS if name in found]
    axes = [Axis(name, "state" if kind(name) == "state" else "sum") for name in names if kind(name) != "button"]
    return ActionSpace(tuple(name for name in names if kind(name) == "button"), tuple(axes))


def side(label: str, recording: Recording, time_ns: np.ndarray, space: ActionSpace) -> dict[str, Any]:
    """One side: `runs` of held rows [start, end) for each button, `axes` values, `probability` as base64 bytes or null."""
    actions = space.actions(recording.events, time_ns)
    return {
        "label": label,
        "runs": [runs(actions.buttons[:, column]).tolist() for column in range(len(space.buttons))],
        "axes": [[_short(v) for v in actions.axes[:, column].tolist()] for column in range(len(space.axes))],
        "probability": _probabilities(recording, time_ns, space.buttons),
        "provenance": dict(recording.provenance),
    }


def _short(value: float) -> float | int:
    """Whole numbers as such, where JavaScript has them: JSON is half as long, and counts read as counts."""
    return int(value) if value == round(value) and abs(value) < 2**53 else round(value, 6)


def _probabilities(recording: Recording, time_ns: np.ndarray, buttons: tuple[str, ...]) -> list[str | None] | None:
    """For each button one byte a row: P(held) * 254, 255 where unknown."""
    known = recording.confidence
    if known is None or not len(known.time_ns):
        return None
    middle = time_ns[:-1] + np.diff(time_ns) // 2
    row = np.searchsorted(known.time_ns, middle, side="right") - 1
    found: list[str | None] = []
    for button in buttons:
        sources = [i for i, name in enumerate(known.names) if button in (name, GENERIC.get(name))]
        if not sources:
            found.append(None)
            continue
        value = np.where(row >= 0, known.value[np.maximum(row, 0)][:, sources].max(axis=1), np.nan)
        byte = np.where(np.isnan(value), 255, np.rint(np.clip(np.nan_to_num(value), 0, 1) * 254)).astype(np.uint8)
        found.append(base64.b64encode(byte.tobytes()).decode())
    return found
