"""Other spans in a recording that is there: all else in its file is copied record by record, as it stands.

`save_recording` writes what Playtape understood of a file; this keeps what it did not understand as well: unknown topics,
attachments, damaged messages, the name of the program that recorded it. Frames, events and the video are not looked at.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import orjson
from mcap.records import Attachment, Channel, Header, Message, Metadata, Schema
from mcap.stream_reader import StreamReader
from mcap.writer import CompressionType, Writer

from playtape.errors import BadInput, printable
from playtape.recordings.atomic import atomic, check_rewritable
from playtape.recordings.legacy import screen as modern_screen
from playtape.recordings.messages import SPAN_TOPICS, span_payload
from playtape.recordings.nouns import Clock, Recording, Span
from playtape.recordings.schemas import SCHEMAS, TOPICS
from playtape.recordings.writing import CHUNK_SIZE, reference

SPAN = "playtape/Span"


def respan(
    recording: Recording,
    *,
    add: Collection[Span] = (),
    drop: Collection[Span] = (),
    provenance: Mapping[str, str] | None = None,
    out: Path | None = None,
) -> Path:
    """Rewrite the file of an opened recording, atomically, with some spans more (`add`) and some fewer (`drop`).

    `provenance` is put into the record of that name. With `out` the file there is written instead; it refers to the same
    video. Raises BadInput for a span that cannot be written, for a file to be rewritten that is read-only, and on a full disk.
    """
    if recording.path is None:
        raise BadInput("this recording has no file yet; save_recording writes one with all its spans")
    if out is None:
        check_rewritable(recording.path)
    source = recording.path.resolve()
    target = source if out is None else out
    moved = None if out is None else reference(recording.video.path, out.parent)
    for span in add:
        if span.end_ns < span.start_ns or recording.clock.log_time(span.start_ns) < 0:
            raise BadInput(f"the span {span.kind} {span.value[:40]!r} covers [{span.start_ns}, {span.end_ns}) ns")
    with atomic(target) as temporary, source.open("rb") as file, temporary.open("wb") as written:
        copy = _Copy(written, recording.clock, set(drop), moved)
        for record in StreamReader(file, validate_crcs=True).records:
            copy.take(record)
        copy.close(add, provenance or {})
    return target


class _Copy:
    """Takes the records of a file in order. Spans' messages wait until the end, to be written in order of time."""

    def __init__(self, file: IO[bytes], clock: Clock, drop: set[Span], video: str | None):
        self.writer = Writer(
            file,  # type: ignore[arg-type]
            chunk_size=CHUNK_SIZE,
            compression=CompressionType.ZSTD,
            enable_data_crcs=True,
        )
        self.clock, self.drop, self.video = clock, drop, video
        self.provenance: dict[str, str] = {}
        self.schemas: dict[int, Schema] = {}
        self.numbers: dict[int, int] = {0: 0}  # of schemas, theirs to ours
        self.channels: dict[int, tuple[Channel, int]] = {}  # theirs to (what it is, our number)
        self.waiting: list[tuple[int, int, Message]] = []

    def take(self, record: Any) -> None:
        match record:
            case Header():
                self.writer.start(profile=record.profile, library=record.library)
            case Schema() if record.id not in self.schemas:
                self.schemas[record.id] = record
                self.numbers[record.id] = self.writer.register_schema(record.name, record.encoding, record.data)
            case Channel() if record.id not in self.channels:
                number = self.writer.register_channel(
                    record.topic, record.message_encoding, self.numbers.get(record.schema_id, 0), record.metadata
                )
                self.channels[record.id] = (record, number)
            case Message():
                self._message(record)
            case Attachment():
                self.writer.add_attachment(
                    record.create_time, record.log_time, record.name, record.media_type, record.data
                )
            case Metadata() if record.name == "provenance":
                self.provenance |= record.metadata
            case Metadata():
                self.writer.add_metadata(record.name, record.metadata)

    def _message(self, message: Message) -> None:
        channel, number = self.channels[message.channel_id]
        data = message.data
        if self._holds_spans(channel):
            if self._span(message) not in self.drop:
                self.waiting.append((message.log_time, number, message))
            return
        if channel.topic == "screen" and self.video is not None:
            data = _elsewhere(data, self.video)
        self.writer.add_message(number, message.log_time, data, message.publish_time, message.sequence)

    def _holds_spans(self, channel: Channel) -> bool:
        schema = self.schemas.get(channel.schema_id)
        return schema is not None and schema.name == SPAN and channel.message_encoding == "json"

    def _span(self, message: Message) -> Span | None:
        """What the reader makes of a message; None of a damaged one, which is kept."""
        try:
            told = orjson.loads(message.data)
            start = int(self.clock.video_time(np.array(message.log_time, np.int64)))
            return Span(start, start + told["duration_ns"], str(told["kind"]), str(told["value"]))
        except (orjson.JSONDecodeError, KeyError, TypeError, OverflowError):
            return None

    def close(self, add: Collection[Span], provenance: Mapping[str, str]) -> None:
        """The spans that waited and the new ones, the provenance, and the file's end."""
        for span in add:
            stamp = self.clock.log_time(span.start_ns)
            number = self._channel(SPAN_TOPICS.get(span.kind, "span"))
            self.waiting.append((stamp, number, Message(number, stamp, span_payload(span), stamp, 0)))
        for stamp, number, message in sorted(self.waiting, key=lambda row: row[0]):
            self.writer.add_message(number, stamp, message.data, message.publish_time, message.sequence)
        if record := {**self.provenance, **provenance}:
            self.writer.add_metadata("provenance", printable(record))
        self.writer.finish()

    def _channel(self, topic: str) -> int:
        """Our number of the channel for spans of a topic; the file's own where it has one."""
        for channel, number in self.channels.values():
            if channel.topic == topic and self._holds_spans(channel):
                return number
        known = next((number for number, schema in self.schemas.items() if schema.name == SPAN), None)
        if known is None:
            known = max(self.schemas, default=0) + 1
            self.take(Schema(known, orjson.dumps(SCHEMAS[TOPICS[topic]]), "jsonschema", SPAN))
        mine = max(self.channels, default=0) + 1
        self.take(Channel(id=mine, topic=topic, message_encoding="json", metadata={}, schema_id=known))
        return self.channels[mine][1]


def _elsewhere(payload: bytes, video: str) -> bytes:
    """A screen message that refers to the video at another place; one that refers to none stays as it is."""
    try:
        message = modern_screen(orjson.loads(payload))
        return orjson.dumps({**message, "media_ref": {**message["media_ref"], "uri": video}})
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return payload
