"""Recordings whose pictures tell the second, and settings that do not make a test wait."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from playtape.actions import Events
from playtape.annotate import Settings
from playtape.recordings import Info, Recording, Span, Video, save_recording, write_video
from tests.annotate.served import colour

FPS = 4


@pytest.fixture(scope="session")
def long_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes; each second has its colour."""
    frames = np.zeros((120 * FPS, 48, 64, 3), np.uint8)
    for number, frame in enumerate(frames):
        frame[:] = colour(number // FPS)
    return write_video(tmp_path_factory.mktemp("video") / "long.mp4", frames, fps=FPS)


Record = Callable[..., Path]


@pytest.fixture
def record(tmp_path: Path, long_video: Path) -> Record:
    """record("a.mcap", seconds=120, spans=...) -> path of a recording with its own video and some keys."""

    def make(name: str = "play.mcap", seconds: int = 120, spans: tuple[Span, ...] = (), game: str = "the maze") -> Path:
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        video = path.with_suffix(".mp4")
        if seconds == 120:
            video.write_bytes(long_video.read_bytes())
        else:
            write_video(video, Video(long_video).stream(0, seconds * FPS), fps=FPS)
        rows = [(100_000_000, "key.w", 1), (900_000_000, "key.w", 0), (1_500_000_000, "mouse.dx", 5)]
        recording = Recording(Video(video), Events.from_rows(rows), spans, Info(game=game))
        return save_recording(recording, path)

    return make


@pytest.fixture
def settings() -> Callable[..., Settings]:
    """settings(server, chunk_s=40): quick to try again, quick to give up."""
    base = Settings("eyes-1", chunk_s=40, overlap_s=10, backoff_s=0.01, timeout_s=20, tries=3)

    def make(server: Any = None, **changes: Any) -> Settings:
        return replace(base, endpoint="" if server is None else server.url, **changes)

    return make
