"""Small videos and OWAMcap files of every kind, made on the spot."""

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import orjson
import pytest
from mcap.writer import CompressionType, Writer

from playtape.actions import Events
from playtape.recordings import Info, Recording, Video, write_video
from playtape.recordings.schemas import TOPICS
from tests.recordings.pictures import EPOCH, numbered

SHARED = Path(__file__).parents[2] / "../shared/data"


@pytest.fixture
def samples() -> Path:
    """Real OWAMcap files; they are not part of the project."""
    folder = SHARED / "owamcap"
    if not folder.is_dir():
        pytest.skip("the folder of real OWAMcap samples is not here")
    return folder


@pytest.fixture
def annotations() -> Path:
    """Real Pixels2Play annotations; they are not part of the project."""
    folder = SHARED / "recap"
    if not folder.is_dir():
        pytest.skip("the folder of real Pixels2Play annotations is not here")
    return folder


@pytest.fixture
def encode(tmp_path: Path) -> Callable[..., Path]:
    """encode(name, frames, codec=, pix_fmt=, pts=, base=, options=, bframes=, audio=, rotation=) -> path of a video."""

    def make(
        name: str,
        frames: np.ndarray,
        *,
        codec: str = "libx264",
        pix_fmt: str = "yuv420p",
        pts: Iterable[int] | None = None,
        base: Fraction = Fraction(1, 30),
        options: dict[str, str] | None = None,
        container: dict[str, str] | None = None,
        bframes: int = 0,
        audio: bool = False,
        rotation: int = 0,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w", options=container or {}) as out:
            stream = out.add_stream(codec, rate=30, options=options or {})
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt = pix_fmt
            stream.codec_context.time_base = base
            stream.codec_context.max_b_frames = bframes
            stream.codec_context.gop_size = 12
            if rotation:
                stream.set_display_rotation(rotation)
            sound = out.add_stream("aac", rate=44100) if audio else None
            for number, stamp in enumerate(range(len(frames)) if pts is None else pts):
                frame = av.VideoFrame.from_ndarray(frames[number], format="rgb24")
                frame.pts, frame.time_base = stamp, base
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
            if sound is not None:
                silence = av.AudioFrame.from_ndarray(np.zeros((2, 44100), np.float32), format="fltp", layout="stereo")
                silence.sample_rate, silence.pts = 44100, 0
                out.mux([*sound.encode(silence), *sound.encode(None)])
        return path

    return make


@pytest.fixture
def video(tmp_path: Path) -> Video:
    """Sixty numbered frames at 30 a second."""
    return Video(write_video(tmp_path / "video.mp4", numbered(60), fps=30))


@pytest.fixture
def recording(video: Video) -> Recording:
    """A small recording without anything odd."""
    rows = [(100_000_000, "key.w", 1), (600_000_000, "key.w", 2), (900_000_000, "key.w", 0)]
    rows += [(700_000_000, "mouse.dx", 5), (700_000_000, "mouse.dy", -3), (800_000_000, "mouse.dx", -2)]
    return Recording(video, Events.from_rows(rows), info=Info(game="test"))


Rows = list[tuple[int, str, dict[str, Any]]]


@pytest.fixture
def mcap(tmp_path: Path, video: Video) -> Callable[..., Path]:
    """mcap(rows, ...) -> path of an OWAMcap file as a foreign recorder writes it; rows are (log_time, topic, message).

    Screen messages for all frames of `video` are put in unless `screens=False`. `schemas` renames a topic's schema.
    """

    def make(
        rows: Rows,
        *,
        name: str = "foreign.mcap",
        profile: str = "owa",
        schemas: dict[str, str] | None = None,
        screens: bool = True,
        metadata: dict[str, dict[str, str]] | None = None,
        compression: CompressionType = CompressionType.ZSTD,
        chunked: bool = True,
        chunk_size: int = 4096,
    ) -> Path:
        path = tmp_path / name
        shown: Rows = []
        if screens:
            for t in video.time_ns.tolist():
                shown.append((EPOCH + t, "screen", {"media_ref": {"uri": "video.mp4", "pts_ns": t}}))
        with path.open("wb") as file:
            writer = Writer(file, compression=compression, use_chunking=chunked, chunk_size=chunk_size)
            writer.start(profile=profile, library="mcap-owa-support 0.6.6; mcap 1.3.0")
            for record, values in (metadata or {}).items():
                writer.add_metadata(record, values)
            channels: dict[str, int] = {}
            for log_time, topic, message in shown + rows:
                if topic not in channels:
                    schema = (schemas or {}).get(topic) or TOPICS.get(topic, "other/Thing")
                    number = writer.register_schema(schema, "jsonschema", b"{}")
                    channels[topic] = writer.register_channel(topic, "json", number)
                payload = message if isinstance(message, bytes) else orjson.dumps(message)
                writer.add_message(channels[topic], log_time, payload, log_time)
            writer.finish()
        return path

    return make
