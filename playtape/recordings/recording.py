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
    """A .mcap file itself, or all below a folder, sorted. Raises BadInput if there is none.

    A link that leads nowhere is among them: who opens it is told, as nobody would be if it were passed over.
    """
    path = Path(path)
    if path.is_file() and path.suffix == ".mcap":
        return [path]
    if not path.is_dir():
        raise BadInput(f"there is no recording or folder {path}; give a .mcap file, or a folder of them")
    there = (file for file in path.rglob("*.mcap") if not file.name.startswith("."))
    found = sorted(file for file in there if file.is_file() or (file.is_symlink() and not file.exists()))
    if not found:
        raise BadInput(f"there is no recording (.mcap) in {path}")
    return found
