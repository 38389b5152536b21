"""The table: guests with their seats, and the one thread that asks the model for all of them at once.

Each round takes the newest frame of every guest who waits, so that a slow model sees fewer frames and never old ones, and many
guests cost one call. The event loop never waits for the model; answers come back to it.
"""

import asyncio
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np

from playtape.actions import ActionSpace
from playtape.errors import BadInput
from playtape.serve.guests import Answer, Did, Frame, Guest, Turn


class Full(BadInput):
    """There is no seat left."""


class Asked(Protocol):
    """What the thread asks: `Seats`."""

    def act(self, turns: Sequence[Turn]) -> tuple[np.ndarray, np.ndarray]: ...


class Table:
    """Methods are for the event loop that it is opened in, and quick. Used as `async with`; leaving ends the thread."""

    def __init__(self, seats: Asked, space: ActionSpace, count: int, temperature: float = 1.0):
        self.seats, self.space, self.count, self.temperature = seats, space, count, temperature
        self.text: np.ndarray | None = None  # what guests are told who say nothing themselves
        self.guests: list[Guest] = []
        self.changed = threading.Condition()
        self.closed = False
        self.failed: asyncio.Future[None] | None = None  # gets the error, should the model raise one
        self.served, self.answered, self.dropped = 0, 0, 0

    async def __aenter__(self) -> "Table":
        self.loop = asyncio.get_running_loop()
        self.failed = self.loop.create_future()
        self.thread = threading.Thread(target=self._work, name="model")
        self.thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify()
        await asyncio.to_thread(self.thread.join)

    @contextmanager
    def seated(self) -> Generator[Guest]:
        """A seat as long as the `with` lasts. Raises Full."""
        free = sorted(set(range(self.count)) - {guest.seat for guest in self.guests})
        if not free:
            raise Full(f"all {self.count} seats are taken; come again later, or start the server with more --clients")
        guest = Guest(free[0], self.temperature, self.text)
        with self.changed:
            self.guests.append(guest)
        self.served += 1
        try:
            yield guest
        finally:
            with self.changed:
                self.guests.remove(guest)
            self.dropped += guest.dropped

    def show(self, guest: Guest, frame: Frame) -> None:
        """This guest's newest frame."""
        with self.changed:
            guest.show(frame)
            self.changed.notify()

    def tell(self, guest: Guest, did: Did) -> None:
        """What hands did from the frame on that was answered last; known to the model with the next frame."""
        with self.changed:
            guest.did = did

    def set(self, guest: Guest, temperature: float | None = None) -> None:
        """Begin anew, at this temperature or the one before."""
        with self.changed:
            guest.reset()
            guest.temperature = guest.temperature if temperature is None else temperature

    def instruct(self, guest: Guest, text: np.ndarray | None) -> None:
        """From the next frame on."""
        with self.changed:
            guest.text = text

    def summary(self) -> str:
        """One line about all that was done."""
        dropped = self.dropped + sum(guest.dropped for guest in self.guests)
        return f"served {self.served} clients: {self.answered} frames answered, {dropped} dropped for newer ones"

    # ---- the model's thread

    def _work(self) -> None:
        try:
            while turns := self._turns():
                buttons, axes = self.seats.act(turns)
                self.loop.call_soon_threadsafe(self._deliver, turns, buttons, axes, time.perf_counter())
        except Exception as error:  # whatever it is, whoever runs the server must see it
            self.loop.call_soon_threadsafe(self._fail, error)

    def _turns(self) -> list[Turn]:
        """Waits until somebody waits: their turns, by seat. None at the end."""
        with self.changed:
            self.changed.wait_for(lambda: self.closed or any(guest.waiting for guest in self.guests))
            if self.closed:
                return []
            there = sorted((guest for guest in self.guests if guest.waiting), key=lambda guest: guest.seat)
            found = [guest.turn() for guest in there]
        for turn, wrong in found:
            if wrong:
                self.loop.call_soon_threadsafe(turn.guest.hear, wrong)
        return [turn for turn, _ in found]

    # ---- back in the event loop

    def _deliver(self, turns: Sequence[Turn], buttons: np.ndarray, axes: np.ndarray, now: float) -> None:
        names = [axis.name for axis in self.space.axes]
        for turn, held, moved in zip(turns, buttons, axes, strict=True):
            down = tuple(name for name, is_down in zip(self.space.buttons, held, strict=True) if is_down)
            values = dict(zip(names, map(float, moved), strict=True))
            took = round(1000 * (now - turn.frame.arrived), 3)
            turn.guest.hear(Answer(turn.frame.id, down, values, took, turn.guest.dropped))
            self.answered += 1

    def _fail(self, error: Exception) -> None:
        if self.failed is not None and not self.failed.done():
            self.failed.set_exception(error)
