"""What a file is, for `playtape info`: a recording, a bare video, or a Pixels2Play annotation."""

from collections import Counter
from pathlib import Path
from typing import Any

from playtape.errors import BadInput
from playtape.recordings.container import MAGIC, Container
from playtape.recordings.licences import forbidding, licences
from playtape.recordings.nouns import Clock
from playtape.recordings.reading import assemble_events, open_recording, read_columns, video_path
from playtape.recordings.video import Video


def summary(path: str | Path) -> dict[str, Any]:
    """{"path", "kind", "frames", "fps", "vfr", "duration_s", "size", "codec", "events", "inputs", ..., "warnings"}.

    "events" is how many there are, "inputs" how many of each input (of an annotation, of each kind); of a recording
    "instructions" and "findings" are the texts of such spans, each with how often it stands. All values are plain (JSON).
    Raises BadInput or Truncated for what cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        found = f"{path} is a folder" if path.is_dir() else f"there is no file {path}"
        raise BadInput(f"{found}; give a recording (.mcap), a video or an annotation (.proto)")
    if path.stat().st_size == 0:
        raise BadInput(f"{path} is empty (0 bytes); give a recording (.mcap), a video or an annotation (.proto)")
    with path.open("rb") as file:
        head = file.read(len(MAGIC))
    if head == MAGIC or path.suffix == ".mcap":
        return {"path": str(path), "kind": "recording", **_recording(path)}
    if path.suffix == ".proto":
        from playtape.recordings import annotation  # its library takes a while, and few ask for it

        return {"path": str(path), "kind": "annotation", **annotation.summary(path)}
    video = Video(path)
    empty = {"events": 0, "inputs": {}, "schema": None, "licence": "", "game": ""}
    return {"path": str(path), "kind": "video", **_video(video), **empty, "warnings": list(video.warnings)}


def _video(video: Video) -> dict[str, Any]:
    return {
        "frames": len(video),
        "fps": round(video.fps, 6),
        "vfr": video.vfr,
        "duration_s": video.end_ns / 1e9,
        "size": [video.width, video.height],
        "codec": video.codec,
        "video": str(video.path),
    }


def _recording(path: Path) -> dict[str, Any]:
    columns, container = read_columns(path)
    facts = {
        "topics": dict(columns.topics),
        "schema": sorted({channel.schema for channel in container.channels.values()}),
        "library": container.library,
    }
    try:
        video_path(path, columns)
    except BadInput as error:
        return {**_without_video(path, container), **facts, "warnings": [str(error)], **_events_alone(columns)}
    recording = open_recording(path)
    clock = recording.clock
    return {
        **_video(recording.video),
        "events": len(recording.events),
        "inputs": recording.events.counts(),
        "clipped": recording.clipped or None,
        "spans": dict(Counter(span.kind for span in recording.spans)),
        "instructions": dict(Counter(span.value for span in recording.spans if span.kind == "text")),
        "findings": dict(Counter(span.value for span in recording.spans if span.kind == "finding")),
        **facts,
        "licence": recording.info.licence,
        "licences": (named := licences(recording)),
        "not_for_commerce": forbidding(named),
        "game": recording.info.game,
        "player": recording.info.player,
        "source": recording.info.source,
        "split": recording.info.split,
        "extra": dict(recording.info.extra),
        "provenance": dict(recording.provenance),
        "attachments": {name: kept.length for name, kept in recording.attachments.items()},
        "clock": {
            "mode": clock.mode,
            "offset_ns": clock.anchor_ns,
            "drift_ppm": clock.drift_ppm,
            "residual_ns": clock.residual_ns,
        },
        "confidence": None if recording.confidence is None else list(recording.confidence.names),
        "warnings": list(recording.warnings),
    }


def _without_video(path: Path, container: Container) -> dict[str, Any]:
    own = container.metadata.get("recording", {})
    return {
        "frames": None,
        "fps": None,
        "vfr": None,
        "duration_s": None,
        "size": None,
        "codec": None,
        "video": None,
        "licence": own.get("licence", ""),
        "game": own.get("game", ""),
        "player": own.get("player", ""),
    }


def _events_alone(columns: Any) -> dict[str, Any]:
    """Counts of events where there is no video to put them on."""
    pairing, _ = assemble_events(columns, Clock(), None)
    span = int(pairing.events.time_ns[-1] - pairing.events.time_ns[0]) / 1e9 if len(pairing.events) else 0.0
    return {"events": len(pairing.events), "inputs": pairing.events.counts(), "event_seconds": span}
