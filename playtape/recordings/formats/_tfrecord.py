"""Files of records one after the other, as TensorFlow writes them (tensorflow/tensorflow, Apache 2.0), not compressed.

A record is its length, uint64 little-endian; a checksum of those eight bytes; its bytes; a checksum of them. A checksum is
CRC-32C, turned by 15 bits and 0xa282ead8 added.
"""

import struct
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from playtape.errors import BadInput, need
from playtape.recordings.atomic import atomic

HEAD, TAIL = struct.Struct("<QI"), struct.Struct("<I")
MOST_BYTES = 2**31 - 1  # of a record: protobuf has no longer message


def places(path: Path) -> tuple[list[tuple[int, int]], str]:
    """Where each record's bytes begin and how many there are, and what is wrong with the rest of the file; "" is nothing.

    Lengths alone are read, so a file of gigabytes is looked through at once; and once for all episodes of it.
    """
    status = path.stat()
    return _places(path, status.st_size, status.st_mtime_ns)


@lru_cache(8)
def _places(path: Path, size: int, changed_ns: int) -> tuple[list[tuple[int, int]], str]:
    found: list[tuple[int, int]] = []
    with path.open("rb") as file:
        at = 0
        while at < size:
            head = file.read(HEAD.size)
            if len(head) < HEAD.size:
                return found, f"{path} ends within the length of record {len(found)}"
            length, told = HEAD.unpack(head)
            if _checksum(head[:8]) != told:
                return found, f"{path} has a wrong checksum for the length of record {len(found)}"
            if length > size - at - HEAD.size - TAIL.size:
                return found, f"{path} ends within record {len(found)}, which has {length} bytes"
            if length > MOST_BYTES:
                return found, f"record {len(found)} of {path} has {length:,} bytes; up to {MOST_BYTES:,} are legal"
            found.append((at + HEAD.size, length))
            at = file.seek(at + HEAD.size + length + TAIL.size)
    return found, ""


def record(path: Path, number: int) -> bytes:
    """Raises BadInput if there is none of that number, or if it is damaged."""
    known, wrong = places(path)
    if number >= len(known):
        raise BadInput(wrong or f"{path} has {len(known)} records; there is no number {number}")
    start, length = known[number]
    with path.open("rb") as file:
        file.seek(start)
        data, told = file.read(length), file.read(TAIL.size)
    if len(told) < TAIL.size or TAIL.unpack(told)[0] != _checksum(data):
        raise BadInput(f"record {number} of {path} is damaged: its checksum is another")
    return data


def write(path: Path, records: Iterable[bytes]) -> Path:
    """Write them all."""
    with atomic(path) as partial, partial.open("wb") as file:
        for data in records:
            length = struct.pack("<Q", len(data))
            file.write(length + TAIL.pack(_checksum(length)) + data + TAIL.pack(_checksum(data)))
    return path


def _checksum(data: bytes) -> int:
    crc = need("google_crc32c", "formats").value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
