"""`playtape check`: every recording by itself in a pool of processes, then what only shows beside others, then the report."""

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from playtape.check import across, hands, lags, pictures, scene, times
from playtape.check.findings import KINDS, Finding, Limits
from playtape.check.glance import Glance
from playtape.check.opening import found, opened
from playtape.errors import BadInput

if TYPE_CHECKING:
    from playtape.check.likelihood import Judge
    from playtape.check.looks import Looking

CLEAN, FOUND, UNUSABLE = 0, 1, 2  # exit codes
TURNS = 2000  # intervals whose motion is measured for findings: it is the slow part, and these tell a lag of frames
MEASURED = 4000  # for a lag in milliseconds


@dataclass(frozen=True)
class Asked:
    """What is looked for besides findings of every check: lags in milliseconds, what shows that pictures are not play, and what
    a classifier says of how they look."""

    lag: bool = False
    scenes: bool = False
    looks: bool = False

    @property
    def bare(self) -> bool:
        """Will pictures without any input do?"""
        return self.scenes or self.looks


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
    scenes: bool = False,
    classifier: Path | None = None,
    mask: Sequence[str] = (),
    progress: bool = True,
) -> dict[str, Any]:
    """Check a recording, or all in a folder. Returns a JSON dictionary; its `exit` is 0 clean, 1 findings, 2 unusable ones.

    `recordings`: of each its path, name, game, player, seconds and `findings` (kind, start_s, end_s, text); `counts`: recordings
    with findings of each kind; `hours` and `hours_clean`: of all, and of those without a finding; `notes`: what to know beside
    them. `policy`: a checkpoint by which play may be unlikely. `write`: findings also become spans of kind "finding" in the
    recordings, where the `picture` could be drawn; `written` names them, `unchanged` those that had the same already, and
    `unwritten` says why one could not be, which makes `exit` at least 1. `lag`: also by how many milliseconds the picture
    answers late, `lag` of each recording and of all (lag.py, lags.py); with `align`, recordings whose inputs are moved by it
    go below that folder: `aligned` names them, `left` says why others are not there. `scenes`: also what shows that pictures
    are not play (scene.py), also of recordings without input, and of videos where there are no recordings. `classifier`: a
    folder that `playtape teach` made, which judges the pictures of the same. `mask`: with `write`, findings of these kinds become
    masked spans too. Raises BadInput if there is nothing to check, and if the policy knows nothing that is done there.
    """
    limits = limits or Limits()
    start = time.monotonic()
    if align is not None:
        lags.check_out(data, align)
    asked = Asked(lag or align is not None, scenes, classifier is not None)
    paths = found(data, asked.bare)
    taught = None if classifier is None else _taught(classifier)
    judge = None if policy is None else _judge(policy, paths, data)
    checked = list(
        tqdm(
            _each(paths, limits, workers, asked),
            "check",
            len(paths),
            disable=not progress,
            unit="recording",
        )
    )
    told: dict[str, list[Finding]] = {str(one.path): list(one.findings) for one in checked}
    more = [across.repeated({str(one.path): one.marks for one in checked}, limits)]
    if judge is not None:
        more.append(judge.findings([one.path for one in checked if not _unusable(one)], limits, progress))
    if taught is not None:
        more.append(taught.findings([one.path for one in checked if not _unusable(one)], limits, progress))
    for several in more:
        for name, listed in several.items():
            told[name] += listed
    rows = [{"path": str(one.path), **one.about, "findings": _plain(sorted(told[str(one.path)]))} for one in checked]
    result = _summary(rows) | {"notes": [] if judge is None else judge.notes, "limits": asdict(limits)}
    if asked.lag:
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

        result["written"], result["unchanged"], result["unwritten"] = write_findings(told, mask)
        if result["unwritten"] and result["exit"] == CLEAN:
            result["exit"] = FOUND
    return result | {"seconds": round(time.monotonic() - start, 3)}


def check_one(path: Path, limits: Limits, asked: Asked | None = None) -> Checked:
    """All that a recording shows by itself."""
    asked = asked or Asked()
    nothing = (np.zeros(0, np.int64), np.zeros(0, np.uint64))
    about: dict[str, Any] = {"name": path.stem, "game": "", "player": "", "source": "", "seconds": 0.0}
    try:
        recording = opened(path)
        info, seconds = recording.info, recording.video.end_ns / 1e9
        about = {
            "name": recording.name,
            "game": info.game,
            "player": info.player,
            "source": info.source,
            "seconds": seconds,
        }
        if not len(recording.events) and not asked.bare:
            raise BadInput("it holds no input at all")
        if len(recording.time_ns) < 2:
            raise BadInput("it has one frame, so nothing is done between two")
        turn = pictures.turns(recording)
        wanted = np.ones(len(turn), bool) if asked.lag else turn != 0
        tilts = asked.lag and "mouse.dy" in recording.events.counts()
        most = MEASURED if asked.lag else TURNS
        seen = Glance.of(recording, wanted, most, down=tilts, scenes=asked.scenes)
        listed = [*times.findings(recording, limits), *pictures.findings(recording, seen, turn, limits)]
        if len(recording.events):
            listed += hands.findings(recording, limits)
        if seen.scenes is not None:
            listed += scene.findings(seen.scenes, seen.change, recording.time_ns, recording.video.end_ns, limits)
        late = lags.told(recording, seen) if asked.lag else None
        return Checked(path, listed, about, (recording.time_ns, seen.mark), late)
    except BadInput as error:
        return Checked(path, [Finding(0, round(about["seconds"] * 1e9), "unusable", str(error))], about, nothing)


def _unusable(one: Checked) -> bool:
    return any(finding.kind == "unusable" for finding in one.findings)


def _each(paths: list[Path], limits: Limits, workers: int | None, asked: Asked) -> Iterator[Checked]:
    count = min(len(paths), workers or os.cpu_count() or 1)
    if count <= 1:
        yield from (check_one(path, limits, asked) for path in paths)
        return
    context = multiprocessing.get_context("spawn")  # the judges' torch is loaded by now, and must not be forked
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        try:
            yield from pool.map(check_one, paths, [limits] * len(paths), [asked] * len(paths))
        except BrokenProcessPool:
            raise BadInput(
                "a process that looked at recordings was ended from outside, perhaps for want of memory; --workers 1 needs least"
            ) from None


def _judge(policy: Path, paths: list[Path], data: Path) -> "Judge":
    from playtape.check.likelihood import Judge  # torch takes seconds

    return Judge.of(policy, paths, data)


def _taught(classifier: Path) -> "Looking":
    from playtape.check.looks import Looking  # torch takes seconds

    return Looking.of(classifier)


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
