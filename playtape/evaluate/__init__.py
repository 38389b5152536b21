"""How good is a prediction? D2E's published metrics and what they hide, beside baselines, with intervals."""

from playtape.evaluate.actions import evaluate_actions
from playtape.evaluate.policy import evaluate_policy, policy_table
from playtape.evaluate.table import table

__all__ = ["evaluate_actions", "evaluate_policy", "policy_table", "table"]
