"""What of NitroGen's labels somebody can use: hours with a video on this disk that fits, and why the others have none.

Videos vanish (of Celeste's 684 hours 213 could be had, of the Witcher's 37 Twitch videos none), so a data set made of them says
how much of the published one it is. A chunk is asked exactly what `read` asks of it, short of decoding; archives are read once
each, and what is kept of a chunk are a few numbers. Nothing is asked of the network.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from playtape.errors import BadInput
from playtape.recordings.formats import _nitrogen_labels as told
from playtape.recordings.formats import _nitrogen_shards as shards
from playtape.recordings.formats import _nitrogen_videos as seen
from playtape.recordings.formats._nitrogen_leak import leak
from playtape.recordings.formats.nitrogen import WHICH, read

BAD_LABELS = "labels unreadable"
REASONS = (seen.NO_VIDEO, seen.UNREADABLE, seen.SHORT, seen.SIZE, seen.OTHER_RATE, seen.UNTOLD, BAD_LABELS)
NAMED = 20  # chunks with unreadable labels that are named
TELLS, MORE = 0.75, 0.15  # an area under the curve from which on a button is told, if it is so much more than elsewhere


@dataclass
class _Seen:
    """What is known of a chunk so far: its files come in any order."""

    chunk: told.Chunk | None = None
    tables: dict[str, tuple[int, float]] = field(default_factory=dict)  # rows, and the share of them that is active
    problems: dict[str, str] = field(default_factory=dict)  # by file

    def add(self, name: str, data: bytes, path: Path, density: bool) -> None:
        try:
            if name == told.METADATA:
                self.chunk = told.parse(data, str(path / name))
                shards.check_video(path, self.chunk)
            elif density:
                rows = told.rows(data, str(path / name), None)
                self.tables[name] = (len(rows.buttons), rows.active())
            else:
                self.tables[name] = (0, np.nan)
        except BadInput as error:
            self.problems[name] = str(error)

    def labels(self, path: Path, density: bool) -> tuple[told.Chunk, float]:
        """The chunk, and its density by the labels that `read` takes. Raises BadInput where they cannot be read."""
        name = next((n for n in WHICH["best"] if n in self.tables or n in self.problems), told.RAW)
        for file in (told.METADATA, name):
            if file in self.problems:
                raise BadInput(self.problems[file])
        if self.chunk is None or name not in self.tables:
            raise BadInput(f"{path} has no {told.METADATA if self.chunk is None else told.RAW}")
        count, active = self.tables[name]
        if density and count != self.chunk.rows:
            raise BadInput(f"{path / name} has {count} rows, and its {told.METADATA} says {self.chunk.rows}")
        return self.chunk, active


@dataclass
class _Hours:
    all: float = 0.0
    on_disk: float = 0.0
    usable: float = 0.0

    def add(self, hours: float, lost: str) -> None:
        self.all += hours
        self.on_disk += hours if lost != seen.NO_VIDEO else 0
        self.usable += hours if not lost else 0

    def plain(self) -> dict[str, float]:
        return {key: round(value, 6) for key, value in vars(self).items()}


@dataclass
class _Total:
    """All chunks so far."""

    density: bool
    hours: _Hours = field(default_factory=_Hours)
    sources: dict[str, _Hours] = field(default_factory=lambda: defaultdict(_Hours))
    games: dict[str, _Hours] = field(default_factory=lambda: defaultdict(_Hours))
    lost: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    chunks: Counter[str] = field(default_factory=Counter)
    videos: dict[str, bool] = field(default_factory=dict)  # is one chunk of it usable?
    active: list[tuple[float, float, bool]] = field(default_factory=list)  # hours, share of active steps, usable
    bad: dict[str, str] = field(default_factory=dict)
    first: dict[str, Path] = field(default_factory=dict)  # of each video a usable chunk
    other_rate: float = 0.0

    def add(self, path: Path, one: _Seen, library: seen.Videos) -> None:
        try:
            chunk, active = one.labels(path, self.density)
        except BadInput as error:
            self.chunks[BAD_LABELS] += 1
            if len(self.bad) < NAMED:
                self.bad[str(path)] = str(error)
            chunk, active, lost = one.chunk, np.nan, BAD_LABELS
        else:
            lost = self._fits(path, chunk, library)
            self.chunks[lost] += 1
        if chunk is None:
            return
        if not lost:
            self.first.setdefault(chunk.video, path)
        hours = chunk.seconds / 3600
        for count in (self.hours, self.sources[chunk.source or "unknown"], self.games[chunk.game or "unknown"]):
            count.add(hours, lost)
        self.lost[lost] += hours
        self.videos[chunk.video] = self.videos.get(chunk.video, False) or not lost
        if np.isfinite(active):
            self.active.append((hours, active, not lost))

    def _fits(self, path: Path, chunk: told.Chunk, library: seen.Videos) -> str:
        """Why it cannot be used; "" if it can."""
        try:
            part = seen.part(seen.opened(library.of(path.name, chunk.video, chunk)), chunk)
            size = part.video.coded_size
            seen.hidden(chunk, size)
            seen.shown(chunk, size)
        except seen.Lost as error:
            return error.reason
        except (BadInput, OSError):
            return seen.UNREADABLE
        self.other_rate += chunk.seconds / 3600 if seen.other_rate(part, chunk) else 0
        return ""


def audit(
    root: Path, videos: str | Path | None = None, *, density: bool = True, probe: int = 0, progress: bool = True
) -> dict[str, Any]:
    """Count what of the labels at or below `root` survives, by hours. Gives a JSON dictionary:

    `hours`, and of each of `sources` and `games`: {"all", "on_disk": with a video that has its id, "usable"}; `lost`: {why:
    {"hours", "chunks"}}; `chunks`, `videos` and `usable_videos`; `other_rate_hours`: usable, though the video has clearly more or
    fewer frames than rows; `density`: of the shares of active steps in a chunk the mean, the median and two percentiles, and the
    hours (all, and usable) of chunks with half of them or more, as NitroGen kept (None if not asked); `failed`: {archive or
    chunk: why}; `folder` of the videos; `leaks`: of so many chunks as `probe` says, of different videos, the button that a linear
    probe beside the blacked-out controller tells best, how well there and elsewhere, and whether that `tells` it, or why the
    probe `failed`.

    Raises BadInput if there is nothing of NitroGen.
    """
    root = Path(root)
    if not root.exists():
        raise BadInput(f"there is no file or folder {root}; give the folder of NitroGen's actions, or an archive")
    begun, total, failed = time.monotonic(), _Total(density), {}
    seen.videos_in.cache_clear()
    names: set[str] = set()
    folder: Path | None = None
    repeated = 0
    with tqdm(desc="audit", unit="chunk", disable=not progress) as bar:
        archives = shards.archives_below(root)
        for place in (None, *archives):
            try:
                for path, one in _in_folders(root, density) if place is None else _in_archive(place, density, failed):
                    if path.name in names:
                        repeated += 1
                        continue
                    names.add(path.name)
                    folder = seen.videos_folder(path, videos)
                    total.add(path, one, seen.videos_in(folder))
                    bar.update()
            except OSError as error:
                failed[str(place or root)] = f"{error.strerror or error}"
    if not names and not failed:
        raise BadInput(
            f"there is nothing of NitroGen in {root}: no folder ID_chunk_0000, and no {shards.ARCHIVE} archive"
        )
    return {
        "chunks": sum(total.chunks.values()),
        "repeated_chunks": repeated,
        "videos": len(total.videos),
        "usable_videos": sum(total.videos.values()),
        "archives": len(archives),
        "folder": None if folder is None else str(folder),
        "hours": total.hours.plain(),
        "sources": _largest(total.sources),
        "games": _largest(total.games),
        "lost": {
            why: {"hours": round(total.lost[why], 6), "chunks": total.chunks[why]}
            for why in REASONS
            if total.chunks[why]
        },
        "other_rate_hours": round(total.other_rate, 6),
        "density": _density(total.active) if density else None,
        "leaks": _leaks(total.first, videos, probe, progress),
        "failed": failed | total.bad,
        "seconds": round(time.monotonic() - begun, 3),
    }


def _leaks(first: dict[str, Path], videos: str | Path | None, count: int, progress: bool) -> list[dict[str, Any]]:
    picked = np.random.default_rng(0).permutation(sorted(first))[:count].tolist()
    found: list[dict[str, Any]] = []
    for video in tqdm(picked, "probe", unit="chunk", disable=not progress or not count):
        try:
            worst = leak(read(first[video], videos=videos)).worst()
        except BadInput as error:  # its frames, which were not decoded before
            found.append({"chunk": first[video].name, "failed": str(error)})
            continue
        if worst is None:
            found.append({"chunk": first[video].name, "failed": "no button is pressed often enough to be told"})
            continue
        button, beside, elsewhere = worst
        tells = beside >= TELLS and not beside < elsewhere + MORE
        areas = {"beside": round(beside, 4), "elsewhere": None if elsewhere != elsewhere else round(elsewhere, 4)}
        found.append({"chunk": first[video].name, "button": button, **areas, "tells": tells})
    return found


def _in_folders(root: Path, density: bool) -> Iterator[tuple[Path, _Seen]]:
    if root.is_file():
        return
    for path in shards.chunks_below(root):
        one, found = _Seen(), shards.labels(path, seen.Videos(None))
        for name in found.files:
            try:
                one.add(name, found.read(name), path, density)
            except BadInput as error:
                one.problems[name] = str(error)
        yield path, one


def _in_archive(archive: Path, density: bool, failed: dict[str, str]) -> Iterator[tuple[Path, _Seen]]:
    """All chunks of an archive when it has been read, since their files may come in any order; some numbers are kept of each."""
    found: dict[str, _Seen] = defaultdict(_Seen)
    try:
        for chunk, name, data in shards.members(archive):
            found[chunk].add(name, data, archive / shards.video_of(chunk) / chunk, density)
    except BadInput as error:
        failed[str(archive)] = str(error)
    for chunk in sorted(found):
        yield archive / shards.video_of(chunk) / chunk, found[chunk]


def _largest(of: dict[str, _Hours]) -> dict[str, dict[str, float]]:
    return {name: hours.plain() for name, hours in sorted(of.items(), key=lambda each: (-each[1].all, each[0]))}


def _density(active: list[tuple[float, float, bool]]) -> dict[str, float] | None:
    if not active:
        return None
    hours, share, usable = (np.array(column) for column in zip(*active, strict=True))
    kept = share >= told.KEPT
    p10, median, p90 = np.percentile(share, [10, 50, 90])
    return {
        "mean": round(float(share.mean()), 4),
        "median": round(float(median), 4),
        "p10": round(float(p10), 4),
        "p90": round(float(p90), 4),
        "kept_chunks": round(float(kept.mean()), 4),
        "kept_hours": round(float(hours[kept].sum()), 6),
        "kept_usable_hours": round(float(hours[kept & usable.astype(bool)].sum()), 6),
    }
