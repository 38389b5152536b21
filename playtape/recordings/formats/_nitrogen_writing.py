"""Recordings in NitroGen's layout: chunks, each with a table of rows and its metadata, and the videos beside `actions`.

Row t + 1 is what was done while frame t was shown, as the published rows are read; row 0 is nothing. An entry "playtape" in the
metadata says that nothing is left to black out, and keeps the recording's origin.

- A recording that was a chunk becomes that chunk again, ID/ID_chunk_0003, with the rows, times and source that were published.
  What may be seen of its video is videos/ID_chunk_0003.mp4, and "first_frame_ns" in the entry is when that begins in the whole.
- Any other becomes chunks of 20 s, NAME/NAME_chunk_0000 and so on, of rows at the video's mean rate, and videos/NAME.mp4.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from playtape.actions import Actions
from playtape.actions.nitrogen import COLUMNS, NITROGEN, TRIGGERS, table
from playtape.errors import BadInput, need, printable
from playtape.recordings.atomic import atomic_folder, sync
from playtape.recordings.convert import Resize
from playtape.recordings.formats import _video_files
from playtape.recordings.formats._nitrogen_labels import METADATA, OWN, RAW, Chunk, parse
from playtape.recordings.formats._nitrogen_shards import chunks_below, video_of
from playtape.recordings.formats._nitrogen_videos import videos_beside
from playtape.recordings.nouns import Info, Recording
from playtape.recordings.timeline import check_unchanged
from playtape.recordings.video import Video

CHUNK_S = 20
DENOMINATOR = 1001  # rates are whole, or such as 60000/1001
INPUTS = {*NITROGEN.buttons, *(axis.name for axis in NITROGEN.axes)}
FIRST_FRAME = "first_frame_ns"  # in the provenance, where it is not when the labels begin
PLAIN = ("game", "source", "licence", "split", "player")


@dataclass(frozen=True)
class _Part:
    """A chunk to be written: its folder's name, its rows [start, end) of the table, and what metadata.json says of them."""

    name: str
    start: int
    end: int
    said: dict[str, Any]


@dataclass(frozen=True)
class _Origin:
    """The chunk that a recording was made of: its name, its metadata as they were and as they are read, and when in its video the
    recording's first frame is shown, in ns."""

    name: str
    said: dict[str, Any]
    chunk: Chunk
    zero_ns: int


def write(recording: Recording, path: Path, resize: Resize | None = None) -> Path:
    """Write the folder `path`: the chunk itself where the recording was the chunk of that name, and else a folder of chunks.

    The video comes first and the folder appears whole. `unsaid` tells what is lost. Raises BadInput for a recording of which
    nothing could be said (inputs, and none of a gamepad), for a video of a name that another recording beside it has, and for a
    folder in which anything lies that was not written here.
    """
    del resize  # the pictures keep their size
    path, events = Path(path), recording.events
    _check_replaceable(path)
    if len(events) and not INPUTS & set(events.counts()):
        first = next(iter(events.counts()))
        raise BadInput(f"NitroGen's format has only a gamepad's inputs, and this recording none ({first}, ...)")
    was = _was(recording)
    film, time, parts = _new(path.name, recording) if was is None else _again(was, recording.video)
    alone = was is not None and path.name == was.name
    first = path if alone else path / parts[0].name
    home = path.parent if alone and path.parent.name == video_of(path.name) else path
    target = videos_beside(first, home) / f"{film}.mp4"
    _check_apart(first, target)
    done = NITROGEN.actions(events, time)
    buttons, sticks = table(Actions(np.roll(done.buttons, 1, 0)[:-1], np.roll(done.axes, 1, 0)[:-1]))
    resolution, area = _write_video(recording.video, target)
    said = {"controller_type": recording.info.extra.get("controller", ""), "game": recording.info.game, **area}
    own = {"blacked_out": True, "info": printable(asdict(recording.info))}
    with atomic_folder(path) as whole:
        for part in parts:
            folder = whole if alone else whole / part.name
            folder.mkdir(exist_ok=True)
            _write_table(folder / RAW, buttons[part.start : part.end], sticks[part.start : part.end])
            shown = {"original_video": {**part.said["original_video"], "resolution": resolution}}
            metadata = {**said, **part.said, **shown, **area, OWN: {**own, **part.said.get(OWN, {})}}
            (folder / METADATA).write_text(json.dumps(metadata, indent=1))
            sync(folder / METADATA)
    return path


def _was(recording: Recording) -> _Origin | None:
    """None where it was made of no chunk, or is no longer all of one."""
    told = recording.attachments.get(METADATA)
    if told is None:
        return None
    try:
        data = told.read()
        chunk = parse(data, METADATA)
    except BadInput:
        return None
    said = json.loads(data)
    name = recording.info.extra.get("chunk") or f"{chunk.video}_chunk_{said.get('chunk_id')}"
    kept = recording.provenance.get(FIRST_FRAME, "")
    zero_ns = int(kept) if kept.isdecimal() and len(kept) < 19 else round(chunk.start_s * 1e9)
    lacking_ns = abs(round((chunk.start_s + chunk.seconds) * 1e9) - zero_ns - recording.video.end_ns)
    named = video_of(name) == chunk.video and Path(name).name == name and not name.startswith(".")
    whole = lacking_ns <= max(2e9 / chunk.rate, 2e9 / recording.video.fps, 5e7)
    return _Origin(name, said, chunk, zero_ns) if named and whole else None


def _again(was: _Origin, video: Video) -> tuple[str, np.ndarray, list[_Part]]:
    """Its rows at their own times, and what was said of it but for where a controller is drawn."""
    time = was.chunk.times(video.time_ns, was.zero_ns)
    kept = {key: value for key, value in was.said.items() if key != OWN and not key.startswith("bbox_")}
    part = _Part(was.name, 0, was.chunk.rows, {**kept, OWN: {"first_frame_ns": was.zero_ns}})
    return was.name, np.append(time, time[-1] + max(1, round(1e9 / was.chunk.rate))), [part]


def _new(name: str, recording: Recording) -> tuple[str, np.ndarray, list[_Part]]:
    """Chunks of 20 s of rows at the video's mean rate."""
    rate = Fraction(recording.video.fps).limit_denominator(DENOMINATOR)
    count = round(recording.video.end_ns * rate / 10**9)
    if count < 2:
        raise BadInput(
            f"a recording of {count} frames has no interval in which something is done; legal are two or more"
        )
    time = np.rint(np.arange(count + 1) * float(10**9 / rate)).astype(np.int64)
    return name, time, [*_parts(name, count, rate)]


def _parts(name: str, count: int, rate: Fraction) -> Iterator[_Part]:
    for number, (start, end) in enumerate(_bounds(count, rate)):
        film = {"video_id": name, "source": "local", "url": "", **_times(start, end, rate)}
        chunk = f"{name}_chunk_{number:04}"
        said = {"uuid": f"{chunk}_actions", "chunk_id": f"{number:04}", "chunk_size": end - start}
        yield _Part(chunk, start, end, {**said, "original_video": film})


def _check_apart(chunk: Path, target: Path) -> None:
    """Raises BadInput where the video `target` is that of another recording: what is beside `actions` is known by its name."""
    if chunk.exists() or not target.exists():
        return
    other = next((one for one in chunks_below(target.parent.parent) if one.name == chunk.name), None)
    if other is not None:
        raise BadInput(
            f"{target} is of {other} already: in NitroGen's layout a video's name says whose it is; write {chunk.name} into a "
            "folder of its own"
        )


def _check_replaceable(path: Path) -> None:
    """Raises BadInput for what is neither a chunk that `write` made nor a folder of such: it would be lost."""
    if not path.exists() or _is_own(path):
        return
    strange = next((each for each in path.iterdir() if not _is_own(each)), None) if path.is_dir() else path
    if strange is not None:
        held = "it is a file" if strange == path else f"it holds {strange.name}, which Playtape did not write"
        raise BadInput(f"cannot write {path}: {held}; give a folder that is new, or that was written from a recording")


def _is_own(chunk: Path) -> bool:
    """Is this a folder of a table and of metadata in which we said that they are ours?"""
    if chunk.is_symlink() or not chunk.is_dir():
        return False
    files = [*chunk.iterdir()]
    if {file.name for file in files} != {RAW, METADATA} or not all(file.is_file() for file in files):
        return False
    try:
        said = json.loads((chunk / METADATA).read_bytes())
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and OWN in said


def unsaid(recording: Recording) -> list[str]:
    """What of a recording the format has no place for, one sentence each."""
    found = []
    dumb = {name: count for name, count in recording.events.counts().items() if name not in INPUTS}
    if dumb:
        listed = ", ".join(f"{name} ({count})" for name, count in dumb.items())
        found.append(f"the format has no column for {listed}; these events are left out")
    halves = recording.events.of(*TRIGGERS).value
    if rounded := int(((halves != 0) & (halves != 1)).sum()):
        found.append(f"triggers are 0 or 1 in the format; {rounded} events in between were rounded")
    kinds = Counter(span.kind for span in recording.spans)
    if kinds:
        listed = ", ".join(f"{kind} ({count})" for kind, count in kinds.items())
        found.append(f"the format has no place for spans: {listed}")
    if recording.confidence is not None:
        found.append("the format has no place for a labeller's confidence")
    if recording.video.vfr:
        found.append("rows come at one rate, and the video's frames do not; each row is what was done in its own time")
    return found


def about(own: Mapping[str, Any], found: Info) -> Info:
    """What `write` kept of a recording's origin; what is damaged of it stays as it is found."""
    kept = own.get("info")
    if not isinstance(kept, dict):
        return found
    texts = {key: kept[key] for key in PLAIN if isinstance(kept.get(key), str)}
    extra = kept.get("extra")
    screen, scale = kept.get("screen"), kept.get("mouse_scale")
    sides = isinstance(screen, list) and len(screen) == 2 and all(type(x) is int and 0 < x < 2**31 for x in screen)
    return replace(
        found,
        **texts,
        screen=tuple(screen) if sides else None,
        mouse_scale=scale if isinstance(scale, float) and np.isfinite(scale) else None,
        extra={k: v for k, v in extra.items() if isinstance(v, str)} if isinstance(extra, dict) else {},
    )


def _bounds(count: int, rate: Fraction) -> list[tuple[int, int]]:
    """[start, end) of each chunk; what would be a single row at the end belongs to the chunk before."""
    size = max(2, round(CHUNK_S * rate))
    starts = [start for start in range(0, count, size) if start == 0 or count - start > 1]
    return list(zip(starts, [*starts[1:], count], strict=True))


def _times(start: int, end: int, rate: Fraction) -> dict[str, float]:
    """The last frame is counted, as in the published chunks."""
    begin, stop = float(start / rate), float(end / rate)
    times = {"start_time": begin, "end_time": stop, "duration": float((end - start) / rate)}
    return times | {"start_frame": start, "end_frame": end - 1}


def _write_table(path: Path, buttons: np.ndarray, sticks: np.ndarray) -> None:
    arrow, parquet = need("pyarrow", "formats"), need("pyarrow.parquet", "formats")
    columns: dict[str, Any] = {name: arrow.array(buttons[:, i]) for i, name in enumerate(COLUMNS)}
    for name, pair in (("j_left", sticks[:, :2]), ("j_right", sticks[:, 2:])):
        offsets = arrow.array(np.arange(0, 2 * len(pair) + 1, 2, dtype=np.int32))
        columns[name] = arrow.ListArray.from_arrays(offsets, arrow.array(np.ascontiguousarray(pair).ravel()))
    parquet.write_table(arrow.table(columns), path)
    sync(path)


def _write_video(video: Video, target: Path) -> tuple[list[int], dict[str, Any]]:
    """The picture, and how it is told of: [height, width], and where of it padding is left out."""
    check_unchanged(video.path, video.signature)
    width, height = video.width, video.height
    _video_files.put(video, target)
    wide, high = width + width % 2, height + height % 2
    if (wide, high) == (width, height):
        return [height, width], {}
    return [high, wide], {"bbox_game_area": {"xtl": 0.0, "ytl": 0.0, "xbr": width / wide, "ybr": height / high}}
