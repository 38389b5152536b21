"""Media files in and out: video, OWAMcap, and the formats of others. The only room that touches them."""

from playtape.recordings.recording import (
    Attachment,
    Clock,
    Confidence,
    Info,
    Recording,
    RecordingWriter,
    Span,
    find_recordings,
    open_recording,
    repair,
    save_recording,
    summary,
)
from playtape.recordings.video import Video, write_video

__all__ = [
    "Attachment",
    "Clock",
    "Confidence",
    "Info",
    "Recording",
    "RecordingWriter",
    "Span",
    "Video",
    "find_recordings",
    "open_recording",
    "repair",
    "save_recording",
    "summary",
    "write_video",
]
