"""Frames through an H.264 encoder and back, in memory: what a video file would have made of them."""

from fractions import Fraction
from typing import Any

import av
import numpy as np

from playtape.recordings.encode import picture

# One thread and one slice: the result is the same on every machine, and a loader's worker keeps to its core.
ALONE = "threads=1:lookahead-threads=1:sliced-threads=0:slices=1"


def recompressed(frames: np.ndarray, *, crf: int, rgb: bool = False, preset: str = "superfast") -> np.ndarray:
    """uint8 [T, H, W, 3] to the same, encoded by x264 at quality `crf` (0 to 51, lower is better) and decoded again.

    With `rgb` its colours are coded as they are, else as yuv420p, at half the resolution. Odd sizes are padded and cut again.
    """
    if not len(frames):
        return frames
    height, width = frames.shape[1:3]
    encoder: Any = av.CodecContext.create("libx264rgb" if rgb else "libx264", "w")
    encoder.width, encoder.height = width + width % 2, height + height % 2
    encoder.pix_fmt = "rgb24" if rgb else "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 20), Fraction(20)
    encoder.options = {"crf": str(crf), "preset": preset, "x264-params": ALONE}
    decoder: Any = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    out = np.empty(frames.shape, np.uint8)
    done = 0
    for packet in _packets(encoder, frames):
        for frame in decoder.decode(packet):
            out[done] = frame.to_ndarray(format="rgb24")[:height, :width]
            done += 1
    return out


def _packets(encoder: Any, frames: np.ndarray) -> Any:
    """Every packet, and None at the end, which makes the decoder give what it holds back."""
    for number, frame in enumerate(frames):
        image = picture(frame)
        image.pts = number
        yield from encoder.encode(image)
    yield from encoder.encode(None)
    yield None
