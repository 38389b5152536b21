"""Findings as spans of kind "finding" in the recordings themselves: `KIND: sentence`. Nothing else in a file is touched."""

from collections.abc import Mapping

from playtape.check.findings import Finding
from playtape.errors import BadInput
from playtape.recordings import Recording, Span, open_recording
from playtape.recordings.respan import respan

SPAN = "finding"


def write_findings(found: Mapping[str, list[Finding]]) -> tuple[list[str], list[str], dict[str, str]]:
    """Put findings, by their recordings' paths, in the place of those that an earlier check wrote.

    Gives the recordings that changed, those whose findings are the same, and why those that should have changed could not; one
    that cannot be opened is none of them.
    """
    written: list[str] = []
    unchanged: list[str] = []
    unwritten: dict[str, str] = {}
    for path, findings in found.items():
        try:
            recording = open_recording(path)
        except BadInput:
            continue
        try:
            (written if _replaced(recording, findings) else unchanged).append(path)
        except BadInput as error:
            unwritten[path] = str(error)
    return written, unchanged, unwritten


def _replaced(recording: Recording, findings: list[Finding]) -> bool:
    """Whether anything was new."""
    before = {span for span in recording.spans if span.kind == SPAN}
    now = {Span(one.start_ns, one.end_ns, SPAN, f"{one.kind}: {one.text}") for one in findings}
    if before == now:
        return False
    respan(recording, add=sorted(now - before), drop=before - now)
    return True
