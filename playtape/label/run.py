"""`playtape label`: gameplay video in, recordings of the keys and mouse that made it out; one video, or more than fit on one
machine.

One way for all: inputs become items (inputs.py), the schedule hands tasks to an engine (schedule.py, engines.py), and the
ledger keeps what became of each, so that a run that was cut off goes on where it was, and nothing is labelled twice.
"""

import hashlib
import json
import shutil
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from playtape.errors import BadInput, printable, within
from playtape.label.decode import Calibration
from playtape.label.engines import Engine, Here, Processes
from playtape.label.inputs import Item, find
from playtape.label.label import beliefs
from playtape.label.ledger import BEGUN, DONE, QUARANTINED, TABLE, Ledger, Line, stale
from playtape.label.origin import Asked
from playtape.label.progress import Progress
from playtape.label.report import NAME as REPORT
from playtape.label.report import write_report
from playtape.label.scale import FACTORS, measured
from playtape.label.schedule import PARTS, Job, Schedule, fetched, interrupted, target
from playtape.label.stitch import BATCH, KEEP
from playtape.label.tasks import PART, Bench, Setup
from playtape.recordings import open_recording
from playtape.recordings.atomic import check_new, check_one_way, make_folder, sweep
from playtape.recordings.container import is_whole
from playtape.recordings.lock import locked
from playtape.training import checkpoint
from playtape.training.checkpoint import Loaded
from playtape.training.device import find_device
from playtape.training.memory import keep_freed_memory

SHIPPED = Path(__file__).parents[1] / "models" / "weights" / "idm-doom"
ENGINES = ("local", "ray")
MOST_WORKERS = 4096
DOUBTED = 2  # kills in the middle of a video, after which it is labelled in a process of its own
SAID = 10  # refused rows that are told one by one
FORMAT = 1  # raised when the same video, model and flags no longer give the same label


def label(
    sources: str | Path | Sequence[str | Path],
    out: Path,
    *,
    model: Path | None = None,
    min_confidence: float = 0.0,
    idle_seconds: float | None = None,
    mouse_scale: float | Path = 1.0,
    device: str = "auto",
    engine: str = "local",
    workers: int = 1,
    replace: bool = False,
    missing: bool = False,
    again: bool = False,
    progress: bool = True,
    part: int = PART,
) -> dict[str, Any]:
    """Label videos, folders, globs, manifests and URLs into `out`, one recording each.

    What the ledger in `out` has as done by the same model and flags is not done again. `replace` writes all anew; `missing`
    keeps whatever is there, whoever made it, and does the rest; `again` tries what was quarantined once more. Of a pause longer
    than `idle_seconds` what is beyond is masked. `mouse_scale`: a factor on mouse motion, or a recording of a few seconds by the
    same hands to measure it by. `part` is how many intervals a long video is cut into at a time, a multiple of 256, and does not
    change a label.

    Returns {"done", "quarantined", "resumed": numbers, "video_hours", "outputs": [...] of this run, "kept": [...] that were
    there, "skipped": {source: why}, "ledger", "report", "video_seconds", "seconds"}. Raises BadInput where nothing could be
    labelled, where labels of another model or other flags, or what no ledger knows, would be replaced, and while another run
    writes to `out`.
    """
    check_one_way(replace, missing)
    within("workers", workers, 1, MOST_WORKERS, whole=True)
    if engine not in ENGINES:
        raise BadInput(f"engine is {engine!r}; legal are {', '.join(ENGINES)}")
    started = time.perf_counter()
    keep_freed_memory()
    device, chosen = find_device(device), str(model or SHIPPED)
    loaded = checkpoint.load(Path(chosen), to="label")
    factor = _factor(loaded, mouse_scale, device)
    within("--min-confidence", min_confidence, 0, 1)
    if idle_seconds is not None:
        within("--drop-idle-seconds", idle_seconds, 0, 1e9)
    setup = Setup(chosen, min_confidence, factor, idle_seconds, device, part)
    settings = _settings(loaded, min_confidence, factor, idle_seconds)  # raises before an hour of video is decoded
    if "calibration" not in loaded.train:
        print(_uncalibrated(chosen, loaded), file=sys.stderr)
    words = [str(word) for word in ([sources] if isinstance(sources, str | Path) else sources)]
    items, out = find(words), Path(out)
    with _held(out):
        run = _Run(out, Ledger(out), items, settings, replace, missing, again, Asked(tuple(words), model))
        run.plan()
        run.carry_out(engine, setup, loaded, workers, progress=progress)
        return {**run.result(started, loaded), "mouse_scale": factor}


def _uncalibrated(model: str, loaded: checkpoint.Loaded) -> str:
    """That a model says what it says as it is, and what can be done about it."""
    said = f"note: {model} was never calibrated: its probabilities are as it made them and every threshold is 0.5"
    if loaded.train.get("held_out"):
        return f"{said}; `playtape train --resume {model}` calibrates a run that was cut off"
    return (
        f"{said}, for no recording was held out to calibrate by; train with recordings of more than one session, or name those "
        "to hold out with --data.held-out"
    )


@contextmanager
def _held(out: Path) -> Generator[None]:
    """The folder is there and ours. If nothing came to be in it, it goes again."""
    made = [place for place in (out, *out.absolute().parents) if not place.exists()]
    make_folder(out, "write labels")
    try:
        with locked(out, f"{out} is being written to by another run; wait for it, or give another --out"):
            yield
    finally:
        for place in made:
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()


@dataclass
class _Run:
    out: Path
    ledger: Ledger
    items: Sequence[Item]
    settings: dict[str, Any]
    replace: bool
    missing: bool
    again: bool
    asked: Asked

    def plan(self) -> None:
        """Sort out what there is to do. Raises BadInput, before any work, where a result would replace something else."""
        if self.ledger.damaged:
            print(f"{self.ledger.damaged} damaged lines of the ledger in {self.out} are passed over", file=sys.stderr)
        self._check_settings()
        self._sweep()
        self.kept: list[Path] = []
        self.aside: list[Line] = []  # quarantined by an earlier run
        self.jobs: list[Job] = []
        unknown: list[Path] = []
        refused: list[Line] = []
        for item in self.items:
            line = self.ledger.lines.get(printable(item.name))
            if item.refused:
                refused.append(_refusal(item, self.settings))
                continue
            place = target(self.out, item)
            if place.is_dir():
                raise BadInput(f"cannot write {place}: it is a folder")
            job = _job(item, line)
            there = place.exists()
            broken = line is not None and line.state == DONE and there and not is_whole(place)
            if self.missing and there:
                self.kept.append(place)
            elif line is not None and not self.replace and self._finished(line, job, there and not broken):
                (self.kept.append(place) if line.state == DONE else self.aside.append(line))
            else:
                self.jobs.append(job)
                unknown += [place] if line is None and there else []
                self._check_fetched(item, line)
                if there and not broken and open_recording(place).provenance.get("kind") != "pseudo":
                    raise BadInput(
                        f"{place} is a recording that no model made; give another --out, so that it is not replaced"
                    )
        if not self.replace:
            check_new(unknown)
        if new := [line for line in refused if self.ledger.lines.get(line.name) != line]:
            self.ledger.add(*new)
        self.aside += refused
        for line in new[:SAID]:
            print(f"quarantined: {line.reason}", file=sys.stderr)
        if len(new) > SAID:
            print(f"and {len(new) - SAID} more rows", file=sys.stderr)
        if self.replace and (
            void := [stale(line) for line in self.ledger.lines.values() if line.state in (DONE, BEGUN)]
        ):
            self.ledger.add(*void)

    def _sweep(self) -> None:
        """What killed runs left under temporary names."""
        begun = {name for name, line in self.ledger.lines.items() if line.state == BEGUN}
        items = [item for item in self.items if printable(item.name) in begun]
        places = [one for item in items for one in (target(self.out, item), *self._fetched(item))]
        places += [self.out / TABLE, self.out / REPORT]
        for place in places:
            sweep(place)

    def _check_fetched(self, item: Item, line: Line | None) -> None:
        """A file that stands where a URL's video is to be kept would be taken for it."""
        strange = next((place for place in self._fetched(item) if line is None and place.exists()), None)
        if strange is not None:
            raise BadInput(
                f"{strange} is there, and no ledger says that it came from {item.source}; give another --out"
            )

    def _fetched(self, item: Item) -> list[Path]:
        return [] if item.path is not None else [fetched(self.out, item)]

    def _check_settings(self) -> None:
        if self.replace or self.missing:
            return
        for line in self.ledger.lines.values():
            other = [key for key, value in self.settings.items() if line.settings.get(key) != value]
            if line.state in (DONE, BEGUN) and other:
                was, now = (str(one.get(other[0]))[:12] for one in (line.settings, self.settings))
                raise BadInput(
                    f"{self.out} holds labels whose {', '.join(other)} is another ({was}, now {now}); "
                    "--replace labels all anew, --missing keeps them and does the rest, or give another --out"
                )

    def _finished(self, line: Line, job: Job, there: bool) -> bool:
        """Is the file the one that the line speaks of, and is what the line says still so?"""
        if line.state == DONE:
            return there and (bool(job.sha256) or any(place.is_file() for place in self._fetched(job.item)))
        if line.state != QUARANTINED or self.again:
            return False
        return bool(job.sha256) or _gone(line, job)

    def carry_out(self, engine: str, setup: Setup, loaded: Loaded, workers: int, *, progress: bool) -> None:
        self.lines: list[Line] = []
        alone = len(self.items) == 1 and not self.items[0].row
        shown = Progress(self.jobs, enabled=progress, alone=alone)
        # What earlier runs were at when they were killed may be what killed them: it comes last, and at the second time in a
        # process of its own.
        self.jobs.sort(key=lambda job: job.begins)
        begun = {job.sha256: job.name for job in self.jobs if job.begins}
        in_here = engine == "local" and workers == 1
        doubtful = [job for job in self.jobs if in_here and job.begins >= DOUBTED]
        plain = self.jobs[: len(self.jobs) - len(doubtful)]

        def finished(job: Job, line: Line) -> None:
            if job.kept:
                self.kept.append(target(self.out, job.item))
            else:
                self.lines.append(line)
            shown.finished(job, line)

        def through(jobs: list[Job], start: Any) -> None:
            schedule = Schedule(
                jobs, self.out, self.ledger, self.settings, finished, shown.note, begun, setup.part, alone
            )
            running: Engine | None = None
            try:
                if jobs:
                    running = start()
                    schedule.run(running)
            finally:
                if running is not None:
                    running.close()
                interrupted(schedule)
                self._tidy(jobs)

        with shown:
            if engine == "ray":
                through(plain, lambda: _ray(setup, workers, shown.hear))
            elif workers > 1:
                through(plain, lambda: Processes(setup, workers, shown.hear))
            else:
                through(plain, lambda: Here(Bench(setup, shown.hear, loaded)))
                through(doubtful, lambda: Processes(setup, 1, shown.hear))

    def _tidy(self, jobs: Sequence[Job]) -> None:
        """Left in good order, what was under way is under no suspicion; and of what left no trace, nothing is kept."""
        if all(job.over for job in self.jobs):
            shutil.rmtree(self.out / PARTS, ignore_errors=True)
        begun = [line for job in jobs if (line := self.ledger.lines.get(job.name)) and line.state == BEGUN]
        places = [target(self.out, job.item) for job in jobs] + [one for job in jobs for one in self._fetched(job.item)]
        if len(begun) == len(self.ledger.lines) and not any(place.exists() for place in (self.out / PARTS, *places)):
            self.ledger.forget(line.name for line in begun)
        elif begun:
            with suppress(OSError):
                self.ledger.add(*map(stale, begun))

    def result(self, started: float, loaded: Loaded) -> dict[str, Any]:
        done = [line for line in self.lines if line.state == DONE]
        aside = [*self.aside, *(line for line in self.lines if line.state == QUARANTINED)]
        self.ledger.compact(lambda text: print(f"note: {text}", file=sys.stderr))
        took = time.perf_counter() - started
        report = write_report(self.out, list(self.ledger.lines.values()), loaded, self.asked)
        skipped = {line.source or line.name: line.reason for line in aside}
        if not done and not self.kept:
            raise BadInput(
                f"none of the {len(self.items)} videos could be labelled; the first: {next(iter(skipped.values()))}"
            )
        seconds = sum(line.video_seconds for line in done)
        return {
            "done": len(done),
            "quarantined": len(aside),
            "resumed": len(self.kept),
            "video_hours": round(seconds / 3600, 6),
            "outputs": [str(self.out / line.output) for line in sorted(done, key=lambda line: line.name)],
            "kept": [str(path) for path in self.kept],
            "skipped": skipped,
            "ledger": str(self.ledger.path),
            "report": str(report),
            "video_seconds": round(seconds, 3),
            "seconds": round(took, 3),
        }


def _refusal(item: Item, settings: dict[str, Any]) -> Line:
    """The line of a manifest's row that is not touched."""
    start = Line(printable(item.name), QUARANTINED, printable(item.source), settings=settings)
    return replace(start, reason=printable(item.refused), extra=printable(item.extra))


def _job(item: Item, line: Line | None) -> Job:
    """With what an earlier run found out about its file, if that is still the same."""
    if line is None or item.path is None or line.source != printable(item.source) or not line.video_sha256:
        return Job(item)
    try:
        status = item.path.stat()
    except OSError:
        return Job(item)
    if (status.st_size, status.st_mtime_ns) != line.signature:
        return Job(item)
    return Job(item, line.video_sha256, line.signature, begins=line.begins if line.state == BEGUN else 0)


def _gone(line: Line, job: Job) -> bool:
    """Was it, and is it, not to be had at all?"""
    return line.signature == (-1, -1) and (job.item.path is None or not job.item.path.exists())


def _factor(loaded: Loaded, mouse_scale: float | Path, device: str) -> float:
    if not isinstance(mouse_scale, Path):
        within("--mouse-scale", mouse_scale, *FACTORS)
        return mouse_scale
    known = open_recording(mouse_scale)
    time_ns, labels = beliefs(loaded, known.video, device=device, progress=False)
    return measured(loaded.space.actions(known.events, time_ns), labels, loaded.space)


def _settings(loaded: Loaded, min_confidence: float, mouse_scale: float, idle_seconds: float | None) -> dict[str, Any]:
    """All that a label depends on besides its video, in words that a refusal can name."""
    calibration = json.dumps(Calibration.of(loaded.train, loaded.space).to_json(), sort_keys=True)
    shape = json.dumps([loaded.name, vars(loaded.model.config), loaded.space.to_json()], sort_keys=True, default=str)
    return {
        "model": loaded.hash,
        "shape": hashlib.sha256(shape.encode()).hexdigest(),
        "calibration": hashlib.sha256(calibration.encode()).hexdigest(),
        "min_confidence": float(min_confidence),
        "mouse_scale": float(mouse_scale),
        "idle_seconds": idle_seconds,
        "format": FORMAT,
        "batch": BATCH,
        "keep": KEEP,
    }


def _ray(setup: Setup, workers: int, hear: Any) -> Engine:
    from playtape.label.ray_engine import Actors

    return Actors(setup, workers, hear)
