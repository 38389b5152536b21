"""A plan carried out: every chunk asked that the ledger does not know, and every recording written once its chunks are through.

Chunks of a recording are asked one after another, each told what was told before (or all at once, if nothing is carried on);
some recordings side by side, so that each is soon through. What one chunk cannot give does not stop the rest; an endpoint that
answers nothing does.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from playtape.annotate.answer import Answer, Malformed, read
from playtape.annotate.chunks import SECOND, Chunk, pictures
from playtape.annotate.endpoint import Endpoint, Reply, Unanswered
from playtape.annotate.ledger import ANSWERED, QUARANTINED
from playtape.annotate.plan import Job, Plan
from playtape.annotate.question import body, complaint, prompted, question
from playtape.annotate.result import write
from playtape.errors import BadInput
from playtape.recordings import Video

Made = TypeVar("Made")
DOWN = 3  # chunks one after another without any answer: then nothing more is asked
KEPT = 20_000  # characters of a quarantined answer that the ledger keeps


@dataclass
class Work:
    """Carries a plan out once. The fields below count what happened."""

    plan: Plan
    endpoint: Endpoint
    bar: Any  # tqdm's
    counts: Counter[str] = field(default_factory=Counter)
    mended: Counter[str] = field(default_factory=Counter)
    outputs: list[str] = field(default_factory=list)
    quarantined: list[dict[str, Any]] = field(default_factory=list)
    unanswered: list[dict[str, Any]] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    _heard: bool = False  # has anything been answered?
    _silent: int = 0  # chunks without any answer since

    def __post_init__(self) -> None:
        self.desks = asyncio.Semaphore(self.plan.settings.parallel)  # for recordings
        self.seats = asyncio.Semaphore(self.plan.settings.parallel)  # for requests
        self._videos: dict[Path, asyncio.Future[Video]] = {}

    async def all(self) -> None:
        """Raises BadInput where going on makes no sense; what was answered is in the ledger."""
        await together([self._job(job) for job in self.plan.jobs])

    async def _job(self, job: Job) -> None:
        async with self.desks:
            try:
                await self._write(job, await (self._in_turn(job) if self.plan.settings.carry else self._at_once(job)))
            except Unusable as error:
                self.skipped[str(job.path)] = str(error)
            finally:
                self._videos.pop(job.path, None)

    async def _write(self, job: Job, answers: Sequence[Answer | None]) -> None:
        if any(answer is not None for answer in answers):
            try:
                wrote = await asyncio.to_thread(write, job, answers, self.plan)
            except BadInput as error:
                raise Unusable(str(error)) from error
            self.outputs.append(wrote.pop("output"))
            self.mended.update(wrote.pop("mended"))
            self.counts.update(wrote)

    async def _in_turn(self, job: Job) -> list[Answer | None]:
        answers: list[Answer | None] = []
        for chunk in job.chunks:
            answers.append(await self._chunk(job, chunk, answers))
        return answers

    async def _at_once(self, job: Job) -> list[Answer | None]:
        return await together([self._chunk(job, chunk, ()) for chunk in job.chunks])

    async def _chunk(self, job: Job, chunk: Chunk, before: Sequence[Answer | None]) -> Answer | None:
        """The chunk's answer, from the ledger or from the endpoint; None if there is none."""
        answer, known = self._known(job, chunk)
        if not known:
            async with self.seats:
                answer = await self._asked(job, chunk, before)
        if answer is not None:
            self.mended.update(answer.mended)
        self.bar.update()
        return answer

    def _known(self, job: Job, chunk: Chunk) -> tuple[Answer | None, bool]:
        """(the answer that the ledger has, whether it is not to be asked again)."""
        line = self.plan.ledger.get(job.keys[chunk.number])
        if line is None or (line["state"] == QUARANTINED and self.plan.settings.again):
            return None, False
        if line["state"] == QUARANTINED:
            self._set_aside(self.quarantined, job, chunk, str(line.get("reason")))
            return None, True
        try:
            answer = read(line["answer"], chunk.length_s, self.plan.settings.gap_s)
        except Malformed:  # by stricter rules than when it was written
            return None, False
        self.counts["known"] += 1
        return answer, True

    async def _asked(self, job: Job, chunk: Chunk, before: Sequence[Answer | None]) -> Answer | None:
        settings = self.plan.settings
        try:
            video = await self._opened(job)
            shown = await asyncio.to_thread(pictures, video, chunk, settings)
        except BadInput as error:
            raise Unusable(str(error)) from error
        messages = question(prompted(self.plan.prompt, job, chunk, before, settings), shown)
        line: dict[str, Any] = {"key": job.keys[chunk.number], "recording": job.name, "chunk": chunk.number}
        line |= {"start_ns": chunk.start_ns, "end_ns": chunk.end_ns, "frames": len(shown)}
        try:
            said, answer, about = await self._until_usable(messages, chunk)
        except Unanswered as error:
            self._nothing(job, chunk, error)
            return None
        self._heard, self._silent = True, 0
        state = QUARANTINED if answer is None else ANSWERED
        line |= {"state": state, "answer": said if answer else said[:KEPT], **about, "shaping": settings.shaping()}
        line |= {"prompt_sha256": self.plan.prompt.sha256, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        self.plan.ledger.add(line)
        if answer is None:
            self._set_aside(self.quarantined, job, chunk, about["reason"])
        return answer

    async def _opened(self, job: Job) -> Video:
        """The job's video, looked through once: that reads all of its file."""
        if job.path not in self._videos:
            self._videos[job.path] = asyncio.ensure_future(asyncio.to_thread(Video, job.video, crop=job.crop))
        return await self._videos[job.path]

    async def _until_usable(
        self, messages: list[dict[str, Any]], chunk: Chunk
    ) -> tuple[str, Answer | None, dict[str, Any]]:
        """(what was said last, the answer if it can be used, facts for the ledger), after as few questions as will do."""
        settings, asks = self.plan.settings, 0
        tokens: Counter[str] = Counter()
        said, answer, faults = "", None, []
        while answer is None and asks < settings.asks:
            asks += 1
            reply = await self.endpoint.ask(body(messages, settings))
            self._count(reply, tokens)
            said = reply.text or ""
            try:
                answer = self._read(reply, chunk)
            except Malformed as error:
                faults = error.faults
                messages = [*messages[:1], *complaint(reply.text, faults)]
        if answer is not None and asks > 1:
            self.mended["answers could be used only when asked again"] += 1
        counted = {name: tokens.get(name) for name in ("tokens_in", "tokens_out")}
        return said, answer, {**counted, "asks": asks, "reason": None if answer else "; ".join(faults)[:2000]}

    def _read(self, reply: Reply, chunk: Chunk) -> Answer:
        if reply.text is None:
            raise Malformed([reply.why])
        try:
            return read(reply.text, chunk.length_s, self.plan.settings.gap_s)
        except Malformed as error:
            raise Malformed([*([f"{reply.why}; be brief"] if reply.why else []), *error.faults]) from None

    def _count(self, reply: Reply, tokens: Counter[str]) -> None:
        for name, number in (("tokens_in", reply.tokens_in), ("tokens_out", reply.tokens_out)):
            if number is not None:
                tokens[name] += number
                self.counts[name] += number
        self.counts["uncounted"] += reply.tokens_in is None or reply.tokens_out is None

    def _nothing(self, job: Job, chunk: Chunk, error: Unanswered) -> None:
        """A chunk went unanswered. Raises BadInput where the others will fare no better."""
        self._set_aside(self.unanswered, job, chunk, str(error))
        self._silent += 1
        if self._silent >= DOWN or not self._heard:
            kept = f"; what was answered is in {self.plan.ledger.path}, and the same command goes on from there"
            raise BadInput(
                f"{self.plan.settings.url} does not answer: {error}{kept if self.plan.ledger.lines else ''}"
            ) from error

    def _set_aside(self, where: list[dict[str, Any]], job: Job, chunk: Chunk, reason: str) -> None:
        span = [chunk.start_ns / SECOND, chunk.end_ns / SECOND]
        where.append({"recording": str(job.path), "chunk": chunk.number, "seconds": span, "reason": reason})


class Unusable(Exception):
    """A recording whose video cannot be decoded to its end, or which is not there any more when it is to be written."""


async def together(tasks: Sequence[Coroutine[Any, Any, Made]]) -> list[Made]:
    """What they give, in their order. The first error ends the others and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(task) for task in tasks]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in running]


def _complain(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody waited for, but for the end itself: a signal may come within any task, and asyncio would tell its traceback."""
    if not isinstance(context.get("exception"), SystemExit | KeyboardInterrupt):
        loop.default_exception_handler(context)


async def carry_out(plan: Plan, *, progress: bool) -> dict[str, Any]:
    """Ask, write, and tell what came of it. Raises BadInput where the endpoint is not there or refuses."""
    total = sum(len(job.chunks) for job in plan.jobs)
    started = time.perf_counter()
    asyncio.get_running_loop().set_exception_handler(_complain)

    def note(line: str) -> None:
        tqdm.write(line, file=sys.stderr)

    with tqdm(total=total, desc="annotate", unit="chunk", disable=not progress) as bar:
        async with Endpoint(plan.settings, note) as endpoint:
            work = Work(plan, endpoint, bar)
            await work.all()
    counts = work.counts
    return {
        "outputs": sorted(work.outputs),
        "chunks": total,
        "known": counts["known"],
        "requests": endpoint.requests,
        **{name: counts[name] for name in ("instructions", "kept", "removed", "tokens_in", "tokens_out", "uncounted")},
        "cost": plan.settings.cost(counts["tokens_in"], counts["tokens_out"]),
        "mended": dict(work.mended),
        "quarantined": work.quarantined,
        "unanswered": work.unanswered,
        "skipped": {**plan.skipped, **work.skipped},
        "ledger": str(plan.ledger.path),
        "seconds": round(time.perf_counter() - started, 3),
    }
