"""What a folder of recordings holds together, for `playtape info FOLDER`."""

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from tqdm import tqdm

from playtape.actions.names import is_button
from playtape.errors import BadInput, one_line
from playtape.recordings.convert import find_format, format_names
from playtape.recordings.licences import forbidding, licences
from playtape.recordings.recording import find_recordings, open_recording

COUNTED = [
    "games",
    "players",
    "sources",
    "splits",
    "licences",
    "sizes",
    "rates",
    "presses",
    "motions",
    "spans",
    "instructions",
]
ANYTHING = ("owamcap", "frames", "video")  # formats that a folder may be without being meant


def inventory(folder: Path, *, progress: bool = True) -> dict[str, Any]:
    """{"path", "kind": "folder", "recordings", "duration" (h:mm:ss), "seconds", "frames", "games", ..., "unreadable"}.

    `games`, `players`, `sources`, `splits`, `licences`, `sizes` ("640x360") and `rates` (frames a second) count recordings;
    `presses` of each button, `motions` (events) of each axis, `spans` of each kind and `instructions` count what is in them.
    `warnings` says of each recording what its reader mended, `unreadable` why one is not counted. All values are plain (JSON).
    Raises BadInput for a folder without recordings, which says what else it looks like.
    """
    try:
        paths = find_recordings(folder)
    except BadInput as error:
        raise BadInput(f"{error}{_otherwise(folder)}") from None
    told: dict[str, Counter[str]] = {name: Counter() for name in COUNTED}
    unreadable, warnings = dict[str, str](), dict[str, list[str]]()
    frames, seconds, opened, forbidden = 0, 0.0, 0, set[str]()
    for path in tqdm(paths, "look", unit="recording", disable=not progress):
        try:
            recording = open_recording(path)
            events, spans, named = recording.events, recording.spans, licences(recording)
        except BadInput as error:
            unreadable[str(path)] = one_line(str(error))
            continue
        info, video = recording.info, recording.video
        opened += 1
        frames += len(video)
        seconds += video.end_ns / 1e9
        forbidden |= {*forbidding(named)}
        if recording.warnings:
            warnings[str(path)] = list(recording.warnings)
        for name in ("game", "player", "source", "split"):
            told[f"{name}s"][getattr(info, name) or "not told"] += 1
        told["licences"].update(named or ["not told"])
        told["sizes"][f"{video.width}x{video.height}"] += 1
        told["rates"][f"{video.fps:g}"] += 1
        told["presses"].update(name for _, name, value in events if is_button(name) and value == 1)
        told["motions"].update({name: count for name, count in events.counts().items() if not is_button(name)})
        told["spans"].update(span.kind for span in spans)
        told["instructions"].update(span.value for span in spans if span.kind == "text")
    return {
        "path": str(folder),
        "kind": "folder",
        "recordings": opened,
        "duration": str(timedelta(seconds=round(seconds))),
        "seconds": seconds,
        "frames": frames,
        **{name: dict(counts.most_common()) for name, counts in told.items()},
        "not_for_commerce": sorted(forbidden),
        "warnings": warnings,
        "unreadable": unreadable,
    }


def _otherwise(folder: Path) -> str:
    """The end of a sentence: what to do with a folder that holds something else."""
    if (folder / "sweep.json").is_file():
        return f"; it is a sweep: `playtape evaluate scaling {folder}`"
    for name in format_names():
        found: list[Path] = []
        with suppress(BadInput, OSError):  # where a format's package is not installed, it is not told
            found = [] if name in ANYTHING else find_format(name).find(folder)
        if found:
            return (
                f"; it looks like {name}: `playtape convert {folder} --format {name} --out OUT` makes recordings of it"
            )
    return ""
