"""What a recording is made of. Plain values; reading and writing them is `recording.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from playtape.actions import Events
from playtape.errors import BadInput
from playtape.recordings.timeline import check_unchanged, signature
from playtape.recordings.video import Video

KINDS: Mapping[str, str] = {  # of spans; what others wrote may have more
    "text": "an instruction: what is to be done",
    "control": "who plays: human, or policy and which one",
    "masked": "not to be learned from, and why",
    "finding": "what a check found",
    "reward": "what the interval earned",
    "end": "the interval ends an episode",
    "menu": "a menu is open, and which one",
    "kill": "the player kills somebody",
    "death": "the player is killed",
    "window": "the window that was recorded",
}
FAR_NS = 86_400_000_000_000  # a day: no recorder goes on so long without a picture, so a stamp beyond is a wrong one


@dataclass(frozen=True, order=True)
class Span:
    """What holds for a while, [start_ns, end_ns). `kind` is one of KINDS, which says what `value` is."""

    start_ns: int
    end_ns: int
    kind: str
    value: str


@dataclass(frozen=True)
class Info:
    """Where a recording comes from. `screen` is (width, height) in pixels; `mouse_scale` is degrees a mouse count."""

    game: str = ""
    source: str = ""
    licence: str = ""
    screen: tuple[int, int] | None = None
    mouse_scale: float | None = None
    split: str = ""
    player: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Confidence:
    """How sure a labeller is of each interval: a button's calibrated P(held), an axis' standard deviation."""

    time_ns: np.ndarray  # int64 [T], start of each labelled interval
    names: tuple[str, ...]  # n inputs
    value: np.ndarray  # float32 [T, n]

    def __post_init__(self) -> None:
        if self.value.shape != (len(self.time_ns), len(self.names)):
            raise BadInput(
                f"confidence must be [{len(self.time_ns)}, {len(self.names)}] for its times and names, "
                f"got {list(self.value.shape)}"
            )

    def equals(self, other: "Confidence | None") -> bool:
        """Same times, names and values (NaN equals NaN)."""
        return (
            other is not None
            and self.names == other.names
            and np.array_equal(self.time_ns, other.time_ns)
            and np.array_equal(self.value, other.value, equal_nan=True)
        )


@dataclass(frozen=True)
class Clock:
    """How the file's wall clock was laid over the video's: time_ns = (log_time - anchor_ns) / (1 + drift_ppm / 1e6).

    `mode` says where that came from: "exact" (written by us), "cues" (UTC subtitles), "envelope" (the earliest screen
    messages), "first-screen" (as the D2E evaluation does it). `residual_ns` is the median distance from the fit.
    """

    anchor_ns: int = 0
    mode: str = "exact"
    drift_ppm: float = 0.0
    residual_ns: int = 0
    written: bool = False  # the file's own times were laid already; drift_ppm only tells how they once were

    def video_time(self, log_time: np.ndarray) -> np.ndarray:
        """log_time int64 [N] -> time_ns int64 [N]."""
        passed = np.asarray(log_time, np.int64) - self.anchor_ns
        if not self.drift_ppm or self.written:
            return passed
        drift = self.drift_ppm / 1e6
        return passed - np.rint(passed * (drift / (1 + drift))).astype(np.int64)

    def log_time(self, time_ns: int) -> int:
        """When the file's clock shows a moment of the video's; `video_time` gives that back, to a nanosecond with a drift."""
        drift = 0.0 if self.written else self.drift_ppm / 1e6
        return self.anchor_ns + time_ns + round(time_ns * drift)


@dataclass(frozen=True)
class Attachment:
    """A file of another format that a recording came from, kept to the byte: what our nouns have no place for is in it.

    It is `length` bytes from `start` on of the file at `path`, which must be as it was: `signature`.
    """

    path: Path
    start: int
    length: int
    signature: tuple[int, int]
    media_type: str = "application/octet-stream"

    @classmethod
    def of(cls, path: Path, media_type: str) -> "Attachment":
        """A whole file."""
        stamp = signature(path)
        return cls(path, 0, stamp[0], stamp, media_type)

    def read(self) -> bytes:
        """Raises BadInput if the file has changed since."""
        check_unchanged(self.path, self.signature)
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read(self.length)


@dataclass(frozen=True, eq=False)
class Recording:
    """One playthrough: frames, input events, spans and where it comes from. `warnings` lists what the reader mended."""

    video: Video
    events: Events
    spans: tuple[Span, ...] = ()
    info: Info = field(default_factory=Info)
    confidence: Confidence | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)
    path: Path | None = None
    warnings: tuple[str, ...] = ()
    clock: Clock = field(default_factory=Clock)
    attachments: Mapping[str, Attachment] = field(default_factory=dict)

    @property
    def time_ns(self) -> np.ndarray:
        """int64 [N]: when each frame is first shown."""
        return self.video.time_ns

    def masked(self, time_ns: np.ndarray) -> np.ndarray:
        """bool [T - 1]: which intervals of a grid of T frames touch a span "masked", neither to be learned from nor judged by."""
        found = np.zeros(max(0, len(time_ns) - 1), bool)
        for span in self.spans:
            if span.kind == "masked":
                found |= (time_ns[1:] > span.start_ns) & (time_ns[:-1] < span.end_ns)
        return found

    @property
    def name(self) -> str:
        """Its file's, without the ending: how reports and checkpoints list it."""
        return (self.path or self.video.path).stem

    @property
    def clipped(self) -> int:
        """How many numbers of actions its reader cut off at the end of their range; they are counted in `info`."""
        said = self.info.extra.get("clipped", "")
        return int(said) if said.isdecimal() else 0

    def __repr__(self) -> str:
        extra = f", {len(self.spans)} spans" if self.spans else ""
        warned = f", {len(self.warnings)} warnings" if self.warnings else ""
        return f"Recording({self.video!r}, {self.events!r}{extra}{warned})"
