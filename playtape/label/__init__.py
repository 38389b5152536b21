"""Video to recordings with an inverse dynamics model, and the calibration of such a model."""

from playtape.label.calibration import calibrate
from playtape.label.label import label_video
from playtape.label.run import label

__all__ = ["calibrate", "label", "label_video"]
