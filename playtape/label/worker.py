"""A process that labels what it is told: one JSON object a line in, one or more a line out. `python -m playtape.label.worker`.

The first line is the Setup, which is answered by {"ready": pid}; each further line is a task, answered by what is told on the
way and, last, by its Answer. It ends when its input does, however the process that started it ended, in the middle of a task
too.
"""

import json
import os
import queue
import signal
import sys
import threading
import time
from typing import Any

from playtape.label.tasks import Bench, Setup
from playtape.training.memory import keep_freed_memory

OFTEN_S = 0.5  # between two words about how far it is


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started it
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever prints does not get between the lines
    keep_freed_memory()
    tasks: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_read, args=(tasks,), daemon=True).start()
    sums = {"at": 0, "read": 0}  # since the last word about them
    last = dict.fromkeys(sums, 0.0)  # when that was

    def say(thing: dict[str, Any]) -> None:
        out.write(json.dumps(thing).encode() + b"\n")

    def tell(thing: dict[str, Any]) -> None:
        for key in sums.keys() & thing.keys():
            sums[key] += thing[key]
            if time.monotonic() - last[key] < OFTEN_S:
                return
            thing, last[key], sums[key] = {key: sums[key]}, time.monotonic(), 0
        say(thing)

    bench = Bench(Setup(**tasks.get()), tell)
    say({"ready": os.getpid()})
    while True:
        say(bench.do(tasks.get()))


def _read(tasks: queue.Queue[dict[str, Any]]) -> None:
    """Beside the work, so that the end of the input ends it at once: nobody would take its result."""
    for line in sys.stdin.buffer:
        tasks.put(json.loads(line))  # unlike orjson, it knows names that are no UTF-8
    os._exit(0)


if __name__ == "__main__":
    main()
