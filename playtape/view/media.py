"""How the page gets a recording's video: inside itself, beside itself, or as a shorter and smaller copy.

A browser plays h264 in mp4. Such a file goes into the page if it is small, and is referred to if it is large; anything
else is encoded again, at most 640 pixels wide and 120 s long.
"""

import base64
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from playtape.recordings.encode import write_video
from playtape.recordings.video import Video

EMBED_BYTES = 24_000_000  # one video inside the page; base64 makes it a third longer
PAGE_BYTES = 60_000_000  # all videos inside one page
COPY_NS = 120_000_000_000
COPY_WIDTH = 640


def media(video: Video, html: Path, budget: int) -> tuple[dict[str, Any], str | None]:
    """(what the page says of the video, its base64 or None). `budget`: how many bytes may still go into the page.

    `offset_ns` is to be added to the player's time to get the recording's (Chromium's clock is the container's own; the
    page measures it where it can); `frames` is how many frames there are to see.
    """
    size = video.path.stat().st_size
    playable = video.in_browsers and video.crop is None
    about = {"source": None, "offset_ns": -video.origin_ns, "frames": len(video), "note": ""}
    if playable and size <= min(EMBED_BYTES, budget):
        return about, base64.b64encode(video.path.read_bytes()).decode()
    if playable:
        relative = os.path.relpath(video.path.resolve(), html.parent.resolve())
        note = f"The video is too large for the page ({size / 1e6:.0f} MB) and is read from {relative}: keep both together."
        return {**about, "source": quote(os.fsencode(Path(relative).as_posix())), "note": note}, None
    return _copy(video, about, budget)


def _copy(video: Video, about: dict[str, Any], budget: int) -> tuple[dict[str, Any], str | None]:
    """The start of a video that browsers do not play, as one that they do."""
    start = int(video.time_ns[0])
    stop = int(np.searchsorted(video.time_ns, start + COPY_NS))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "copy.mp4"
        write_video(path, _smaller(video, stop), time_ns=video.time_ns[:stop] - start, crf=26)
        data = path.read_bytes()
    if len(data) > budget:
        return {**about, "frames": 0, "note": "The page is full: its other videos leave no room for this one."}, None
    note = f"Shown as a copy, since browsers do not play {video.codec} in {video.path.suffix}."
    if stop < len(video):
        note += f" Only the first {COPY_NS // 10**9} s of the picture; the timeline has everything."
    return {**about, "offset_ns": start, "frames": stop, "note": note}, base64.b64encode(data).decode()


def _smaller(video: Video, stop: int) -> Iterator[np.ndarray]:
    """Frames at a whole fraction of their size, at most COPY_WIDTH wide: the mean of each block of pixels."""
    for frame in video.stream(0, stop):
        factor = -(-frame.shape[1] // COPY_WIDTH)
        if factor > 1:
            height, width = frame.shape[0] // factor, frame.shape[1] // factor
            blocks = frame[: height * factor, : width * factor].reshape(height, factor, width, factor, 3)
            frame = blocks.mean(axis=(1, 3)).astype(np.uint8)
        yield frame
