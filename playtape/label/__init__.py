"""Video to recordings with an inverse dynamics model, and the calibration of such a model."""

from playtape.label.calibration import calibrate
from playtape.label.label import label, label_video

__all__ = ["calibrate", "label", "label_video"]
