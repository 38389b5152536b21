"""Our own protocol: a WebSocket whose messages are msgpack maps, each with a "type". See docs/guide/serve.md.

What is wrong in a message is answered with an "error", and the connection stays.
"""

import asyncio
import logging
import math
import traceback
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from types import ModuleType
from typing import Any

import numpy as np

from playtape.actions import ActionSpace
from playtape.errors import BadInput, need
from playtape.serve import words
from playtape.serve.door import Door
from playtape.serve.guests import Answer, Did, Frame, Guest
from playtape.serve.settings import Settings, is_right
from playtape.serve.table import Full, Table
from playtape.serve.texts import Texts

VERSION = 1
TYPES = ("start", "frame", "text", "did", "reset")
LIMITS = {"max_array_len": 10_000, "max_map_len": 10_000}  # or a small message could become a large list
NO_SEAT = 1013  # WebSocket's code for "try again later"


class Packed:
    """Hears guests and answers them. `hello` is what everybody is told first."""

    def __init__(self, table: Table, texts: Texts, hello: dict[str, Any]):
        self.table, self.texts = table, texts
        self.msgpack = need("msgpack", "serve")
        space = table.space
        names = {"buttons": list(space.buttons), "axes": [axis.name for axis in space.axes]}
        self.hello = {"type": "hello", "version": VERSION, **names, "text": texts.encoder is not None, **hello}

    @asynccontextmanager
    async def listening(self, door: Door, settings: Settings) -> AsyncGenerator[None]:
        """Serves as long as the `async with` lasts."""
        serve = need("websockets.asyncio.server", "serve")
        silent = logging.getLogger("playtape.serve.websockets")
        silent.disabled = True  # or every stranger who speaks another language would leave a traceback
        options: dict[str, Any] = {
            "sock": door.socket,
            "max_size": words.LIMIT + 1024,
            "max_queue": 2,  # frames wait in the table, where newer ones replace them
            "compression": None,  # it costs more time than a network on this machine
            "origins": [None, *settings.origins],  # browsers name the page that connects, programs name nothing
            "close_timeout": 1,
            "logger": silent,
        }
        if settings.token is not None:
            options["process_request"] = _gate(settings.token)
        async with (serve.serve if door.path is None else serve.unix_serve)(self.talk, **options):
            yield

    async def talk(self, connection: Any) -> None:
        """One guest from hello to goodbye."""
        closed = need("websockets.exceptions", "serve").ConnectionClosed
        with suppress(closed):
            try:
                with self.table.seated() as guest:
                    await connection.send(self.pack(self.hello))
                    saying = asyncio.create_task(self._say(guest, connection, closed))
                    try:
                        async for message in connection:
                            await self._hear(guest, message)
                    finally:
                        saying.cancel()
            except Full as full:
                await connection.send(self.pack({"type": "error", "error": str(full)}))
                await connection.close(NO_SEAT, "no seat")
            except closed:
                raise
            except Exception:  # a mistake of ours ends this talk, and is seen; the others go on
                traceback.print_exc()

    def pack(self, said: dict[str, Any]) -> bytes:
        return self.msgpack.packb(said)

    async def _say(self, guest: Guest, connection: Any, closed: type[Exception]) -> None:
        with suppress(closed):
            while True:
                answer = await guest.answers.get()
                await connection.send(self.pack(_reply(answer)))

    async def _hear(self, guest: Guest, message: bytes | str) -> None:
        try:
            await self._do(guest, unpack(self.msgpack, message))
        except BadInput as error:
            guest.hear(str(error))

    async def _do(self, guest: Guest, said: dict[str, Any]) -> None:
        kind = said.get("type")
        if kind == "frame":
            self.table.show(guest, await _frame(said))
        elif kind == "did":
            self.table.tell(guest, _did(said, self.table.space))
        elif kind == "text":
            self.table.instruct(guest, await self.texts.read(words.instruction(said.get("text"))))
        elif kind == "start":
            heat = said.get("temperature")
            heat = None if heat is None else words.number("temperature", heat, 0, 100)
            if said.get("text") is not None:
                self.table.instruct(guest, await self.texts.read(words.instruction(said["text"])))
            self.table.set(guest, heat)
        elif kind == "reset":
            self.table.set(guest)
        else:
            raise BadInput(f"type is {kind!r:.60}; legal are {', '.join(TYPES)}")


def unpack(msgpack: ModuleType, message: bytes | str) -> dict[str, Any]:
    """Raises BadInput for what is no msgpack map with names."""
    if isinstance(message, str):
        raise BadInput("a text message came; messages are msgpack maps, sent as binary")
    try:
        said = msgpack.unpackb(message, **LIMITS)
    except Exception:  # its own kinds, ValueError, UnicodeDecodeError, and what recursion raises
        raise BadInput(f"a message of {len(message)} bytes is not msgpack") from None
    if not isinstance(said, dict):
        raise BadInput(f"a message is a {type(said).__name__}; a map with a type is legal")
    return said


async def _frame(said: dict[str, Any]) -> Frame:
    number = words.whole("a frame's id", said.get("id"))
    for kind in ("png", "jpeg"):
        if kind in said:
            return Frame(number, await asyncio.to_thread(words.unpacked, kind, said[kind]))
    return Frame(number, words.picture(said.get("width"), said.get("height"), said.get("data")))


def _did(said: dict[str, Any], space: ActionSpace) -> Did:
    number, held, moved = words.whole("id", said.get("id")), said.get("buttons", []), said.get("axes", {})
    if not isinstance(held, list) or not isinstance(moved, dict):
        raise BadInput("what was done has buttons, a list of names, and axes, a map of names to numbers")
    names = [axis.name for axis in space.axes]
    for name, legal in (*((name, space.buttons) for name in held), *((name, names) for name in moved)):
        if name not in legal:
            raise BadInput(f"{name!r:.60} is not what this policy acts with; legal are {', '.join(legal)}")
    largest = float(np.finfo(np.float32).max)
    axes = [words.number(name, moved.get(name, 0.0), -largest, largest) for name in names]
    return Did(number, np.array([name in held for name in space.buttons], bool), np.array(axes, np.float32))


def _reply(answer: Answer | str) -> dict[str, Any]:
    if isinstance(answer, str):
        return {"type": "error", "error": answer}
    axes = {name: value if math.isfinite(value) else 0.0 for name, value in answer.axes.items()}
    told = {"buttons": list(answer.buttons), "axes": axes, "latency_ms": answer.latency_ms, "dropped": answer.dropped}
    return {"type": "action", "id": answer.id, **told}


def _gate(token: str) -> Any:
    def check(connection: Any, request: Any) -> Any:
        if not is_right(token, request.headers.get_all("Authorization")):
            return connection.respond(HTTPStatus.UNAUTHORIZED, "This server needs its token.\n")
        return None

    return check
