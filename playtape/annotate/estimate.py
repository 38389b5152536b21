"""What annotating will cost, told before it begins: requests, pictures, tokens, and money where prices are given."""

import math
from typing import Any

from playtape.annotate.answer import most_instructions
from playtape.annotate.chunks import SECOND, clock
from playtape.annotate.ledger import ANSWERED, QUARANTINED
from playtape.annotate.plan import Job, Plan, frames, picture_size

PATCH = 28  # pixels: Qwen2-VL and its successors make a token of so large a square; others count otherwise
LABEL_TOKENS = 8  # the time before a picture, and what stands between
LETTERS = 4  # of English text a token
CARRIED_TOKENS = 200  # what is told of the chunk before
NARRATIVE_TOKENS, INSTRUCTION_TOKENS = 80, 50
SHARE = 0.5  # of the instructions that there may be


def estimate(plan: Plan) -> dict[str, Any]:
    """{"recordings", "video_s", "chunks", "answered", "quarantined", "requests", "frames", "picture_sizes", "tokens_in",
    "tokens_out", "tokens_out_most", "basis", "cost"}.

    `basis` is "measured" where the ledger has chunks of the same settings whose tokens the server counted, else "rule". `cost` is
    None without prices.
    """
    states = [(job, number, _state(plan, key)) for job in plan.jobs for number, key in enumerate(job.keys)]
    done = {ANSWERED} if plan.settings.again else {ANSWERED, QUARANTINED}
    wanted = [(job, number) for job, number, state in states if state not in done]
    measured = plan.ledger.measured(plan.settings.shaping())
    if measured is None:
        pairs = [_by_rule(plan, job, number) for job, number in wanted]
        tokens_in, tokens_out = (sum(pair[i] for pair in pairs) for i in (0, 1))
    else:
        tokens_in, tokens_out = (round(mean * len(wanted)) for mean in measured)
    return {
        "recordings": len(plan.jobs),
        "video_s": round(sum(job.chunks[-1].end_ns - job.chunks[0].start_ns for job in plan.jobs) / SECOND, 3),
        "chunks": len(states),
        "answered": sum(state == ANSWERED for _, _, state in states),
        "quarantined": sum(state == QUARANTINED for _, _, state in states),
        "requests": len(wanted),
        "frames": sum(frames(job, number, plan.settings) for job, number in wanted),
        "picture_sizes": sorted({picture_size(job, plan.settings) for job, _ in wanted}),
        "tokens_in": tokens_in,
        "tokens_out": tokens_out,
        "tokens_out_most": len(wanted) * plan.settings.max_tokens,
        "basis": "rule" if measured is None else "measured",
        "cost": plan.settings.cost(tokens_in, tokens_out),
    }


def told(estimate: dict[str, Any]) -> str:
    """An estimate in words."""
    many, done = estimate["requests"], estimate["answered"]
    known = [f"{done} answered already"] if done else []
    known += [f"{estimate['quarantined']} in quarantine"] if estimate["quarantined"] else []
    sizes = ", ".join(f"{width}x{height}" for width, height in estimate["picture_sizes"][:3])
    aside = f" ({', '.join(known)})" if known else ""
    guess = "as measured before" if estimate["basis"] == "measured" else "by a rule of thumb"
    price = "" if estimate["cost"] is None else f"; about {money(estimate['cost'])}"
    return (
        f"{counted(estimate['recordings'], 'recording')}, {clock(round(estimate['video_s']))} of video in "
        f"{counted(estimate['chunks'], 'chunk')}"
        f"{aside}: {counted(many, 'request')}, {counted(estimate['frames'], 'picture')}"
        f"{f' of {sizes}' if sizes else ''}, about {estimate['tokens_in']:,} tokens in and {estimate['tokens_out']:,} out "
        f"({guess}; at most {estimate['tokens_out_most']:,} out){price}"
    )


def money(cost: float) -> str:
    """0.032 or 1,204.50 in the money of the prices."""
    return f"{cost:,.2f} in the money of the prices" if cost >= 1 else f"{cost:.2g} in the money of the prices"


def counted(number: int, thing: str) -> str:
    """1 chunk, 2 chunks."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _state(plan: Plan, key: str) -> str | None:
    line = plan.ledger.get(key)
    return None if line is None else line["state"]


def _by_rule(plan: Plan, job: Job, number: int) -> tuple[int, int]:
    """Tokens (in, out) of a chunk that is answered at once."""
    settings = plan.settings
    width, height = picture_size(job, settings)
    picture = settings.tokens_per_frame or math.ceil(width / PATCH) * math.ceil(height / PATCH)
    words = len(plan.prompt.text) // LETTERS + (CARRIED_TOKENS if settings.carry and number else 0)
    most = most_instructions(job.chunks[number].length_s, settings.gap_s)
    told = NARRATIVE_TOKENS + round(SHARE * most) * INSTRUCTION_TOKENS
    return words + frames(job, number, settings) * (picture + LABEL_TOKENS), min(told, settings.max_tokens)
