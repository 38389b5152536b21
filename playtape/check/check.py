"""`playtape check`: every recording by itself in a pool of processes, then what only shows beside others, then the report."""

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from playtape.check import across, hands, lags, pictures, times
from playtape.check.findings import KINDS, Finding, Limits
from playtape.check.glance import Glance
from playtape.errors import BadInput
from playtape.recordings import find_recordings, open_recording

if TYPE_CHECKING:
    from playtape.check.likelihood import Judge

CLEAN, FOUND, UNUSABLE = 0, 1, 2  # exit codes
TURNS = 2000  # intervals whose motion is measured for findings: it is the slow part, and these tell a lag of frames
MEASURED = 12_000  # for a lag in milliseconds


@dataclass(frozen=True, eq=False)
class Checked:
    """One recording: what was found in it, and what the others are compared with."""

    path: Path
    findings: list[Finding]
    about: dict[str, Any]
    marks: across.Marks
    lag: dict[str, Any] | None = None


def check(
    data: Path,
    limits: Limits | None = None,
    *,
    policy: Path | None = None,
    workers: int | None = None,
    picture: Path | None = None,
    write: bool = False,
    lag: bool = False,
    align: Path | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Check a recording, or all in a folder. Returns a JSON dictionary; its `exit` is 0 clean, 1 findings, 2 unusable ones.

    `recordings`: of each its path, name, game, player, seconds and `findings` (kind, start_s, end_s, text); `counts`: recordings
    with findings of each kind; `hours` and `hours_clean`: of all, and of those without a finding; `notes`: what to know beside
    them. `policy`: a checkpoint by which play may be unlikely. `write`: findings also become spans of kind "finding" in the
    recordings, where the `picture` could be drawn; `written` names them, `unchanged` those that had the same already, and
    `unwritten` says why one could not be, which makes `exit` at least 1. `lag`: also by how many milliseconds the picture
    answers late, `lag` of each recording and of all (lag.py, lags.py); with `align`, recordings whose inputs are moved by it
    go below that folder: `aligned` names them, `left` says why others are not there. Raises BadInput if there is nothing to
    check, and if the policy knows nothing that is done there.
    """
    limits = limits or Limits()
    start = time.monotonic()
    if align is not None:
        lags.check_out(data, align)
    paths = find_recordings(data)
    judge = None if policy is None else _judge(policy, paths, data)
    checked = list(
        tqdm(
            _each(paths, limits, workers, lag or align is not None),
            "check",
            len(paths),
            disable=not progress,
            unit="recording",
        )
    )
    found: dict[str, list[Finding]] = {str(one.path): list(one.findings) for one in checked}
    more = [across.repeated({str(one.path): one.marks for one in checked}, limits)]
    if judge is not None:
        usable = [one.path for one in checked if not any(finding.kind == "unusable" for finding in one.findings)]
        more.append(judge.findings(usable, limits, progress))
    for several in more:
        for name, listed in several.items():
            found[name] += listed
    rows = [{"path": str(one.path), **one.about, "findings": _plain(sorted(found[str(one.path)]))} for one in checked]
    result = _summary(rows) | {"notes": [] if judge is None else judge.notes, "limits": asdict(limits)}
    if lag or align is not None:
        for row, one in zip(rows, checked, strict=True):
            row["lag"] = one.lag
        result["lag"] = lags.of_all(rows)
    if align is not None:
        result["aligned"], result["left"] = lags.aligned(rows, data, align)
    if picture is not None:  # before a recording is touched: it may fail
        from playtape.check.picture import draw

        result["picture"] = str(draw(result, picture))
    if write:
        from playtape.check.write import write_findings

        result["written"], result["unchanged"], result["unwritten"] = write_findings(found)
        if result["unwritten"] and result["exit"] == CLEAN:
            result["exit"] = FOUND
    return result | {"seconds": round(time.monotonic() - start, 3)}


def check_one(path: Path, limits: Limits, lagging: bool = False) -> Checked:
    """All that a recording shows by itself; `lagging`: with its lag in milliseconds."""
    nothing = (np.zeros(0, np.int64), np.zeros(0, np.uint64))
    about: dict[str, Any] = {"name": path.stem, "game": "", "player": "", "source": "", "seconds": 0.0}
    try:
        recording = open_recording(path)
        info, seconds = recording.info, recording.video.end_ns / 1e9
        about = {
            "name": recording.name,
            "game": info.game,
            "player": info.player,
            "source": info.source,
            "seconds": seconds,
        }
        if not len(recording.events):
            raise BadInput("it holds no input at all")
        if len(recording.time_ns) < 2:
            raise BadInput("it has one frame, so nothing is done between two")
        turn = pictures.turns(recording)
        wanted = np.ones(len(turn), bool) if lagging else turn != 0
        tilts = lagging and "mouse.dy" in recording.events.counts()
        seen = Glance.of(recording, wanted, MEASURED if lagging else TURNS, down=tilts)
        listed = [
            *times.findings(recording, limits),
            *hands.findings(recording, limits),
            *pictures.findings(recording, seen, turn, limits),
        ]
        late = lags.told(recording, seen) if lagging else None
        return Checked(path, listed, about, (recording.time_ns, seen.mark), late)
    except BadInput as error:
        return Checked(path, [Finding(0, round(about["seconds"] * 1e9), "unusable", str(error))], about, nothing)


def _each(paths: list[Path], limits: Limits, workers: int | None, lagging: bool) -> Iterator[Checked]:
    count = min(len(paths), workers or os.cpu_count() or 1)
    if count <= 1:
        yield from (check_one(path, limits, lagging) for path in paths)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        yield from pool.map(check_one, paths, [limits] * len(paths), [lagging] * len(paths))


def _judge(policy: Path, paths: list[Path], data: Path) -> "Judge":
    from playtape.check.likelihood import Judge  # torch takes seconds

    return Judge.of(policy, paths, data)


def _plain(findings: list[Finding]) -> list[dict[str, Any]]:
    return [
        {"kind": one.kind, "start_s": one.start_ns / 1e9, "end_s": one.end_ns / 1e9, "text": one.text}
        for one in findings
    ]


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    kinds = [{finding["kind"] for finding in row["findings"]} for row in rows]
    counts = Counter(kind for each in kinds for kind in each)
    clean = [row for row, each in zip(rows, kinds, strict=True) if not each]
    return {
        "exit": UNUSABLE if counts["unusable"] else FOUND if counts else CLEAN,
        "counts": {kind: counts[kind] for kind in KINDS if counts[kind]},
        "hours": sum(row["seconds"] for row in rows) / 3600,
        "hours_clean": sum(row["seconds"] for row in clean) / 3600,
        "recordings": rows,
    }
