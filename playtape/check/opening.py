"""What is checked: recordings, or bare videos where pictures alone are looked at."""

from pathlib import Path

from playtape.actions import Events
from playtape.errors import BadInput
from playtape.recordings import Recording, Video, find_recordings, open_recording
from playtape.recordings.video import VIDEOS


def found(data: Path, videos: bool) -> list[Path]:
    """Recordings; where there are none and `videos` will do, those. Raises BadInput where there is neither."""
    try:
        return find_recordings(data)
    except BadInput:
        listed = [data] if data.is_file() else sorted(data.rglob("*")) if data.is_dir() else []
        there = [path for path in listed if path.suffix.lower() in VIDEOS and not path.name.startswith(".")]
        if not videos or not there:
            raise
        return there


def opened(path: Path) -> Recording:
    """A recording, or a bare video as one that holds no input."""
    return open_recording(path) if path.suffix == ".mcap" else Recording(Video(path), Events.empty())
