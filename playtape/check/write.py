"""Findings as spans of kind "finding" in the recordings themselves: `KIND: sentence`. Nothing else in a file is touched.

Findings mask nothing, but for those of kinds that a user names: they become spans of kind "masked" as well, of the value
`check: KIND: sentence`.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

from playtape.check.findings import Finding
from playtape.errors import BadInput
from playtape.recordings import Recording, Span, open_recording
from playtape.recordings.respan import respan

SPAN, MASK, OURS = "finding", "masked", "check: "  # the last begins the reason of a mask that an earlier check made


def write_findings(
    found: Mapping[str, list[Finding]], mask: Collection[str] = ()
) -> tuple[list[str], list[str], dict[str, str]]:
    """Put findings, by their recordings' paths, in the place of those that an earlier check wrote.

    Gives the recordings that changed, those whose findings are the same, and why those that should have changed could not; one
    that cannot be opened is none of them.
    """
    written: list[str] = []
    unchanged: list[str] = []
    unwritten: dict[str, str] = {}
    for path, findings in found.items():
        if Path(path).suffix != ".mcap":
            unwritten[path] = f"{path} is a video, which has no place for findings; playtape label makes it a recording"
            continue
        try:
            recording = open_recording(path)
        except BadInput:
            continue
        try:
            (written if _replaced(recording, findings, mask) else unchanged).append(path)
        except BadInput as error:
            unwritten[path] = str(error)
    return written, unchanged, unwritten


def _replaced(recording: Recording, findings: list[Finding], mask: Collection[str]) -> bool:
    """Whether anything was new."""
    before = {
        span for span in recording.spans if span.kind == SPAN or (span.kind == MASK and span.value.startswith(OURS))
    }
    now = {Span(one.start_ns, one.end_ns, SPAN, f"{one.kind}: {one.text}") for one in findings}
    now |= {
        Span(one.start_ns, one.end_ns, MASK, f"{OURS}{one.kind}: {one.text}") for one in findings if one.kind in mask
    }
    if before == now:
        return False
    respan(recording, add=sorted(now - before), drop=before - now)
    return True
