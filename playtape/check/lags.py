"""The lag of each recording, that of all, and recordings whose inputs were moved by it. Originals stay as they are."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from playtape.actions.events import PRESS, RELEASE, Events
from playtape.actions.names import kind
from playtape.check.glance import Glance
from playtape.check.lag import DRAWS, LEVEL, estimated
from playtape.errors import BadInput
from playtape.recordings import Recording, open_recording, save_recording
from playtape.recordings.atomic import check_folder, check_new

SHIFTED = "events_shifted_ns"  # in a recording's provenance: by how much, in all


def told(recording: Recording, seen: Glance) -> dict[str, Any]:
    """What `check --lag` says of one recording: the surest view's, and all of them."""
    views = estimated(recording, seen)
    frame_ms = float(np.median(np.diff(recording.time_ns))) / 1e6
    return {**views[0].to_json(), "frame_ms": round(frame_ms, 3), "views": [view.to_json() for view in views]}


def of_all(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The median of the recordings' lags, with a bootstrap interval over recordings; of a single one, its own."""
    known = [row["lag"] for row in rows if (row.get("lag") or {}).get("lag_ms") is not None]
    about = {"recordings": len(rows), "known": len(known)}
    if not known:
        return {"lag_ms": None, "interval": None, "why": "of no recording there is enough evidence", **about}
    if len(known) == 1:
        return {"lag_ms": known[0]["lag_ms"], "interval": known[0]["interval"], "why": None, **about}
    each = np.array([lag["lag_ms"] for lag in known])
    drawn = np.median(np.random.default_rng(0).choice(each, (DRAWS, len(each))), axis=1)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    interval = [round(float(low), 2), round(float(high), 2)]
    return {"lag_ms": round(float(np.median(each)), 2), "interval": interval, "why": None, **about}


def aligned(rows: Sequence[Mapping[str, Any]], data: Path, out: Path) -> tuple[list[str], dict[str, str]]:
    """Write recordings with their inputs moved by their lags below `out`; gives them, and why others have none there.

    A recording whose lag may be 0, or is less than half a frame, needs none: a push that decays in another way than is supposed
    (lag.py) is worth a quarter of a frame. Raises BadInput where one of the files is there already.
    """
    wanted: dict[str, Path] = {}
    left: dict[str, str] = {}
    root = data if data.is_dir() else data.parent
    for row in rows:
        lag: dict[str, Any] = row.get("lag") or {"lag_ms": None, "why": "it is unusable"}
        if lag["lag_ms"] is None:
            left[row["path"]] = lag["why"]
        elif lag["interval"][0] <= 0 <= lag["interval"][1]:
            left[row["path"]] = "its lag may be 0"
        elif abs(lag["lag_ms"]) < lag["frame_ms"] / 2:
            left[row["path"]] = f"its lag of {lag['lag_ms']:.0f} ms is less than half a frame"
        else:
            wanted[row["path"]] = out / Path(row["path"]).relative_to(root)
    by = {row["path"]: round(row["lag"]["lag_ms"] * 1e6) for row in rows if row["path"] in wanted}
    check_new(wanted.values())
    written = []
    for path, target in wanted.items():
        try:
            written.append(str(save_recording(moved(open_recording(path), by[path]), target)))
        except BadInput as error:
            left[path] = str(error)
    return written, left


def check_out(data: Path, out: Path) -> None:
    """Raises BadInput, before anything is looked at, where nothing could be written, or the originals would be in the way."""
    check_folder(out, "write recordings")
    if out.resolve() == (data if data.is_dir() else data.parent).resolve():
        raise BadInput(f"--align is {out}, where the recordings themselves are; give another folder")


def moved(recording: Recording, by_ns: int) -> Recording:
    """The same recording with all inputs `by_ns` later, and what is known of them; its pictures and spans stay.

    Inputs that leave the video are lost: a button that was pressed before its first frame is down from there on, and motion
    is not there at all.
    """
    end = recording.video.end_ns
    events = recording.events.shifted(by_ns)
    first = int(recording.time_ns[0])
    inside = Events.concatenate(_held_at(events, first), events.between(min(first, end), end))
    confidence = recording.confidence
    if confidence is not None:
        confidence = replace(confidence, time_ns=np.maximum(confidence.time_ns + by_ns, 0))
    total = by_ns + int(recording.provenance.get(SHIFTED, "0"))
    return replace(
        recording,
        events=inside,
        confidence=confidence,
        provenance={**recording.provenance, SHIFTED: str(total)},
        path=None,
    )


def _held_at(events: Events, first_ns: int) -> Events:
    """What is down at `first_ns`, pressed there, and where axes stand then."""
    before = events.between(min(int(events.time_ns[0]), first_ns), first_ns) if len(events) else events
    last = {name: value for _, name, value in before}
    down = [(first_ns, name, PRESS) for name, value in last.items() if kind(name) == "button" and value != RELEASE]
    return Events.from_rows(down + [(first_ns, name, value) for name, value in last.items() if kind(name) == "state"])
