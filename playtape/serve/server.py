"""From a checkpoint to a server that runs until it is stopped. Opens the door first, so that a port in use is told at once."""

import asyncio
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playtape.errors import BadInput, need
from playtape.serve.door import Door, open_door
from playtape.serve.note import note
from playtape.serve.settings import Settings

if TYPE_CHECKING:
    from playtape.training.checkpoint import Loaded

EXTRA = ("msgpack", "websockets")


def serve(policy: str | Path, settings: Settings, ready: Callable[[dict[str, Any]], None]) -> None:
    """Serve until Ctrl-C (KeyboardInterrupt) or, from `ready` on, a termination signal (SystemExit 143).

    `ready` is called with {"address", "protocol"} once clients can connect. Raises BadInput for what is no policy, and where
    it cannot listen.
    """
    if threading.current_thread() is not threading.main_thread():
        raise BadInput("serve runs in a program's main thread, which signals are sent to")
    if settings.protocol == "playtape":
        for package in EXTRA:
            need(package, "serve")
    with open_door(settings) as door:
        from playtape.training import checkpoint  # torch takes seconds

        server = Server(checkpoint.load(Path(policy), to="play"), settings, door)
        door.listen()
        ready({"address": door.address, "protocol": settings.protocol})
        stopped = asyncio.run(_until_signal(server))
    if stopped == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + stopped)


class Server:
    """A loaded policy at an open door. `run` serves."""

    def __init__(self, loaded: "Loaded", settings: Settings, door: Door):
        from playtape.serve import wire
        from playtape.serve.seats import Seats
        from playtape.serve.table import Table
        from playtape.serve.texts import Texts

        self.settings, self.door = settings, door
        if settings.protocol == "recap":
            wire.check(loaded.space)
        self.texts = Texts(loaded.encoder)
        self.table = Table(
            Seats(loaded, settings.clients, device=settings.device),
            loaded.space,
            settings.clients,
            settings.temperature,
        )
        self.table.text = self.texts.understood(settings.text)
        config = loaded.model.config
        self.hello = {"fps": config.fps, "height": config.height, "width": config.width_px}

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set, or the model fails: its error is raised."""
        try:
            async with self.table as table, self._listening():
                assert table.failed is not None
                stopping = asyncio.create_task(stop.wait())
                await asyncio.wait([stopping, table.failed], return_when=asyncio.FIRST_COMPLETED)
                stopping.cancel()
            note(table.summary())
            if table.failed.done():
                table.failed.result()
        finally:
            self.texts.close()

    def _listening(self) -> Any:
        from playtape.serve import recap
        from playtape.serve.packed import Packed

        if self.settings.protocol == "recap":
            return recap.listening(self.table, self.door, self.settings)
        return Packed(self.table, self.texts, self.hello).listening(self.door, self.settings)


async def _until_signal(server: Server) -> int:
    """The signal that ended it."""
    stop, came = asyncio.Event(), [int(signal.SIGINT)]

    def heed(number: int) -> None:
        came[0] = number
        stop.set()

    if sys.platform != "win32":  # there, asyncio ends at Ctrl-C by itself
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, heed, number)
    await server.run(stop)
    return came[0]
