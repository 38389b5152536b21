"""Where tasks are done: in this process, or in worker processes of this machine. `ray_engine.py` is a third way, of the same
shape.

An engine takes as many tasks as it has room for and gives each one's Answer, in any order; {"died": how} for a process that
ended in the middle of one. What is told on the way goes to `hear`; {"starting": how many}, too, while workers begin, and
{"ready": ...} of each.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import playtape
from playtape.errors import BadInput
from playtape.label.tasks import Answer, Bench, Setup, Task
from playtape.recordings.atomic import sweep

COMMAND = (sys.executable, "-m", "playtape.label.worker")
STALLED_S = 1800.0  # without a word: a decoder that never ends
STARTS = 3  # workers one after another that end before they have begun: then none will
Hear = Callable[[dict[str, Any]], None]


class Engine(Protocol):
    """See the module."""

    def room(self) -> int: ...

    def submit(self, number: int, task: Task) -> None: ...

    def take(self) -> tuple[int, Answer] | None:
        """An answer and its task's number, or None if there is none for a second or so."""
        ...

    def close(self) -> None:
        """Ends what is under way."""
        ...


class Here:
    """One task after the other, in this process."""

    def __init__(self, bench: Bench):
        self.bench = bench
        self.answers: deque[tuple[int, Answer]] = deque()

    def room(self) -> int:
        return 1 - len(self.answers)

    def submit(self, number: int, task: Task) -> None:
        self.answers.append((number, self.bench.do(task)))

    def take(self) -> tuple[int, Answer] | None:
        return self.answers.popleft() if self.answers else None

    def close(self) -> None:
        pass


class Processes:
    """Worker processes, which may be killed: a new one takes the place."""

    def __init__(self, setup: Setup, workers: int, hear: Hear, *, command: Sequence[str] = COMMAND):
        self.setup, self.hear, self.command = setup, hear, command
        self.said: queue.Queue[tuple[_Worker, dict[str, Any] | None]] = queue.Queue()
        self.failed_starts = 0
        self.workers: list[_Worker] = []
        hear({"starting": workers})
        for _ in range(workers):
            self.workers.append(self._begin())

    def room(self) -> int:
        return sum(worker.task is None for worker in self.workers)

    def submit(self, number: int, task: Task) -> None:
        worker = next(worker for worker in self.workers if worker.task is None)
        worker.give(number, task)

    def take(self) -> tuple[int, Answer] | None:
        try:
            worker, thing = self.said.get(timeout=1)
        except queue.Empty:
            return self._stalled()
        worker.heard = time.monotonic()
        if thing is None:
            return self._ended(worker)
        if "ready" in thing:
            worker.ready, self.failed_starts = True, 0
            self.hear(thing)
        elif {"at", "read", "frames", "note"} & thing.keys():
            self.hear(thing)
        elif worker.task is not None:
            number, worker.task = worker.task[0], None
            return number, thing
        return None

    def close(self) -> None:
        for worker in self.workers:
            worker.end()

    def _begin(self) -> "_Worker":
        return _Worker(self.command, self.setup, self.said)

    def _ended(self, worker: "_Worker") -> tuple[int, Answer] | None:
        if worker not in self.workers:
            return None  # ended by us
        code = worker.process.wait()
        self.failed_starts += not worker.ready
        if self.failed_starts >= STARTS:
            raise BadInput(f"worker processes end before they begin ({_how(code)}); --workers 1 labels without them")
        worker.end()
        self.workers[self.workers.index(worker)] = self._begin()
        return None if worker.task is None else (worker.task[0], {"died": _how(code)})

    def _stalled(self) -> tuple[int, Answer] | None:
        for worker in self.workers:
            if worker.task is not None and time.monotonic() - worker.heard > STALLED_S:
                number = worker.task[0]
                worker.end()
                self.workers[self.workers.index(worker)] = self._begin()
                return number, {"died": f"nothing came of it for {STALLED_S / 60:g} minutes"}
        return None


class _Worker:
    """One process, and a thread that listens to it."""

    def __init__(self, command: Sequence[str], setup: Setup, said: queue.Queue[Any]):
        here = str(Path(playtape.__file__).parents[1])
        env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))}
        env |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
        self.task: tuple[int, Task] | None = None
        self.ready = False
        self.heard = time.monotonic()
        self._send(setup.to_json())
        threading.Thread(target=self._listen, args=(said,), daemon=True).start()

    def give(self, number: int, task: Task) -> None:
        self.task, self.heard = (number, task), time.monotonic()
        self._send(task)

    def _send(self, thing: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        with suppress(OSError):  # it has ended; who listens will hear of it
            self.process.stdin.write(json.dumps(thing).encode() + b"\n")
            self.process.stdin.flush()

    def _listen(self, said: queue.Queue[Any]) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with suppress(json.JSONDecodeError):  # cut off by its end
                said.put((self, json.loads(line)))
        said.put((self, None))

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        with suppress(OSError):
            if self.process.stdin is not None:
                self.process.stdin.close()
        if self.task is not None:
            tidy(self.task[1])


def tidy(task: Task) -> None:
    """Take away what a process that was killed in the middle of a task left half-written."""
    path = task.get("target") or task.get("into") or (task["path"] if task.get("url") else None)
    if path is not None:
        sweep(Path(path))


def _how(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"killed by {name}{', as by a machine without memory' if -code == signal.SIGKILL else ''}"
