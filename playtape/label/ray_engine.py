"""Tasks on a Ray cluster, or on a Ray of its own where there is none: actors with a model each, one task at a time.

An actor decodes in a thread beside its model, never more than some batches ahead (label.py), and is given its next task only
when it has answered the last: a slow one holds nobody up, and nothing piles up. Every machine must see the inputs and the
output folder under the same paths.
"""

import os
from collections.abc import Callable
from typing import Any

from playtape.errors import first_line, need
from playtape.label.engines import Hear, tidy
from playtape.label.tasks import Answer, Bench, Setup, Task
from playtape.training.device import find_device
from playtape.training.memory import keep_freed_memory

STORE = 100_000_000  # bytes of Ray's object store: only tasks and answers go through it


class Desk:
    """What an actor is: a Bench in a process of Ray's."""

    def __init__(self, setup: dict[str, Any]):
        keep_freed_memory()
        self.notes: list[dict[str, Any]] = []
        self.bench = Bench(Setup(**setup), self._tell)

    def _tell(self, thing: dict[str, Any]) -> None:
        if "note" in thing:
            self.notes.append(thing)

    def do(self, task: Task) -> tuple[Answer, list[dict[str, Any]]]:
        answer, notes = self.bench.do(task), self.notes
        self.notes = []
        return answer, notes


class Actors:
    """See the module; of the shape of engines.Engine."""

    def __init__(self, setup: Setup, workers: int, hear: Hear):
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        self.ray = need("ray", "ray")
        self.setup, self.hear = setup, hear
        hear({"starting": workers})
        self.begun = _begin(self.ray, workers)
        on_gpu = find_device(setup.device).startswith("cuda")
        gpus = self.ray.cluster_resources().get("GPU", 0) / workers if on_gpu else 0
        kind = self.ray.remote(num_cpus=1, num_gpus=min(1.0, gpus), max_restarts=0)(Desk)
        self.new: Callable[[], Any] = lambda: kind.remote(setup.to_json())
        self.idle = [self.new() for _ in range(workers)]
        self.silent = True
        self.busy: dict[Any, tuple[int, Task, Any]] = {}

    def room(self) -> int:
        return len(self.idle)

    def submit(self, number: int, task: Task) -> None:
        actor = self.idle.pop(0)
        self.busy[actor.do.remote(task)] = (number, task, actor)

    def take(self) -> tuple[int, Answer] | None:
        if not self.busy:
            return None
        done, _ = self.ray.wait(list(self.busy), num_returns=1, timeout=1)
        if not done:
            return None
        number, task, actor = self.busy.pop(done[0])
        try:
            answer, notes = self.ray.get(done[0])
        except self.ray.exceptions.RayError as error:
            tidy(task)
            self.idle.append(self.new())
            return number, {"died": first_line(error)}
        self.idle.append(actor)
        if self.silent:
            self.silent = False
            self.hear({"ready": 1})
        for note in notes:
            self.hear(note)
        return number, answer

    def close(self) -> None:
        tasks = [task for _, task, _ in self.busy.values()]
        for actor in [*self.idle, *(actor for _, _, actor in self.busy.values())]:
            self.ray.kill(actor)
        if self.begun:
            self.ray.shutdown()
        for task in tasks:
            tidy(task)


def _begin(ray: Any, workers: int) -> bool:
    """Join the cluster that RAY_ADDRESS names, or begin one on this machine alone. False if there was one already."""
    if ray.is_initialized():
        return False
    quiet: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
    if os.environ.get("RAY_ADDRESS"):
        ray.init(**quiet)
    else:
        own = {"num_cpus": workers, "object_store_memory": STORE, "_node_ip_address": "127.0.0.1"}
        ray.init(**quiet, **own)
    return True
