"""The Pixels2Play recorder's protocol: both ways, 4 bytes of length (little-endian), then a protobuf message.

Frames come in, actions with the same ids go out; keys and buttons are levels. It has no word for a refusal: the connection is
closed, and the reason is a line on standard error.
"""

import asyncio
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from playtape.errors import BadInput
from playtape.serve import wire, words
from playtape.serve.door import Door
from playtape.serve.guests import Answer, Guest
from playtape.serve.note import note
from playtape.serve.settings import Settings
from playtape.serve.table import Table


@asynccontextmanager
async def listening(table: Table, door: Door, settings: Settings) -> AsyncGenerator[None]:
    """Serves as long as the `async with` lasts."""
    talks: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_talk(table, reader, writer, settings.patience_s))
        talks.add(task)
        task.add_done_callback(talks.discard)

    server = await (asyncio.start_server if door.path is None else asyncio.start_unix_server)(begin, sock=door.socket)
    try:
        yield
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


async def _talk(table: Table, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience_s: float) -> None:
    try:
        with table.seated() as guest:
            saying = asyncio.create_task(_say(guest, writer))
            try:
                while (message := await _message(reader, patience_s)) is not None:
                    table.show(guest, wire.read_frame(message))
            finally:
                saying.cancel()
    except BadInput as error:
        note(f"closed a client's connection: {error}")
    except ConnectionError:
        pass  # it vanished
    finally:
        writer.close()


async def _message(reader: asyncio.StreamReader, patience_s: float) -> bytes | None:
    """The next message; None at the end. Who begins one must go on: a guest may pause, but not in the middle of a word."""
    first = await reader.read(1)
    if not first:
        return None
    try:
        async with asyncio.timeout(patience_s):
            (length,) = struct.unpack("<I", first + await reader.readexactly(3))
            if length > words.LIMIT:
                raise BadInput(f"a message of {length} bytes is announced; up to {words.LIMIT} are legal")
            return await reader.readexactly(length)
    except asyncio.IncompleteReadError:
        raise BadInput("it ended in the middle of a message") from None
    except TimeoutError:
        raise BadInput(f"the rest of a message did not come within {patience_s:g} s") from None


async def _say(guest: Guest, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):  # the reader finds out as well, and ends the talk
        while True:
            answer = await guest.answers.get()
            if isinstance(answer, Answer):
                action = wire.write_action(answer)
                writer.write(struct.pack("<I", len(action)) + action)
                await writer.drain()
