"""How a file's wall clock maps to its video's clock. A table of what is right and what is not is in `Clock`.

`log_time - pts` of the screen messages scatters one-sidedly by up to half a second, because a pipeline that drops
unchanged frames emits a frame late; so plain least squares is off by 77 and 138 ms on the samples of OWAMcap 0.3.2 and
0.5.1, and the first frame alone by 12 ms. Hence the earliest messages count: a lower envelope, or UTC subtitles.
"""

from pathlib import Path
from typing import Literal, get_args

import av
import numpy as np

from playtape.errors import BadInput
from playtape.recordings.nouns import Clock
from playtape.recordings.timeline import demuxer

Mode = Literal["auto", "exact", "cues", "envelope", "first-screen"]
WINDOW_NS = 30_000_000_000  # one envelope point a half minute
ENVELOPE = 5  # percentile of a window that counts as its earliest
DRIFT_POINTS = 6  # drift is fitted from this many points on (3 minutes of windows)
LARGEST_DRIFT_PPM = 500.0  # quartz is within 100; more is a wrong fit
CUES = 500


def check_mode(mode: str) -> None:
    """Raise BadInput for an unknown way to map times."""
    if mode not in get_args(Mode):
        raise BadInput(f"unknown clock {mode!r}; legal are {', '.join(get_args(Mode))}")


def fit(mode: str, log_time: np.ndarray, pts_ns: np.ndarray, video: Path | None) -> Clock:
    """The clock for screen messages at log_time int64 [S] that show the frames at pts_ns int64 [S].

    "auto" takes UTC subtitles where the video has them, else the lower envelope. Raises BadInput where a mode that was
    asked for has nothing to go by.
    """
    check_mode(mode)
    if mode in ("auto", "cues"):
        pts, utc = cues(video) if video is not None else (np.zeros(0, np.int64),) * 2
        if len(pts) >= 2:
            return _line("cues", pts, utc - pts)
        if mode == "cues":
            raise BadInput(
                f"{video} has no UTC subtitles to set the clock by; legal here are envelope and first-screen"
            )
    if not len(log_time):
        raise BadInput("no screen message to set the clock by")
    first = int(np.argmin(log_time))
    if mode == "exact":
        return Clock(int(log_time[first] - pts_ns[first]), "exact")
    if mode == "first-screen":
        offset = int(log_time[first] - pts_ns[first])
        return Clock(offset, mode, 0.0, int(np.median(np.abs(log_time - pts_ns - offset))))
    return _envelope(log_time, pts_ns)


def _envelope(log_time: np.ndarray, pts_ns: np.ndarray) -> Clock:
    late = log_time - pts_ns
    window = (pts_ns - pts_ns.min()) // WINDOW_NS
    base = int(late.min())  # so that floats keep their nanoseconds
    points = []
    for number in np.unique(window):
        rows = window == number
        points.append((int(np.median(pts_ns[rows])), round(np.percentile(late[rows] - base, ENVELOPE)) + base))
    x, y = np.array(points, np.int64).T
    return _line("envelope", x, y)


def _line(mode: str, pts: np.ndarray, late: np.ndarray) -> Clock:
    """Clock from points: `late` int64 [P] is wall clock - pts. Theil-Sen slope if there are enough, else the median."""
    drift = 0.0
    if len(pts) >= DRIFT_POINTS and np.ptp(pts) >= (DRIFT_POINTS - 1) * WINDOW_NS:
        rows = np.unique(np.linspace(0, len(pts) - 1, min(len(pts), CUES)).astype(int))
        i, j = np.triu_indices(len(rows), 1)
        dx = (pts[rows][j] - pts[rows][i]).astype(float)
        slopes = (late[rows][j] - late[rows][i])[dx > 0] / dx[dx > 0]
        drift = float(np.median(slopes)) * 1e6
        if abs(drift) > LARGEST_DRIFT_PPM:
            drift = 0.0
    straight = late - np.rint(pts * (drift / 1e6)).astype(np.int64)
    base = int(straight[0])
    offset = base + round(float(np.median(straight - base)))
    residual = int(np.median(np.abs(straight - offset)))
    return Clock(offset, mode, round(drift, 3), residual)


def cues(video: Path) -> tuple[np.ndarray, np.ndarray]:
    """(pts_ns [Q], utc_ns [Q]) of the subtitle cues whose text is UTC ns in decimal; empty if there are none."""
    rows = []
    with demuxer(video) as (container, _):
        subtitles = container.streams.subtitles
        if not subtitles:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        try:
            for packet in container.demux(subtitles[0]):
                text = bytes(packet).strip()
                if packet.pts is not None and text.isdigit() and len(text) <= 19:
                    rows.append((round(packet.pts * packet.time_base * 10**9), int(text)))
        except av.FFmpegError:
            pass  # what was read so far counts
    if not rows:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    pts, utc = np.array(rows, np.int64).T
    return pts, utc
