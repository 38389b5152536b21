"""Recording -> an OWAMcap file beside its video: atomic, with snapshots, checksums, index and statistics."""

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any, Literal

import mcap
import orjson
from mcap.writer import CompressionType, IndexType, Writer

from playtape.errors import BadInput, printable
from playtape.recordings.atomic import atomic
from playtape.recordings.messages import check, messages
from playtape.recordings.nouns import Attachment, Clock, Info, Recording
from playtape.recordings.reading import FOREIGN_CONFIGS
from playtape.recordings.schemas import PROFILE, SCHEMAS, TOPICS
from playtape.recordings.timeline import check_unchanged
from playtape.recordings.video import Video

CHUNK_SIZE = 1 << 20


def save_recording(
    recording: Recording, path: str | Path, *, video: Literal["reference", "copy"] = "reference"
) -> Path:
    """Write `path` (.mcap). The video is referred to where it is, relative to `path`, or copied beside it.

    Buttons still down at the end are released there, and that is noted in the file. Raises BadInput before anything is
    written where the recording breaks a rule, and on a full disk; nothing half-written stays.
    """
    path = Path(path)
    if path.suffix != ".mcap":
        raise BadInput(f"cannot write a recording named {path.name!r}: it must end in .mcap")
    if video not in ("reference", "copy"):
        raise BadInput(f"video is {video!r}; legal are 'reference' and 'copy'")
    events, mended = check(recording)
    source = recording.video.path
    check_unchanged(source, recording.video.signature)
    target = path.with_suffix(source.suffix) if video == "copy" else source
    with ExitStack() as undo:
        if video == "copy" and not (target.exists() and target.samefile(source)):
            if not target.exists():
                undo.callback(_unless(path, target))
            with atomic(target) as temporary:  # first the video: there is never a recording without its video
                shutil.copyfile(source, temporary)
        with atomic(path) as temporary, temporary.open("wb") as file:
            sheet = Sheet(file)
            for name, record in records(recording, mended).items():
                sheet.metadata(name, record)
            for name, attachment in recording.attachments.items():
                sheet.attachment(name, attachment)
            uri = reference(target, path.parent)
            for log_time, topic, payload in messages(recording, events, uri):
                sheet.message(log_time, topic, payload)
            sheet.close()
        undo.pop_all()
    return path


def _unless(recording: Path, video: Path) -> Callable[[], None]:
    """Takes a copied video away again, unless the recording that needs it has been written."""
    return lambda: None if recording.exists() else video.unlink(missing_ok=True)


def reference(video: Path, folder: Path) -> str:
    """The POSIX path of a video relative to a folder; with ./ where it would look like a scheme.

    A name that is not UTF-8 cannot stand in a message: it becomes a file:// URI, with its bytes as %FF.
    """
    try:
        relative = Path(os.path.relpath(video.resolve(), folder.resolve())).as_posix()
        relative.encode()
    except UnicodeEncodeError:
        return video.resolve().as_uri()
    except ValueError:
        return video.resolve().as_posix()  # another drive
    return f"./{relative}" if ":" in relative.split("/")[0] else relative


class Sheet:
    """An OWAMcap file being written by the `mcap` package: topics and schemas are declared when first used."""

    def __init__(self, file: IO[bytes], *, chunk_size: int = CHUNK_SIZE):
        self.writer = Writer(
            file,  # type: ignore[arg-type]
            chunk_size=chunk_size,
            compression=CompressionType.ZSTD,
            index_types=IndexType.ALL,
            enable_crcs=True,
            enable_data_crcs=True,
        )
        self.writer.start(profile=PROFILE, library=library())
        self.schemas: dict[str, int] = {}
        self.channels: dict[str, int] = {}
        self.last: dict[str, int] = {}

    def metadata(self, name: str, record: dict[str, str]) -> None:
        """A metadata record; empty ones are left out."""
        if record:
            self.writer.add_metadata(name, printable(record))

    def attachment(self, name: str, attachment: Attachment) -> None:
        """A file of another format, as it is. No times: a recording written twice is the same file twice."""
        self.writer.add_attachment(0, 0, name, attachment.media_type, attachment.read())

    def message(self, log_time: int, topic: str, payload: bytes) -> None:
        """One message. Raises BadInput for a negative time or one before the topic's last."""
        if log_time < self.last.get(topic, 0):
            raise BadInput(
                f"a message of topic {topic!r} at {log_time} ns comes after one at {self.last.get(topic, 0)} ns"
            )
        self.last[topic] = log_time
        channel = self.channels.get(topic)
        if channel is None:
            channel = self.channels[topic] = self._channel(topic)
        self.writer.add_message(channel, log_time, payload, log_time)

    def _channel(self, topic: str) -> int:
        schema = TOPICS[topic]
        if schema not in self.schemas:
            self.schemas[schema] = self.writer.register_schema(schema, "jsonschema", orjson.dumps(SCHEMAS[schema]))
        return self.writer.register_channel(topic, "json", self.schemas[schema])

    def flush(self) -> None:
        """Put everything so far into the file, as a chunk that can be recovered."""
        self.writer.flush()

    def close(self) -> None:
        """Write index, statistics and footer. The file itself stays open."""
        self.writer.finish()


def library() -> str:
    """Who wrote it. Theirs warns only about versions of `mcap-owa-support` other than its own."""
    try:
        own = version("playtape")
    except PackageNotFoundError:
        own = "0"
    return f"playtape {own}; mcap {mcap.__version__}"


def records(recording: Recording, mended: dict[str, str]) -> dict[str, dict[str, str]]:
    """The metadata records of a recording, all strings."""
    extra = recording.info.extra
    foreign = {
        name: {key.removeprefix(f"{name}."): value for key, value in extra.items() if key.startswith(f"{name}.")}
        for name in FOREIGN_CONFIGS
    }
    return {
        "recording": info_record(recording.info),
        "provenance": {key: str(value) for key, value in recording.provenance.items()},
        "clock": clock_record(recording.clock),
        "media": media_record(recording.video),
        "mended": mended,
        **foreign,
    }


def info_record(info: Info) -> dict[str, str]:
    """Info as strings; what is not known is left out, but the record is always there."""
    plain = {key: getattr(info, key) for key in ("game", "source", "licence", "split", "player")}
    record: dict[str, Any] = {key: value for key, value in plain.items() if value}
    if info.screen is not None:
        record["screen"] = f"{info.screen[0]}x{info.screen[1]}"
    if info.mouse_scale is not None:
        record["mouse_scale"] = repr(float(info.mouse_scale))
    for key, value in info.extra.items():
        if not key.startswith(tuple(f"{name}." for name in FOREIGN_CONFIGS)):
            record[f"extra.{key}"] = str(value)
    return {"convention": "actions[t] cover [time_ns[t], time_ns[t+1])", **record}


def clock_record(clock: Clock) -> dict[str, str]:
    """log_time = anchor_ns + time_ns, exactly; the rest tells how the times were once obtained."""
    return {
        "anchor_ns": str(clock.anchor_ns),
        "mode": clock.mode,
        "drift_ppm": repr(clock.drift_ppm),
        "residual_ns": str(clock.residual_ns),
    }


def media_record(video: Video) -> dict[str, str]:
    """Checksum, size and padding of the video."""
    with video.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    record = {
        "sha256": digest,
        "bytes": str(video.path.stat().st_size),
        "frames": str(len(video)),
        "codec": video.codec,
    }
    if video.crop is not None:
        record["padding"] = f"{video.coded_size[0] - video.crop[0]}x{video.coded_size[1] - video.crop[1]}"
    return record
