"""An OWAMcap file -> Recording. Forgiving: what can be mended is, and `Recording.warnings` tells it with counts."""

from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from playtape.actions import Events
from playtape.errors import BadInput
from playtape.recordings.clocks import check_mode, fit
from playtape.recordings.columns import INDEX, Columns, Piece
from playtape.recordings.container import Container
from playtape.recordings.legacy import pointer_config
from playtape.recordings.nouns import FAR_NS, Clock, Confidence, Info, Recording, Span
from playtape.recordings.pairs import Pairing, pair, states_differ
from playtape.recordings.schemas import TOPICS
from playtape.recordings.video import Video

SECOND = 1_000_000_000
PADDING = 15  # a coded picture is at most this many pixels larger than what was captured (16-pixel blocks)
FOREIGN_CONFIGS = ("pointer_ballistics_config", "keyboard_repeat_timing")


def open_recording(path: str | Path, *, clock: str = "auto") -> Recording:
    """Open an OWAMcap file and the video beside it. Reads all events; decodes no frame.

    `clock` says how a foreign file's wall clock is laid over its video: "auto" (UTC subtitles, else the lower
    envelope), "cues", "envelope", "first-screen" (as the D2E evaluation does it) or "exact"; files that Playtape wrote
    are exact by themselves and "auto" takes that. Raises BadInput and Truncated, each with one sentence.
    """
    check_mode(clock)
    path = Path(path)
    columns, container = read_columns(path)
    problems = columns.problems
    video = Video(video_path(path, columns), crop=None)
    shape = _shape(columns, video, problems)
    if shape is not None:
        video.crop = shape
    log_time, pts = screen_times(columns, problems)
    _check_frames(path, video, pts - video.origin_ns, problems)
    laid = clock_of(container, clock, log_time, pts - video.origin_ns, video.path, problems)
    _check_media(container, video, problems)
    info = _info(container, columns)
    pairing, _ = assemble_events(columns, laid, info.screen)
    far = (pairing.events.time_ns < -FAR_NS) | (pairing.events.time_ns > video.end_ns + FAR_NS)
    if far.any():
        problems["events are more than a day before the video's start or after its end"] += int(far.sum())
    return Recording(
        video=video,
        events=pairing.events,
        spans=_spans(columns, laid, video.end_ns),
        info=info,
        confidence=_confidence(columns, laid),
        provenance=container.metadata.get("provenance", {}),
        path=path,
        warnings=(
            *(f"{count} {what}" for what, count in problems.items()),
            *_notes(container, columns),
            *video.warnings,
        ),
        clock=laid,
        attachments=container.attachments,
    )


def read_columns(path: Path) -> tuple[Columns, Container]:
    """All messages of a file as columns, and its channels and metadata."""
    columns, container = Columns(), Container(path)
    for batch in container.batches():
        try:
            columns.add(batch)
        except BadInput as error:
            raise BadInput(f"{path}: {error}") from None
    return columns, container


def video_path(path: Path, columns: Columns) -> Path:
    """The one video that the screen messages refer to. Raises BadInput for none, several, or a remote one."""
    uris = list(dict.fromkeys(uri for _, uri, pts, _, _ in columns.screens if pts is not None))
    if not uris:
        raise BadInput(f"{path} refers to no video: it has no `screen` message with a pts_ns")
    if len(uris) > 1:
        raise BadInput(f"{path} refers to {len(uris)} videos ({uris[0]!r}, {uris[1]!r}, ...); legal is one a recording")
    found = referred(path, uris[0])
    if not is_there(found):
        raise BadInput(f"{path} refers to the video {uris[0][:200]!r}, but there is no file {str(found)[:400]}")
    return found


def referred(path: Path, uri: str) -> Path:
    """The file that a recording at `path` means by a video's `uri`. Raises BadInput for a remote one, and for no URI."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        raise BadInput(
            f"{path} refers to the video {uri[:80]!r}, which is no legal name; legal is a file beside the recording"
        ) from None
    if parts.scheme == "file":
        return Path(unquote(parts.path, errors="surrogateescape"))
    if len(parts.scheme) > 1:
        raise BadInput(f"{path} refers to the video {uri[:80]!r}; download it, legal is a file beside the recording")
    return path.parent / uri


def is_there(file: Path) -> bool:
    """Is it a file? (Not, where its name is one that no file can have.)"""
    try:
        return file.is_file()
    except (OSError, ValueError):
        return False


def screen_times(columns: Columns, problems: Counter[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(log_time [S], pts_ns [S]) of the screen messages that show a video frame."""
    rows = [(log_time, pts) for log_time, _, pts, _, _ in columns.screens if type(pts) is int]
    log_time, pts = np.array(rows, np.int64).reshape(-1, 2).T
    if len(pts) and pts.min() < 0:
        raise BadInput(f"a screen message has the negative pts_ns {int(pts.min())}; legal is 0 to the video's end")
    if len(log_time) and int(log_time.max()) - int(log_time.min()) > 2**62:
        raise BadInput(
            f"the screen messages are stamped {log_time.min()} to {log_time.max()} ns; no recording is so long"
        )
    falling = int((np.diff(pts) <= 0).sum())
    if falling:
        problems["screen messages repeat or precede the frame of the one before"] += falling
    return log_time, pts


def clock_of(
    container: Container,
    mode: str,
    log_time: NDArray[np.int64],
    pts: NDArray[np.int64],
    video: Path | None,
    problems: Counter[str],
) -> Clock:
    """The file's own clock if Playtape wrote one, it fits and nothing else was asked for, otherwise a fit."""
    own = written_clock(container) if mode in ("auto", "exact") else None
    if own is not None and len(pts):
        off = abs(float(np.median((log_time - own.anchor_ns).astype(np.float64) - pts)))
        if off > SECOND:
            problems[
                f"clock record (anchor_ns {own.anchor_ns}) is {off / SECOND:g} s off the screen messages; they count"
            ] += 1
            own = None
    return fit(mode, log_time, pts, video) if own is None else own


def written_clock(container: Container) -> Clock | None:
    """The clock that Playtape wrote into a file. Raises BadInput for a record that cannot be one."""
    own = container.metadata.get("clock", {})
    if "anchor_ns" not in own:
        return None
    try:
        drift, residual = float(own.get("drift_ppm", 0)), int(own.get("residual_ns", 0))
        anchor = int(own["anchor_ns"])
    except ValueError:
        raise BadInput(f"{container.path} has a clock record that is not numbers: {own}") from None
    if not (0 <= anchor < 2**63 and 0 <= residual < 2**63 and abs(drift) < 1e6):
        raise BadInput(
            f"{container.path} has an impossible clock record ({', '.join(f'{k} {v}' for k, v in own.items())}); "
            f"legal are an anchor_ns and a residual_ns from 0 to 2^63 - 1 and a drift_ppm within 1000000"
        )
    return Clock(anchor, own.get("mode", "exact"), drift, residual, written=True)


def assemble_events(columns: Columns, clock: Clock, screen: tuple[int, int] | None) -> tuple[Pairing, dict[str, int]]:
    """All topics' events in one, on the video's clock; and how many each topic gave."""
    pieces: dict[str, list[Piece]] = {"keyboard": columns.keyboard, "mouse/raw": list(columns.raw)}
    if columns.absolute:
        pieces["mouse/raw"].append(_from_absolute(columns, screen))
    raw = columns.topics["mouse/raw"] > 0
    pieces["mouse"] = columns.pointer + ([] if raw else columns.clicks)
    pieces["gamepad"] = columns.others
    if raw or columns.clicks:
        pieces["keyboard"] = _without_mouse_keys(columns)
    counts = {topic: sum(len(piece[0]) for piece in some) for topic, some in pieces.items()}
    everything = [piece for some in pieces.values() for piece in some]
    if not everything:
        return pair(Events.empty()), counts
    log_time, place, index, value = (np.concatenate([piece[i] for piece in everything]) for i in range(4))
    order = np.lexsort((place, log_time))
    events = Events(clock.video_time(log_time[order]), index[order].astype(np.int16), value[order])
    pairing = pair(events)
    _report_pairs(columns, pairing, clock)
    return pairing, counts


def _report_pairs(columns: Columns, pairing: Pairing, clock: Clock) -> None:
    problems = columns.problems
    if pairing.unpaired:
        problems["releases are of buttons that were not down (held since before the start, or lost presses)"] += (
            pairing.unpaired
        )
    if pairing.held:
        problems[f"buttons are still down at the end ({', '.join(pairing.held[:5])})"] += len(pairing.held)
    if columns.key_states:
        stamps, held = zip(*columns.key_states, strict=True)
        differ = states_differ(pairing.events, clock.video_time(np.array(stamps, np.int64)), list(held))
        if differ:
            problems["snapshots of held keys disagree with the events; the events count"] += differ


def _without_mouse_keys(columns: Columns) -> list[Piece]:
    """Mouse buttons that the keyboard topic repeats as virtual keys 1-6 must not count twice."""
    mouse = np.array([INDEX[name] for name in ("mouse.left", "mouse.right", "mouse.middle", "mouse.x1", "mouse.x2")])
    kept = []
    for piece in columns.keyboard:
        keep = ~np.isin(piece[2], mouse)
        if not keep.all():
            columns.problems[
                "mouse buttons stand among the keys as well as in a mouse topic; the mouse topic counts"
            ] += int((~keep).sum())
        log_time, place, index, value = piece
        kept.append((log_time[keep], place[keep], index[keep], value[keep]))
    return kept


def _from_absolute(columns: Columns, screen: tuple[int, int] | None) -> Piece:
    """Absolute raw positions (0 to 65535 over the screen) -> motion between them, in pixels if the screen is known."""
    log_time, order, x, y = (np.concatenate([rows[i] for rows in columns.absolute]) for i in range(4))
    first = np.lexsort((order, log_time))
    width, height = screen or (65536, 65536)
    columns.problems["raw mouse events are absolute; motion was taken from the differences of their positions"] += len(
        x
    )
    pieces = []
    for i, (name, position, size) in enumerate((("mouse.dx", x, width), ("mouse.dy", y, height))):
        pixels = position[first] * size // 65536
        motion = np.diff(pixels, prepend=pixels[:1])
        rows = np.flatnonzero(motion)
        pieces.append(
            (log_time[first][rows], order[first][rows] * 16 + i, np.full(len(rows), INDEX[name]), motion[rows])
        )
    t, o, index, value = (np.concatenate([piece[i] for piece in pieces]) for i in range(4))
    return t, o, index, value.astype(np.float32)


def _shape(columns: Columns, video: Video, problems: Counter[str]) -> tuple[int, int] | None:
    """(width, height) to crop to: the captured shape, where the coded picture is only padded."""
    shapes = Counter(shape for _, _, _, shape, _ in columns.screens if shape)
    if not shapes:
        return None
    if len(shapes) > 1:
        problems[f"screen messages differ in shape ({len(shapes)} shapes); the commonest counts"] += len(
            columns.screens
        )
    (width, height), _ = shapes.most_common(1)[0]
    wider, higher = video.coded_size[0] - width, video.coded_size[1] - height
    padded = 0 <= wider <= PADDING and 0 <= higher <= PADDING and (wider or higher)
    return (width, height) if padded else None


def _check_frames(path: Path, video: Video, pts: NDArray[np.int64], problems: Counter[str]) -> None:
    """Every screen message must show a frame: the nearest one, within half the smallest gap."""
    frames = video.time_ns
    smallest = int(np.diff(frames).min()) if len(frames) > 1 else 20_000_000
    right = np.clip(np.searchsorted(frames, pts), 1, len(frames) - 1) if len(frames) > 1 else np.zeros(len(pts), int)
    nearest = np.minimum(np.abs(frames[right] - pts), np.abs(frames[right - 1] - pts))
    wrong = np.flatnonzero(nearest > smallest // 2)
    last_only = len(wrong) == 1 and wrong[0] == len(pts) - 1 and 0 <= pts[-1] - video.end_ns < FAR_NS
    if last_only:
        problems["screen message is after the video's end (as converters of dense actions write it)"] += 1
    elif len(wrong):
        raise BadInput(
            f"{path}: {len(wrong)} screen messages show no frame of {video.path.name}; the first has pts_ns "
            f"{int(pts[wrong[0]])}, {int(nearest[wrong[0]])} ns from the nearest (its end is at {video.end_ns} ns)"
        )
    unseen = len(frames) - len(pts)
    if unseen > 1:
        problems["frames of the video have no screen message"] += unseen


def _check_media(container: Container, video: Video, problems: Counter[str]) -> None:
    size = container.metadata.get("media", {}).get("bytes")
    if size is not None and size != str(video.path.stat().st_size):
        problems["video file differs in size from the one that was recorded"] += 1


def _info(container: Container, columns: Columns) -> Info:
    """What the `recording` record says; for foreign files the captured screen and the recorder's settings."""
    own = dict(container.metadata.get("recording", {}))
    extra = {key.removeprefix("extra."): value for key, value in own.items() if key.startswith("extra.")}
    for name in FOREIGN_CONFIGS:
        settings = container.metadata.get(name, {})
        settings = pointer_config(settings) if name == "pointer_ballistics_config" else settings
        extra |= {f"{name}.{key}": value for key, value in settings.items()}
    screen, scale = written_sizes(container)
    if "recording" not in container.metadata:
        screen = next((source for _, _, _, _, source in columns.screens if source), None)
    named = {key: own.get(key, "") for key in ("game", "source", "licence", "split", "player")}
    return Info(screen=screen, mouse_scale=scale, extra=extra, **named)


def written_sizes(container: Container) -> tuple[tuple[int, int] | None, float | None]:
    """(screen, mouse_scale) of the `recording` record. Raises BadInput for what are no numbers."""
    own = container.metadata.get("recording", {})
    try:
        width, _, height = own.get("screen", "").partition("x")
        screen = (int(width), int(height)) if height else None
        scale = float(own["mouse_scale"]) if "mouse_scale" in own else None
        if (screen and not all(0 < side < 2**31 for side in screen)) or not np.isfinite(scale or 0):
            raise ValueError
    except ValueError:
        said = ", ".join(f"{key} {own[key]}" for key in ("screen", "mouse_scale") if key in own)
        raise BadInput(
            f"{container.path} has a recording record with bad numbers ({said}); legal is screen 640x480"
        ) from None
    return screen, scale


def _spans(columns: Columns, clock: Clock, end_ns: int) -> tuple[Span, ...]:
    """Our spans, and the titles of the active window from the first to the next."""
    spans = []
    for stamp, duration, kind, value in columns.spans:
        start = int(clock.video_time(np.array(stamp)))
        spans.append(Span(start, start + duration, kind, value))
    stamps = sorted(columns.windows)
    changes = [row for i, row in enumerate(stamps) if i == 0 or row[1] != stamps[i - 1][1]]
    starts: list[int] = clock.video_time(np.array([stamp for stamp, _ in changes], np.int64)).tolist()
    ends = [*starts[1:], max(end_ns, starts[-1])] if starts else []
    for (_, title), start, following in zip(changes, starts, ends, strict=True):
        spans.append(Span(start, following, "window", title))
    return tuple(sorted(spans, key=lambda span: span.start_ns))


def _confidence(columns: Columns, clock: Clock) -> Confidence | None:
    """The blocks of `action/confidence` put together."""
    if not columns.confidence:
        return None
    blocks = sorted(columns.confidence, key=lambda block: block[0])
    known = blocks[0][1]
    time, rows = [], []
    for stamp, said, offset, values in blocks:
        if said != known:
            raise BadInput("action/confidence changes its names within a file; legal is one list")
        time.append(clock.video_time(offset + stamp))
        rows.append(values)
    return Confidence(np.concatenate(time), known, np.concatenate(rows))


def _notes(container: Container, columns: Columns) -> list[str]:
    """What the writer mended, and topics that mean nothing to us."""
    notes = [f"{count} {what}" for what, count in container.metadata.get("mended", {}).items()]
    unknown: dict[str, Any] = {topic: count for topic, count in columns.topics.items() if topic not in TOPICS}
    if unknown:
        listed = ", ".join(f"{topic} ({count})" for topic, count in unknown.items())
        notes.append(f"{sum(unknown.values())} messages of unknown topics were ignored: {listed}")
    return notes
