"""How far a labelling is: videos, hours and, by the bytes that are left, when it will be through."""

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from tqdm import tqdm

from playtape.label.ledger import DONE, Line
from playtape.label.schedule import Job


class Progress:
    """A bar of videos; of a single one, of its frames."""

    def __init__(self, jobs: Sequence[Job], *, enabled: bool, alone: bool):
        self.alone = alone
        self.sizes = {job.name: _size(job) for job in jobs}
        self.bytes, self.all = 0, sum(self.sizes.values())
        self.seconds, self.quarantined, self.started = 0.0, 0, time.monotonic()
        self.told: set[str] = set()
        self.name = "label"
        if alone and jobs:
            self.name += f" {jobs[0].item.path.name if jobs[0].item.path else jobs[0].item.source}"
            self.bar = tqdm(desc=self.name, unit="frame", disable=not enabled)
        else:
            shape = "{desc} {n_fmt}/{total_fmt} videos|{bar}| {elapsed}{postfix}"
            self.bar = tqdm(total=len(jobs), desc=self.name, disable=not enabled or not jobs, bar_format=shape)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.close()

    def hear(self, thing: dict[str, Any]) -> None:
        """What is told on the way: see tasks.Bench."""
        if "note" in thing:
            self.note(thing["note"])
        elif "starting" in thing:  # some seconds of imports, in which nothing else is to be seen
            count = thing["starting"]
            self.bar.set_description_str(f"starting {count:,} worker{'' if count == 1 else 's'}")
        elif "ready" in thing:
            self.bar.set_description_str(self.name)
        elif self.alone and "frames" in thing:
            self.bar.total = thing["frames"]
        elif self.alone:
            self.bar.update(thing.get("at", 0))

    def note(self, text: str) -> None:
        """A sentence, once."""
        if text not in self.told:
            self.told.add(text)
            tqdm.write(text, file=sys.stderr)

    def finished(self, job: Job, line: Line) -> None:
        if line.state == DONE:
            self.seconds += line.video_seconds
        else:
            self.quarantined += 1
            which = "" if line.source and line.source in line.reason else f"{line.source or line.name}: "
            self.note(f"quarantined: {which}{line.reason}")
        self.bytes += self.sizes[job.name]
        if self.alone:
            return
        took = time.monotonic() - self.started
        left = took * (self.all - self.bytes) / self.bytes if self.bytes else 0.0
        speed = self.seconds / took if took else 0.0
        self.bar.set_postfix_str(
            f"{self.seconds / 3600:.2f} h of video, {speed:.0f}x, {self.quarantined} quarantined, "
            f"{tqdm.format_interval(left)} left",
            refresh=False,
        )
        self.bar.update()


def _size(job: Job) -> int:
    """In bytes; a URL's is not known, and counts as one."""
    try:
        return max(1, job.item.path.stat().st_size) if job.item.path else 1
    except OSError:
        return 1
