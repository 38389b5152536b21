"""Who is served: a guest with a seat, the newest frame it waits for an answer to, and what it said meanwhile.

Knows no model and no socket. Shapes: `B` buttons, `A` axes, `E` text width.
"""

import asyncio
import time
from dataclasses import dataclass, field

import numpy as np

ANSWERS = 64  # that wait for a guest who does not read; then the oldest is lost, as with frames


@dataclass(frozen=True)
class Answer:
    """What to do from frame `id` on: the buttons that are held, and every axis."""

    id: int
    buttons: tuple[str, ...]
    axes: dict[str, float]
    latency_ms: float  # from the frame's arrival
    dropped: int  # frames of this guest so far that nobody looked at, because a newer one came


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture uint8 [H, W, 3] RGB of any size, and when it came (`time.perf_counter`)."""

    id: int
    picture: np.ndarray
    arrived: float = field(default_factory=time.perf_counter)


@dataclass(frozen=True, eq=False)
class Did:
    """Hands did this from frame `id` on: buttons bool [B], axes float32 [A]."""

    id: int
    buttons: np.ndarray
    axes: np.ndarray


@dataclass(frozen=True, eq=False)
class Turn:
    """What the model is asked for one guest at once: first begin anew, or be told what was done; then this frame."""

    guest: "Guest"
    frame: Frame
    fresh: bool
    did: Did | None
    temperature: float
    text: np.ndarray | None  # float32 [E]


@dataclass(eq=False)
class Guest:
    """One client. The table's lock guards it, but for `answers`, which is the event loop's."""

    seat: int
    temperature: float
    text: np.ndarray | None = None  # float32 [E]
    answers: asyncio.Queue[Answer | str] = field(default_factory=lambda: asyncio.Queue(ANSWERS))
    fresh: bool = True  # begins anew with its next frame
    waiting: Frame | None = None
    did: Did | None = None
    last: int | None = None  # the frame that was answered, or is being answered
    dropped: int = 0

    def show(self, frame: Frame) -> None:
        """Wait for an answer to this frame, and no longer to an older one."""
        self.dropped += self.waiting is not None
        self.waiting = frame

    def reset(self) -> None:
        """Begin anew."""
        self.fresh, self.waiting, self.did, self.last = True, None, None, None

    def turn(self) -> tuple[Turn, str]:
        """Hand over what waits; and a sentence if what was done belongs to no frame."""
        frame, did, wrong = self.waiting, self.did, ""
        assert frame is not None
        if did is not None and did.id != self.last:
            last = "none yet" if self.last is None else f"frame {self.last}"
            wrong = f"what was done is told of the frame that was answered last, {last}, and not of frame {did.id}"
            did = None
        turn = Turn(self, frame, self.fresh, did, self.temperature, self.text)
        self.waiting, self.did, self.fresh, self.last = None, None, False, frame.id
        return turn, wrong

    def hear(self, answer: Answer | str) -> None:
        """Queue an answer, or a sentence that says what is wrong, to be sent."""
        if self.answers.full():
            self.answers.get_nowait()
        self.answers.put_nowait(answer)
