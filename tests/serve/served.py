"""Servers in a thread of the test's own process, at a real socket of this machine, with a player whose answers are known.

Nothing here waits by the clock: tests hold the player back with `gate`, and wait for what they expect with a time limit.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch

from playtape.actions import Actions, ActionSpace, Axis
from playtape.models.protocols import Model
from playtape.serve.door import open_door
from playtape.serve.guests import Guest
from playtape.serve.server import Server
from playtape.serve.settings import Settings
from playtape.serve.table import Table
from playtape.training.checkpoint import Loaded

SPACE = ActionSpace(
    ("key.w", "key.left_shift", "mouse.left"), (Axis("mouse.dx"), Axis("mouse.dy"), Axis("mouse.wheel"))
)
LIMIT_S = 20


@dataclass(frozen=True)
class Config:
    height: int = 4
    width_px: int = 4
    fps: float = 20.0


@dataclass(frozen=True)
class Count:
    """What a `Known` player keeps."""

    steps: torch.Tensor  # int64 [N]
    done: torch.Tensor  # float [N]: mouse.dx that hands did

    def rows(self, index: Sequence[int]) -> "Count":
        return Count(self.steps[list(index)], self.done[list(index)])

    def put(self, index: Sequence[int], part: "Count") -> "Count":
        steps, done = self.steps.clone(), self.done.clone()
        steps[list(index)], done[list(index)] = part.steps, part.done
        return Count(steps, done)

    def fresh(self, index: Sequence[int]) -> "Count":
        zero = torch.zeros(len(index))
        return self.put(index, Count(zero.long(), zero))


class Known(Model):
    """W is held where the picture is bright, the left button where it is told to fire, Shift where the temperature is above 1;
    mouse.dx counts its steps, mouse.dy is what hands did last, the wheel is how many are asked at once."""

    def __init__(self) -> None:
        super().__init__()
        self.config, self.space = Config(), SPACE
        self.gate, self.asked = threading.Event(), threading.Semaphore(0)
        self.gate.set()
        self.error: Exception | None = None

    def start(self, players: int = 1) -> Count:
        return Count(torch.zeros(players, dtype=torch.int64), torch.zeros(players))

    def act(self, state: Count, frames: Any, text: Any = None, *, temperature: Any = 1.0, generator: Any = None) -> Any:
        self.asked.release()
        assert self.gate.wait(LIMIT_S)
        if self.error is not None:
            raise self.error
        assert frames.shape[1:] == (3, 4, 4)
        fire = torch.zeros(len(frames), dtype=torch.bool) if text is None else text[:, 0] > 0
        buttons = torch.stack([frames.float().mean((1, 2, 3)) > 128, temperature > 1, fire], 1)
        now = replace(state, steps=state.steps + 1)
        many = torch.full((len(frames),), float(len(frames)))
        return Actions(buttons, torch.stack([now.steps.float(), state.done, many], 1)), now

    def told(self, state: Count, actions: Actions) -> Count:
        return replace(state, done=actions.axes[:, 0])


class Fires:
    """An encoder that knows one word."""

    name, width = "fires", 1

    def encode(self, texts: Sequence[str]) -> Any:
        return torch.tensor([[float(text == "fire")] for text in texts]).numpy()


@dataclass
class Served:
    """A running server and its player. `end` stops it, and raises what it died of."""

    address: str
    player: Known
    server: Server
    end: Callable[[], None]
    shown: threading.Semaphore  # released for every frame that has arrived
    left: threading.Semaphore  # released for every seat that has become free


def wait(signal: threading.Semaphore, times: int = 1) -> None:
    for _ in range(times):
        assert signal.acquire(timeout=LIMIT_S)


def watched(table: Table) -> tuple[threading.Semaphore, threading.Semaphore]:
    """What happens at a table, for tests to wait for: `shown` and `left`."""
    shown, left = threading.Semaphore(0), threading.Semaphore(0)
    show, seated = table.show, table.seated

    def show_and_tell(*args: Any) -> None:
        show(*args)
        shown.release()

    @contextmanager
    def seated_and_told() -> Generator[Guest]:
        try:
            with seated() as guest:
                yield guest
        finally:
            left.release()

    table.show, table.seated = show_and_tell, seated_and_told
    return shown, left


@contextmanager
def running(settings: Settings, loaded: Loaded) -> Generator[Served]:
    """A server as long as the `with` lasts."""
    with open_door(settings) as door:
        server = Server(loaded, settings, door)
        door.listen()
        shown, left = watched(server.table)
        began, ended = threading.Event(), []
        control: dict[str, Any] = {}

        async def serve() -> None:
            control.update(loop=asyncio.get_running_loop(), stop=asyncio.Event())
            began.set()
            await server.run(control["stop"])

        def work() -> None:
            try:
                asyncio.run(serve())
            except Exception as error:
                ended.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        assert began.wait(LIMIT_S)

        def end() -> None:
            if thread.is_alive():
                control["loop"].call_soon_threadsafe(control["stop"].set)
            thread.join(LIMIT_S)
            assert not thread.is_alive()
            if ended:
                raise ended.pop()

        try:
            yield Served(door.address, loaded.model, server, end, shown, left)
        finally:
            loaded.model.gate.set()
            end()


def dial(address: str) -> socket.socket:
    """A bare connection to an address that a server printed."""
    if "/" in address.removeprefix("ws://"):
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(LIMIT_S)
        line.connect(address)
        return line
    host, port = address.removeprefix("ws://").rsplit(":", 1)
    return socket.create_connection((host, int(port)), LIMIT_S)


def received(line: socket.socket, count: int) -> bytes:
    """So many bytes, or fewer if the other side closes."""
    found = b""
    while len(found) < count and (part := line.recv(count - len(found))):
        found += part
    return found


def message(line: socket.socket) -> bytes:
    """The next message of the recorder's protocol."""
    (length,) = struct.unpack("<I", received(line, 4))
    return received(line, length)
