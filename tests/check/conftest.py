"""A wall that turns as the mouse does, to plant faults into."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from playtape.actions import Events
from playtape.recordings import Info, Recording, open_recording, save_recording
from playtape.recordings.video import Video, write_video

HZ = 20
STEP = 10**9 // HZ
Make = Callable[..., Recording]


class Turning:
    """`count` frames, 20 a second: row t of `dx` turns the wall between frame t and the next. Forward is pressed now and then."""

    def __init__(self, seed: int = 0, count: int = 240):
        draw = np.random.default_rng(seed)
        self.dx = np.repeat(draw.integers(-4, 5, count // 5 + 1), 5)[:count]
        bricks = draw.integers(40, 256, (10, 128, 3), dtype=np.uint8)
        self.wall = np.repeat(np.repeat(bricks, 6, axis=0), 8, axis=1)
        self.heading = np.concatenate([[0], np.cumsum(self.dx)[:-1]])
        self.time_ns = np.arange(count, dtype=np.int64) * STEP
        self.frames = np.stack([np.roll(self.wall, -2 * by, axis=1)[:, :160] for by in self.heading])
        rows = [(t * STEP + STEP // 2, "mouse.dx", float(by)) for t, by in enumerate(self.dx[:-1]) if by]
        rows += [(t * STEP + STEP // 4, "key.w", float(t % 40 == 4)) for t in range(4, count - 40, 20)]
        self.events = Events.from_rows(rows)
        self.info = Info(game="wall", source="made", licence="Apache-2.0", player="nobody", extra={"hz": str(HZ)})

    def add(self, *rows: tuple[float, str, float]) -> None:
        """Events at seconds."""
        more = Events.from_rows((round(second * 1e9), name, value) for second, name, value in rows)
        self.events = Events.concatenate(self.events, more)

    def save(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        video = Video(write_video(path.with_suffix(".mp4"), list(self.frames), time_ns=self.time_ns))
        save_recording(Recording(video=video, events=self.events.between(0, video.end_ns), info=self.info), path)
        return path


@pytest.fixture
def turning() -> Turning:
    return Turning()


@pytest.fixture
def kinds(tmp_path: Path) -> Callable[[Turning], list[str]]:
    """The kinds that are found in a recording, once each, in order of time."""
    from playtape.check.check import check_one
    from playtape.check.findings import Limits

    def found(take: Turning, limits: Limits | None = None) -> list[str]:
        path = take.save(tmp_path / "take.mcap")
        assert open_recording(path).time_ns.tolist() == take.time_ns.tolist()
        return list(dict.fromkeys(one.kind for one in sorted(check_one(path, limits or Limits()).findings)))

    return found
