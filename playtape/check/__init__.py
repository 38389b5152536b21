"""Is a recording fit to learn from? What looks wrong is told with where, how much and what would be right; nothing is deleted."""

from playtape.check.check import check
from playtape.check.findings import KINDS, Finding, Limits

__all__ = ["KINDS", "Finding", "Limits", "check"]
