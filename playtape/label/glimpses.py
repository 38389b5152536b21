"""What some labels say, to be looked at: a few pictures with the input of their interval, and where in time play, rest and masks
lie.

At most VIDEOS labels are opened, however many there are, and of their videos only the pictures shown are decoded, with what lies
between them and the keyframe before. One that cannot be read any more is left out: no picture is worth a run.

Legend: T intervals of a label, B buttons, A axes.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from playtape.actions import Actions
from playtape.errors import BadInput
from playtape.label.ledger import Line
from playtape.recordings import Recording, open_recording
from playtape.recordings.container import Container
from playtape.recordings.licences import inherited
from playtape.training.checkpoint import Loaded

VIDEOS, PICTURES = 6, 12
WIDTH = 160  # pixels, and no higher either
MOST_BYTES = 25_000  # of a picture in base64: all PICTURES in 300 kB
QUALITIES = (80, 60, 40, 20)  # of a JPEG; the first that fits is taken
FAR = 600  # frames after a keyframe beyond which nothing is shown: all between would have to be decoded
RESTING = 3  # each third picture is of an idle interval, if there is one
BINS = 120  # of a timeline
IDLE, ACTIVE, MASKED = range(3)
STATES = ("idle", "active", "masked")


@dataclass(frozen=True)
class Glimpse:
    """An interval: its frame, which is all that is decoded, and what the label says is done in it."""

    time_ns: int
    state: str  # of STATES
    held: tuple[tuple[str, float], ...]  # buttons, each with its calibrated P(held)
    moved: dict[str, float]  # axes that are not 0
    jpeg: str  # base64
    size: tuple[int, int]  # width, height


@dataclass(frozen=True, eq=False)
class Shown:
    """One label. `timeline` float64 [up to BINS, 3]: of each stretch of time the shares of STATES; `shares` [3]: of all."""

    name: str
    end_ns: int
    timeline: np.ndarray
    shares: np.ndarray
    glimpses: tuple[Glimpse, ...]
    licences: tuple[str, ...]  # of what the label was made from
    game: str  # as a recording of the same video, beside it, has it
    truth: Path | None  # that recording, where it is none that a model made


def glimpses(out: Path, done: Sequence[Line], loaded: Loaded) -> list[Shown]:
    """Of labels evenly spread over those that are done, in the order of their names. Reads; writes nothing, raises nothing."""
    chosen = _spread(sorted(done, key=lambda line: line.name), VIDEOS)
    shares = [len(part) for part in np.array_split(np.arange(PICTURES), len(chosen) or 1)]
    shown: list[Shown] = []
    for line, count in zip(chosen, shares):
        before = sum(len(each.glimpses) for each in shown)
        try:
            shown.append(_shown(out, line, loaded, range(before, before + count)))
        except Exception:  # gone, changed, or unreadable meanwhile: the labels stand, and this is only a look at them
            continue
    return shown


def _spread(lines: Sequence[Line], most: int) -> list[Line]:
    if len(lines) <= most:
        return [*lines]
    return [lines[place] for place in np.linspace(0, len(lines) - 1, most).round().astype(int)]


def _shown(out: Path, line: Line, loaded: Loaded, numbers: range) -> Shown:
    recording = open_recording(out / line.output)
    known, video, space = recording.confidence, recording.video, loaded.space
    names = (*space.buttons, *(axis.name for axis in space.axes))
    if known is None or known.names != names or video.signature[0] != line.video_bytes:
        raise BadInput(f"{recording.path} is not what the ledger speaks of")
    frames = np.searchsorted(video.time_ns, known.time_ns)
    if not np.array_equal(video.time_ns[np.minimum(frames, len(video) - 1)], known.time_ns):
        raise BadInput(f"{video.path} has other frames than those that were labelled")
    usual = int(np.median(np.diff(known.time_ns)))
    time_ns = np.append(known.time_ns, known.time_ns[-1] + usual)
    actions = space.actions(recording.events, time_ns)
    active = (actions.buttons[:-1].any(1)) | (actions.axes[:-1] != 0).any(1)
    state = np.where(recording.masked(time_ns), MASKED, np.where(active, ACTIVE, IDLE))
    moments = _moments(state, actions, _near(frames, video.keyframes), numbers)
    pictures = zip(moments, video.stream(indices=frames[moments]), strict=True)
    bins = min(BINS, len(state))
    timeline = [np.bincount(part, minlength=3) / len(part) for part in np.array_split(state, bins)]
    game, truth = _beside(video.path if "://" in line.source else Path(line.source))
    return Shown(
        line.name,
        video.end_ns,
        np.array(timeline),
        np.bincount(state, minlength=3) / len(state),
        tuple(_glimpse(recording, actions, names, int(state[row]), row, frame) for row, frame in pictures),
        tuple(inherited(recording.provenance)),
        game,
        truth,
    )


def _near(frames: np.ndarray, keyframes: np.ndarray) -> np.ndarray:
    """bool [T]: is a keyframe at most FAR frames before?"""
    if not len(keyframes):
        return frames <= FAR
    last = keyframes[np.maximum(np.searchsorted(keyframes, frames, side="right") - 1, 0)]
    return frames - np.where(last <= frames, last, 0) <= FAR


def _moments(state: np.ndarray, actions: Actions, near: np.ndarray, numbers: range) -> list[int]:
    """Rows, rising, one from each of as many equal stretches of the label as `numbers`, its pictures' places on the page.

    What is wanted of a place, play or rest, is taken where its stretch has it, else whatever is there; if all stretches together
    lack one, it is taken from elsewhere in the label.
    """
    does = np.concatenate([actions.buttons[:-1], actions.axes[:-1] != 0], axis=1)
    wanted = {number: IDLE if number % RESTING == RESTING - 1 else ACTIVE for number in numbers}
    parts = dict(zip(numbers, np.array_split(np.arange(len(state)), len(numbers))))
    found: dict[int, int] = {}

    def nearest(rows: np.ndarray, number: int) -> int:
        """To the middle of a place's stretch, of those that show what no picture of this label has, if there are some."""
        part, seen = parts[number], [does[row] for row in found.values()]
        fresh = [row for row in rows.tolist() if not any(np.array_equal(does[row], other) for other in seen)]
        middle = (int(part[0]) + int(part[-1])) / 2
        return min(fresh or rows.tolist(), key=lambda row: (abs(row - middle), row))

    for number, part in parts.items():
        rows = part[near[part]]
        order = (wanted[number], ACTIVE, IDLE, MASKED)
        if len(rows):
            found[number] = nearest(next(some for kind in order if len(some := rows[state[rows] == kind])), number)
    for kind in (IDLE, ACTIVE):
        rows = np.flatnonzero(near & (state == kind))
        places = [number for number in found if wanted[number] == kind]
        if len(rows) and places and not any(state[row] == kind for row in found.values()):
            found[places[-1]] = nearest(rows, places[-1])
    return sorted(found.values())


def _glimpse(
    recording: Recording, actions: Actions, names: Sequence[str], state: int, row: int, frame: np.ndarray
) -> Glimpse:
    assert recording.confidence is not None
    chance, split = recording.confidence.value[row], actions.buttons.shape[1]
    held = tuple((names[k], float(chance[k])) for k in np.flatnonzero(actions.buttons[row]))
    moved = {names[split + k]: float(actions.axes[row, k]) for k in np.flatnonzero(actions.axes[row])}
    image = Image.fromarray(frame)
    image.thumbnail((WIDTH, WIDTH))
    return Glimpse(int(recording.confidence.time_ns[row]), STATES[state], held, moved, _jpeg(image), image.size)


def _jpeg(image: Image.Image) -> str:
    """Base64, the better the more often it fits into MOST_BYTES."""
    text = ""
    for quality in QUALITIES:
        data = io.BytesIO()
        image.save(data, "JPEG", quality=quality, optimize=True)
        text = base64.b64encode(data.getvalue()).decode()
        if len(text) <= MOST_BYTES:
            return text
    raise BadInput(f"a picture of {len(text)} bytes is larger than {MOST_BYTES}")


def _beside(video: Path) -> tuple[str, Path | None]:
    """Of a recording of this video that lies beside it: its game, and itself, unless a model made it."""
    path = video.with_suffix(".mcap")
    try:
        container = Container(path)
        for _ in container.batches():  # its own words may come last; nothing of its video is read
            pass
    except (BadInput, OSError):
        return "", None
    own = container.metadata.get("recording", {}).get("game", "")
    return own, None if container.metadata.get("provenance", {}).get("kind") == "pseudo" else path
