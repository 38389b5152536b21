"""What can be found in a recording, and how much of it is too much.

The first four are the published filter of Pixels2Play (arXiv 2601.04575): a key held in more than 60 % of the frames, more than
six keys at once, too little interaction, low likelihood under a small policy. The last two limits are unpublished, so ours.
"""

from dataclasses import dataclass

from playtape.errors import within

KINDS = {
    "held-key": "one key is held in most of the frames; where one runs or drives all the time, raise --limits.held-share",
    "many-keys": "more keys are held at once than a hand holds",
    "idle": "too little is done",
    "unlikely": "a policy finds what is done unlikely",
    "rate": "frames come at another rate than the recording says",
    "gap": "frames are missing, or were not stored, as by recorders that store only what changed",
    "frozen": "the picture stands still while inputs move it",
    "duplicates": "single frames are shown twice",
    "lag": "the picture answers inputs at the wrong moment",
    "size": "the picture is not of one size",
    "stuck": "a key is held from the start on",
    "auto-repeat": "a key's automatic repeats are recorded as presses",
    "repeated-play": "the same play is in another recording, or twice in this one",
    "blank": "the picture is black or of one colour",
    "cut": "the picture changes all at once",
    "still": "the picture stands still",
    "overlay": "a part of the picture moves on its own",
    "layout": "borders stand while the rest moves",
    "intro": "a break comes soon after the beginning",
    "outro": "a break comes shortly before the end",
    "looks-like": "a classifier takes the picture for something else than play",
    "mended": "the reader had to mend the file",
    "unusable": "it cannot be opened, or holds no input",
}


@dataclass(frozen=True)
class Limits:
    """From where on something is a finding. Times are in seconds, shares from 0 to 1."""

    held_share: float = 0.6  # of the frames, that one key is held
    keys_at_once: int = 6
    idle_s: float = 20.0  # without any input
    active_share: float = 0.2  # of a recording's seconds, that some input falls into
    unlikely: float = 6.0  # robust standard deviations above the median loss of all stretches
    rate: float = 0.02  # relative difference of the measured rate to the told one
    gap: float = 2.5  # usual intervals between two frames, and at least 0.1 s
    frozen_s: float = 1.0
    duplicate_share: float = 0.15  # of the intervals whose inputs move the picture
    lag_frames: int = 2
    stuck_s: float = 8.0
    repeats: int = 10  # presses in a row at one short interval
    repeated_s: float = 8.0  # of the same pictures
    blank_s: float = 0.2  # black, or of one colour
    cut: float = 0.4  # of the picture's histogram, changed at once
    still_s: float = 2.0
    looks: float = 0.8  # mean probability of a class, for a stretch to be told
    looks_s: float = 1.0

    def __post_init__(self) -> None:
        for name in ("held_share", "active_share", "duplicate_share", "cut", "looks"):
            within(f"limits.{name.replace('_', '-')}", getattr(self, name), 0, 1)
        for name in ("idle_s", "frozen_s", "stuck_s", "repeated_s", "still_s", "blank_s", "looks_s"):
            within(f"limits.{name.replace('_', '-')}", getattr(self, name), 0.1, 1e6)
        within("limits.rate", self.rate, 0.001, 1)
        within("limits.gap", self.gap, 1.1, 1e6)
        within("limits.unlikely", self.unlikely, 0.1, 1e6)
        within("limits.keys-at-once", self.keys_at_once, 1, 256, whole=True)
        within("limits.lag-frames", self.lag_frames, 1, 1000, whole=True)
        within("limits.repeats", self.repeats, 2, 10_000, whole=True)


@dataclass(frozen=True, order=True)
class Finding:
    """Something wrong in [start_ns, end_ns) of a recording, as a sentence that has the number and the limit in it."""

    start_ns: int
    end_ns: int
    kind: str
    text: str
