"""Which task comes next, and what its answer means: every item ends as one line of the ledger, done or quarantined, never both.

Items are told apart in their own order, whatever order answers come in, so that of two files with the same bytes it is always
the first that is labelled. What is begun comes before what is not, parts before whole videos, and what went wrong goes to the
back.
"""

import hashlib
import json
import shutil
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from playtape.errors import BadInput, printable
from playtape.label.engines import Engine, tidy
from playtape.label.inputs import Item
from playtape.label.ledger import BEGUN, DONE, QUARANTINED, SAME_BYTES, Ledger, Line
from playtape.label.patience import patient
from playtape.label.tasks import Answer, Task
from playtape.recordings.container import is_whole

PARTS = ".parts"  # in the output's folder: beliefs of long videos whose label is not whole yet
TRIES = 3  # times that a video's process may end, or fail by what is not the video's own fault
AHEAD = 64  # items told apart before all earlier ones are; or two for each worker, if those are more
Note = Callable[[str], None]


@dataclass(eq=False)
class Job:
    """An item on its way."""

    item: Item
    sha256: str = ""  # of its video; "" if it has yet to be read
    signature: tuple[int, int] = (-1, -1)
    place: int = 0  # among the schedule's jobs
    begins: int = 0  # earlier runs that were killed while they were at it
    tries: Counter[str] = field(default_factory=Counter)  # by task: a day of video is no more at risk than a minute
    over: bool = False
    kept: bool = False  # its label was there already
    parts: list[str] = field(default_factory=list)  # paths of the parts' beliefs
    waiting: set[int] = field(default_factory=set)  # parts that are not there yet
    seconds: float = 0.0  # of work so far

    @property
    def name(self) -> str:
        return printable(self.item.name)


@dataclass
class Schedule:
    """Carries jobs through once. `finished` hears each one's last line."""

    jobs: Sequence[Job]
    out: Path
    ledger: Ledger
    settings: dict[str, Any]
    finished: Callable[[Job, Line], None]
    note: Note
    begun: dict[str, str] = field(default_factory=dict)  # names by the bytes of what an earlier run was at
    part: int = 0  # intervals of one
    alone: bool = False  # a single video: what is wrong with it is raised, and no line is kept of it
    first: deque[tuple[Job, Task]] = field(default_factory=deque)  # of what is begun
    second: deque[tuple[Job, Task]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.untold = deque(self.jobs)  # which video is it?
        self.told: dict[int, Answer] = {}  # answers that earlier items have to come before
        self.next = 0  # the position of the first job that is not decided
        self.left = len(self.jobs)
        self.owners = {**self.begun, **{sha: line.name for sha, line in self.ledger.by_video().items()}}
        self.under_way: dict[int, tuple[Job, Task]] = {}
        self.handed = 0
        for place, job in enumerate(self.jobs):
            job.place = place
        whole = json.dumps([self.settings, self.part], sort_keys=True)
        self.code = hashlib.sha256(whole.encode()).hexdigest()[:16]  # of all that a part depends on besides its video

    def run(self, engine: Engine) -> None:
        """Raises BadInput where going on makes no sense; what was finished is in the ledger."""
        self.ahead = max(AHEAD, 2 * engine.room())
        while self.left:
            while engine.room() and (chosen := self._choose()):
                self.handed += 1
                self.under_way[self.handed] = chosen
                engine.submit(self.handed, chosen[1])
            if (taken := engine.take()) is not None:
                job, task = self.under_way.pop(taken[0])
                self._heed(job, task, taken[1])

    def _choose(self) -> tuple[Job, Task] | None:
        while True:
            for line in (self.first, self.second):
                if line:
                    return line.popleft()
            if not self.untold or self.untold[0].place >= self.next + self.ahead:
                return None
            job = self.untold.popleft()
            if job.item.path is not None and not job.sha256:
                return job, {"do": "identify", "path": str(job.item.path)}
            if job.item.path is None:
                self._add(self._line(job, BEGUN, begins=job.begins))  # what lies there under this name is ours
                return job, {"do": "identify", "path": str(self._fetched(job)), "url": job.item.source}
            self._tell_apart(job, {"ok": {}})

    def _heed(self, job: Job, task: Task, answer: Answer) -> None:
        if "stop" in answer:
            raise BadInput(answer["stop"])
        if job.over:
            return  # another of its parts could not be labelled
        if "died" in answer or "failed" in answer:
            self._again(job, task, answer)
        elif task["do"] == "identify":
            self._tell_apart(job, answer)
        elif "bad" in answer:
            self._quarantine(job, answer["bad"])
        elif task["do"] == "part":
            self._part_done(job, task, answer["ok"])
        elif "parts" in answer["ok"]:
            self._cut(job, answer["ok"]["parts"])
        else:
            self._done(job, answer["ok"])

    def _again(self, job: Job, task: Task, answer: Answer) -> None:
        """Once more, after everything else that waits; after the third time it is quarantined."""
        which = f"{task['do']} {task.get('part', '')}"
        job.tries[which] += 1
        if job.tries[which] < TRIES:
            (self.first if task["do"] in ("part", "join") else self.second).append((job, task))
            return
        why = (
            f"its worker process ended {TRIES} times, the last {answer['died']}"
            if "died" in answer
            else answer["failed"]
        )
        if task["do"] == "identify":
            self._tell_apart(job, {"bad": why})
        else:
            self._quarantine(job, why)

    def _tell_apart(self, job: Job, answer: Answer) -> None:
        """Decide on this item and those that waited for it, in their order."""
        self.told[job.place] = answer
        while self.next in self.told:
            answer, job = self.told.pop(self.next), self.jobs[self.next]
            self.next += 1
            if "bad" in answer:
                self._quarantine(job, answer["bad"])
            else:
                if answer["ok"]:
                    job.sha256, job.signature = answer["ok"]["sha256"], tuple(answer["ok"]["signature"])
                self._decide(job)

    def _decide(self, job: Job) -> None:
        """Its bytes are known: label it, unless they have been labelled under another name that still stands."""
        owner = self.owners.get(job.sha256, job.name)
        if owner != job.name and self._stands(owner):
            twin = self.ledger.lines[owner].source if owner in self.ledger.lines else owner
            self._quarantine(job, f"{SAME_BYTES} {twin}")
            return
        self.owners[job.sha256] = job.name
        if self._labelled(job):
            job.kept = True
            size, time_ns = job.signature
            self._finish(job, replace(self.ledger.lines[job.name], video_bytes=size, video_mtime_ns=time_ns))
            return
        self._add(self._line(job, BEGUN, begins=job.begins + 1))
        self.second.append((job, self._task(job, "label", target=str(self._target(job)))))

    def _labelled(self, job: Job) -> bool:
        """Has an earlier run labelled these bytes at this place? Then only the file's time is another."""
        line = self.ledger.lines.get(job.name)
        same = line is not None and (line.state, line.video_sha256) == (DONE, job.sha256)
        return bool(same and line and line.source == printable(job.item.source) and is_whole(self._target(job)))

    def _stands(self, name: str) -> bool:
        """Is there, or will there be, a label of that name whose video is where it was?"""
        line = self.ledger.lines.get(name)
        if line is None or line.state == BEGUN:
            return True
        return line.state == DONE and ("://" in line.source or Path(line.source).exists())

    def _cut(self, job: Job, count: int) -> None:
        folder = self.out / PARTS / f"{job.sha256[:32]}-{self.code}"
        job.parts = [str(folder / f"{number:05}.npz") for number in range(count)]
        job.waiting = {number for number, path in enumerate(job.parts) if not Path(path).is_file()}
        for number in sorted(job.waiting):
            self.first.append((job, self._task(job, "part", part=number, into=job.parts[number])))
        self._join_if_ready(job)

    def _part_done(self, job: Job, task: Task, facts: dict[str, Any]) -> None:
        job.seconds += facts["seconds"]
        job.waiting.discard(task["part"])
        self._join_if_ready(job)

    def _join_if_ready(self, job: Job) -> None:
        if not job.waiting:
            self.first.append((job, self._task(job, "join", parts=job.parts, target=str(self._target(job)))))

    def _task(self, job: Job, do: str, **more: Any) -> Task:
        return {"do": do, "path": str(self._video(job)), "signature": job.signature, **more}

    def _done(self, job: Job, facts: dict[str, Any]) -> None:
        line = self._line(
            job,
            DONE,
            output=printable(self._target(job).relative_to(self.out).as_posix()),
            **{key: facts[key] for key in ("video_seconds", "intervals", "output_sha256", "stats")},
            seconds=round(job.seconds + facts["seconds"], 3),
        )
        self._finish(job, line)

    def _quarantine(self, job: Job, reason: str) -> None:
        if job.item.path is None:
            self._fetched(job).unlink(missing_ok=True)
        if self.alone:
            raise BadInput(reason)
        self.first = deque((other, task) for other, task in self.first if other is not job)
        if self.owners.get(job.sha256) == job.name:
            del self.owners[job.sha256]
        self._finish(job, self._line(job, QUARANTINED, reason=printable(reason)))

    def _finish(self, job: Job, line: Line) -> None:
        self._add(line)
        if job.parts:
            shutil.rmtree(Path(job.parts[0]).parent, ignore_errors=True)
        self.left -= 1
        job.over = True
        self.finished(job, line)

    def _line(self, job: Job, state: str, **more: Any) -> Line:
        size, time_ns = job.signature
        start = Line(
            job.name, state, printable(job.item.source), size, time_ns, job.sha256, extra=printable(job.item.extra)
        )
        return replace(start, settings=self.settings, **more)

    def _add(self, line: Line) -> None:
        patient(lambda: self.ledger.add(line), self.note)

    def _target(self, job: Job) -> Path:
        return target(self.out, job.item)

    def _fetched(self, job: Job) -> Path:
        return fetched(self.out, job.item)

    def _video(self, job: Job) -> Path:
        return job.item.path or self._fetched(job)


def target(out: Path, item: Item) -> Path:
    """Where an item's label is written."""
    return out / f"{item.name}.mcap"


def fetched(out: Path, item: Item) -> Path:
    """Where a URL's video is kept: beside its label, which is worth nothing without."""
    return out / f"{item.name}{item.suffix}"


def interrupted(schedule: Schedule) -> None:
    """After the engine has ended: what was under way leaves no half-written file."""
    for _, task in schedule.under_way.values():
        tidy(task)
