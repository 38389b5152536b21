"""Where NitroGen's chunks lie: folders, and .tar.gz archives, which are read once each from front to back.

A chunk in an archive has a path as if the archive were a folder, SHARD_0000.tar.gz/ID/ID_chunk_0003. Archives cannot be searched,
so the labels of those videos that are on disk are put into one temporary file on the one way through; of the others only the
names are kept. Nothing is ever unpacked under a name that an archive says. What no published archive holds is refused by its
name: links, devices, a path that leads out, a file larger than labels are; and what came before stays.
"""

import atexit
import gzip
import os
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath

from playtape.errors import BadInput, Truncated, one_line
from playtape.recordings.formats._nitrogen_labels import FILES, METADATA, Chunk
from playtape.recordings.formats._nitrogen_videos import Videos
from playtape.recordings.nouns import Attachment
from playtape.recordings.timeline import signature

CHUNK = re.compile(r"(?P<video>.+)_chunk_(?P<number>\d+)")
ARCHIVE = ".tar.gz"
BLOCK = 512
MOST_MEMBER = 16 << 20  # bytes of a file of labels; published ones have some 20,000
MOST_NAME = 64 << 10  # bytes of a header that tells a long name
STEP = 1 << 20
PLAIN = {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE}
LONG_NAME, LONG_LINK, EXTENDED = {tarfile.GNUTYPE_LONGNAME}, {tarfile.GNUTYPE_LONGLINK}, {tarfile.XHDTYPE, b"X"}
KINDS = {
    tarfile.SYMTYPE: "a link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
}
Place = tuple[int, int]  # first byte and length


def chunks_below(root: Path) -> Iterator[Path]:
    """Folders of chunks at or below a folder, in the order of their names."""
    if CHUNK.fullmatch(root.absolute().name) and any((root / name).is_file() for name in FILES):
        yield root
        return
    for folder, below, files in os.walk(root):
        if CHUNK.fullmatch(Path(folder).name) and any(name in files for name in FILES):
            yield Path(folder)
            below.clear()
        below[:] = sorted(name for name in below if not name.startswith("."))


def archives_below(root: Path) -> list[Path]:
    """The archives at or below a file or folder."""
    if root.is_file():
        return [root] if root.name.endswith(ARCHIVE) else []
    return sorted(path for path in root.rglob(f"*{ARCHIVE}") if path.is_file() and not path.name.startswith("."))


def archive_of(path: Path) -> Path | None:
    """The archive that a chunk's path leads into; None for a chunk in folders."""
    return next((above for above in path.parents if above.name.endswith(ARCHIVE) and above.is_file()), None)


def members(archive: Path) -> Iterator[tuple[str, str, bytes]]:
    """(chunk, file, bytes) of every file of labels in an archive, in its own order, one at a time.

    Raises BadInput for what is no archive, is damaged, or holds what no archive of labels may; Truncated where it ends early.
    """
    count = 0
    try:
        with gzip.open(archive, "rb") as stream:
            for parts, data in _files(stream, archive):
                count += 1
                yield parts[-2], parts[-1], data
    except gzip.BadGzipFile as error:
        raise BadInput(f"{archive} is no .tar.gz archive or is damaged ({error}); download it again") from error
    except zlib.error as error:
        raise BadInput(f"{archive} is damaged after {count} files of labels ({error}); download it again") from error
    except EOFError as error:
        raise Truncated(f"{archive} ends early, after {count} files of labels; download it again") from error


def _files(stream: gzip.GzipFile, archive: Path) -> Iterator[tuple[tuple[str, ...], bytes]]:
    """The path and the bytes of each file of labels. Python's own reader takes a name of any length into memory."""
    told: dict[str, str] = {}  # of the next file, by headers before it
    while block := _exactly(stream, BLOCK, start=True):
        if not any(block):  # the end, of two such blocks
            _drain(stream)
            return
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise BadInput(f"{archive} is no .tar.gz archive or is damaged ({error}); download it again") from error
        if header.type in LONG_NAME | LONG_LINK | EXTENDED | {tarfile.XGLTYPE}:
            if not 0 <= header.size <= MOST_NAME:
                raise BadInput(f"{archive} holds a name of {header.size} bytes; legal are {MOST_NAME}")
            data = _padded(stream, header.size)
            if header.type in LONG_NAME:
                told["path"] = data.rstrip(b"\0").decode("utf-8", "surrogateescape")
            elif header.type in EXTENDED:
                told |= _extended(data)
            continue
        size = int(told["size"]) if told.get("size", "").isdecimal() and len(told["size"]) < 20 else header.size
        name = told.get("path", header.name)
        told = {}
        parts = _check(archive, name, header.type, size)
        labels = header.type in PLAIN and len(parts) > 1 and parts[-1] in FILES and CHUNK.fullmatch(parts[-2])
        if labels:
            yield parts, _padded(stream, size)
        elif header.type in PLAIN:
            _skip(stream, size)


def _check(archive: Path, name: str, kind: bytes, size: int) -> tuple[str, ...]:
    """The parts of a member's name. Raises BadInput for what no archive of labels holds."""
    shown = one_line(name)[:200]
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
        raise BadInput(f"{archive} holds {shown!r}, which leads out of it; nothing from there on is read")
    if kind not in PLAIN and kind != tarfile.DIRTYPE:
        raise BadInput(f"{archive} holds {shown!r}, {KINDS.get(kind, 'no plain file')}; nothing from there on is read")
    if kind in PLAIN and not 0 <= size <= MOST_MEMBER:
        raise BadInput(
            f"{archive} holds {shown!r} of {size} bytes; legal are {MOST_MEMBER}; nothing from there on is read"
        )
    return parts


def _extended(data: bytes) -> dict[str, str]:
    """The records of a pax header, `LENGTH KEY=VALUE` and a line break each."""
    found = {}
    while data:
        digits = data.partition(b" ")[0]
        length = int(digits) if digits.isdigit() and len(digits) < 7 else 0
        if not len(digits) + 2 < length <= len(data):
            break  # what follows a broken one is not known
        key, _, value = data[len(digits) + 1 : length - 1].partition(b"=")
        found[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        data = data[length:]
    return {key: found[key] for key in ("path", "size") if key in found}


def _exactly(stream: gzip.GzipFile, count: int, *, start: bool = False) -> bytes:
    """So many bytes; none only at the end of the stream, where a header may `start`."""
    data = b""
    while len(data) < count and (more := stream.read(count - len(data))):
        data += more
    if len(data) < count and (data or not start):
        raise EOFError
    return data


def _padded(stream: gzip.GzipFile, size: int) -> bytes:
    return _exactly(stream, size + -size % BLOCK)[:size] if size else b""


def _skip(stream: gzip.GzipFile, size: int) -> None:
    left = size + -size % BLOCK
    while left:
        left -= len(_exactly(stream, min(left, STEP)))


def _drain(stream: gzip.GzipFile) -> None:
    """To the checksum, which is behind the padding."""
    for _ in range(4):
        if not stream.read(STEP):
            return


@dataclass(eq=False)
class Shard:
    """An archive after the one way through: the chunks in it, and where in `file` the labels of some of them are."""

    archive: Path
    file: Path
    chunks: dict[str, dict[str, Place]] = field(default_factory=dict)
    problem: BadInput | None = None


def shard(archive: Path, videos: Videos) -> Shard:
    """The archive, with the labels of the videos that are on disk. Read once for each look at the videos' folder."""
    return _shard(archive.absolute(), signature(archive), videos)


@cache
def _shard(archive: Path, stamp: tuple[int, int], videos: Videos) -> Shard:
    del stamp  # an archive that was changed is read again
    descriptor, name = tempfile.mkstemp(suffix=".labels", dir=_folder())
    found = Shard(archive, Path(name))
    place = 0
    with os.fdopen(descriptor, "wb") as file:
        try:
            for chunk, kind, data in members(archive):
                known = found.chunks.setdefault(chunk, {})
                if {chunk, video_of(chunk)} & videos.found.keys():
                    file.write(data)
                    known[kind] = (place, len(data))
                    place += len(data)
        except BadInput as error:
            found.problem = error
    return found


@cache
def _folder() -> Path:
    """For the labels of all archives, as long as the program runs."""
    folder = Path(tempfile.mkdtemp(prefix="playtape-nitrogen-"))
    owner = os.getpid()
    atexit.register(lambda: shutil.rmtree(folder, ignore_errors=True) if os.getpid() == owner else None)
    return folder


def video_of(chunk: str) -> str:
    """The id of the video that a chunk is of, by its name."""
    found = CHUNK.fullmatch(chunk)
    return found["video"] if found else ""


def check_video(path: Path, chunk: Chunk) -> None:
    """Raises BadInput where the metadata of the chunk at `path` are of another video than its name says."""
    if chunk.video != video_of(path.name):
        raise BadInput(f"{path / METADATA} is of the video {chunk.video!r}, and lies in {path.name}")


@dataclass(frozen=True)
class Labels:
    """The files of one chunk, wherever they are."""

    path: Path
    files: dict[str, Attachment]

    def read(self, name: str) -> bytes:
        """Raises BadInput for a file that is not there, or larger than labels are."""
        if name not in self.files:
            raise BadInput(f"{self.path} has no {name}; it holds {', '.join(sorted(self.files)) or 'nothing'}")
        if self.files[name].length > MOST_MEMBER:
            raise BadInput(f"{self.path / name} has {self.files[name].length} bytes; legal are {MOST_MEMBER} at most")
        return self.files[name].read()


def labels(path: Path, videos: Videos) -> Labels:
    """The files of a chunk at a path in folders or in an archive. Raises BadInput if there are none."""
    archive = archive_of(path)
    if archive is None:
        there = [name for name in FILES if (path / name).is_file()]
        return Labels(path, {name: Attachment.of(path / name, _media_type(name)) for name in there})
    known = shard(archive, videos)
    places = known.chunks.get(path.name)
    if places is None:
        raise known.problem or BadInput(
            f"{archive} has no chunk {path.name!r}; its {len(known.chunks)} have other names"
        )
    stamp = signature(known.file)
    return Labels(path, {k: Attachment(known.file, *at, stamp, _media_type(k)) for k, at in places.items()})


def _media_type(name: str) -> str:
    return "application/json" if name == METADATA else "application/vnd.apache.parquet"
