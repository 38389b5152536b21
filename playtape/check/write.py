"""Findings as spans of kind "finding" in the recordings themselves: `KIND: sentence`. Nothing else in a file is touched."""

from pathlib import Path

from playtape.check.findings import Finding
from playtape.errors import BadInput
from playtape.recordings import Span, open_recording
from playtape.recordings.respan import respan

SPAN = "finding"


def write_findings(path: Path, findings: list[Finding]) -> bool:
    """Put findings in the place of those that an earlier check wrote; False where nothing changed, or it cannot be opened."""
    try:
        recording = open_recording(path)
    except BadInput:
        return False
    before = {span for span in recording.spans if span.kind == SPAN}
    now = {Span(one.start_ns, one.end_ns, SPAN, f"{one.kind}: {one.text}") for one in findings}
    if before == now:
        return False
    respan(recording, add=sorted(now - before), drop=before - now)
    return True
