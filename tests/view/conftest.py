"""Recordings whose frames carry their own number, so that a test can read which one a browser shows."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from playtape.actions import Actions, ActionSpace, Axis
from playtape.recordings.encode import write_video
from playtape.recordings.recording import Confidence, Info, Recording, save_recording
from playtape.recordings.video import Video

SPACE = ActionSpace(
    ("key.a", "key.d", "key.s", "key.shift", "key.space", "key.w", "mouse.left", "mouse.right"),
    (Axis("mouse.dx"), Axis("mouse.dy")),
)
BITS, BLOCK = 10, 16


@dataclass(frozen=True)
class Sample:
    """A truth and a prediction of one video, and their actions."""

    truth: Path
    predicted: Path
    time_ns: np.ndarray
    sides: tuple[Actions, Actions]


def numbered(frame: int) -> np.ndarray:
    """A picture whose top row of blocks is the frame's number, lowest bit first: black 0, white 1."""
    image = np.full((96, BITS * BLOCK, 3), 90, np.uint8)
    for bit in range(BITS):
        image[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 255 * (frame >> bit & 1)
    return image


def make(folder: Path, name: str, time_ns: np.ndarray, seed: int) -> Sample:
    """Write a video at these times, and a truth and a prediction of it."""
    generator = np.random.default_rng(seed)
    frames = len(time_ns)
    (folder / name).mkdir(parents=True)
    video = Video(write_video(folder / name / "video.mp4", map(numbered, range(frames)), time_ns=time_ns, crf=12))
    buttons = np.repeat(generator.random((frames // 5 + 1, len(SPACE.buttons))) < 0.35, 5, axis=0)[:frames]
    axes = generator.integers(-60, 61, (frames, 2)).astype(np.float32)
    other = buttons ^ (generator.random(buttons.shape) < 0.1)
    for array in (buttons, axes, other):
        array[-1] = 0
    sides = (Actions(buttons, axes), Actions(other, np.rint(axes * 0.75).astype(np.float32)))
    files = []
    for kind, side in zip(("truth", "predicted"), sides, strict=True):
        known = None
        if kind == "predicted":
            probability = np.where(side.buttons[:-1], 0.8, 0.15).astype(np.float32)
            known = Confidence(video.time_ns[:-1], SPACE.buttons, probability)
        recording = Recording(
            video=video,
            events=SPACE.events(side, video.time_ns),
            info=Info(game="numbers </script><b>", licence="CC0"),
            confidence=known,
            provenance={"model": "test"} if known else {},
        )
        files.append(save_recording(recording, folder / name / kind / f"{name}.mcap"))
    return Sample(files[0], files[1], video.time_ns, sides)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """Six seconds at a steady 30 frames a second."""
    return make(tmp_path_factory.mktemp("view"), "steady", np.arange(180) * 10**9 // 30, 1)


@pytest.fixture(scope="session")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """Variable frame rate: gaps from 8 to 220 ms, and a start after 0."""
    gaps = np.random.default_rng(2).integers(8, 220, 90) * 1_000_000
    return make(tmp_path_factory.mktemp("view"), "uneven", np.cumsum(gaps), 2)
