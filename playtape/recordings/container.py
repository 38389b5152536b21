"""MCAP at the level of bytes: batches of raw payloads a topic, every checksum verified, no object made a message.

An hour at 1,000 events a second is 3.6 million messages, which the `mcap` package's reader takes minutes for; here a
chunk is walked once and its payloads are handed on together. Follows the MCAP specification, version 0; knows nothing
of what the payloads mean. Writing is done by the `mcap` package (messages.py).
"""

import mmap
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lz4.frame
import numpy as np
import zstandard

from playtape.errors import BadInput, Truncated
from playtape.recordings.nouns import Attachment
from playtape.recordings.schemas import PROFILE
from playtape.recordings.timeline import signature

MAGIC = b"\x89MCAP0\r\n"
HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
ATTACHMENT, METADATA, DATA_END = 0x09, 0x0C, 0x0F
_RECORD = struct.Struct("<BQ")
_MESSAGE = struct.Struct("<BQHIQQ")  # opcode, length, channel, sequence, log time, publish time
_CHUNK = struct.Struct("<QQQI")  # start, end, uncompressed size, uncompressed CRC
_FOOTER = struct.Struct("<QQI")  # summary start, summary offsets start, summary CRC
FOOTER_SIZE = _RECORD.size + _FOOTER.size + len(MAGIC)
LARGEST_CHUNK = 1 << 30
EARLY = "the file ends early"


def is_whole(path: Path) -> bool:
    """Is there a file that begins and ends as MCAP does? What was cut off does not end so."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(len(MAGIC))
        file.seek(max(0, path.stat().st_size - len(MAGIC)))
        return head == file.read(len(MAGIC)) == MAGIC


@dataclass(frozen=True)
class Channel:
    """A topic and the schema of its messages (name, encoding and text)."""

    topic: str
    schema: str
    encoding: str
    schema_encoding: str = ""
    schema_data: bytes = b""


@dataclass
class Batch:
    """Messages of one channel, in file order. `order` numbers all messages of the file."""

    channel: Channel
    log_time: np.ndarray  # uint64 [N]
    order: np.ndarray  # int64 [N]
    payloads: list[bytes]


@dataclass
class Container:
    """An open MCAP file. `salvage`: take what can be had instead of raising, and list in `damage` what could not."""

    path: Path
    salvage: bool = False
    library: str = ""
    complete: bool = False
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    attachments: dict[str, Attachment] = field(default_factory=dict)
    damage: list[str] = field(default_factory=list)
    channels: dict[int, Channel] = field(default_factory=dict)
    messages: int = 0
    _schemas: dict[int, tuple[str, str, bytes]] = field(default_factory=dict)

    def batches(self) -> Iterator[Batch]:
        """Read the whole file: batches of messages; metadata, attachments and channels are filled in on the way.

        Raises BadInput for a file that is not an OWAMcap or is damaged, Truncated for one that ends early.
        """
        if not self.path.is_file():
            lost = " (a link that leads nowhere)" if self.path.is_symlink() and not self.path.exists() else ""
            raise BadInput(f"there is no recording {self.path}{lost}; give an OWAMcap file (.mcap)")
        if self.path.stat().st_size == 0:
            raise BadInput(f"{self.path} is empty (0 bytes); give an OWAMcap file (.mcap)")
        with self.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            self._check_start(data)
            self.complete = self._check_end(data)
            try:
                yield from self._data_section(data)
            except Truncated as error:
                if not self.salvage:
                    raise self._cut() from error
                self.damage.append(EARLY)

    def _cut(self) -> Truncated:
        return Truncated(
            f"{self.path} ends early (it was cut or not closed); "
            f"`playtape repair {self.path} --out FIXED.mcap` keeps what is there"
        )

    def _check_start(self, data: Any) -> None:
        if data[: len(MAGIC)] != MAGIC:
            if MAGIC.startswith(data[:]):
                raise Truncated(f"{self.path} ends within its first {len(MAGIC)} bytes; nothing of it can be read")
            raise BadInput(f"{self.path} is not an MCAP file; give an OWAMcap file (.mcap)")

    def _check_end(self, data: Any) -> bool:
        """Verify footer and summary checksum; False for an unfinished file that is being salvaged."""
        size = len(data)
        end = size - FOOTER_SIZE
        whole = end >= len(MAGIC) and data[size - len(MAGIC) :] == MAGIC and data[end] == FOOTER
        if not whole:
            if self.salvage:
                return False
            raise self._cut()
        start, _, crc = _FOOTER.unpack_from(data, end + _RECORD.size)
        if crc and zlib.crc32(data[start or end : size - len(MAGIC) - 4]) != crc:
            self._damaged("its summary has a wrong CRC")
        return True

    def _damaged(self, what: str) -> None:
        if not self.salvage:
            raise BadInput(
                f"{self.path} is damaged: {what}; `playtape repair {self.path} --out FIXED.mcap` keeps what is good"
            )
        self.damage.append(what)

    def _data_section(self, data: Any) -> Iterator[Batch]:
        position, loose = len(MAGIC), _Splitter(self)
        while True:
            if position + _RECORD.size > len(data):
                yield from loose.batches()
                raise Truncated(EARLY)
            opcode, length = _RECORD.unpack_from(data, position)
            body = position + _RECORD.size
            if position == len(MAGIC):
                self._header(opcode, data[body : min(body + length, len(data), body + 65536)])
            if opcode == CHUNK:
                yield from loose.batches()
                yield from self._chunk(data, body, length)
            if body + length > len(data):
                yield from loose.batches()
                raise Truncated(EARLY)
            if opcode == MESSAGE:
                loose.add(data[position : body + length])
                if loose.count >= 10_000:
                    yield from loose.batches()
            elif opcode == ATTACHMENT:
                self._attachment(data, body, length)
            elif opcode != CHUNK:
                self._record(opcode, data[body : body + length])
            position = body + length
            if opcode in (DATA_END, FOOTER):
                yield from loose.batches()
                if opcode == DATA_END and length >= 4:
                    self._check_data(data, body)
                return

    def _check_data(self, data: Any, body: int) -> None:
        """The checksum of all data records, where the writer gave one."""
        expected = int.from_bytes(data[body : body + 4], "little")
        if expected and zlib.crc32(memoryview(data)[: body - _RECORD.size]) != expected:
            self._damaged("its data section has a wrong CRC")

    def _header(self, opcode: int, body: bytes) -> None:
        if opcode != HEADER:
            raise BadInput(
                f"{self.path} is damaged: an MCAP file begins with a header, this one with record {opcode:#x}"
            )
        try:
            profile, position = _string(body, 0)
            self.library, _ = _string(body, position)
        except (struct.error, IndexError):
            raise Truncated(EARLY) from None
        except UnicodeDecodeError:
            raise BadInput(f"{self.path} is damaged: its header is not text") from None
        if profile != PROFILE:
            raise BadInput(f"{self.path} has the MCAP profile {profile!r}; Playtape reads {PROFILE!r} (OWAMcap)")

    def _record(self, opcode: int, body: bytes) -> None:
        """Schema, channel or metadata; others are of no use here."""
        try:
            if opcode == SCHEMA:
                name, position = _string(body, 2)
                written, position = _string(body, position)
                self._schemas[int.from_bytes(body[:2], "little")] = (name, written, body[position + 4 :])
            elif opcode == CHANNEL:
                number, schema = struct.unpack_from("<HH", body)
                topic, position = _string(body, 4)
                encoding, _ = _string(body, position)
                name, written, text = self._schemas.get(schema, ("", "", b""))
                self.channels[number] = Channel(topic, name, encoding, written, text)
            elif opcode == METADATA:
                name, position = _string(body, 0)
                self.metadata[name] = _strings(body, position)
        except (struct.error, IndexError, UnicodeDecodeError):
            self._damaged(f"a record of kind {opcode:#x} is not well formed")

    def _attachment(self, data: Any, body: int, length: int) -> None:
        """Where it lies; its bytes are read when they are asked for."""
        end = body + length - 4
        try:
            head = data[body + 16 : min(end, body + 65536)]  # past the log time and the creation time
            name, position = _string(head, 0)
            media_type, position = _string(head, position)
            (size,) = struct.unpack_from("<Q", head, position)
        except (struct.error, IndexError, UnicodeDecodeError):
            size, position, name, media_type = -1, 0, "", ""
        start, crc = body + 16 + position + 8, int.from_bytes(data[max(end, body) : body + length], "little")
        if start + size != end:
            self._damaged(f"the attachment at byte {body} is not well formed")
        elif crc and zlib.crc32(memoryview(data)[body:end]) != crc:
            self._damaged(f"the attachment {name!r} has a wrong CRC")
        else:
            self.attachments[name] = Attachment(self.path, start, size, signature(self.path), media_type)

    def _chunk(self, data: Any, body: int, length: int) -> Iterator[Batch]:
        """Verify, decompress and split one chunk. A chunk that the file's end cuts gives its first messages."""
        cut = body + length > len(data)
        try:
            _, _, size, crc = _CHUNK.unpack_from(data, body)
            compression, position = _string(data[body : body + min(length, 64)], _CHUNK.size)
            (packed,) = struct.unpack_from("<Q", data, body + position)
        except (struct.error, IndexError, UnicodeDecodeError):
            if not cut:
                self._damaged(f"the chunk at byte {body} is not well formed")
            return
        start = body + position + 8
        if size > LARGEST_CHUNK or (not cut and start + packed != body + length):
            self._damaged(f"the chunk at byte {body} announces impossible sizes")
            return
        records = self._decompressed(compression, data[start : min(start + packed, len(data))], size, cut, body)
        if records is None or (not cut and crc and self._wrong_crc(records, crc, body)):
            return
        splitter = _Splitter(self)
        splitter.split(records)
        yield from splitter.batches()

    def _wrong_crc(self, records: bytes, crc: int, body: int) -> bool:
        wrong = zlib.crc32(records) != crc
        if wrong:
            self._damaged(f"the chunk at byte {body} has a wrong CRC")
        return wrong

    def _decompressed(self, compression: str, packed: bytes, size: int, cut: bool, body: int) -> bytes | None:
        try:
            if compression == "":
                return packed
            if compression == "zstd":
                if cut:
                    return zstandard.ZstdDecompressor().decompressobj().decompress(packed)
                return zstandard.ZstdDecompressor().decompress(packed, max_output_size=size)
            if compression == "lz4":
                return lz4.frame.LZ4FrameDecompressor().decompress(packed, max_length=size)
        except (zstandard.ZstdError, RuntimeError, EOFError, OSError):
            if not cut:
                self._damaged(f"the chunk at byte {body} cannot be decompressed")
            return None
        self._damaged(f"the chunk at byte {body} is compressed by {compression!r}; legal are zstd, lz4 and none")
        return None


class _Splitter:
    """Sorts messages by channel while walking over records."""

    def __init__(self, container: Container):
        self.container = container
        self.columns: dict[int, tuple[list[int], list[int], list[bytes]]] = {}
        self.count = 0

    def add(self, record: bytes) -> None:
        self.split(record)

    def split(self, records: bytes) -> None:
        """Walk over records laid end to end. An incomplete last one is left out."""
        end, position = len(records), 0
        data = records + bytes(_MESSAGE.size)  # so that the last record may be read as a message, whatever it is
        number = self.container.messages
        unpack, columns, header = _MESSAGE.unpack_from, self.columns, _MESSAGE.size
        while position + _RECORD.size <= end:
            opcode, length, channel, _, time, _ = unpack(data, position)
            following = position + _RECORD.size + length
            if following > end:
                break
            if opcode == MESSAGE:
                try:
                    times, orders, payloads = columns[channel]
                except KeyError:
                    times, orders, payloads = columns[channel] = ([], [], [])
                times.append(time)
                orders.append(number)
                payloads.append(data[position + header : following])
                number += 1
            else:
                self.container._record(opcode, data[position + _RECORD.size : following])
            position = following
        self.count += number - self.container.messages
        self.container.messages = number

    def batches(self) -> Iterator[Batch]:
        """Hand over what has gathered."""
        columns, self.columns, self.count = self.columns, {}, 0
        for number, (times, orders, payloads) in columns.items():
            channel = self.container.channels.get(number)
            if channel is None:
                self.container._damaged(f"{len(payloads)} messages belong to channel {number}, which is not declared")
                continue
            yield Batch(channel, np.array(times, np.uint64), np.array(orders, np.int64), payloads)


def _string(data: bytes, position: int) -> tuple[str, int]:
    """A length-prefixed string: (text, position after it)."""
    (length,) = struct.unpack_from("<I", data, position)
    end = position + 4 + length
    if end > len(data):
        raise IndexError(end)
    return data[position + 4 : end].decode(), end


def _strings(data: bytes, position: int) -> dict[str, str]:
    """A length-prefixed map of strings."""
    (length,) = struct.unpack_from("<I", data, position)
    position, end, result = position + 4, position + 4 + length, {}
    while position < end:
        key, position = _string(data, position)
        result[key], position = _string(data, position)
    return result
