"""A video file as a sequence of RGB frames with exact timestamps, and how to write one.

Nothing is decoded until a frame is asked for: opening reads the packets' stamps only (timeline.py). Random access
seeks to the keyframe before and decodes forward, so it gives the very frames that forward decoding gives. Knows
nothing of resizing, of tensors, or of what the frames show. H W are the picture's height and width as shown.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from playtape.errors import BadInput, Truncated
from playtape.recordings.encode import write_video
from playtape.recordings.timeline import Timeline, check_unchanged, demuxer, scan

__all__ = ["VIDEOS", "Video", "write_video"]

SKIP = 32  # seek over a gap in the wanted frames only if that saves decoding more than this many
VIDEOS = (".mp4", ".mkv", ".mov", ".webm", ".avi", ".m4v", ".ts", ".flv")  # what a folder is searched for


class Video:
    """Frames of a video file: `video[i]` is uint8 [H, W, 3] RGB, shown from `time_ns[i]` until `time_ns[i + 1]`.

    Any number of `stream` calls may run side by side; `video[i]` keeps one decoder open between calls and belongs to
    one thread. May be sent to other processes.
    """

    def __init__(self, path: str | Path, *, crop: tuple[int, int] | None = None, threads: int = 0):
        """Scan `path`. `crop` (width, height) cuts padding off right and below; `threads` 0 means one for each core.

        Raises BadInput if it is not a video, is empty, or has only audio; Truncated if it ends early.
        """
        self.path = Path(path)
        self.crop = crop
        self.threads = threads
        self._timeline: Timeline = scan(self.path)
        self._cursor: _Cursor | None = None

    @property
    def time_ns(self) -> np.ndarray:
        """int64 [N]: when each frame is first shown, ns since the container's start; strictly rising."""
        return self._timeline.time_ns

    @property
    def end_ns(self) -> int:
        """When the last frame leaves the screen."""
        return self._timeline.end_ns

    @property
    def origin_ns(self) -> int:
        """The container's own stamp of time 0: a MediaRef `pts_ns` is time_ns + origin_ns."""
        return self._timeline.origin_ns

    @property
    def coded_size(self) -> tuple[int, int]:
        """(width, height) as stored, before rotation and cropping."""
        return self._timeline.coded_size

    @property
    def keyframes(self) -> np.ndarray:
        """int64 [K]: frames that the container marks as keyframes; some recorders mark all."""
        return self._timeline.keyframes

    @property
    def signature(self) -> tuple[int, int]:
        """Size in bytes and modification time when the file was opened."""
        return self._timeline.signature

    @property
    def codec(self) -> str:
        return self._timeline.codec

    @property
    def in_browsers(self) -> bool:
        """Do browsers play the file as it is? They all do h264 in mp4; of the rest, each plays something else."""
        return self.codec == "h264" and self.path.suffix.lower() in (".mp4", ".m4v")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd about the file, one sentence each."""
        return self._timeline.warnings

    @property
    def fps(self) -> float:
        """Mean frames a second (the declared rate for a single frame)."""
        return self._timeline.fps

    @property
    def vfr(self) -> bool:
        """Variable frame rate: gaps differ by more than the container's clock can explain."""
        gaps = np.diff(self.time_ns)
        if len(gaps) < 2:
            return False
        allowed = max(1.5 * self._timeline.tick_ns, 0.02 * float(np.median(gaps)))
        return float(gaps.max() - gaps.min()) > allowed

    @cached_property
    def _shape(self) -> tuple[int, int]:
        """(height, width) as shown; rotation and crop live in the frames, so this decodes the first one."""
        height, width, _ = self[0].shape
        return height, width

    @property
    def height(self) -> int:
        return self._shape[0]

    @property
    def width(self) -> int:
        return self._shape[1]

    def __iter__(self) -> Iterator[np.ndarray]:
        """All frames in order, as `stream()`."""
        return self.stream()

    def __len__(self) -> int:
        return len(self.time_ns)

    def __repr__(self) -> str:
        kind = "vfr" if self.vfr else "cfr"
        rate = f"{len(self)} frames, {self.fps:.3f} fps {kind}"
        return f"Video({self.path.name!r}, {rate}, {self.end_ns / 1e9:.3f} s, {self.codec})"

    def __getitem__(self, key: Any) -> np.ndarray:
        """Frame number -> uint8 [H, W, 3]; slice -> uint8 [n, H, W, 3]."""
        if isinstance(key, slice):
            order = np.arange(len(self))[key]
            rising = order if len(order) < 2 or order[0] < order[-1] else order[::-1]
            frames = list(self.stream(indices=rising))
            if not frames:
                return np.empty((0, self.height, self.width, 3), np.uint8)
            return np.stack(frames if rising is order else frames[::-1])
        index = int(key)
        if not -len(self) <= index < len(self):
            raise IndexError(f"frame {index} of {self.path}: it has frames 0 to {len(self) - 1}")
        index %= len(self)
        if self._cursor is None or not self._cursor.can_reach(index):
            self._close()
            self._cursor = _Cursor(self, index)
        return self._cursor.read(index)

    def stream(
        self, start: int = 0, stop: int | None = None, *, indices: Sequence[int] | np.ndarray | None = None
    ) -> Iterator[np.ndarray]:
        """Yield RGB frames uint8 [H, W, 3] in order, decoding forward with all cores and bounded memory.

        `indices`: rising frame numbers (absolute; start and stop are then ignored). Frames between them are decoded
        but never converted, and whole groups of pictures between them are skipped.

        Raises Truncated when a frame cannot be decoded, BadInput when the file changes meanwhile.
        """
        wanted = np.arange(len(self))[start:stop] if indices is None else np.asarray(indices, np.int64)
        if not len(wanted):
            return
        if wanted[0] < 0 or wanted[-1] >= len(self) or (np.diff(wanted) <= 0).any():
            raise BadInput(f"frames to stream must rise within 0 to {len(self) - 1}, got {wanted[:8].tolist()}...")
        with _Decoder(self) as decoder:
            done = 0
            while done < len(wanted):
                for index, frame in decoder.frames(int(wanted[done])):
                    if index == wanted[done]:
                        yield decoder.rgb(frame)
                        done += 1
                        if done == len(wanted) or self._gain(index, int(wanted[done])) > SKIP:
                            break
        check_unchanged(self.path, self._timeline.signature)

    def index_at(self, time_ns: np.ndarray | int) -> np.ndarray:
        """The frame on screen at each time: the last i with `time_ns[i] <= t`. int64 of the same shape.

        Raises BadInput before the first frame, and at or after `end_ns`.
        """
        time = np.asarray(time_ns, np.int64)
        wrong = time[(time < self.time_ns[0]) | (time >= self.end_ns)] if time.ndim else time
        if np.any((wrong < self.time_ns[0]) | (wrong >= self.end_ns)):
            raise BadInput(
                f"no frame of {self.path} is on screen at {int(np.atleast_1d(wrong)[0])} ns: "
                f"its frames span [{self.time_ns[0]}, {self.end_ns})"
            )
        return np.searchsorted(self.time_ns, time, side="right") - 1

    def _keyframe(self, index: int) -> int:
        """Position in the keyframe list of the one at or before a frame, -1 if there is none."""
        return int(np.searchsorted(self._timeline.keyframes, index, side="right")) - 1

    def _gain(self, here: int, there: int) -> int:
        """How many frames need not be decoded if we seek from `here` to `there`."""
        key = self._keyframe(there)
        return int(self._timeline.keyframes[key]) - here - 1 if key >= 0 else 0

    def _close(self) -> None:
        if self._cursor is not None:
            self._cursor.close()
            self._cursor = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_cursor": None}


Sequence.register(Video)


class _Decoder:
    """One open container: `frames(first)` seeks and decodes forward."""

    def __init__(self, video: Video):
        self.video = video
        self.timeline = video._timeline
        self.reformatter = VideoReformatter()
        self.stack = ExitStack()

    def __enter__(self) -> Self:
        check_unchanged(self.video.path, self.timeline.signature)
        self._open()
        return self

    def _open(self) -> None:
        self.stack.close()
        self.container, self.stream = self.stack.enter_context(demuxer(self.video.path))
        self.stream.thread_type = "AUTO"
        self.stream.codec_context.thread_count = self.video.threads
        self.fresh = True

    def __exit__(self, *error: object) -> None:
        self.stack.close()

    def frames(self, first: int) -> Iterator[tuple[int, Any]]:
        """Yield (number, frame) for every frame from `first` on; raise Truncated where one is missing."""
        expected = first
        try:
            for index, frame in self._from_keyframe(first):
                if index < expected:
                    continue
                if index > expected or frame.is_corrupt:
                    break
                yield index, frame
                expected += 1
        except av.FFmpegError as error:
            self._failed(expected, error)
        if expected < len(self.video):
            self._failed(expected, None)

    def _failed(self, index: int, error: Exception | None) -> None:
        path = self.video.path
        check_unchanged(path, self.timeline.signature)
        raise Truncated(
            f"{path}: frame {index} of {len(self.video)} cannot be decoded, the frames before it can; "
            f"`playtape repair {path} --out FIXED{path.suffix}` keeps those"
        ) from error

    def _from_keyframe(self, first: int) -> Iterator[tuple[int, Any]]:
        """(number, frame) from a keyframe at or before `first`.

        Some demuxers seek too far and some recorders mark every packet as a keyframe, so the decoder has the last
        word: where its first whole picture comes after `first`, go back by 1, 2, 4, ... keyframes.
        """
        key, back = self.video._keyframe(first), 1
        while key > 0 and self.timeline.pts is not None:
            self.container.seek(int(self.timeline.seeks[key]), stream=self.stream)
            self.fresh = False
            frames = self._numbered(after_seek=True)
            head = next(frames, None)
            if head is not None and head[0] <= first:
                yield head
                yield from frames
                return
            key, back = key - back, 2 * back
        if not self.fresh:
            self._open()
        self.fresh = False
        yield from self._numbered(after_seek=False)

    def _numbered(self, after_seek: bool) -> Iterator[tuple[int, Any]]:
        """Decode on and number what comes. Frames without a place in the timeline are left out."""
        pts = self.timeline.pts
        frames = self.container.decode(self.stream)
        if pts is None:
            yield from enumerate(frames)
            return
        expected, whole = 0, not after_seek
        for frame in frames:
            whole = whole or frame.key_frame  # what comes before may refer to pictures that were not read
            if frame.pts is None or not whole:
                continue
            index = expected
            if index >= len(pts) or pts[index] != frame.pts:
                index = int(np.searchsorted(pts, frame.pts))
                if index == len(pts) or pts[index] != frame.pts:
                    continue
            expected = index + 1
            yield index, frame

    def rgb(self, frame: Any) -> np.ndarray:
        """uint8 [H, W, 3]: converted, turned upright, padding cut off."""
        picture = self.reformatter.reformat(frame, format="rgb24").to_ndarray()
        if frame.rotation:
            picture = np.rot90(picture, round(frame.rotation / 90))
        if self.video.crop is not None:
            width, height = self.video.crop
            picture = picture[:height, :width]
        return np.ascontiguousarray(picture)


class _Cursor:
    """A decoder left open between `video[i]` calls, with the number of the frame that it gives next."""

    def __init__(self, video: Video, first: int):
        self.video = video
        self.process = os.getpid()
        self.decoder = _Decoder(video).__enter__()
        self.frames: Any = self.decoder.frames(first)
        self.next = first
        self.last: np.ndarray | None = None  # the frame before `next`, so that asking twice costs nothing

    def can_reach(self, index: int) -> bool:
        """Is decoding on cheaper than a seek? (Never in a forked child: its copy has no decoder threads.)"""
        if self.process != os.getpid():
            return False
        again = index == self.next - 1 and self.last is not None
        return again or (index >= self.next and self.video._gain(self.next, index) <= SKIP)

    def read(self, index: int) -> np.ndarray:
        if index >= self.next:
            for number, frame in self.frames:
                self.next = number + 1
                if number == index:
                    self.last = self.decoder.rgb(frame)
                    break
        assert self.last is not None
        return self.last.copy()

    def close(self) -> None:
        if self.process != os.getpid():
            _ORPHANS.append((self.frames, self.decoder))
            return
        self.frames.close()
        self.decoder.__exit__()

    def __del__(self) -> None:
        if self.process != os.getpid():
            _ORPHANS.append((self.frames, self.decoder))


_ORPHANS: list[object] = []
"""Decoders of a parent process: freeing one would wait for threads that a forked child does not have."""
