"""Is a recording fit to learn from? What looks wrong is told with where, how much and what would be right; nothing is deleted.

`check.check` looks; it is not imported here, since the command line needs the limits alone, and soon.
"""

from playtape.check.findings import KINDS, Finding, Limits

__all__ = ["KINDS", "Finding", "Limits"]
