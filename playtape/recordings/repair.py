"""What a crash, a kill or a bad disk left -> files that open. Nothing is guessed: only what is whole is kept."""

import os
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import orjson
from mcap.writer import CompressionType, Writer

from playtape.errors import BadInput, Truncated
from playtape.recordings.atomic import FULL, atomic
from playtape.recordings.container import MAGIC, Batch, Channel, Container
from playtape.recordings.legacy import screen as modern_screen
from playtape.recordings.reading import is_there, open_recording, read_columns, referred, written_clock, written_sizes
from playtape.recordings.schemas import PROFILE
from playtape.recordings.timeline import demuxer, scan
from playtape.recordings.video import VIDEOS, Video
from playtape.recordings.writing import CHUNK_SIZE, library, reference

PART = ".part"  # what a live recording is called until it is closed


def repair(path: str | Path, out: str | Path) -> dict[str, Any]:
    """Write what can be had of a cut or damaged recording or video to `out`.

    Gives {"output", "kind", "complete", "damage", and "messages" or "frames"}; of a recording also "unreadable", the sentence
    with which what was kept cannot be opened, else None. A recording's video is repaired beside `out` where it was cut, too.
    Raises Truncated if nothing can be had, BadInput if it is no recording or video.
    """
    path, out = Path(path), Path(out)
    if out.exists() and path.exists() and out.samefile(path):
        raise BadInput(f"cannot repair {path} onto itself; give another --out")
    if not path.is_file():
        raise BadInput(f"there is no file {path}; give a recording (.mcap) or a video")
    if path.stat().st_size == 0:
        raise Truncated(f"{path} is empty (0 bytes); nothing of it can be kept")
    with path.open("rb") as file:
        head = file.read(len(MAGIC))
    if head == MAGIC or path.name.removesuffix(PART).endswith(".mcap"):
        return _repair_recording(path, out)
    return {**repair_video(path, out), "kind": "video"}


def _repair_recording(path: Path, out: Path) -> dict[str, Any]:
    if out.suffix != ".mcap":
        raise BadInput(f"cannot write a recording named {out.name!r}: it must end in .mcap")
    container = Container(path, salvage=True)
    batches = list(container.batches())
    if not any(batch.payloads for batch in batches):
        raise Truncated(
            f"{path} holds no whole message ({', '.join(container.damage) or 'it is empty'}); nothing can be kept"
        )
    _drop_bad_records(container)
    video, mended = _video(path, batches, out)
    with atomic(out) as temporary, temporary.open("wb") as file:
        copy = _Copy(file) if video is None else _Copy(file, Video(video), reference(video, out.parent))
        for name, record in container.metadata.items():
            if record:
                copy.writer.add_metadata(name, record)
        for name, kept in container.attachments.items():
            copy.writer.add_attachment(0, 0, name, kept.media_type, kept.read())
        for batch, row in _file_order(batches):
            copy.add(batch, row)
        copy.writer.finish()
    return {
        "output": str(out),
        "kind": "recording",
        "complete": container.complete and not container.damage,
        "damage": container.damage,
        "messages": copy.count,
        "dropped": copy.dropped,
        "unreadable": _unreadable(out, video),
        "video": None if video is None else str(video),
        "video_repaired": mended,
    }


def _drop_bad_records(container: Container) -> None:
    """Take out of the metadata what no reader accepts, and say so in `damage`."""
    for name, check, keys in (("clock", written_clock, None), ("recording", written_sizes, ("screen", "mouse_scale"))):
        try:
            check(container)
        except BadInput as error:
            own = container.metadata[name]
            container.metadata[name] = {key: own[key] for key in own if keys is not None and key not in keys}
            container.damage.append(f"{error}; left out")


def _unreadable(out: Path, video: Path | None) -> str | None:
    """Why what was kept cannot be opened, if it cannot (what nobody wrote right cannot be kept right)."""
    try:
        read_columns(out) if video is None else open_recording(out)
    except BadInput as error:
        return str(error)
    return None


def _file_order(batches: list[Batch]) -> Iterator[tuple[Batch, int]]:
    """(batch, row) of every message, as they stood in the file."""
    order = np.concatenate([batch.order for batch in batches])
    owner = np.repeat(np.arange(len(batches)), [len(batch.order) for batch in batches])
    row = np.concatenate([np.arange(len(batch.order)) for batch in batches])
    place = np.argsort(order)
    for number, index in zip(owner[place].tolist(), row[place].tolist(), strict=True):
        yield batches[number], index


class _Copy:
    """Copies messages as they are, except that frames which the video has lost are left out."""

    def __init__(self, file: Any, video: Video | None = None, uri: str | None = None):
        self.writer = Writer(file, chunk_size=CHUNK_SIZE, compression=CompressionType.ZSTD, enable_data_crcs=True)
        self.writer.start(profile=PROFILE, library=library())
        self.video, self.uri = video, uri
        self.ids: dict[Channel, int] = {}
        self.schemas: dict[tuple[str, str, bytes], int] = {}
        self.count = self.dropped = 0

    def add(self, batch: Batch, row: int) -> None:
        """Copy one message of a batch."""
        payload: bytes | None = batch.payloads[row]
        if batch.channel.topic == "screen" and self.video is not None:
            payload = self._screen(batch.payloads[row])
        if payload is None:
            self.dropped += 1
            return
        log_time = int(batch.log_time[row])
        self.writer.add_message(self._channel(batch.channel), log_time, payload, log_time)
        self.count += 1

    def _screen(self, payload: bytes) -> bytes | None:
        """The message with the new place of its video; None if its frame is lost."""
        assert self.video is not None
        try:
            message = modern_screen(orjson.loads(payload))
            pts = message["media_ref"]["pts_ns"]
            message["media_ref"] = {"uri": self.uri, "pts_ns": pts}
            lost = pts - self.video.origin_ns >= self.video.end_ns
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return None
        return None if lost else orjson.dumps(message)

    def _channel(self, channel: Channel) -> int:
        if channel not in self.ids:
            schema = (channel.schema, channel.schema_encoding, channel.schema_data)
            if schema not in self.schemas:
                self.schemas[schema] = self.writer.register_schema(*schema)
            self.ids[channel] = self.writer.register_channel(channel.topic, channel.encoding, self.schemas[schema])
        return self.ids[channel]


def _video(path: Path, batches: list[Batch], out: Path) -> tuple[Path | None, bool]:
    """(the video of the recording, was it repaired): looked for by its name, or as a live recording's .part."""
    uri = next((found for batch in batches if (found := _uri(batch))), None)
    try:
        video = None if uri is None else referred(path, uri)
    except BadInput:
        video = None
    for found in () if video is None else (video, video.with_name(f"{video.name}{PART}")):
        if not is_there(found):
            continue
        unfinished = found.name.endswith(PART)
        try:
            if not unfinished:
                scan(found)
                return found, False
        except BadInput:
            pass
        suffix = Path(found.name.removesuffix(PART)).suffix
        target = out.with_suffix(suffix)
        if target.exists() and target.samefile(found):
            target = out.with_name(f"{out.stem}.repaired{suffix}")
        try:
            repair_video(found, target)
        except BadInput:
            return None, False  # the events are worth keeping alone
        return target, True
    return None, False


def _uri(batch: Batch) -> str | None:
    if batch.channel.topic != "screen":
        return None
    for payload in batch.payloads:
        try:
            return str(modern_screen(orjson.loads(payload))["media_ref"]["uri"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            continue
    return None


def repair_video(path: Path, out: Path) -> dict[str, Any]:
    """Copy the whole packets of a video into a new file, as far as they decode. No picture is encoded again.

    Where a frame in the middle is damaged, the copy ends with the group of pictures before it.
    """
    with demuxer(path) as (_, stream):
        codec = stream.codec_context.name
    if out.suffix.lower() not in VIDEOS:
        raise BadInput(f"cannot write a video named {out.name!r}: it must end in {', '.join(VIDEOS)}")
    try:
        return _repaired(path, out)
    except Unfit as error:
        raise BadInput(f"cannot write {codec} video to {out}; {_advice(codec, out.suffix.lower())}") from error


class Unfit(Exception):
    """The container of the target does not take the source's stream."""


def _advice(codec: str, suffix: str) -> str:
    """Which ending would do for a codec that a container of this one does not take."""
    for other, container in ((".mkv", "matroska"), (".mov", "mov")):
        with av.open(os.devnull, "w", format=container) as target:
            if other != suffix and codec in target.supported_codecs:
                return f"give an --out that ends in {other}"
    return "no other container is known to hold it"


def _repaired(path: Path, out: Path) -> dict[str, Any]:
    with atomic(out) as temporary:
        remux(path, temporary, None)
        try:
            copy = Video(temporary)
        except BadInput as error:  # the sentence would name the temporary file
            raise Unfit from error
        frames = _readable(copy)
        damage = ["the file ends early"] if _cut(path) else []
        if frames < len(copy):
            damage.append(f"frame {frames} cannot be decoded")
            frames = int(copy.keyframes[copy.keyframes <= frames][-1]) if copy.keyframes[0] <= frames else 0
            if not frames:
                raise Truncated(f"no group of pictures of {path} can be decoded; nothing can be kept")
            remux(path, temporary, frames)
            frames = len(Video(temporary))
    return {"output": str(out), "frames": frames, "complete": not damage, "damage": damage}


def _cut(path: Path) -> bool:
    try:
        scan(path)
    except Truncated:
        return True
    return False


def _readable(video: Video) -> int:
    """How many frames decode, from the first on."""
    count = 0
    with suppress(Truncated):
        for _ in video.stream():
            count += 1
    return count


def remux(path: Path, out: Path, limit: int | None) -> None:
    """Copy packets of the video stream to `out`: all that are whole, or those of the first `limit` frames.

    Raises Unfit if the container that `out` is named after does not take the stream.
    """
    line = scan(path, whole=False)
    last = None if limit is None or line.pts is None else int(line.pts[limit])
    options = {"movflags": "+faststart"} if out.suffix in (".mp4", ".mov") else {}
    out.touch()  # so that a target that cannot be made says so as a file does
    with demuxer(path) as (source, stream), av.open(str(out), "w", options=options) as target:
        try:
            copy = target.add_stream_from_template(stream)
            target.start_encoding()
        except (ValueError, av.FFmpegError) as error:
            if error.errno in FULL if isinstance(error, OSError) else False:
                raise
            raise Unfit from error
        shift = round(Fraction(line.origin_ns, 10**9) / stream.time_base)
        copied = 0
        for packet in _whole_packets(source, stream):
            if packet.pts is None:
                if not copied:
                    raise BadInput(
                        f"{path} keeps no presentation times ({source.format.name}), so it cannot be repaired"
                    )
                continue
            if last is not None and packet.pts >= last:
                continue
            packet.pts -= shift
            packet.dts = packet.dts if packet.dts is None else packet.dts - shift
            packet.stream = copy
            try:
                target.mux(packet)
            except av.FFmpegError as error:
                if error.errno in FULL if isinstance(error, OSError) else False:
                    raise
                if not copied:
                    raise Unfit from error
                break  # damage: what came before is in the copy
            copied += 1


def _whole_packets(source: Any, stream: Any) -> Iterator[Any]:
    """The packets up to where the file is cut, without those that are damaged."""
    with suppress(av.FFmpegError):
        for packet in source.demux(stream):
            if packet.size and not packet.is_corrupt:
                yield packet
