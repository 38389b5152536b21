"""The pictures that NitroGen's labels are of: videos that somebody has, found by their ids, and what of them may be seen.

A frame is found by when it is shown, never by its number: a source that calls itself 60 frames a second may have 33.9. The drawn
controller tells every button, so it is blacked out at full size with a margin, before the picture is coded or seen by a model: a
strip of 23 pixels that was missed told one key with an AUC of 1.000 (od0/madeleine). And a codec carries what is drawn to the
edge of its blocks: where h264 of crf 23 or 32 was blacked out with 4 pixels of margin a linear probe beside it still told the
button (0.91, 0.96), with 16 it did not (0.52, 0.53); tests/recordings/test_nitrogen.py.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from playtape.errors import BadInput
from playtape.recordings.formats._nitrogen_labels import Box, Chunk
from playtape.recordings.timeline import signature
from playtape.recordings.video import VIDEOS, Video

ACTIONS, FOLDER, VARIABLE = "actions", "videos", "PLAYTAPE_VIDEOS"
UP = 4  # folders above a chunk: its video's, the shard's, actions, the data set's
YOUTUBE = re.compile(r"(?<![A-Za-z0-9])(?=([A-Za-z0-9_-]{11})(?![A-Za-z0-9]))")
TWITCH = re.compile(r"(?<![A-Za-z0-9])(v\d{6,})(?![A-Za-z0-9])")
PART = re.compile(r"_chunk_\d+")  # a file that was cut out of its video, which it is not: where it begins is not known
MARGIN, MARGIN_PX = 0.15, 16  # of the overlay's size, and at least a block of most codecs
SHAPE = 0.01  # relative difference of width to height up to which a picture is the labelled one in another size
RATE = 2.1  # times as many frames as rows, or as few, that can still be laid on another: 30 on 60 can
SAME_RATE = 0.02
SMALLEST = 16  # pixels of a side that is left to see

NO_VIDEO, UNREADABLE, SHORT, SIZE, OTHER_RATE, UNTOLD = (
    "no video",
    "unreadable",
    "too short",
    "wrong size",
    "rate differs",
    "overlay not told",
)


class Lost(BadInput):
    """A chunk whose pictures cannot be had, for one of the reasons above."""

    def __init__(self, reason: str, said: str):
        super().__init__(said)
        self.reason = reason


@dataclass(eq=False)
class Videos:
    """The videos below a folder by all ids that their names may hold: a whole name, YouTube's 11 letters, Twitch's v and
    digits."""

    folder: Path | None
    found: dict[str, Path] = field(default_factory=dict)

    def of(self, chunk: str, video: str, told: Chunk | None = None) -> Path:
        """The file that shows a chunk: its video's, or its own where it is `told` of one; before it is told, either will do.

        Raises Lost if there is none.
        """
        wanted = video if told is None or told.cut_ns is None else chunk
        for name in (wanted,) if told else (wanted, chunk):
            if name in self.found:
                return self.found[name]
        where = f"in {self.folder}" if self.folder else "on this disk"
        raise Lost(
            NO_VIDEO,
            f"there is no video of {chunk} {where}: a file whose name holds {wanted!r}; --videos DIR names the folder "
            "that has it",
        )


def videos_folder(path: Path, told: str | Path | None) -> Path | None:
    """Where the videos of a chunk or an archive are: as told, or in $PLAYTAPE_VIDEOS, or in `videos` beside or above it."""
    if told is not None or os.environ.get(VARIABLE):
        folder = Path(told if told is not None else os.environ[VARIABLE])
        if not folder.is_dir():
            raise BadInput(f"there is no folder {folder} with videos; give the one that they are in")
        return folder
    return next((above / FOLDER for above in list(path.absolute().parents)[:UP] if (above / FOLDER).is_dir()), None)


def videos_beside(chunk: Path, home: Path) -> Path:
    """Where the pictures of a chunk to be written belong: beside the folder `actions` that it is in, or else beside `home`.
    `videos_folder` finds them there."""
    above = list(chunk.absolute().parents)[: UP - 1]
    return next((one for one in above if one.name == ACTIONS), home).parent / FOLDER


@lru_cache(maxsize=8)
def videos_in(folder: Path | None) -> Videos:
    """All videos below a folder; `videos_in.cache_clear()` looks anew. Of two with one id the larger file counts."""
    best: dict[str, tuple[bool, int, Path]] = {}
    files = sorted(Path(at, name) for at, _, names in os.walk(folder) for name in names) if folder else []
    for file in files:
        if file.suffix.lower() not in VIDEOS or file.name.startswith(".") or not file.is_file():
            continue
        stem, size = file.stem, file.stat().st_size
        ids = {stem} if PART.search(stem) else {stem, *YOUTUBE.findall(stem), *TWITCH.findall(stem)}
        for one in ids:
            rank = (one == stem, size, file)
            best[one] = max(best.get(one, rank), rank)
    return Videos(folder, {one: rank[2] for one, rank in best.items()})


def opened(path: Path) -> Video:
    """A video, opened once for all chunks of it that follow one another. Raises Lost if it is none."""
    found = _opened(path, signature(path))
    if isinstance(found, Lost):
        raise Lost(found.reason, str(found))
    return found


@lru_cache(maxsize=2)
def _opened(path: Path, stamp: tuple[int, int]) -> Video | Lost:
    del stamp  # a file that was changed is opened again
    try:
        return Video(path)
    except BadInput as error:
        return Lost(UNREADABLE, str(error))


@dataclass(frozen=True)
class Part:
    """Frames [first, last) of a video are a chunk's; `zero_ns` is when the first of them is shown."""

    video: Video
    first: int
    last: int

    @property
    def time_ns(self) -> np.ndarray:
        """int64 [N], from 0 on."""
        return self.video.time_ns[self.first : self.last] - self.zero_ns

    @property
    def zero_ns(self) -> int:
        return int(self.video.time_ns[self.first])

    @property
    def whole(self) -> bool:
        return self.first == 0 and self.last == len(self.video)


def part(video: Video, chunk: Chunk) -> Part:
    """What of a video a chunk is of, by the times of both. Raises Lost where they do not fit together.

    The first row's frame is the one that comes within half a row of the chunk's start, so that clocks may round. A file of
    the chunk alone begins where that was.
    """
    width, height = video.coded_size
    told = chunk.size[0] / chunk.size[1]
    if not any(abs(shape / told - 1) <= SHAPE for shape in (width / height, height / width)):  # it may be shown turned
        raise Lost(
            SIZE,
            f"{video.path} is {width}x{height}, and {chunk.size[0]}x{chunk.size[1]} was labelled; legal is the same shape",
        )
    row_s, start_s, cut_ns = 1 / chunk.rate, chunk.start_s, chunk.cut_ns or 0
    bounds = np.rint((start_s + np.array([0.0, chunk.seconds]) - row_s / 2) * 1e9) - cut_ns
    first, last = np.searchsorted(video.time_ns, bounds).tolist()
    end_s = start_s + chunk.seconds
    video_s = (video.end_ns + cut_ns) / 1e9
    if video_s < end_s - max(2 * row_s, 0.05) or last - first < 2:
        raise Lost(SHORT, f"{video.path} ends at {video_s:.2f} s, and the labels go on to {end_s:.2f} s")
    count = last - first
    if not chunk.rows / RATE <= count <= chunk.rows * RATE:
        raise Lost(
            OTHER_RATE,
            f"{video.path} has {count} frames from {start_s:.2f} to {end_s:.2f} s, where {chunk.rows} were labelled; "
            f"legal are half as many to twice as many",
        )
    return Part(video, first, last)


def other_rate(found: Part, chunk: Chunk) -> bool:
    """Are there clearly more or fewer frames than rows?"""
    return abs((found.last - found.first) / chunk.rows - 1) > SAME_RATE


Rectangle = tuple[int, int, int, int]  # left, top, right and bottom in pixels, half-open


def hidden(chunk: Chunk, size: tuple[int, int]) -> list[Rectangle]:
    """What is blacked out of a picture of `size` (width, height), cut off at its edges. Raises Lost if nobody says where."""
    if chunk.overlay is None and not chunk.blacked_out:
        raise Lost(
            UNTOLD,
            f"the {chunk.video}_chunk_{chunk.number:04} does not say where the controller is drawn "
            "(bbox_controller_overlay), so what is seen would tell what was pressed",
        )
    boxes = chunk.others if chunk.overlay is None else (chunk.overlay, *chunk.others)
    return [rectangle for box in boxes if (rectangle := grown(box, size)) is not None]


def grown(box: Box, size: tuple[int, int], margin: float = MARGIN, least: int = MARGIN_PX) -> Rectangle | None:
    """A box and its margin in pixels of a picture; None if nothing of it is inside."""
    width, height = size
    left, top, right, bottom = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    across, down = max(margin * (right - left), least), max(margin * (bottom - top), least)
    found = (
        max(0, int(np.floor(left - across))),
        max(0, int(np.floor(top - down))),
        min(width, int(np.ceil(right + across))),
        min(height, int(np.ceil(bottom + down))),
    )
    return found if found[0] < found[2] and found[1] < found[3] else None


def shown(chunk: Chunk, size: tuple[int, int]) -> Rectangle:
    """The part of a picture that is kept. Raises Lost if it is too small to see anything."""
    left, top, right, bottom = chunk.area or (0, 0, 1, 1)
    found = (round(left * size[0]), round(top * size[1]), round(right * size[0]), round(bottom * size[1]))
    if min(found[2] - found[0], found[3] - found[1]) < SMALLEST:
        raise Lost(
            SIZE, f"the game's part of the picture is {found} of {size[0]}x{size[1]}; legal is {SMALLEST} and more"
        )
    return found


def clean(found: Part, boxes: list[Rectangle], area: Rectangle) -> Iterator[np.ndarray]:
    """The frames uint8 [H, W, 3] of a chunk, blacked out and then cut to the game's part."""
    for frame in found.video.stream(found.first, found.last):
        picture = frame if frame.flags.writeable else frame.copy()
        for left, top, right, bottom in boxes:
            picture[top:bottom, left:right] = 0
        yield np.ascontiguousarray(picture[area[1] : area[3], area[0] : area[2]])
