"""What is wrong with times, and what the reader had to mend. Knows no picture."""

from collections.abc import Iterator

import numpy as np

from playtape.check.findings import Finding, Limits
from playtape.recordings import Recording

SHORTEST_GAP_S = 0.1


def findings(recording: Recording, limits: Limits) -> Iterator[Finding]:
    """All of this file, in no order."""
    time, end = recording.time_ns, recording.video.end_ns
    step = np.diff(time)
    yield from (Finding(0, end, "mended", text) for text in recording.warnings)
    if not len(step):
        return
    usual = float(np.median(step))
    told = _told(recording)
    if told is not None and abs(1e9 / usual / told - 1) > limits.rate:
        text = f"frames come {1e9 / usual:.2f} times a second, and it says {told:g} (limit {limits.rate:.0%} apart)"
        yield Finding(0, end, "rate", text)
    for i in np.flatnonzero(step > max(limits.gap * usual, SHORTEST_GAP_S * 1e9)):
        text = f"no frame for {step[i] / 1e6:.0f} ms, usual are {usual / 1e6:.0f} (limit {limits.gap:g} times that)"
        yield Finding(int(time[i]), int(time[i + 1]), "gap", text)


def _told(recording: Recording) -> float | None:
    """The rate that the recording itself claims, if it claims one."""
    for name in ("hz", "fps"):
        try:
            rate = float(recording.info.extra.get(name, ""))
        except ValueError:
            continue
        if 0 < rate < 10_000:
            return rate
    return None
