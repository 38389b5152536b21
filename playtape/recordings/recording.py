"""Recordings on disk: find, open, save, repair, and tell about them. The nouns are in nouns.py."""

from pathlib import Path

from playtape.errors import BadInput
from playtape.recordings.live import RecordingWriter
from playtape.recordings.nouns import Attachment, Clock, Confidence, Info, Recording, Span
from playtape.recordings.reading import open_recording
from playtape.recordings.repair import repair
from playtape.recordings.summary import summary
from playtape.recordings.writing import save_recording

__all__ = [
    "Attachment",
    "Clock",
    "Confidence",
    "Info",
    "Recording",
    "RecordingWriter",
    "Span",
    "find_recordings",
    "open_recording",
    "repair",
    "save_recording",
    "summary",
]


def find_recordings(path: str | Path) -> list[Path]:
    """A .mcap file itself, or all below a folder, sorted. Raises BadInput if there is none."""
    path = Path(path)
    if path.is_file() and path.suffix == ".mcap":
        return [path]
    if not path.is_dir():
        raise BadInput(f"there is no recording or folder {path}; give a .mcap file, or a folder of them")
    found = sorted(file for file in path.rglob("*.mcap") if file.is_file() and not file.name.startswith("."))
    if not found:
        raise BadInput(f"there is no recording (.mcap) in {path}")
    return found
