"""A chunk's question as chat/completions takes it: the prompt, then every picture after its time."""

from collections.abc import Sequence
from typing import Any

from playtape.annotate.answer import Answer
from playtape.annotate.chunks import SECOND, Chunk, clock
from playtape.annotate.merge import merged
from playtape.annotate.plan import Job
from playtape.annotate.prompt import Prompt
from playtape.annotate.settings import Settings

LAST = 4  # instructions of before that are told
LONGEST = 1500  # characters of a narrative
SAID, FAULTS = 8000, 6  # characters of an answer and complaints about it that go back


def question(prompt: str, pictures: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """The messages. `pictures` are (time, data URL)."""
    parts: list[dict[str, Any]] = [{"type": "text", "text": prompt}]
    for label, url in pictures:
        parts += [{"type": "text", "text": label}, {"type": "image_url", "image_url": {"url": url}}]
    parts.append({"type": "text", "text": "These were all pictures. Answer with the JSON object alone."})
    return [{"role": "user", "content": parts}]


def complaint(said: str | None, faults: Sequence[str]) -> list[dict[str, Any]]:
    """The messages that ask once more after an answer that cannot be used."""
    listed = "\n".join(f"- {fault}" for fault in faults[:FAULTS])
    more = f"\n- and {len(faults) - FAULTS} more" if len(faults) > FAULTS else ""
    asked = f"That cannot be used:\n{listed}{more}\nAnswer again, with the one JSON object that was asked for and nothing else."
    before = [] if said is None else [{"role": "assistant", "content": said[:SAID]}]
    return [*before, {"role": "user", "content": asked}]


def body(messages: Sequence[dict[str, Any]], settings: Settings) -> dict[str, Any]:
    """The request."""
    plain = {"model": settings.model, "messages": messages, "max_tokens": settings.max_tokens, **settings.extra}
    return {name: value for name, value in plain.items() if value is not None}


def prompted(prompt: Prompt, job: Job, chunk: Chunk, answers: Sequence[Answer | None], settings: Settings) -> str:
    """The prompt for a chunk; `answers` are those of the chunks before it, as far as they are to be told."""
    values = {
        "game": job.game or "a game",
        "length": clock(chunk.length_s),
        "gap": f"{settings.gap_s:g}",
        "before": _before(job.chunks, chunk, answers, settings),
    }
    return prompt.filled(values)


def _before(chunks: Sequence[Chunk], chunk: Chunk, answers: Sequence[Answer | None], settings: Settings) -> str:
    if not chunk.number:
        return "Nothing: the recording begins here."
    narrative = next((answer.narrative for answer in reversed(answers) if answer is not None and answer.narrative), "")
    told, _ = merged(chunks, answers, settings.gap_s)
    lines = [narrative[:LONGEST]] if narrative else []
    for one in told[-LAST:]:
        at = (one.start_ns - chunk.start_ns) / SECOND
        when = f"at {clock(at)} of this stretch" if at >= 0 else f"{clock(-at)} before this stretch"
        lines.append(f'- "{one.text}" ({when}{_until(one.end_ns, chunk)})')
    shared = (chunks[chunk.number - 1].end_ns - chunk.start_ns) / SECOND
    if shared > 0 and answers and answers[-1] is not None:
        lines.append(
            f"What begins before {clock(shared)} was seen when that was told; only what is new since is wanted."
        )
    return "\n".join(lines) or "Nothing is known of what came before."


def _until(end_ns: int | None, chunk: Chunk) -> str:
    if end_ns is None:
        return ""
    left = (end_ns - chunk.start_ns) / SECOND
    return f", until {clock(left)}" if left > 0 else ", over by now"
