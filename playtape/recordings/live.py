"""A recording written while it happens. A kill at any moment leaves what was recorded until then.

Until it is closed it is called `NAME.mcap.part`, with a fragmented `NAME.mp4.part` beside it; `playtape repair
NAME.mcap.part --out NAME.mcap` makes a recording of such a rest. Closing gives both their names.
"""

from collections.abc import Mapping
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np

from playtape.actions import Events
from playtape.errors import BadInput
from playtape.recordings.atomic import FULL, atomic, sync
from playtape.recordings.encode import MICRO, add_stream, picture
from playtape.recordings.messages import SECOND, SPAN_TOPICS, Packer, screen_payload, span_payload
from playtape.recordings.nouns import Clock, Info, Span
from playtape.recordings.repair import PART, remux
from playtape.recordings.video import Video
from playtape.recordings.writing import Sheet, clock_record, info_record, media_record

FLUSH_NS = SECOND  # recorded time after which events go to the disk
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}


class RecordingWriter:
    """Append frames, events and spans as they come; times rise within each and count from the first frame.

    with RecordingWriter(folder / "run.mcap", fps=35, info=Info(game="doom")) as writer:
        writer.frame(picture)                      # uint8 [H, W, 3]
        writer.event(time_ns, "key.w", 1)

    Leaving the block closes the recording, after an error or Ctrl-C too: what was recorded is a recording. One without
    a single frame is removed.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        fps: float | None = None,
        info: Info | None = None,
        provenance: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        crf: int = 20,
        gop: int = 30,
    ):
        """`fps` None: each frame comes with its own time. `clock.anchor_ns` is the UTC of the first frame, if known."""
        self.path = Path(path)
        if self.path.suffix != ".mcap":
            raise BadInput(f"cannot write a recording named {self.path.name!r}: it must end in .mcap")
        self.video_path = self.path.with_suffix(".mp4")
        self.fps, self.crf, self.gop = fps, crf, gop
        self.info, self.provenance, self.clock = info or Info(), dict(provenance or {}), clock or Clock()
        self.frames = 0
        self._packer, self._snapshot, self._flushed, self._time = Packer(), 0, 0, 0
        self._container: Any = None
        self._stream: Any = None
        self._closed = False

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = _part(self.path).open("wb")
        except OSError as error:
            raise BadInput(f"cannot write {self.path}: {error.strerror}") from error
        self._sheet = Sheet(self._file)
        self._sheet.metadata("recording", info_record(self.info))
        self._sheet.metadata("provenance", self.provenance)
        self._sheet.metadata("clock", clock_record(self.clock))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        full = isinstance(error, BadInput) and isinstance(error.__cause__, OSError)
        if full:
            self._abandon()  # both parts stay for `playtape repair`; closing needs the space that is not there
        else:
            self.close()

    def frame(self, frame: np.ndarray, time_ns: int | None = None) -> int:
        """Append a picture uint8 [H, W, 3]; gives its time. Without `fps` its time must be given; the first is 0."""
        time = self._frame_time(time_ns)
        try:
            if self._stream is None:
                self._open_video(frame)
            image = picture(frame)
            image.pts, image.time_base = (time // 1000 if self.fps is None else self.frames), self._base
            self._mux(self._stream.encode(image))
            self._advance(time)
            self._sheet.message(self.clock.anchor_ns + time, "screen", self._screen(time))
        except OSError as error:
            raise self._failed(error) from error
        self.frames += 1
        return time

    def event(self, time_ns: int, name: str, value: float) -> None:
        """Append one event: a button's 1, 0 or 2, an axis' counts or position."""
        try:
            self._advance(time_ns)
            for row in self._packer.add(time_ns, name, value):
                self._write(*row)
        except OSError as error:
            raise self._failed(error) from error

    def events(self, events: Events) -> None:
        """Append several events."""
        for time, name, value in events:
            self.event(time, name, value)

    def span(self, span: Span) -> None:
        """Append a span; it is written at its start."""
        topic = SPAN_TOPICS.get(span.kind, "span")
        self._sheet.message(self.clock.anchor_ns + span.start_ns, topic, span_payload(span))

    def close(self) -> Path | None:
        """Finish both files and give them their names. None, and nothing on the disk, if there was no frame."""
        if self._closed:
            return self.path if self.frames else None
        if not self.frames:
            self._abandon()
            _part(self.path).unlink(missing_ok=True)
            return None
        try:
            return self._finish()
        except OSError as error:
            raise self._failed(error) from error
        finally:
            self._abandon()

    def _finish(self) -> Path:
        self._mux(self._stream.encode(None))
        self._container.close()
        with atomic(self.video_path) as temporary:
            remux(_part(self.video_path), temporary, None)
        end = max(self._time, Video(self.video_path).end_ns)
        for name in list(self._packer.held):
            for row in self._packer.add(end, name, 0.0):
                self._write(*row)
        self._pack()
        self._sheet.metadata("media", media_record(Video(self.video_path)))
        self._sheet.close()
        self._file.close()
        sync(_part(self.path))
        _part(self.path).replace(self.path)
        sync(self.path.parent)
        _part(self.video_path).unlink(missing_ok=True)
        return self.path

    def _abandon(self) -> None:
        """Let go of both files as they are."""
        self._closed = True
        for thing in (self._container, self._file):
            if thing is not None:
                with suppress(OSError):  # a full disk refuses the last bytes as well
                    thing.close()

    def _frame_time(self, time_ns: int | None) -> int:
        if (time_ns is None) == (self.fps is None):
            raise BadInput("give each frame its time, or the writer its fps, and not both")
        if time_ns is None:
            assert self.fps is not None
            return -int(-self.frames * 10**9 // self._rate)
        time = (time_ns + 500) // 1000 * 1000
        if (self.frames == 0 and time != 0) or (self.frames and time <= self._last):
            raise BadInput(
                f"frame {self.frames} is at {time_ns} ns; the first must be at 0, each later one after the one before"
            )
        self._last = time
        return time

    @property
    def _rate(self) -> Fraction:
        return Fraction(self.fps or 0).limit_denominator(100_000)

    def _open_video(self, frame: np.ndarray) -> None:
        self.size = (frame.shape[1], frame.shape[0])
        self._container = av.open(str(_part(self.video_path)), "w", format="mp4", options=FRAGMENTED)
        self._stream = add_stream(self._container, self.size, fps=self.fps, crf=self.crf, gop=self.gop)
        self._stream.options = {**self._stream.options, "tune": "zerolatency"}
        self._base = MICRO if self.fps is None else 1 / self._rate

    def _mux(self, packets: Any) -> None:
        for packet in packets:
            self._container.mux(packet)

    def _screen(self, time: int) -> bytes:
        utc = self.clock.anchor_ns + time if self.clock.anchor_ns else None
        return screen_payload(self.video_path.name, time, self.size, self.info.screen or self.size, utc)

    def _advance(self, time_ns: int) -> None:
        """Snapshots for each second passed, and a flush now and then."""
        while self._snapshot < time_ns:
            self._pack()
            for topic, payload in self._packer.states():
                self._write(self._snapshot, topic, payload)
            self._snapshot += SECOND
        self._time = max(self._time, time_ns)
        if self._time - self._flushed >= FLUSH_NS:
            self._flushed = self._time
            self._pack()
            self._sheet.flush()

    def _pack(self) -> None:
        stamp = self._packer.time
        for topic, payload in self._packer.take():
            self._write(stamp, topic, payload)

    def _write(self, time_ns: int, topic: str, payload: bytes) -> None:
        self._sheet.message(self.clock.anchor_ns + time_ns, topic, payload)

    def _failed(self, error: OSError) -> Exception:
        if error.errno not in FULL:
            return error
        return BadInput(
            f"cannot go on writing {self.path}: no space left on the disk; free some, then "
            f"`playtape repair {_part(self.path)} --out {self.path}` keeps what was recorded"
        )


def _part(path: Path) -> Path:
    return path.with_name(path.name + PART)
