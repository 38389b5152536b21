"""One video to a recording of the keys and mouse that made it.

Decoding runs in its own thread beside the model, both a stretch at a time, so a day of video needs no more memory for pictures
than a minute. The model has one thread of its own: two round differently from one, and labels must not depend on how many
machines or processes share the work (run.py). Knows no model by name: anything that is a Labeler will do.
"""

import hashlib
import json
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from playtape import __version__
from playtape.actions import Actions
from playtape.clips import regular, resize
from playtape.errors import BadInput
from playtape.label.decode import Calibration, calibrated, decode
from playtape.label.filtering import Filtered, filtered
from playtape.label.scale import scaled
from playtape.label.stitch import BATCH, Part, joined, stitch_part
from playtape.models.protocols import Follower, Labeler, Labels
from playtape.recordings import Confidence, Info, Recording, Video, open_recording
from playtape.recordings.licences import UNREAD, licences, note
from playtape.training.checkpoint import Loaded
from playtape.training.device import find_device

AHEAD = 4  # batches decoded before the model asks for them
Tick = Callable[[int], None]


@dataclass(frozen=True)
class Watched:
    """A video, and which of its frames a model looks at. Raises BadInput, here or at `keep`, for one that it cannot label."""

    video: Video
    loaded: Loaded

    @cached_property
    def keep(self) -> np.ndarray:
        """int64 [T], frame numbers."""
        fps, model = self.loaded.model.config.fps, self.loaded.model
        assert isinstance(model, Labeler | Follower)
        keep, least = regular(self.video.time_ns, fps), 2 * model.reach + 2
        if len(keep) < least:
            raise BadInput(
                f"{self.video.path} is shorter than one window: it has {len(keep)} frames at {fps:g} a second, "
                f"and {self.loaded.name} needs {least}"
            )
        return keep

    @property
    def time_ns(self) -> np.ndarray:
        """int64 [T]: the frames' times."""
        return self.video.time_ns[self.keep]

    def beliefs(self, part: Part | None = None, *, device: str = "auto", tick: Tick = lambda frames: None) -> Labels:
        """Of a part's rows, or of all T - 1. `tick` is told of every few frames that have been decoded."""
        model, config, device = self.loaded.model, self.loaded.model.config, find_device(device)
        assert isinstance(model, Labeler | Follower)
        model.to(device)

        def batches() -> Iterator[Tensor]:
            for batch in _ahead(self._resized((config.height, config.width_px), part)):
                tick(len(batch))
                yield batch.to(device)

        with torch.inference_mode(), one_thread():
            if isinstance(model, Follower):  # in one go: it has no parts
                whole = model.follow(batches())
                return Labels(*(getattr(whole, each.name)[:-1] for each in fields(Labels)))
            return stitch_part(model, batches(), part)

    def _resized(self, size: tuple[int, int], part: Part | None) -> Iterator[Tensor]:
        keep = self.keep if part is None else self.keep[part.start : part.stop]
        shape, batch, room = (self.video.height, self.video.width), [], (part.entered if part else 0) or BATCH
        for number, frame in zip(keep, self.video.stream(indices=keep), strict=True):
            if frame.shape[:2] != shape:
                raise BadInput(
                    f"{self.video.path}: the picture's size changes from {shape[1]}x{shape[0]} to "
                    f"{frame.shape[1]}x{frame.shape[0]} at frame {number}; legal is one size, so cut the file there"
                )
            batch.append(resize(frame, size))
            if len(batch) == room:
                yield torch.stack(batch)
                batch, room = [], BATCH
        if batch:
            yield torch.stack(batch)


@contextmanager
def one_thread() -> Generator[None]:
    """While this lasts, torch computes in the caller's thread alone; see the module."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def label_video(
    path: Path,
    loaded: Loaded,
    *,
    min_confidence: float = 0.0,
    mouse_scale: float = 1.0,
    device: str = "auto",
    progress: bool = True,
) -> Recording:
    """One video to a recording with events, confidence and provenance. Not saved."""
    video = Video(path)
    _, labels = beliefs(loaded, video, device=device, progress=progress)
    return recorded(Watched(video, loaded), labels, min_confidence=min_confidence, mouse_scale=mouse_scale)[0]


def beliefs(loaded: Loaded, video: Video, *, device: str = "auto", progress: bool = True) -> tuple[np.ndarray, Labels]:
    """The times int64 [T] of the frames the model looked at, and T rows of raw beliefs (the last means nothing)."""
    watched = Watched(video, loaded)
    with tqdm(total=len(watched.keep), desc=f"label {video.path.name}", unit="frame", disable=not progress) as shown:
        return watched.time_ns, joined([watched.beliefs(device=device, tick=shown.update)])


def recorded(
    watched: Watched,
    labels: Labels,
    *,
    min_confidence: float = 0.0,
    idle_seconds: float | None = None,
    mouse_scale: float = 1.0,
) -> tuple[Recording, Actions, Filtered]:
    """T rows of beliefs to a recording, the T rows of actions that are in it, and what filtering.py found of them."""
    loaded, video, time_ns = watched.loaded, watched.video, watched.time_ns
    calibration = Calibration.of(loaded.train, loaded.space)
    labels = scaled(labels, loaded.space, mouse_scale)
    actions = decode(labels, calibration, loaded.space)
    names = (*loaded.space.buttons, *(axis.name for axis in loaded.space.axes))
    value = np.concatenate([calibrated(labels.held.numpy(), calibration), labels.std.numpy() * calibration.spread], 1)
    confidence = Confidence(time_ns[:-1], names, value[:-1].astype(np.float32))
    most = np.inf if idle_seconds is None else idle_seconds
    found = filtered(actions, confidence.value, time_ns, loaded.space, least=min_confidence, idle_s=most)
    unsure = np.append(found.unsure, False)
    actions.buttons[unsure], actions.axes[unsure] = False, 0
    recording = Recording(
        video,
        loaded.space.events(actions, time_ns),
        found.spans,
        Info(source=f"labelled by {loaded.name}"),
        confidence,
        _provenance(loaded, calibration, video.path, min_confidence)
        | {"mouse_scale": f"{mouse_scale:g}", "idle_seconds": "" if idle_seconds is None else f"{idle_seconds:g}"},
    )
    return recording, actions, found


def _ahead(source: Iterator[Tensor]) -> Iterator[Tensor]:
    """The same items, made in another thread up to AHEAD of the reader; its errors are raised here."""
    line: queue.Queue[Tensor | BaseException | None] = queue.Queue(AHEAD)
    stop = threading.Event()

    def put(item: Tensor | BaseException | None) -> None:
        while not stop.is_set():
            try:
                line.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            for item in source:
                put(item)
                if stop.is_set():
                    return
            put(None)
        except BaseException as error:  # handed to the reader, whatever it is
            put(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while (item := line.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()


def _provenance(loaded: Loaded, calibration: Calibration, video: Path, min_confidence: float) -> dict[str, str]:
    return {
        "kind": "pseudo",
        "playtape_version": __version__,
        "model": loaded.name,
        "model_sha256": loaded.hash,
        "calibration": json.dumps(calibration.to_json()),
        "calibration_sha256": hashlib.sha256(json.dumps(calibration.to_json()).encode()).hexdigest(),
        "min_confidence": f"{min_confidence:g}",
        "fps": f"{loaded.model.config.fps:g}",
        "size": f"{loaded.model.config.width_px}x{loaded.model.config.height}",
        "convention": "actions[t] covers [time_ns[t], time_ns[t+1])",
        "seen_in_training": str(video.stem in (loaded.train.get("trained_on") or [])).lower(),
        **note([*loaded.licences, *_licences(video)]),
    }


def _licences(video: Path) -> list[str]:
    """Those of a recording of this video that lies beside it, if one does; of one that cannot be read, that they are unknown."""
    beside = video.with_suffix(".mcap")
    try:
        return list(licences(open_recording(beside))) if beside.is_file() else []
    except (BadInput, OSError):
        return [UNREAD]
