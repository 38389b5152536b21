"""What demuxing alone tells of a video file: every frame's exact time, without decoding a single one.

A frame's time is the first whole nanosecond at which it is shown, ceil(pts * time_base), counted from the container's
start, so that `time_ns[i] <= t < time_ns[i + 1]` holds exactly for the frame that a player shows at t. No frame rate
is guessed: where the container keeps no presentation stamps (AVI, raw H.264) its declared rate is used and frames are
counted in the order in which the decoder gives them.
"""

import errno
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition

from playtape.errors import BadInput, Truncated

UNSTAMPED = {"avi", "h264", "hevc", "m4v", "mpegvideo"}  # containers whose packets carry no usable presentation time
NOT_FILM = {"tty", "image2", "concat", "hls", "dash", "sdp", "rtsp", "lavfi", "txt", "srt", "ass", "webvtt"}
MICRO = Fraction(1, 1_000_000)
LEGAL = "give an mp4, mkv, webm, mov, avi or ts file"


@dataclass(frozen=True)
class Timeline:
    """Frame times and what is needed to find a frame again. N frames, K keyframes."""

    time_ns: np.ndarray  # int64 [N], rising
    pts: np.ndarray | None  # int64 [N], stream ticks; None where frames are only counted
    keyframes: np.ndarray  # int64 [K], frame numbers from which decoding may start, if the container's flags are true
    seeks: np.ndarray  # int64 [K], where to seek for each of them, stream ticks
    end_ns: int  # when the last frame leaves the screen
    origin_ns: int  # the container's start on its own clock; time_ns = its pts - origin_ns
    tick_ns: float  # resolution of the container's clock
    codec: str
    fps: float  # mean frames a second; the declared rate, or 0, for a single frame
    signature: tuple[int, int]  # size and modification time when it was scanned
    coded_size: tuple[int, int]  # width and height as the header says, before rotation
    warnings: tuple[str, ...] = ()


def signature(path: Path) -> tuple[int, int]:
    """Size in bytes and modification time in ns: enough to see that a file changed under our hands."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def check_unchanged(path: Path, before: tuple[int, int]) -> None:
    """Raise BadInput if the file is not the one that was opened."""
    try:
        now = signature(path)
    except FileNotFoundError:
        raise BadInput(f"{path} was removed while it was being read; put it back and try again") from None
    if now != before:
        raise BadInput(
            f"{path} changed while it was being read ({before[0]} bytes at first, now {now[0]}); "
            f"wait until it is complete and try again"
        )


@contextmanager
def demuxer(path: Path) -> Generator[tuple[Any, Any]]:
    """Open (container, video stream). Local files only: a playlist cannot reach the network or other files.

    Raises BadInput for a missing, empty, audio-only or foreign file, Truncated for one that ends before its index.
    """
    if not path.is_file():
        raise BadInput(f"there is no video file {path}; {LEGAL}")
    if path.stat().st_size == 0:
        raise BadInput(f"{path} is empty (0 bytes); {LEGAL}")
    try:
        container = av.open(str(path), options={"protocol_whitelist": "file"})
    except (av.FFmpegError, ValueError) as error:
        if ends_early(path):
            raise Truncated(
                f"{path} ends before its index, so no frame of it can be read; copy or record it again"
            ) from error
        raise BadInput(f"{path} is not a video that FFmpeg knows; {LEGAL}") from error
    with container:
        names = set(container.format.name.split(","))
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if names & NOT_FILM or any(name.endswith("_pipe") for name in names):
            raise BadInput(f"{path} is not a video ({container.format.name}); {LEGAL}")
        if not streams:
            kind = "has only audio" if container.streams.audio else "has no video stream"
            raise BadInput(f"{path} {kind}; {LEGAL}")
        if streams[0].codec_context is None:
            raise BadInput(f"{path} has a codec that cannot be decoded; {LEGAL} of a codec that FFmpeg decodes")
        yield container, streams[0]


def scan(path: Path, *, whole: bool = True) -> Timeline:
    """Read all packets of a video, without decoding. `whole`: raise Truncated if the file ends early.

    Raises BadInput and Truncated as `demuxer`, and BadInput if the file has no frame or changes meanwhile.
    """
    with demuxer(path) as (container, stream):
        before = signature(path)
        packets = _packets(container, stream)
        counted = container.format.name in UNSTAMPED or bool(len(packets) and (packets["pts"] == NONE).any())
        origin = _start(container)
        declared, base, rate = stream.frames, stream.time_base, stream.average_rate
        codec, length = stream.codec_context.name, stream.duration
        size = (stream.codec_context.width, stream.codec_context.height)
    check_unchanged(path, before)
    if whole and (ends_early(path) or (len(packets) < declared and not counted) or packets["corrupt"].any()):
        if changed := _size_change(path):
            raise Truncated(f"{path}: the picture's size changes {changed}; legal is one size, so cut the file there")
        readable = int((~packets["corrupt"] & packets["shown"]).sum())
        if not readable:
            raise Truncated(
                f"{path} ends before its first frame, so nothing of it can be kept; copy or record it again"
            )
        raise Truncated(
            f"{path} ends early: {readable} of {declared or 'an unknown number of'} frames are there; "
            f"`playtape repair {path} --out FIXED{path.suffix}` keeps them"
        )
    packets = packets[~packets["corrupt"]]
    if not packets["shown"].any():
        if ends_early(path) or declared:
            raise Truncated(
                f"{path} ends before its first frame, so nothing of it can be kept; copy or record it again"
            )
        raise BadInput(f"{path} has no video frame; {LEGAL}")
    if counted:
        time, end = _counted(path, packets, base, rate)
        length_s = Fraction(int(time[-1] - time[0]), 10**9)
        pts, keys, seeks = None, np.zeros(1, np.int64), np.zeros(1, np.int64)
        warnings = ("no presentation times in the file; frames are counted in decoding order",)
    else:
        pts, seeks, last, warnings = _stamped(packets, length)
        keys = np.searchsorted(pts, seeks)
        time = _nanoseconds(pts, base, origin)
        length_s = int(pts[-1] - pts[0]) * base
        end = int(_nanoseconds(np.array([last]), base, origin)[0])
    mean = (len(time) - 1) / length_s if length_s else rate or 0
    return Timeline(
        time_ns=time,
        pts=pts,
        keyframes=keys,
        seeks=seeks,
        end_ns=max(end, int(time[-1]) + 1),
        origin_ns=max(round(origin * 10**9), 0),
        tick_ns=float(base * 10**9),
        codec=codec,
        fps=float(mean),
        signature=before,
        coded_size=size,
        warnings=warnings,
    )


def _size_change(path: Path) -> str:
    """Where the pictures of a transport stream change size, as they do where two are joined; "" if they do not."""
    first = None
    with demuxer(path) as (container, stream):
        if container.format.name != "mpegts":
            return ""
        stream.codec_context.skip_frame = "NONKEY"
        try:
            for frame in container.decode(stream):
                size = f"{frame.width}x{frame.height}"
                first = first or size
                if size != first:
                    at = "" if frame.time is None else f" at {frame.time - float(_start(container)):.2f} s"
                    return f"from {first} to {size}{at}"
        except (av.FFmpegError, OSError):
            pass  # the damage itself
    return ""


NONE = np.iinfo(np.int64).min
PACKET = np.dtype([("pts", "i8"), ("dts", "i8"), ("duration", "i8"), ("key", "?"), ("shown", "?"), ("corrupt", "?")])


def _packets(container: Any, stream: Any) -> np.ndarray:
    """All packets in file order, 27 bytes each: thirty hours are six million."""
    return np.fromiter(_rows(container, stream), PACKET)


def _rows(container: Any, stream: Any) -> Iterator[tuple[int, int, int, bool, bool, bool]]:
    """A PACKET each. `shown` is False for those an edit list hides and for VP8's invisible ones."""
    hidden = stream.codec_context.name == "vp8"  # bit 4 of the first byte is show_frame, RFC 6386 section 9.1
    try:
        for packet in container.demux(stream):
            if packet.size == 0:
                continue  # the flush packet at the end, or an AVI's place-holder for a dropped frame
            shown = not packet.is_discard and not (hidden and not bytes(packet)[0] >> 4 & 1)
            pts = NONE if packet.pts is None else packet.pts
            dts = NONE if packet.dts is None else packet.dts
            yield pts, dts, packet.duration or 0, packet.is_keyframe, shown, packet.is_corrupt
    except av.FFmpegError:
        yield NONE + 1, NONE, 0, False, True, True  # unreadable from here on: counts as a corrupt packet
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        yield NONE + 1, NONE, 0, False, True, True


def _start(container: Any) -> Fraction:
    """The container's start in seconds, exact where it is some stream's own start (FFmpeg rounds it to 1 us)."""
    start = Fraction(container.start_time or 0, av.time_base)
    exact = [s.start_time * s.time_base for s in container.streams if s.start_time is not None and s.time_base]
    return min(exact, key=lambda own: abs(own - start)) if any(abs(e - start) < MICRO for e in exact) else start


def _stamped(packets: np.ndarray, length: int | None) -> tuple[np.ndarray, np.ndarray, int, tuple[str, ...]]:
    """Presentation order: (pts of the shown frames [N], pts of the keyframes [K], end tick, warnings)."""
    warnings = []
    keyed = bool(packets["key"].any())
    usable = packets[int(np.argmax(packets["key"])) if keyed else 0 :]
    if keyed:
        usable = usable[usable["pts"] >= usable["pts"][0]]  # earlier pictures have lost what they refer to
    if len(usable) < len(packets):
        warnings.append(f"{len(packets) - len(usable)} frames before the first keyframe cannot be decoded; left out")
    usable = usable[np.argsort(usable["pts"], kind="stable")]
    shown = usable[usable["shown"]]
    pts = np.unique(shown["pts"])
    if len(pts) < len(shown):
        warnings.append(f"{len(shown) - len(pts)} frames share the stamp of another; left out")
    seeks = np.unique(usable["pts"][usable["key"]]) if keyed else pts[:1]
    seeks = seeks[seeks <= pts[-1]]
    duration = int(shown["duration"][-1]) or (int(np.median(np.diff(pts))) if len(pts) > 1 else length or 0)
    return pts, seeks, int(pts[-1]) + max(duration, 0), tuple(warnings)


def _counted(path: Path, packets: np.ndarray, base: Fraction, rate: Fraction | None) -> tuple[np.ndarray, int]:
    """(time_ns [N], end) for a file without presentation stamps: sorted decoding stamps, else the declared rate."""
    packets = packets[packets["shown"]]
    n = len(packets)
    dts = np.sort(packets["dts"])
    if n > 1 and dts[0] != NONE and (np.diff(dts) > 0).all():
        dts = np.append(dts - dts[0], 2 * dts[-1] - dts[-2] - dts[0])
        time = _nanoseconds(dts, base, Fraction(0))
    elif rate:
        time = _nanoseconds(np.arange(n + 1), 1 / rate, Fraction(0))
    else:
        raise BadInput(f"{path} has neither frame times nor a frame rate; {LEGAL}")
    return time[:-1], int(time[-1])


def _nanoseconds(ticks: np.ndarray, base: Fraction, origin: Fraction) -> np.ndarray:
    """ceil((ticks * base - origin) * 1e9), exactly: in whole numbers, wider than 64 bits where that is needed."""
    unit = base * 10**9
    shift = origin * 10**9
    denominator = unit.denominator * shift.denominator
    a, b = unit.numerator * shift.denominator, shift.numerator * unit.denominator
    if len(ticks) and a * int(np.abs(ticks).max()) + abs(b) < 2**62:
        return -((b - ticks * a) // denominator)
    return np.array([-((b - int(t) * a) // denominator) for t in ticks], np.int64)


def ends_early(path: Path) -> bool:
    """Does the container announce more bytes than there are? (mp4 boxes, Matroska segment, RIFF; others: False.)"""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(64)
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp"):
            return _boxes_end(file, size) > size
        if head[:4] == b"\x1a\x45\xdf\xa3":
            return _segment_end(head) > size
        if head[:4] == b"RIFF":
            return int.from_bytes(head[4:8], "little") + 8 > size
    return False


def _boxes_end(file: Any, size: int) -> int:
    """Where the last top-level mp4 box says that it ends."""
    position = 0
    while position < size:
        file.seek(position)
        head = file.read(16)
        if len(head) < 8:
            return size + 1
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length == 0:
            return size  # "until the end of the file"
        if length < 8:
            return position  # not a box: FFmpeg will say what it thinks of it
        position += length
    return position


def _segment_end(head: bytes) -> int:
    """Where a Matroska segment says that it ends; 0 where it does not say (a live recording)."""
    position = 4
    length, width = _vint(head, position)
    position += width + length  # past the EBML header, which is shorter than 64 bytes in practice
    if head[position : position + 4] != b"\x18\x53\x80\x67":
        return 0
    length, width = _vint(head, position + 4)
    unknown = length == (1 << 7 * width) - 1
    return 0 if unknown else position + 4 + width + length


def _vint(data: bytes, position: int) -> tuple[int, int]:
    """An EBML variable-length size: (value, bytes used)."""
    if position >= len(data) or data[position] == 0:
        return 0, 1
    width = 9 - data[position].bit_length()
    return int.from_bytes(data[position : position + width], "big") & ((1 << 7 * width) - 1), width
