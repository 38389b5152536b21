"""The loop, checkpoints, logs. Knows no game, no data set and no model by name."""
