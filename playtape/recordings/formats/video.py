"""Plain video files as recordings: what is seen, and nothing of what was done.

For what learns from pictures alone (a tokenizer, a world model that is told no action), for `check`, and for `label`. Found by
the ending of their names; a video that lies beside an OWAMcap file of its name belongs to that, and is passed over. `convert`
copies the file as it is: no frame is coded anew.
"""

from pathlib import Path

import numpy as np

from playtape.actions import Events
from playtape.errors import BadInput
from playtape.recordings.nouns import Info, Recording
from playtape.recordings.video import VIDEOS, Video, write_video

__all__ = ["example", "find", "read"]

NOT_TOLD = "not told"


def find(root: Path) -> list[Path]:
    """The video files at or below `root`, sorted. One named itself is found whatever its ending."""
    root = Path(root)
    if root.is_file():
        return [root]
    return sorted(path for path in root.rglob("*") if _is_film(path))


def read(path: Path) -> Recording:
    """A film: no events. Raises BadInput for what is no video, and Truncated for one that ends early."""
    path = Path(path)
    if not path.is_file():
        raise BadInput(f"{path} is no file; give a video, or a folder with videos that end in {', '.join(VIDEOS)}")
    video = Video(path)
    info = Info(game=NOT_TOLD, source=path.name, licence=NOT_TOLD, screen=(video.width, video.height))
    return Recording(video=video, events=Events.empty(), info=info)


def _is_film(path: Path) -> bool:
    of_kind = path.suffix.lower() in VIDEOS and not path.name.startswith(".")
    return of_kind and path.is_file() and not path.with_suffix(".mcap").exists()


def example(tmp: Path) -> Path:
    """Two seconds of a square that goes across, in a folder in a folder."""
    tmp = Path(tmp)
    (tmp / "films").mkdir(parents=True, exist_ok=True)
    frames = np.zeros((48, 36, 64, 3), np.uint8)
    for t, frame in enumerate(frames):
        frame[14:22, t : t + 8] = (255, 160, 64)
    write_video(tmp / "films" / "example.mp4", frames, fps=24)
    return tmp
