"""`playtape check`: every recording by itself in a pool of processes, then what only shows beside others, then the report."""

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from playtape.check import across, hands, pictures, times
from playtape.check.findings import KINDS, Finding, Limits
from playtape.check.glance import Glance
from playtape.errors import BadInput
from playtape.recordings import find_recordings, open_recording

CLEAN, FOUND, UNUSABLE = 0, 1, 2  # exit codes


@dataclass(frozen=True, eq=False)
class Checked:
    """One recording: what was found in it, and what the others are compared with."""

    path: Path
    findings: list[Finding]
    about: dict[str, Any]
    marks: across.Marks


def check(
    data: Path,
    limits: Limits | None = None,
    *,
    policy: Path | None = None,
    workers: int | None = None,
    picture: Path | None = None,
    write: bool = False,
    progress: bool = True,
) -> dict[str, Any]:
    """Check a recording, or all in a folder. Returns a JSON dictionary; its `exit` is 0 clean, 1 findings, 2 unusable ones.

    `recordings`: of each its path, game, player, seconds and `findings` (kind, start_s, end_s, text); `counts`: recordings with
    findings of each kind; `hours` and `hours_clean`: of all, and of those without a finding. `policy`: a checkpoint by which
    play may be unlikely. `write`: findings also become spans of kind "finding" in the recordings. Raises BadInput if there is
    nothing to check.
    """
    limits = limits or Limits()
    start = time.monotonic()
    paths = find_recordings(data)
    judge = None if policy is None else _loaded(policy)
    checked = list(tqdm(_each(paths, limits, workers), "check", len(paths), disable=not progress, unit="recording"))
    found: dict[str, list[Finding]] = {str(one.path): list(one.findings) for one in checked}
    more = [across.repeated({str(one.path): one.marks for one in checked}, limits)]
    if judge is not None:
        more.append(_unlikely(judge, checked, limits, progress))
    for several in more:
        for name, listed in several.items():
            found[name] += listed
    rows = [{"path": str(one.path), **one.about, "findings": _plain(sorted(found[str(one.path)]))} for one in checked]
    result = _summary(rows) | {"limits": asdict(limits), "seconds": round(time.monotonic() - start, 3)}
    if write:
        from playtape.check.write import write_findings

        result["written"] = [str(one.path) for one in checked if write_findings(one.path, found[str(one.path)])]
    if picture is not None:
        from playtape.check.picture import draw

        result["picture"] = str(draw(result, picture))
    return result


def check_one(path: Path, limits: Limits) -> Checked:
    """All that a recording shows by itself."""
    nothing = (np.zeros(0, np.int64), np.zeros(0, np.uint64))
    about: dict[str, Any] = {"game": "", "player": "", "source": "", "seconds": 0.0}
    try:
        recording = open_recording(path)
        info = recording.info
        about = {
            "game": info.game,
            "player": info.player,
            "source": info.source,
            "seconds": recording.video.end_ns / 1e9,
        }
        if not len(recording.events):
            raise BadInput("it holds no input at all")
        if len(recording.time_ns) < 2:
            raise BadInput("it has one frame, so nothing is done between two")
        moves = pictures.moving(recording)
        seen = Glance.at(recording, pictures.turns(recording) != 0)
        listed = [
            *times.findings(recording, limits),
            *hands.findings(recording, limits),
            *pictures.findings(recording, seen, moves, limits),
        ]
        return Checked(path, listed, about, (recording.time_ns, seen.mark))
    except BadInput as error:
        return Checked(path, [Finding(0, round(about["seconds"] * 1e9), "unusable", str(error))], about, nothing)


def _each(paths: list[Path], limits: Limits, workers: int | None) -> Iterator[Checked]:
    count = min(len(paths), workers or os.cpu_count() or 1)
    if count <= 1:
        yield from (check_one(path, limits) for path in paths)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        yield from pool.map(check_one, paths, [limits] * len(paths))


def _loaded(policy: Path) -> Any:
    from playtape.check import likelihood  # torch takes seconds

    return likelihood.load(policy)


def _unlikely(judge: Any, checked: list[Checked], limits: Limits, progress: bool) -> dict[str, list[Finding]]:
    from playtape.check import likelihood

    usable = [one.path for one in checked if not any(finding.kind == "unusable" for finding in one.findings)]
    shown = tqdm(usable, desc="likelihood", unit="recording", disable=not progress)
    return likelihood.unlikely({str(path): likelihood.stretches(judge, path) for path in shown}, limits)


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
