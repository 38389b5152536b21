"""A recording's video as another format's: h264 in mp4, copied where it is that already; and pictures of another size."""

import shutil
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from pathlib import Path

import numpy as np

from playtape.recordings.atomic import atomic
from playtape.recordings.convert import Resize
from playtape.recordings.video import Video, write_video

BATCH = 64  # frames resized at once


def put(video: Video, target: Path) -> None:
    """The video as it is shown, into a file that appears whole."""
    if is_plain(video):
        copy(video, target)
    else:
        write_video(target, video.stream(), time_ns=video.time_ns)


def is_plain(video: Video) -> bool:
    """Is its file h264 in mp4, of which nothing is cut off?"""
    return video.path.suffix == ".mp4" and video.codec == "h264" and video.crop is None


def copy(video: Video, target: Path) -> None:
    """The file as it is; nothing is done where it lies there already."""
    if target.exists() and target.samefile(video.path):
        return
    with atomic(target) as temporary:
        shutil.copyfile(video.path, temporary)


def sized(frames: Iterable[np.ndarray], size: tuple[int, int], resize: Resize) -> Iterator[np.ndarray]:
    """uint8 [H, W, 3] pictures, perhaps not all of one size, in their order at `size` (width, height)."""
    for shape, alike in groupby(frames, lambda frame: frame.shape[:2]):
        if shape == size[::-1]:
            yield from alike
        while batch := list(islice(alike, BATCH)):
            yield from resize(np.stack(batch), size[::-1])
