"""How good is a prediction? D2E's published metrics and what they hide, beside baselines, with intervals.

`evaluate.policy` judges policies; it is not imported here, since it needs the models and the rest does not.
"""

from playtape.evaluate.actions import evaluate_actions
from playtape.evaluate.table import table

__all__ = ["evaluate_actions", "table"]
