"""NitroGen v1.0 (arXiv 2601.02427): labels of the gamepads that players drew into their videos, and the videos that you have.

    actions/SHARD_0000/ID/ID_chunk_0003/{metadata.json, actions_raw.parquet, actions_processed.parquet}
    actions/SHARD_0001.tar.gz, with the same inside
    videos/, at any depth: files whose names hold the ID of YouTube or Twitch (v and digits); of what we wrote ID_chunk_0003.mp4

A recording is a chunk, of 20 s mostly: nothing is ever joined over a missing one, and two chunks of one video may differ in rate.

- Row r is what the controller showed in frame r, so at best what was pressed before. Hence `actions[t]` is row t + 1: `alignment`
  "causal"; with "identity" it is row t. `offset` rows more are what the drawing lags behind, in all videos or by their ids in a
  JSON file. What no row tells is a span "masked".
- A row stands for its chunk_size-th part of the chunk's duration, and frames keep the times at which they are shown. So a frame
  of a video of half the rate has what was held in either of two rows.
- `labels` are those that were moved to the game's usual buttons, where there are such ("best"; a third has none), or these
  ("processed") or those as they were drawn ("raw") alone.
- The drawn controller is blacked out, with a margin, as is what else is told (bbox_others); then the game's part is cut out. Only
  that is coded: the recording's video holds nothing else. No word on where the controller is drawn: no recording.
- Triggers are 0 or 1. The last row has no interval. Numbers of sticks beyond -1 and 1 are cut off and counted.

The folder of videos is `videos` (--videos), or $PLAYTAPE_VIDEOS, or the nearest folder of that name beside or above the labels.
"""

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from playtape.actions import Events
from playtape.actions.nitrogen import NITROGEN, STICKS, from_table
from playtape.actions.runs import runs
from playtape.errors import BadInput
from playtape.recordings.formats import _nitrogen_labels as told
from playtape.recordings.formats import _nitrogen_shards as shards
from playtape.recordings.formats import _nitrogen_videos as seen
from playtape.recordings.formats._coded import coded
from playtape.recordings.formats._nitrogen_writing import FIRST_FRAME, about, unsaid, write
from playtape.recordings.nouns import Info, Recording, Span
from playtape.recordings.video import Video, write_video

__all__ = ["LICENCE", "example", "find", "read", "unsaid", "write"]

LICENCE = "CC BY-NC 4.0 (non-commercial)"
"""Of the labels, and so of what is made of them; the pictures are their makers'."""
ALIGNMENTS = {"causal": 1, "identity": 0}  # actions[t] = row[t + this]
WHICH = {"best": (told.PROCESSED, told.RAW), "processed": (told.PROCESSED,), "raw": (told.RAW,)}
CRF = 16  # a chunk of 1080p60 at 8, as others are coded, has 100 MB
MOST_OFFSET = 120
WHOLE = re.compile(r"[+-]?[0-9]{1,9}")  # a number of rows; str.isdigit says so of what int cannot read, such as \u00b2


def find(root: Path, *, videos: str | Path | None = None) -> list[Path]:
    """The chunks at or below `root`, in folders and in archives, sorted. An archive is itself among them if it cannot be read to
    its end, so that who reads it is told; of two chunks of one name the one in a folder counts."""
    root = Path(root)
    if root.is_file() and root.name in told.FILES:
        return [root.parent]
    if root.is_file() and not root.name.endswith(shards.ARCHIVE):
        raise BadInput(f"{root} is no {shards.ARCHIVE} archive; give one, a chunk's folder, or a folder of either")
    seen.videos_in.cache_clear()
    found = [] if root.is_file() else list(shards.chunks_below(root))
    names = {path.name for path in found}
    for archive in shards.archives_below(root):
        shard = shards.shard(archive, seen.videos_in(seen.videos_folder(archive, videos)))
        new = [name for name in shard.chunks if name not in names]
        names.update(new)
        found += [archive / shards.video_of(name) / name for name in new]
        if shard.problem is not None:
            found.append(archive)
    return sorted(found)


def read(
    path: Path,
    *,
    videos: str | Path | None = None,
    labels: str = "best",
    alignment: str = "causal",
    offset: int | str | Path = 0,
) -> Recording:
    """One chunk. Its video is a temporary file that lives as long as the recording: save with video="copy".

    Raises BadInput for a chunk without a video, one whose video does not fit, and labels that are damaged or contradict
    themselves.
    """
    path = _chunk_at(Path(os.path.abspath(path)))  # noqa: PTH100  # it is known by its name, be it that of a link
    for what, value, legal in (("labels", labels, WHICH), ("alignment", alignment, ALIGNMENTS)):
        if value not in legal:
            raise BadInput(f"{what} is {value!r}; legal are {', '.join(legal)}")
    if path.name.endswith(shards.ARCHIVE):
        raise _archive_itself(path, videos)
    library = seen.videos_in(seen.videos_folder(path, videos))
    library.of(path.name, shards.video_of(path.name))  # without any, an archive's labels are not there to be read
    found = shards.labels(path, library)
    chunk = told.parse(found.read(told.METADATA), str(path / told.METADATA))
    shards.check_video(path, chunk)
    file = library.of(path.name, chunk.video, chunk)
    name = next((name for name in WHICH[labels] if name in found.files), WHICH[labels][0])
    rows = told.rows(found.read(name), str(path / name), chunk.rows)
    lag = _offset(offset, chunk.video)
    part = seen.part(seen.opened(file), chunk)
    size = (part.video.width, part.video.height)
    boxes, area = seen.hidden(chunk, size), seen.shown(chunk, size)
    video = _video(path.name, part, boxes, area)
    zero_ns, end = part.zero_ns + (chunk.cut_ns or 0), video.end_ns
    events, unknown = _events(rows, chunk, video.time_ns, zero_ns, ALIGNMENTS[alignment] + lag)
    recording = Recording(
        video=video,
        events=events,
        spans=tuple(Span(min(a, end), min(b, end), "masked", "no row tells it") for a, b in unknown),
        info=_info(chunk, rows, [_moved(box, area) for box in boxes], path.name),
        provenance={
            "format": "NitroGen v1.0",
            "labels": name,
            "alignment": f"{alignment}: actions[t] = row[t + {ALIGNMENTS[alignment] + lag}]",
            "label_offset": str(lag),
            "video": file.name,
            **({FIRST_FRAME: str(zero_ns)} if zero_ns != round(chunk.start_s * 1e9) else {}),
        },
        warnings=tuple(_warnings(chunk, rows, part)),
        attachments={told.METADATA: found.files[told.METADATA]},
    )
    return recording if chunk.own is None else replace(recording, info=about(chunk.own, recording.info))


def _chunk_at(path: Path) -> Path:
    """A chunk's folder by one of its files, or by the folder of a video that has no other."""
    path = path.parent if path.name in told.FILES else path
    if path.is_dir() and not any((path / name).is_file() for name in told.FILES):
        inside = list(shards.chunks_below(path))
        if len(inside) != 1:
            raise BadInput(f"{path} holds {len(inside)} chunks; give the folder of one")
        return inside[0]
    if not path.exists() and shards.archive_of(path) is None:
        raise BadInput(f"there is no chunk {path}; give the folder of one, or its place in an archive")
    return path


def _archive_itself(path: Path, videos: str | Path | None) -> BadInput:
    found = shards.shard(path, seen.videos_in(seen.videos_folder(path, videos)))
    return found.problem or BadInput(
        f"{path} holds {len(found.chunks)} chunks; give one of them, as {path.name}/ID/CHUNK"
    )


def _offset(said: int | str | Path, video: str) -> int:
    """Rows that a video's labels lag behind: a number for all, or a JSON file {"ID": number}; who is not in it has 0."""
    rows: object = said
    if isinstance(said, str | Path) and not WHOLE.fullmatch(str(said)):
        try:
            table = json.loads(Path(said).read_text())
            rows = table.get(video, 0)
        except (OSError, ValueError, AttributeError, RecursionError) as error:
            raise BadInput(
                f'offset {str(said)!r} is neither a number of rows nor a JSON file {{"ID": rows}}'
            ) from error
    elif isinstance(said, str | Path):
        rows = int(str(said))
    if isinstance(rows, bool) or not isinstance(rows, int) or abs(rows) > MOST_OFFSET:
        raise BadInput(
            f"the offset of {video} is {rows!r}; legal is a whole number from -{MOST_OFFSET} to {MOST_OFFSET}"
        )
    return rows


def _video(name: str, part: seen.Part, boxes: list[seen.Rectangle], area: seen.Rectangle) -> Video:
    """What may be seen, as a video of its own; the file itself where that is all of it."""
    size = (area[2] - area[0], area[3] - area[1])
    if part.whole and not part.zero_ns and not boxes and size == (part.video.width, part.video.height):
        return part.video
    return coded(name, seen.clean(part, boxes, area), size, time_ns=part.time_ns, crf=CRF)


def _events(
    rows: told.Rows, chunk: told.Chunk, frames: np.ndarray, zero_ns: int, shift: int
) -> tuple[Events, list[tuple[int, int]]]:
    """What was done, by the rows' own times; and where no row tells it, [start, end) in ns.

    The `frames` int64 [N] are the recording's times, of which 0 is at `zero_ns` of the whole video.
    """
    count, quarter = chunk.rows, 0.25e9 / chunk.rate
    time = chunk.times(frames, zero_ns)
    wanted = np.arange(count) + shift
    known = (wanted >= 0) & (wanted < count)
    picked = np.clip(wanted, 0, count - 1)
    first = max(0, int(np.searchsorted(time, 0, side="right")) - 1)  # the row that is on when the first frame is shown
    last = int(np.searchsorted(time, frames[-1] + quarter, side="right"))
    inside = slice(first, max(last, first + 2))
    grid = np.maximum(time[inside], 0)
    done = from_table(
        rows.buttons[picked][inside] & known[inside, None], rows.sticks[picked][inside] * known[inside, None]
    )
    missing = [(int(grid[start]), int(grid[end])) for start, end in runs(~known[inside][:-1])]
    return NITROGEN.events(done, grid), missing


def _moved(box: seen.Rectangle, area: seen.Rectangle) -> str:
    """Where a blacked-out rectangle is in the recording's picture, as left,top,right,bottom."""
    width, height = area[2] - area[0], area[3] - area[1]
    left, right = (min(max(x - area[0], 0), width) for x in (box[0], box[2]))
    top, bottom = (min(max(y - area[1], 0), height) for y in (box[1], box[3]))
    return f"{left},{top},{right},{bottom}"


def _info(chunk: told.Chunk, rows: told.Rows, masks: list[str], name: str) -> Info:
    kept = {
        "session": chunk.video,  # what is of one video is not divided between training and judging
        "chunk": name,
        "url": chunk.url,
        "controller": chunk.controller,
        "start_time": f"{chunk.start_s:.9g}",
        "end_time": f"{chunk.start_s + chunk.seconds:.9g}",
        "hz": f"{chunk.rate:.9g}",
        "blacked_out": " ".join(masks),
        "clipped": str(rows.clipped) if rows.clipped else "",
    }
    return Info(
        game=chunk.game or "unknown",
        source=f"{chunk.source or 'video'} {chunk.video}",
        licence=LICENCE,
        screen=chunk.size,
        extra={key: value for key, value in kept.items() if value},
    )


def _warnings(chunk: told.Chunk, rows: told.Rows, part: seen.Part) -> list[str]:
    found = []
    if seen.other_rate(part, chunk):
        frames, fps = part.last - part.first, (part.last - part.first) / chunk.seconds
        found.append(
            f"{chunk.rows} rows at {chunk.rate:.6g} Hz are laid on {frames} frames at {fps:.6g} Hz, by their times"
        )
    if rows.clipped:
        found.append(f"{rows.clipped} numbers of sticks are beyond -1 to 1 and were cut off")
    return found


def example(tmp: Path) -> Path:
    """Two seconds of a square that a stick moves, with a pad drawn in the corner that shows what is pressed."""
    tmp = Path(tmp)
    time = np.arange(60)
    actions = NITROGEN.zeros(60)
    for name, start, end in (("pad.south", 6, 15), ("pad.guide", 30, 33), ("pad.left_bumper", 40, 41)):
        actions.buttons[start:end, NITROGEN.buttons.index(name)] = True
    axes = [axis.name for axis in NITROGEN.axes]
    actions.axes[:-1, axes.index(STICKS[0])] = np.float32(0.8) * np.sign(np.sin(time[:-1] / 9))
    actions.axes[20:25, axes.index("pad.right_trigger")] = 1
    place = 30 + np.cumsum(actions.axes[:, 0] * 2).astype(int)
    frames = np.full((60, 72, 96, 3), 60, np.uint8)
    for t, frame in enumerate(frames):
        frame[20:32, np.clip(place[t], 0, 84) : np.clip(place[t], 0, 84) + 12] = (255, 160, 64)
        frame[52:68, 70:92] = 255 if actions.buttons[t - 1].any() else 130  # what led to frame t
    folder = tmp / "actions" / "SHARD_0000" / "dQw4w9WgXcQ"
    source = Video(write_video(tmp / "whole.mp4", frames, fps=30))
    write(Recording(source, NITROGEN.events(actions, source.time_ns), info=Info("example", "made", LICENCE)), folder)
    (tmp / "whole.mp4").unlink()
    video = tmp / "videos" / "a square [dQw4w9WgXcQ].mp4"
    video.parent.mkdir(exist_ok=True)
    video.with_name("dQw4w9WgXcQ.mp4").replace(video)
    for file in folder.glob(f"*/{told.METADATA}"):  # as NVIDIA writes it
        said = json.loads(file.read_text())
        said.pop(told.OWN)
        said |= {"game": "a_square", "controller_type": "xboxone", "bbox_controller_overlay": [70, 52, 22, 16]}
        said["original_video"] |= {"source": "youtube", "url": "https://www.youtube.com/watch?v=dQw4w9WgXcQ"}
        file.write_text(json.dumps(said))
    return tmp
