"""What a world model says comes next: futures of recorded moments, and (later) a world to act in.

Below the tools, which play in it, judge it and draw it; above training, whose checkpoints it loads.
"""
