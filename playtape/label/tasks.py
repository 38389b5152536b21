"""What is done to a video, in pieces that any process can be asked for: a task and its answer are plain JSON objects.

    {"do": "identify", "path", "url"?}                  fetch it if it is a URL, and say which video it is
    {"do": "label", "path", "signature", "target"}      label it; or, if it is long, say into how many parts it is cut
    {"do": "part", "path", "signature", "part", "into"} beliefs of one part
    {"do": "join", "path", "signature", "parts", "target"}   the parts' beliefs to a label

The answer is {"ok": facts}, {"bad": why} for a video that cannot be labelled, {"failed": why} for what may go better another
time, or {"stop": why} where nothing can be written, for which no video is to blame.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from playtape.actions import Actions
from playtape.errors import BadInput
from playtape.label.identity import fetch, identify
from playtape.label.inputs import said
from playtape.label.label import Watched, recorded
from playtape.label.patience import patient
from playtape.label.stitch import KEEP, Part, joined, parts
from playtape.models.protocols import Follower, Labeler, Labels
from playtape.recordings import Recording, Video, save_recording
from playtape.recordings.atomic import atomic
from playtape.training import checkpoint
from playtape.training.checkpoint import Loaded

PART = 128 * 256  # intervals of a part: a quarter of an hour at 35 a second, in some 5 MB of beliefs
BINS = 20  # of the histogram of confidence
Task = dict[str, Any]
Answer = dict[str, Any]
Tell = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Setup:
    """What a process must know before its first task."""

    model: str  # checkpoint folder
    min_confidence: float = 0.0
    mouse_scale: float = 1.0
    idle_seconds: float | None = None
    device: str = "auto"
    part: int = PART

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class NotWritten(Exception):
    """The disk or its permissions are at fault, and not the video."""


class Bench:
    """Does one task after the other with a model in memory. `tell` hears {"frames": how many a video has},
    {"at": n more of them}, {"read": n more bytes} and {"note": sentence}."""

    def __init__(self, setup: Setup, tell: Tell, loaded: Loaded | None = None):
        self.setup, self.tell = setup, tell
        self.loaded = loaded or checkpoint.load(Path(setup.model), to="label")
        self._open: tuple[tuple[str, tuple[int, int]], Watched] | None = None

    def do(self, task: Task) -> Answer:
        """Never raises what is about the task."""
        try:
            return {"ok": getattr(self, f"_{task['do']}")(task)}
        except NotWritten as error:
            return {"stop": str(error)}
        except BadInput as error:
            return {"bad": str(error)}
        except (
            Exception
        ) as error:  # a decoder's or the memory's; three times is enough, and a video must not stop the rest
            return {"failed": said(error)}

    def _identify(self, task: Task) -> dict[str, Any]:
        path, url = Path(task["path"]), task.get("url")
        if url:
            self._written(lambda: fetch(url, path, self._read))
        digest, signature = identify(path, self._read)
        return {"sha256": digest, "signature": signature}

    def _label(self, task: Task) -> dict[str, Any]:
        start = time.perf_counter()
        watched = self._watched(task)
        cut = self._parts(watched)
        self.tell({"frames": len(watched.keep)})
        if len(cut) > 1:
            return {"parts": len(cut)}
        labels = joined([watched.beliefs(device=self.setup.device, tick=self._at)])
        return self._saved(watched, labels, Path(task["target"]), start)

    def _part(self, task: Task) -> dict[str, Any]:
        start = time.perf_counter()
        watched, into = self._watched(task), Path(task["into"])
        labels = watched.beliefs(self._parts(watched)[task["part"]], device=self.setup.device, tick=self._at)
        self._written(lambda: keep_labels(labels, into))
        return {"seconds": round(time.perf_counter() - start, 3)}

    def _join(self, task: Task) -> dict[str, Any]:
        start = time.perf_counter()
        labels = joined([kept_labels(Path(path)) for path in task["parts"]])
        return self._saved(self._watched(task), labels, Path(task["target"]), start)

    def _parts(self, watched: Watched) -> list[Part]:
        model = self.loaded.model
        assert isinstance(model, Labeler | Follower)
        rows = (
            self.setup.part if isinstance(model, Labeler) else KEEP * len(watched.keep)
        )  # who follows does so in one go
        return parts(len(watched.keep), model.reach, rows)

    def _watched(self, task: Task) -> Watched:
        """The video, looked through once: that reads all of its file, and may come again for each part."""
        path, size, time_ns = task["path"], *task["signature"]
        key = (path, (size, time_ns))
        if self._open is None or self._open[0] != key:
            self._open = None
            video = Video(path)
            if video.signature != key[1]:
                raise BadInput(f"{path} changed since it was found; wait until it is complete and try again")
            self._open = (key, Watched(video, self.loaded))
        return self._open[1]

    def _saved(self, watched: Watched, labels: Labels, target: Path, start: float) -> dict[str, Any]:
        how = self.setup
        kept = {"min_confidence": how.min_confidence, "idle_seconds": how.idle_seconds, "mouse_scale": how.mouse_scale}
        recording, actions, found = recorded(watched, labels, **kept)
        self._written(lambda: save_recording(recording, target))
        return {
            "video_seconds": round(recording.video.end_ns / 1e9, 3),
            "intervals": len(labels.held) - 1,
            "output_sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
            "stats": stats(recording, actions, found.confidence),
            "seconds": round(time.perf_counter() - start, 3),
        }

    def _written(self, write: Callable[[], object]) -> None:
        """Raises NotWritten where it is the place that is at fault: atomic.py says so by what its BadInput comes from."""
        try:
            patient(write, lambda text: self.tell({"note": text}))
        except (BadInput, OSError) as error:
            if isinstance(error, OSError) or isinstance(error.__cause__, OSError):
                raise NotWritten(str(error)) from error
            raise

    def _at(self, frames: int) -> None:
        self.tell({"at": frames})

    def _read(self, size: int) -> None:
        self.tell({"read": size})


def stats(recording: Recording, actions: Actions, confidence: np.ndarray) -> dict[str, Any]:
    """Counts over a label's T intervals, for the report: how often each button is held and pressed, each axis moves, none of
    both, and how sure the model was, `confidence` [T] of filtering.py, in BINS of equal width from 0 to 1."""
    assert recording.confidence is not None
    names, buttons = recording.confidence.names, actions.buttons[:-1]
    moved, split = actions.axes[:-1] != 0, buttons.shape[1]
    pressed = buttons & ~np.concatenate([np.zeros((1, split), bool), buttons[:-1]])
    return {
        "held": dict(zip(names[:split], buttons.sum(0).tolist())),
        "pressed": dict(zip(names[:split], pressed.sum(0).tolist())),
        "moved": dict(zip(names[split:], moved.sum(0).tolist())),
        "idle": int((~buttons.any(1) & ~moved.any(1)).sum()),
        "confidence": np.histogram(confidence, BINS, (0.0, 1.0))[0].tolist(),
    }


def keep_labels(labels: Labels, path: Path) -> None:
    """Beliefs into a file (.npz) that appears whole."""
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **{name: getattr(labels, name).numpy() for name in PARTS})


def kept_labels(path: Path) -> Labels:
    """Raises OSError or ValueError for what is not whole."""
    with np.load(path, allow_pickle=False) as found:
        return Labels(*(torch.from_numpy(found[name]) for name in PARTS))


PARTS = tuple(field.name for field in fields(Labels))
