"""The command line: words to calls, results to one line or one JSON object. No arithmetic; starts without torch."""

from playtape.cli.command import written
from playtape.cli.commands import COMMANDS
from playtape.cli.recordings import Label
from playtape.cli.running import main, without_json

__all__ = ["COMMANDS", "Label", "main", "without_json", "written"]
