"""The page, and its talks with browsers. Every browser has a dream of its own, up to SEATS; one that goes ends only its own.

All dreams are computed by one thread, one step after the other: a model has the machine to itself, and pictures come as fast as
the world's rate, or slower where the model cannot. A browser says what its hands do; it is sent pictures as RGB, which on this
machine costs less than to compress them.
"""

import asyncio
import contextlib
import time
import traceback
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from playtape.errors import BadInput
from playtape.imagine.env import ImaginedEnv, World, axis_ends
from playtape.imagine.futures import Way
from playtape.pages.static import file_routes
from playtape.play.dream.keys import inputs
from playtape.play.dream.said import said
from playtape.play.dream.sleeper import Dream
from playtape.play.tape import taken

SEATS = 4
NO_SEAT, BROKEN = 1013, 1011  # WebSocket's codes for "try again later" and for a mistake of ours
SCRIPTS = ("hands.js", "screen.js", "dream.js")


class Dreams:
    """Use it in a `with`: at its end every recording is closed. Raises BadInput for a way that the model has not learned."""

    def __init__(self, world: World, way: Way, record: Path | None = None):
        ImaginedEnv(world, way)  # which knows what is legal
        self.world, self.way, self.record = world, way, record
        self.open: list[Dream] = []
        self.episodes = self.frames = 0
        self._seeds = count(way.seed)
        self._computer = ThreadPoolExecutor(1, "dream")

    def __enter__(self) -> "Dreams":
        return self

    def __exit__(self, *_: object) -> None:
        for dream in self.open:
            self._computer.submit(dream.end)
        self._computer.shutdown()

    def application(self) -> Starlette:
        return Starlette(routes=[*file_routes("playtape.play.dream", SCRIPTS), WebSocketRoute("/dream", self.talk)])

    async def talk(self, socket: WebSocket) -> None:
        """One browser, from hello to goodbye."""
        await socket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            if len(self.open) >= SEATS:
                await _tell(socket, {"type": "taken", "error": f"{SEATS} play here already; close another page first"})
                await socket.close(NO_SEAT)
                return
            try:
                async with self._seat() as dream:
                    await _tell(socket, self._hello())
                    await self._together(dream, socket)
            except WebSocketDisconnect:
                raise
            except Exception as error:  # ends this talk, and is seen; the others go on
                if not isinstance(error, BadInput):
                    traceback.print_exc()
                await _tell(socket, {"type": "error", "error": str(error) or type(error).__name__})
                await socket.close(BROKEN)

    @contextlib.asynccontextmanager
    async def _seat(self) -> AsyncGenerator[Dream]:
        dream = Dream(self.world, self.way, self._seed, self.record)
        self.open.append(dream)
        try:
            yield dream
        finally:
            self.open.remove(dream)
            self._computer.submit(dream.end)  # after what it computes now; it is not waited for, a page may come back

    async def _together(self, dream: Dream, socket: WebSocket) -> None:
        """Hear and show, until one of the two ends."""
        changed = asyncio.Event()
        parts = [asyncio.create_task(part(dream, socket, changed)) for part in (self._hear, self._show)]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    async def _hear(self, dream: Dream, socket: WebSocket, changed: asyncio.Event) -> None:
        while (message := await socket.receive())["type"] == "websocket.receive":
            try:
                dream.hear(said(message.get("text"), self.world.space))
            except BadInput as error:
                await _tell(socket, {"type": "refused", "error": str(error)})
            changed.set()

    async def _show(self, dream: Dream, socket: WebSocket, changed: asyncio.Event) -> None:
        due = time.monotonic()
        while True:
            while not dream.wanted:
                changed.clear()
                await changed.wait()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if not dream.wanted:  # it was paused meanwhile
                continue
            due = max(due + 1 / self.world.fps, time.monotonic())
            picture = await asyncio.get_running_loop().run_in_executor(self._computer, dream.next)
            self.frames += 1
            await socket.send_bytes(picture)

    def _hello(self) -> dict[str, Any]:
        height, width = self.world.starts.frames.shape[-2:]
        size = {"width": width, "height": height, "fps": self.world.fps}
        how = {"fast": self.world.model.fast, "passes": self.way.passes, "told": self.world.told}
        recorded = self.record is not None
        return {
            "type": "hello",
            "world": self.world.name,
            **size,
            **how,
            "recorded": recorded,
            **inputs(self.world.space, *axis_ends(self.world)),
        }

    def _seed(self) -> int:
        """The next one of which there is no recording yet. Called by the thread that computes."""
        self.episodes += 1
        game, record = f"world {self.world.name}", self.record
        return next(n for n in self._seeds if record is None or not taken(record, "human", game, range(n, n + 1)))


async def _tell(socket: WebSocket, message: dict[str, Any]) -> None:
    await socket.send_text(orjson.dumps(message).decode())
