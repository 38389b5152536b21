"""`playtape label`: gameplay video in, recordings of the keys and mouse that made it out.

One function labels one video; a folder maps it. Decoding runs in its own thread beside the model, both a stretch at a time,
so an hour of video needs no more memory than a minute. Knows no model by name: anything that is a Labeler will do.
"""

import hashlib
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from playtape import __version__
from playtape.actions.runs import runs
from playtape.clips import certainty, regular, resize
from playtape.errors import BadInput
from playtape.label.decode import Calibration, calibrated, decode
from playtape.label.scale import measured, scaled
from playtape.label.stitch import stitch
from playtape.models.protocols import Follower, Labeler, Labels
from playtape.recordings import Confidence, Info, Recording, Span, Video, open_recording, save_recording
from playtape.recordings.atomic import check_new, check_one_way, ground
from playtape.training import checkpoint
from playtape.training.checkpoint import Loaded
from playtape.training.device import find_device
from playtape.training.memory import keep_freed_memory

SHIPPED = Path(__file__).parents[1] / "models" / "weights" / "idm-doom"
SUFFIXES = (".mp4", ".mkv", ".mov", ".webm", ".avi", ".m4v", ".ts", ".flv")
BATCH = 32  # frames looked at together
AHEAD = 4  # batches decoded before the model asks for them


def label(
    source: Path,
    out: Path,
    *,
    model: Path | None = None,
    min_confidence: float = 0.0,
    mouse_scale: float | Path = 1.0,
    device: str = "auto",
    replace: bool = False,
    missing: bool = False,
    progress: bool = True,
) -> dict[str, Any]:
    """Label a video, or every video below a folder, into `out`.

    Labels that are there already are written anew with `replace`, and left as they are with `missing`, which does the rest.
    `mouse_scale`: a factor on mouse motion, or a recording of a few seconds by the same hands to measure it by.
    Returns {"outputs": [...], "kept": [...], "video_seconds": s, "seconds": s, "skipped": {path: why}, "mouse_scale": x}.
    Raises BadInput if nothing could be labelled, and, with neither word about it, where something would be replaced.
    """
    check_one_way(replace, missing)
    started = time.perf_counter()
    keep_freed_memory()
    device = find_device(device)
    loaded = checkpoint.load(model or SHIPPED, to="label")
    every = _targets(source, out)
    kept = [str(target) for target in every.values() if missing and target.is_file()]
    targets = {video: target for video, target in every.items() if str(target) not in kept}
    _check_writable(out, targets)
    if not replace:
        check_new(targets.values())
    Calibration.of(loaded.train, loaded.space)  # raises before an hour of video is decoded
    if "calibration" not in loaded.train:
        print(
            f"note: {model} was never calibrated: its probabilities are as it made them and every threshold is 0.5; "
            f"`playtape train --resume {model}` calibrates a run that was cut off",
            file=sys.stderr,
        )
    factor = _factor(loaded, mouse_scale, device)
    outputs, seconds, skipped = [], 0.0, {}
    for video, target in targets.items():
        try:
            recording = label_video(
                video, loaded, min_confidence=min_confidence, mouse_scale=factor, device=device, progress=progress
            )
        except BadInput as error:
            if len(every) == 1:
                raise
            skipped[str(video)] = str(error)
            print(f"skipped {video}: {error}", file=sys.stderr)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        outputs.append(str(save_recording(recording, target)))
        seconds += recording.video.end_ns / 1e9
    if not outputs and not kept:
        raise BadInput(
            f"none of the {len(targets)} videos in {source} could be labelled; the first: {next(iter(skipped.values()))}"
        )
    took = round(time.perf_counter() - started, 3)
    return {
        "outputs": outputs,
        "kept": kept,
        "video_seconds": round(seconds, 3),
        "seconds": took,
        "skipped": skipped,
        "mouse_scale": factor,
    }


def _factor(loaded: Loaded, mouse_scale: float | Path, device: str) -> float:
    if not isinstance(mouse_scale, Path):
        return mouse_scale
    known = open_recording(mouse_scale)
    time_ns, labels = beliefs(loaded, known.video, device=device, progress=False)
    return measured(loaded.space.actions(known.events, time_ns), labels, loaded.space)


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
    calibration = Calibration.of(loaded.train, loaded.space)
    time_ns, labels = beliefs(loaded, video, device=device, progress=progress)
    labels = scaled(labels, loaded.space, mouse_scale)
    actions = decode(labels, calibration, loaded.space)
    names = (*loaded.space.buttons, *(axis.name for axis in loaded.space.axes))
    value = np.concatenate([calibrated(labels.held.numpy(), calibration), labels.std.numpy() * calibration.spread], 1)
    confidence = Confidence(time_ns[:-1], names, value[:-1].astype(np.float32))
    unsure = np.append(certainty(confidence) < min_confidence, False)
    actions.buttons[unsure], actions.axes[unsure] = False, 0
    return Recording(
        video,
        loaded.space.events(actions, time_ns),
        _spans(time_ns, unsure, min_confidence),
        Info(source=f"labelled by {loaded.name}"),
        confidence,
        _provenance(loaded, calibration, path, min_confidence) | {"mouse_scale": f"{mouse_scale:g}"},
    )


def beliefs(loaded: Loaded, video: Video, *, device: str = "auto", progress: bool = True) -> tuple[np.ndarray, Labels]:
    """The times int64 [T] of the frames the model looked at, and T rows of raw beliefs (the last means nothing)."""
    config, model = loaded.model.config, loaded.model
    assert isinstance(model, Labeler | Follower)
    keep = regular(video.time_ns, config.fps)
    least = 2 * model.reach + 2
    if len(keep) < least:
        raise BadInput(
            f"{video.path} is shorter than one window: it has {len(keep)} frames at {config.fps:g} a second, "
            f"and {loaded.name} needs {least}"
        )
    size = (config.height, config.width_px)
    shown = tqdm(total=len(keep), desc=f"label {video.path.name}", unit="frame", disable=not progress)
    device = find_device(device)
    model.to(device)

    def batches() -> Iterator[Tensor]:
        for batch in _ahead(_resized(video, keep, size)):
            shown.update(len(batch))
            yield batch.to(device)

    with shown, torch.inference_mode():
        labels = model.follow(batches()) if isinstance(model, Follower) else stitch(model, batches())
        return video.time_ns[keep], labels


def _resized(video: Video, keep: np.ndarray, size: tuple[int, int]) -> Iterator[Tensor]:
    batch = []
    for frame in video.stream(indices=keep):
        batch.append(resize(frame, size))
        if len(batch) == BATCH:
            yield torch.stack(batch)
            batch = []
    if batch:
        yield torch.stack(batch)


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


def _targets(source: Path, out: Path) -> dict[Path, Path]:
    """Each video and the recording to write for it; the folder's own shape is kept."""
    if not source.exists():
        raise BadInput(f"there is no video or folder {source}")
    if source.is_file():
        return {source: out / f"{source.stem}.mcap"}
    videos = sorted(
        path for path in source.rglob("*") if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )
    if not videos:
        raise BadInput(f"there is no video in {source}; legal endings are {', '.join(SUFFIXES)}")
    targets: dict[Path, Path] = {}
    for video in videos:
        target = (out / video.relative_to(source)).with_suffix(".mcap")
        if target in targets.values():
            twin = next(other for other, taken in targets.items() if taken == target)
            raise BadInput(f"{twin} and {video} would both be labelled into {target}; rename one")
        targets[video] = target
    return targets


def _check_writable(out: Path, targets: dict[Path, Path]) -> None:
    """Raises BadInput, before any work, where a result could not be written or would replace the player's own input."""
    there, writable = ground(out)
    if not writable:
        raise BadInput(f"cannot write labels into {out}: {there} is not a folder that can be written to")
    for target in targets.values():
        if target.is_dir():
            raise BadInput(f"cannot write {target}: it is a folder")
        if target.exists() and open_recording(target).provenance.get("kind") != "pseudo":
            raise BadInput(
                f"{target} is a recording that no model made; give another --out, so that it is not replaced"
            )


def _spans(time_ns: np.ndarray, unsure: np.ndarray, least: float) -> tuple[Span, ...]:
    """Stretches not to be learned from."""
    why = f"confidence below {least:g}"
    return tuple(Span(int(time_ns[start]), int(time_ns[end]), "masked", why) for start, end in runs(unsure))


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
        "host_threads": str(os.cpu_count()),
    }
