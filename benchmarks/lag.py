"""The claim: a shift of all inputs by one frame, either way, is seen in every recording of a game that answers at once.

    python benchmarks/lag.py DATA... [--json]

Looks at each recording below the folders DATA once, and estimates its lag as it is, with its inputs one frame (50 ms at 20 a
second) late, and one frame early: seen means that the estimate has moved by one frame, to within half of one, and that its
interval leaves out 0. Then gives each recording the inputs of the next one, of which nothing should be told: `mispaired` counts
those of which something was. Recordings are their files' names; DEMO4 of each Freedoom IWAD is the test set of docs/results.md.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from playtape.check.check import MEASURED
from playtape.check.glance import Glance
from playtape.check.lag import Lag, estimated
from playtape.recordings import Recording, find_recordings, open_recording


def judged(recording: Recording, other: Recording) -> dict:
    """The lag of one recording as it is, a frame late and early, and with another's inputs."""
    seen = Glance.of(recording, np.ones(len(recording.time_ns) - 1, bool), MEASURED)
    step = float(np.median(np.diff(recording.time_ns))) / 1e9
    end = recording.video.end_ns

    def lag(shift: int, source: Recording) -> Lag:
        events = source.events.shifted(round(shift * step * 1e9)).between(0, end)
        return estimated(replace(recording, events=events), seen)[0]

    said = {name: lag(shift, recording) for name, shift in (("as_it_is", 0), ("late", 1), ("early", -1))}
    row = {"name": recording.name, "seconds": round(end / 1e9, 1), "frame_ms": round(step * 1e3, 2)}
    row |= {name: one.to_json() for name, one in said.items()}
    for name, sign in (("late", -1), ("early", 1)):  # inputs that come late are answered too early
        moved = said[name].seconds - said["as_it_is"].seconds
        row[f"seen_{name}"] = bool(said[name].found and abs(moved - sign * step) < step / 2)
    row["mispaired"] = lag(0, other).to_json()
    return row


def line(row: dict) -> str:
    def said(lag: dict) -> str:
        if lag["lag_ms"] is None:
            return f"unknown ({lag['why']})"
        return f"{lag['lag_ms']:6.1f} [{lag['interval'][0]:6.1f}, {lag['interval'][1]:6.1f}]"

    seen = "seen both" if row["seen_late"] and row["seen_early"] else "NOT seen"
    parts = "  ".join(f"{name} {said(row[name])}" for name in ("as_it_is", "late", "early"))
    return f"{row['name']:32} {row['seconds']:6.1f} s  {parts}  {seen}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = []
    for folder in asked.data:
        paths = find_recordings(folder)
        for path, next_one in zip(paths, [*paths[1:], *paths[:1]]):
            rows.append(judged(open_recording(path), open_recording(next_one)))
            if not asked.json:
                print(line(rows[-1]), flush=True)
    known = [row for row in rows if row["as_it_is"]["lag_ms"] is not None]
    result = {
        "recordings": len(rows),
        "seen_late": sum(row["seen_late"] for row in rows),
        "seen_early": sum(row["seen_early"] for row in rows),
        "as_it_is_holds_0": sum(row["as_it_is"]["interval"][0] <= 0 <= row["as_it_is"]["interval"][1] for row in known),
        "as_it_is_within_half_a_frame": sum(abs(row["as_it_is"]["lag_ms"]) < row["frame_ms"] / 2 for row in known),
        "known": len(known),
        "mispaired": sum(row["mispaired"]["lag_ms"] is not None for row in rows),
    }
    print(json.dumps(result | ({"rows": rows} if asked.json else {}), indent=1))


if __name__ == "__main__":
    main()
