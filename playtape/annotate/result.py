"""Answers into a recording: its new instructions, which of its old ones stay, and where they came from."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from playtape import __version__
from playtape.annotate.answer import Answer
from playtape.annotate.merge import spans
from playtape.annotate.plan import MARK, Job, Plan
from playtape.recordings import Clock, Recording, Span, open_recording
from playtape.recordings.respan import respan

OWN = "text.spans"  # in the provenance: the marks of the spans that annotate wrote


def write(job: Job, answers: Sequence[Answer | None], plan: Plan) -> dict[str, Any]:
    """Rewrite the recording, or write it elsewhere; nothing is touched if it says all that already.

    Text that annotate wrote earlier gives way. Text from elsewhere is kept, unless the settings say replace, and even then
    where nothing came in its place. Gives {"output", "instructions", "kept", "removed", "mended"}.
    """
    told, mended = spans(job.chunks, answers, plan.settings.gap_s)
    recording = open_recording(job.path)  # as it is now: this may be hours after the plan
    unknown = [(chunk.start_ns, chunk.end_ns) for chunk, answer in zip(job.chunks, answers) if answer is None]
    drop = _to_drop(recording, plan.settings.replace, unknown)
    kept = {span for span in recording.spans if span.kind == "text"} - drop
    new = [span for span in (_as_read(span, recording.clock) for span in told) if span not in kept]
    provenance = _provenance(plan, new, unknown)
    changed = set(new) != drop or any(recording.provenance.get(name) != said for name, said in provenance.items())
    if changed or job.target is not None:
        respan(recording, add=new, drop=drop, provenance=provenance, out=job.target)
    counts = {"instructions": len(new), "kept": len(kept), "removed": len(drop - set(new))}
    return {"output": str(job.target or job.path), **counts, "mended": mended}


def _to_drop(recording: Recording, replace: bool, unknown: Sequence[tuple[int, int]]) -> set[Span]:
    own = set(recording.provenance.get(OWN, "").split())
    texts = [span for span in recording.spans if span.kind == "text"]
    known = {span for span in texts if not any(start <= span.start_ns < end for start, end in unknown)}
    return {span for span in texts if mark(span) in own or (replace and span in known)}


def mark(span: Span) -> str:
    """By which a span is known again. One that somebody has changed is theirs."""
    return hashlib.sha256(f"{span.start_ns} {span.end_ns} {span.value}".encode("utf-8", "replace")).hexdigest()[:8]


def _as_read(span: Span, clock: Clock) -> Span:
    """The span as it will be read back: a foreign clock that drifts may round it by a nanosecond."""
    start = int(clock.video_time(np.array(clock.log_time(span.start_ns))))
    return Span(start, span.end_ns - span.start_ns + start, span.kind, span.value)


def _provenance(plan: Plan, told: Sequence[Span], unknown: Sequence[tuple[int, int]]) -> dict[str, str]:
    """Which model, which prompt, which settings; which spans are theirs, and of which stretches nothing is known."""
    return {
        MARK: plan.settings.model,
        "text.prompt_sha256": plan.prompt.sha256,
        "text.settings": json.dumps(plan.settings.shaping(), sort_keys=True),
        "text.playtape_version": __version__,
        "text.without_answer_ns": json.dumps(unknown),
        OWN: " ".join(sorted({mark(span) for span in told})),
    }
