"""Clips that are folders of numbered pictures, as a person has them, with or without what was done.

    ROOT/CLIP/{000001.png, 000002.png, ...}    JPEG, PNG, WebP or BMP, of one size
    ROOT/CLIP/actions.csv                      perhaps: a table by frame or by time (_frames_actions.py)
    ROOT/CLIP/meta.json                        perhaps: {"fps": 30, "game": "doom", "licence": "CC0", "text": "go left"}

- Frames are in the order of the number that their names end in. How many a second there are, meta.json says (the clip's own, or
  one beside the clips for all of them), or when each is shown (`time_ns`); else 30 are taken, and that is told.
- The row of frame k is what was done from that picture on, so `actions[t]` is the row of picture t; pictures without a row are
  masked. A table by time says when, and counts by where its moments fall.
- What a written folder cannot say, `unsaid` lists. The rest is read back as it was, to the bit of every picture.

The pictures are coded anew into a video when they are read: visibly alike, not equal.
"""

import csv
import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from playtape.actions import Events
from playtape.actions.runs import runs
from playtape.errors import BadInput
from playtape.recordings.atomic import atomic_folder
from playtape.recordings.convert import Resize
from playtape.recordings.formats import _numbered
from playtape.recordings.formats._frames_about import NAME, about, told_of
from playtape.recordings.formats._frames_actions import by_frame, by_time, lines, read_table, repeats
from playtape.recordings.nouns import Info, Recording, Span
from playtape.recordings.timeline import check_unchanged
from playtape.recordings.video import Video, write_video

__all__ = ["example", "find", "read", "unsaid", "write"]

ACTIONS = "actions.csv"
KINDS = _numbered.KINDS


def find(root: Path) -> list[Path]:
    """The folders with pictures at or below `root`, sorted."""
    return _numbered.folders(root, KINDS)


def read(path: Path) -> Recording:
    """One clip. Its video is a temporary file that lives as long as the recording: save with video="copy".

    Raises BadInput for fewer than two pictures, for those that are none or not of one size, and for a table or a meta.json with
    something wrong in it.
    """
    folder = Path(os.path.abspath(path))  # noqa: PTH100  # its name counts, be it that of a link
    frames = _numbered.frames_of(folder, KINDS)
    table = read_table(folder / ACTIONS) if (folder / ACTIONS).is_file() else None
    told = about(folder, len(frames))
    warnings = list(told.warnings)
    if lost := _numbered.missing(frames):
        warnings.append(f"{lost} frames are missing between the first and the last")
    video = _numbered.filmed(folder, frames, KINDS, told.fps, told.time_ns)
    spans, events = told.spans(video), Events.empty()
    if table is not None and table.by_frame:
        events, known, strange = by_frame(table, _numbers(frames), video.time_ns)
        ends = np.append(video.time_ns[1:], video.end_ns)
        gaps = runs(np.append(~known[:-1], False))
        spans += [Span(int(video.time_ns[a]), int(ends[b - 1]), "masked", f"no row of {ACTIONS}") for a, b in gaps]
        if len(gaps):
            warnings.append(f"{int((~known[:-1]).sum())} frames have no row in {ACTIONS}, and are masked")
        if strange:
            warnings.append(f"{strange} rows of {ACTIONS} are of no frame, and were left out")
    elif table is not None:
        events, late = by_time(table, video.end_ns)
        if late:
            warnings.append(f"{late} rows of {ACTIONS} are after the last frame, and were left out")
    return Recording(video, events, tuple(sorted(spans)), told.info(folder, video), warnings=tuple(warnings))


def _numbers(frames: list[Path]) -> list[int]:
    """The pictures' numbers. Raises BadInput where two have the same: a row would not say which it is of."""
    numbers = [_numbered.place(file)[0] for file in frames]
    for one, other in pairwise(frames):
        if _numbered.place(one)[0] == _numbered.place(other)[0]:
            raise BadInput(
                f"{one} and {other.name} have one number; with a table by frame legal is one picture for each"
            )
    return numbers


def write(recording: Recording, path: Path, resize: Resize | None = None) -> Path:
    """Write the folder `path`, as PNG pictures, actions.csv if anything was done, and meta.json; whole or not at all."""
    del resize  # pictures stay as large as they are
    folder = Path(path)
    if folder.exists():
        _check_replaceable(folder)
    with atomic_folder(folder) as part:
        _fill(recording, part)
    return folder


def _fill(recording: Recording, folder: Path) -> None:
    from PIL import Image

    check_unchanged(recording.video.path, recording.video.signature)
    for k, picture in enumerate(recording.video.stream(), start=1):
        Image.fromarray(picture).save(folder / f"{k:06}.png", compress_level=1)
    first = int(recording.video.time_ns[0])
    events = recording.events.between(first, recording.video.end_ns).shifted(-first)
    if len(events):
        with (folder / ACTIONS).open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(lines(events))
    spans = [replace(s, start_ns=max(0, s.start_ns - first), end_ns=max(0, s.end_ns - first)) for s in recording.spans]
    (folder / NAME).write_bytes(told_of(recording.info, spans, recording.video))


def _check_replaceable(folder: Path) -> None:
    """Raises BadInput for a folder, or a file, in which anything lies that is not of a clip: it would be lost."""
    own = [] if not folder.is_dir() else [*folder.iterdir()]
    strange = [
        file.name
        for file in own
        if not file.is_file() or not (file.name in (ACTIONS, NAME) or _numbered.is_picture(file.name, KINDS))
    ]
    if not folder.is_dir() or strange:
        held = f"it holds {strange[0]}" if strange else "it is a file"
        raise BadInput(f"cannot write {folder}: {held}; give a folder that is new, or a clip's")


def unsaid(recording: Recording) -> list[str]:
    """What of a recording the format has no words for, one sentence each."""
    found = []
    events, video = recording.events, recording.video
    inside = (events.time_ns >= video.time_ns[0]) & (events.time_ns < video.end_ns)
    if outside := int((~inside & (events.value != 0)).sum()):
        found.append(f"{outside} events before the first frame or after the last have no place, and are left out")
    if again := int(repeats(events).sum()):
        found.append(f"the format has no word for auto-repeat; {again} are left out")
    if recording.confidence is not None:
        found.append("the format has no place for a labeller's confidence")
    return found


def example(tmp: Path) -> Path:
    """Two clips of a square that follows the keys: with a table by frame, and one by time."""
    frames = np.zeros((48, 36, 64, 3), np.uint8)
    for t, frame in enumerate(frames):
        frame[14:22, t : t + 8] = (255, 160, 64)
    tmp = Path(tmp)
    tmp.mkdir(parents=True, exist_ok=True)
    source = write_video(tmp / "source.mp4", frames, fps=24)
    rows = [
        (100_000_000, "key.d", 1),
        (700_000_000, "mouse.dx", 5),
        (700_000_000, "mouse.dy", -2),
        (700_000_001, "pad.left_x", 0.1),
        (1_900_000_000, "key.d", 0),
    ]
    info = Info(game="example", source="made by Playtape", licence="Apache-2.0", screen=(64, 36), extra={"hz": "24"})
    spans = (Span(0, 1_000_000_000, "text", "follow the square"),)
    clip = Recording(Video(source), Events.from_rows(rows), spans, info)
    write(clip, tmp / "by_frame")
    write(clip, tmp / "by_time")
    source.unlink()
    table = ["frame,key.d,mouse.dx", *(f"{k},{int(4 < k < 40)},{k % 3}" for k in range(1, 49))]
    (tmp / "by_frame" / ACTIONS).write_text("\n".join(table) + "\n")
    return tmp
