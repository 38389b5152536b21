"""The command that lets people judge play."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from playtape.cli.command import Result
from playtape.errors import BadInput


@dataclass(frozen=True)
class EvaluateHuman:
    """Let people judge recorded play, blind, on a local page; with --report, tell the results."""

    episodes: Positional[Path]
    """A folder of recordings (.mcap), in sub-folders by player, or of players that the recordings name themselves."""
    out: Path | None = None
    """The file of the ratings (.jsonl); without it, ratings.jsonl in that folder."""
    port: int = 0
    """Of the page, which only this machine can open; 0 is any that is free."""
    seed: int = 0
    """Seed of the order in which each rater is shown the episodes, and of the intervals."""
    report: bool = False
    """Tell the results instead of serving the page."""
    csv_file: Annotated[Path | None, arg(name="csv")] = None
    """With --report: also write one row for each rated episode into this file."""

    def last(self, ready: Callable[[Result], None]) -> None:
        if self.seed < 0:
            raise BadInput(f"seed is {self.seed}; 0 and above are legal")
        if self.report:
            from playtape.evaluate.human import report

            ready(report(self.episodes, self.out, seed=self.seed, csv_file=self.csv_file))
            return
        if self.csv_file is not None:
            raise BadInput("--csv writes what --report tells; give both")
        from playtape.evaluate.human.rate import rate

        rate(self.episodes, self.out, ready, port=self.port, seed=self.seed)

    def text(self, result: Result) -> str:
        if self.report:
            from playtape.evaluate.human import report_text

            return report_text(result)
        notes = [f"Note: {note}" for note in result["notes"]]
        shown = f"{result['episodes']} episodes; ratings go to {result['ratings']}; Ctrl-C ends"
        return "\n".join([*notes, f"{result['address']}  {shown}"])
