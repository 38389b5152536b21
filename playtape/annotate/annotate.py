"""`playtape annotate`: recordings in, the same with text instructions out. Says what it will cost before anything is asked."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from playtape.annotate.estimate import estimate, told
from playtape.annotate.plan import plan
from playtape.annotate.prompt import Prompt
from playtape.annotate.settings import Settings
from playtape.annotate.work import carry_out
from playtape.errors import BadInput


def annotate(
    data: Path, settings: Settings, prompt: Prompt | None = None, *, dry_run: bool = False, progress: bool = True
) -> dict[str, Any]:
    """Annotate a recording (.mcap), or all below a folder, where they are or into `settings.out`.

    Gives {"estimate", "skipped", "ledger"} and, unless it is a dry run, which asks nobody and writes nothing, {"outputs",
    "chunks", "known", "requests", "instructions", "kept", "removed", "tokens_in", "tokens_out", "uncounted", "cost", "mended",
    "quarantined", "unanswered", "seconds"}. Raises BadInput for what cannot be used and for an endpoint that is not there or
    refuses; what was answered until then is in the ledger and is not asked again.
    """
    if not settings.endpoint and not dry_run:
        raise BadInput("annotate needs --endpoint, such as http://127.0.0.1:8000/v1; with --dry-run it asks nobody")
    planned = plan(Path(data), settings, prompt or Prompt.read(None), progress=progress)
    expected = estimate(planned)
    start = {"estimate": expected, "skipped": planned.skipped, "ledger": str(planned.ledger.path)}
    if planned.ledger.damaged:
        print(f"{planned.ledger.damaged} damaged lines of {planned.ledger.path} are passed over", file=sys.stderr)
    if dry_run:
        return start
    planned.ledger.check_writable()
    print(told(expected), file=sys.stderr)
    return {**start, **asyncio.run(carry_out(planned, progress=progress))}
