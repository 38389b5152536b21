"""Time in play: a beat that does not drift, how long each part of a step took, and the signals that end it."""

import signal
import threading
import time
from typing import Any

import numpy as np


class Clock:
    """A beat of `hz` a second; without one, as fast as it goes. Steps are due at start + k / hz, so lateness does not add up.

    After a stall of more than a beat the beats that were missed are left out: a game must not hurry to catch up.
    """

    def __init__(self, hz: float | None):
        self.hz, self.period = hz, None if hz is None else 1 / hz
        self.parts: dict[str, list[float]] = {}  # seconds of each stage, a number a step
        self.late = self.stalled = 0
        self.start()

    def start(self) -> None:
        self.due = self.before = time.perf_counter()

    def wait(self) -> None:
        """Sleep until the next beat."""
        if self.period is not None:
            self.due += self.period
            now = time.perf_counter()
            if now > self.due:
                self.late += 1
                self.due += (now - self.due) // self.period * self.period
            time.sleep(max(0.0, self.due - now))
        self.before = time.perf_counter()

    def lap(self, stage: str) -> None:
        """What has passed since the last lap, or the beat, was `stage`."""
        now = time.perf_counter()
        self.parts.setdefault(stage, []).append(now - self.before)
        self.before = now

    def report(self) -> dict[str, Any]:
        """Milliseconds of whole steps and of each stage, as p50, p95 and p99, how many steps came too
        late for their beat, and in how many the player did not answer (see Watched).
        """
        steps = min(map(len, self.parts.values()), default=0)
        total = sum(np.array(seconds[:steps]) for seconds in self.parts.values())
        stages = {stage: _percentiles(np.array(seconds)) for stage, seconds in self.parts.items()}
        return {
            "latency_ms": _percentiles(np.asarray(total)),
            "stages_ms": stages,
            "late": self.late,
            "stalled": self.stalled,
        }


def _percentiles(seconds: np.ndarray) -> dict[str, float]:
    if not seconds.size:
        return {}
    return {f"p{q}": round(1000 * float(np.percentile(seconds, q)), 2) for q in (50, 95, 99)}


class Stop:
    """Ctrl-C and the termination signal, heeded between two steps: in the middle of one, a recording could lose its order.

    A second signal is heeded at once. In a thread that is not the main one, signals are left as they are.
    """

    def __init__(self) -> None:
        self.number = 0

    def __enter__(self) -> "Stop":
        main = threading.current_thread() is threading.main_thread()
        numbers = (signal.SIGINT, signal.SIGTERM) if main else ()
        self._before = {number: signal.signal(number, self._heed) for number in numbers}
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        if self.number and not isinstance(error, KeyboardInterrupt | SystemExit):
            self.check()  # the game, which had the signal too, fell over first

    def _heed(self, number: int, frame: Any) -> None:
        again, self.number = self.number, number
        if again:
            self.check()

    def check(self) -> None:
        """End here if a signal came."""
        if self.number == signal.SIGINT:
            raise KeyboardInterrupt
        if self.number:
            raise SystemExit(128 + self.number)
