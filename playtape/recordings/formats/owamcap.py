"""OWAMcap, the format of open-world-agents and the D2E datasets, and our own: one .mcap beside one video.

Reads all schema versions from 0.1 to 0.6.6 and writes today's. The D2E evaluation's way to lay the clock is
`read(path, clock="first-screen")`.
"""

from pathlib import Path

import numpy as np

from playtape.actions import Events
from playtape.recordings.nouns import Confidence, Info, Recording, Span
from playtape.recordings.recording import find_recordings as find
from playtape.recordings.recording import open_recording as read
from playtape.recordings.recording import save_recording as write
from playtape.recordings.video import Video, write_video

__all__ = ["example", "find", "read", "write"]


def example(tmp: Path) -> Path:
    """Two seconds at 30 frames a second in which a square follows the mouse; gives the folder."""
    frames = np.zeros((60, 48, 64, 3), np.uint8)
    for t, frame in enumerate(frames):
        frame[20:28, t % 56 : t % 56 + 8] = (255, 160, 64)
    video = Video(write_video(tmp / "example.mp4", frames, fps=30))
    middle = (video.time_ns[:-1] + 3 * (video.time_ns[1:] - video.time_ns[:-1]) // 4).tolist()
    motion = Events.from_rows((time, "mouse.dx", 1) for time in middle)
    keys = Events.from_rows(
        [
            (110_000_000, "key.w", 1),
            (610_000_000, "key.w", 2),
            (1_510_000_000, "key.w", 0),
            (700_000_000, "mouse.left", 1),
            (720_000_000, "mouse.left", 0),
            (900_000_000, "mouse.wheel", -1),
            (1_000_000_000, "pad.left_x", 0.25),
            (1_200_000_000, "key.left_shift", 1),
            (1_900_000_000, "key.left_shift", 0),
        ]
    )
    confidence = Confidence(video.time_ns[:-1], ("key.w", "mouse.dx"), np.full((59, 2), 0.9, np.float32))
    info = Info(game="example", source="made by Playtape", licence="Apache-2.0", screen=(64, 48), mouse_scale=0.1)
    spans = (Span(0, 1_000_000_000, "text", "follow the square"), Span(0, 2_000_000_000, "control", "human"))
    recording = Recording(video, Events.concatenate(keys, motion), spans, info, confidence, {"maker": "example"})
    write(recording, tmp / "example.mcap")
    return tmp
