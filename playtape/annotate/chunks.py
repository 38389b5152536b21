"""A recording in stretches that a model can look at, and the pictures of one. Times are ns on the recording's clock."""

import base64
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from playtape.annotate.settings import Settings
from playtape.errors import BadInput
from playtape.recordings import Video

SECOND = 1_000_000_000
MOST_BYTES = 48_000_000  # of pictures in a request, as base64
QUALITY = 85  # of a JPEG
TAIL = 0.1  # of a chunk: so short a rest joins the last one


@dataclass(frozen=True)
class Chunk:
    """[start_ns, end_ns) of a recording, the number-th from 0."""

    number: int
    start_ns: int
    end_ns: int

    @property
    def length_s(self) -> float:
        return (self.end_ns - self.start_ns) / SECOND


def chunks(first_ns: int, end_ns: int, settings: Settings) -> list[Chunk]:
    """Chunks of one length that overlap and cover [first_ns, end_ns); the last may be shorter, or longer by a tenth."""
    length, overlap = round(settings.chunk_s * SECOND), round(settings.overlap_s * SECOND)
    found, start = [], first_ns
    while not found or found[-1].end_ns < end_ns:
        end = start + length
        found.append(Chunk(len(found), start, end_ns if end + length * TAIL >= end_ns else end))
        start += length - overlap
    return found


def moments(chunk: Chunk, settings: Settings) -> np.ndarray:
    """int64 [n]: the times at which the chunk is looked at, from its start on."""
    count = math.ceil(chunk.length_s * settings.frames_per_second)
    times = chunk.start_ns + np.rint(np.arange(count) * (SECOND / settings.frames_per_second)).astype(np.int64)
    return times[times < chunk.end_ns]


def clock(seconds: float) -> str:
    """MM:SS, and hundredths where there are any. An hour and more stay minutes."""
    minutes, rest = divmod(round(seconds * 100), 6000)
    return f"{minutes:02d}:{rest // 100:02d}" + (f".{rest % 100:02d}".rstrip("0") if rest % 100 else "")


def pictures(video: Video, chunk: Chunk, settings: Settings) -> list[tuple[str, str]]:
    """(time in the chunk, data URL) of each picture. What stays on the screen is shown once, when it is first looked at.

    Raises BadInput where the video cannot be decoded, and for pictures too large for a request.
    """
    times = moments(chunk, settings)
    frames, first = np.unique(video.index_at(times), return_index=True)
    labels = [clock((times[i] - chunk.start_ns) / SECOND) for i in first.tolist()]
    shown = list(zip(labels, _encoded(video, frames, settings), strict=True))
    size = sum(len(url) for _, url in shown)
    if size > MOST_BYTES:
        raise BadInput(
            f"the {len(shown)} pictures of one request are {size / 1e6:.0f} MB, legal are {MOST_BYTES / 1e6:.0f}; "
            f"give a smaller --height, a shorter --chunk, or --picture jpeg"
        )
    return shown


def shown_size(width: int, height: int, settings: Settings) -> tuple[int, int]:
    """(width, height) of a picture as it is sent: never larger than it is."""
    if height <= settings.height:
        return width, height
    return max(1, round(width * settings.height / height)), settings.height


def _encoded(video: Video, frames: np.ndarray, settings: Settings) -> Iterator[str]:
    for frame in video.stream(indices=frames):
        image = Image.fromarray(frame)
        size = shown_size(image.width, image.height, settings)
        if size != image.size:
            image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
        data = io.BytesIO()
        image.save(data, settings.picture.upper(), quality=QUALITY)
        yield f"data:image/{settings.picture};base64,{base64.b64encode(data.getvalue()).decode()}"
