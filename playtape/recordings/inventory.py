"""What a folder of recordings holds together, for `playtape info FOLDER`."""

from collections import Counter
from pathlib import Path
from typing import Any

from tqdm import tqdm

from playtape.errors import BadInput, one_line
from playtape.recordings.licences import forbidding, licences
from playtape.recordings.recording import find_recordings, open_recording

COUNTED = ["games", "players", "sources", "splits", "licences", "sizes", "rates", "inputs", "spans", "instructions"]


def inventory(folder: Path, *, progress: bool = True) -> dict[str, Any]:
    """{"path", "kind": "folder", "recordings", "hours", "frames", "events", "inputs", "games", "players", ..., "unreadable"}.

    `games`, `players`, `sources`, `splits` and `licences` count recordings, as do `sizes` ("640x360") and `rates` (frames a
    second); `spans`, `inputs` and `instructions` count what is in them. `unreadable` says why of each that is not counted. All
    values are plain (JSON). Raises BadInput for a folder without recordings.
    """
    paths, unreadable = find_recordings(folder), {}
    told: dict[str, Counter[str]] = {name: Counter() for name in COUNTED}
    frames, events, seconds, opened, warned, forbidden = 0, 0, 0.0, 0, 0, set[str]()
    for path in tqdm(paths, "look", unit="recording", disable=not progress):
        try:
            recording = open_recording(path)
        except BadInput as error:
            unreadable[str(path)] = one_line(str(error))
            continue
        info, video = recording.info, recording.video
        opened += 1
        frames += len(video)
        events += len(recording.events)
        seconds += video.end_ns / 1e9
        warned += bool(recording.warnings)
        named = licences(recording)
        forbidden |= {*forbidding(named)}
        told["games"][info.game or "not told"] += 1
        told["players"][info.player or "not told"] += 1
        told["sources"][info.source or "not told"] += 1
        told["splits"][info.split or "not told"] += 1
        told["licences"].update(named or ["not told"])
        told["sizes"][f"{video.width}x{video.height}"] += 1
        told["rates"][f"{video.fps:g}"] += 1
        told["inputs"].update(recording.events.counts())
        told["spans"].update(span.kind for span in recording.spans)
        told["instructions"].update(span.value for span in recording.spans if span.kind == "text")
    return {
        "path": str(folder),
        "kind": "folder",
        "recordings": opened,
        "hours": round(seconds / 3600, 4),
        "frames": frames,
        "events": events,
        **{name: dict(counts.most_common()) for name, counts in told.items()},
        "not_for_commerce": sorted(forbidden),
        "with_warnings": warned,
        "unreadable": unreadable,
    }
