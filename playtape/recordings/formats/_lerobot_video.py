"""An episode's part of a video that it shares with others: the same pictures, to the bit where no picture must be coded anew."""

import shutil
import tempfile
import weakref
from functools import lru_cache
from pathlib import Path

import av
import numpy as np

from playtape.errors import BadInput, Truncated
from playtape.recordings.formats._coded import coded
from playtape.recordings.timeline import Timeline, demuxer, scan, signature
from playtape.recordings.video import Video


def part(file: Path, shown_s: np.ndarray, fps: float, name: str, size: tuple[int, int] | None) -> Video:
    """The frames on screen at the seconds `shown_s` float64 [T] of a video, within half a frame; `size` cuts padding off.

    All of a file is the file itself. A part is copied, packet for packet, where it starts with a picture that needs no other, as
    it does in files that LeRobot laid together; else it is coded anew, visibly alike. Such a video lives as long as it is looked
    at. Raises BadInput where a frame is not there.
    """
    if not file.is_file():
        raise BadInput(f"there is no video {file}, of which the data set tells")
    whole = _opened(file, *signature(file))
    numbers = _nearest(file, whole.time_ns, shown_s * 1e9, fps)
    crop = None if size is None or size == (whole.width, whole.height) else size
    if crop is not None and (crop[0] > whole.width or crop[1] > whole.height or min(crop) < 1):
        raise BadInput(f"{file} is {whole.width}x{whole.height}, smaller than the {crop[0]}x{crop[1]} that are told of")
    if len(numbers) == len(whole) and numbers[0] == 0:
        return Video(file, crop=crop)
    first, last = int(numbers[0]), int(numbers[-1])
    if last - first + 1 == len(numbers) and (cut := _cut(whole, first, last, name, crop)) is not None:
        return cut
    pictures = (frame if crop is None else frame[: crop[1], : crop[0]] for frame in whole.stream(indices=numbers))
    return coded(name, pictures, crop or (whole.width, whole.height), fps)


@lru_cache(maxsize=2)  # of hundreds of episodes in a file, each asks
def _opened(file: Path, size: int, date_ns: int) -> Video:
    return Video(file)


@lru_cache(maxsize=2)
def _scanned(file: Path, size: int, date_ns: int) -> Timeline:
    return scan(file)


def _nearest(file: Path, time_ns: np.ndarray, wanted_ns: np.ndarray, fps: float) -> np.ndarray:
    """The number of the frame at each time, int64 [T], rising."""
    right = np.searchsorted(time_ns, wanted_ns).clip(1, max(1, len(time_ns) - 1))
    if len(time_ns) < 2:
        raise BadInput(f"{file} has {len(time_ns)} frames; the episode needs {len(wanted_ns)}")
    number = right - (wanted_ns - time_ns[right - 1] <= time_ns[right] - wanted_ns)
    far = np.flatnonzero(np.abs(time_ns[number] - wanted_ns) >= 0.5e9 / fps)
    if len(far):
        raise BadInput(
            f"{file} shows no frame at {wanted_ns[far[0]] / 1e9:.6g} s, where frame {far[0]} of the episode must be; "
            f"its {len(time_ns)} frames end at {time_ns[-1] / 1e9:.6g} s"
        )
    if (np.diff(number) <= 0).any():
        raise BadInput(f"{file} has fewer than {fps:g} frames a second, of which the data set tells")
    return number


def _cut(whole: Video, first: int, last: int, name: str, crop: tuple[int, int] | None) -> Video | None:
    """A copy of the packets of frames `first` to `last`; None where they are not the very same pictures by themselves."""
    timeline = _scanned(whole.path, *whole.signature)
    if timeline.pts is None or first not in timeline.keyframes:
        return None
    folder, cut = Path(tempfile.mkdtemp(prefix="playtape-cut-")), None
    try:
        target = folder / f"{name}.mp4"
        if _copied(whole.path, timeline, first, last, target) and _same(Video(target), whole, first, last):
            cut = Video(target, crop=crop)
            weakref.finalize(cut, shutil.rmtree, folder, ignore_errors=True)
    except (Truncated, av.FFmpegError, ValueError):
        pass  # what cannot be copied, or not be read as a copy, is coded anew
    finally:
        if cut is None:
            shutil.rmtree(folder, ignore_errors=True)
    return cut


def _same(copy: Video, whole: Video, first: int, last: int) -> bool:
    """Has a copy as many frames as it must, and are the outermost the very same?"""
    return len(copy) == last - first + 1 and all(np.array_equal(copy[n - first], whole[n]) for n in (first, last))


def _copied(file: Path, timeline: Timeline, first: int, last: int, target: Path) -> bool:
    """Were all packets from the first frame's on written? Not where pictures are stored in another order than shown."""
    assert timeline.pts is not None
    begin, end = int(timeline.pts[first]), int(timeline.pts[last])
    before = None
    with demuxer(file) as (source, stream), av.open(str(target), "w") as container:
        copy = container.add_stream_from_template(stream, opaque=True)  # AV1: decoded by a library that encodes nothing
        copy.time_base = stream.time_base
        source.seek(begin, stream=stream)
        for packet in source.demux(stream):
            if packet.pts is None or packet.pts < begin:
                continue
            if before is not None and packet.pts <= before:
                return False
            before = packet.pts
            if packet.pts > end:
                break
            packet.stream = copy
            packet.pts = packet.dts = packet.pts - begin
            container.mux(packet)
    return True
