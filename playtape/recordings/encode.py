"""Writing videos: h264 in yuv420p with no B-frames, which browsers play and seeks find exactly."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np

from playtape.errors import BadInput
from playtape.recordings.atomic import atomic

MICRO = Fraction(1, 1_000_000)  # clock of videos with given times: error <= 1 us, gaps up to 71 minutes
SUFFIXES = (".mp4", ".mkv", ".mov")
MOST_SIDE, MOST_PIXELS = 16384, 2**27  # of a picture, as x264 and ffmpeg take it


def write_video(
    path: str | Path,
    frames: Iterable[np.ndarray],
    *,
    fps: float | None = None,
    time_ns: Sequence[int] | np.ndarray | None = None,
    crf: int = 20,
    gop: int = 30,
) -> Path:
    """Encode RGB frames uint8 [H, W, 3] at a steady `fps`, or shown at rising `time_ns`; give exactly one of them.

    An odd width or height is padded to even by repeating the edge; the caller keeps the true size (`Video(crop=)`).
    Atomic. Raises BadInput for no frames, frames too large or of differing size, times that do not rise or match, a full disk.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise BadInput(f"cannot write a video named {path.name!r}: it must end in {', '.join(SUFFIXES)}")
    if (fps is None) == (time_ns is None):
        raise BadInput("write_video needs either fps or time_ns, and not both")
    with atomic(path) as temporary, av.open(str(temporary), "w") as container:
        for packet in encoded(container, frames, fps=fps, time_ns=time_ns, crf=crf, gop=gop):
            container.mux(packet)
    return path


def add_stream(container: Any, size: tuple[int, int], *, fps: float | None, crf: int, gop: int) -> Any:
    """An h264 stream for frames of `size` (width, height); its clock is 1/fps, or microseconds if fps is None.

    Raises BadInput for a size that h264 has no room for.
    """
    if not 1 <= min(size) <= max(size) <= MOST_SIDE or size[0] * size[1] > MOST_PIXELS:
        raise BadInput(
            f"a video cannot hold pictures of {size[0]}x{size[1]} pixels; legal are 1 to {MOST_SIDE} a side, {MOST_PIXELS} in all"
        )
    rate = Fraction(30) if fps is None else Fraction(fps).limit_denominator(100_000)
    if rate <= 0:
        raise BadInput(f"fps is {fps}; it must be above 0")
    options = {"crf": str(crf), "preset": "veryfast", "x264-params": f"keyint={gop}:bframes=0:scenecut=0"}
    stream = container.add_stream("libx264", rate=rate, options=options)
    stream.width, stream.height = size[0] + size[0] % 2, size[1] + size[1] % 2
    stream.pix_fmt = "yuv420p"
    stream.time_base = stream.codec_context.time_base = MICRO if fps is None else 1 / rate
    stream.codec_context.gop_size = gop
    stream.codec_context.max_b_frames = 0
    stream.thread_type = (
        "AUTO"  # else x264 cuts each picture into a slice per core, so that files would differ by machine
    )
    return stream


def picture(frame: np.ndarray) -> Any:
    """An RGB array uint8 [H, W, 3] as a video frame, padded to an even size by repeating its edge."""
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise BadInput(f"a video frame must be uint8 [H, W, 3], got {frame.dtype} {list(frame.shape)}")
    odd = frame.shape[0] % 2, frame.shape[1] % 2
    if any(odd):
        frame = np.pad(frame, ((0, odd[0]), (0, odd[1]), (0, 0)), mode="edge")
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")


def encoded(
    container: Any,
    frames: Iterable[np.ndarray],
    *,
    fps: float | None,
    time_ns: Sequence[int] | np.ndarray | None,
    crf: int,
    gop: int,
) -> Iterator[Any]:
    """Yield the packets of all frames."""
    source = iter(frames)
    first = next(source, None)
    if first is None:
        raise BadInput("a video needs at least one frame, got none")
    stream = add_stream(container, (first.shape[1], first.shape[0]), fps=fps, crf=crf, gop=gop)
    ticks = None if time_ns is None else rising_ticks(time_ns)
    clock, count = stream.time_base, 0  # the muxer may choose another clock for the stream once it has begun
    for count, frame in enumerate(chain([first], source), start=1):
        if frame.shape != first.shape:
            raise BadInput(f"frame {count - 1} is {list(frame.shape)}, but the first is {list(first.shape)}")
        if ticks is not None and count > len(ticks):
            raise BadInput(f"more frames than the {len(ticks)} times given")
        image = picture(frame)
        image.pts, image.time_base = (count - 1 if ticks is None else int(ticks[count - 1])), clock
        yield from stream.encode(image)
    if ticks is not None and count < len(ticks):
        raise BadInput(f"only {count} frames for the {len(ticks)} times given")
    yield from stream.encode(None)


def rising_ticks(time_ns: Sequence[int] | np.ndarray) -> np.ndarray:
    """Times in ns -> the nearest whole microseconds, int64 [N]. Raises BadInput unless they rise from >= 0."""
    time = np.asarray(time_ns, np.int64)
    ticks = (time + 500) // 1000
    if len(ticks) and (ticks[0] < 0 or (np.diff(ticks) <= 0).any()):
        raise BadInput(f"frame times must be >= 0 and rise by at least 1000 ns, got {time[:6].tolist()}...")
    return ticks
