"""What a folder of pictures says of itself, meta.json <-> rate, times, info and spans. All of it may be left out."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from playtape.errors import BadInput, printable, within
from playtape.recordings.nouns import Info, Span
from playtape.recordings.video import Video

NAME = "meta.json"
FPS = 30.0
NOT_TOLD = "not told"
TEXTS = ("game", "source", "licence", "split", "player", "text")
KNOWN = ("fps", "time_ns", "screen", "mouse_scale", "extra", "spans", *TEXTS)
OF_ONE = ("time_ns", "spans")  # a clip's own, and not of all beside it
MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class About:
    """Of one clip."""

    fps: float | None
    time_ns: list[int] | None
    told: Mapping[str, Any]
    warnings: list[str] = field(default_factory=list)

    def info(self, folder: Path, video: Video) -> Info:
        texts = {name: self.told.get(name, "") for name in ("split", "player")}
        hz = {"hz": f"{self.fps:g}"} if self.fps else {}
        return Info(
            game=self.told.get("game", NOT_TOLD),
            source=self.told.get("source", folder.name),
            licence=self.told.get("licence", NOT_TOLD),
            screen=tuple(self.told["screen"]) if "screen" in self.told else video.crop or video.coded_size,
            mouse_scale=self.told.get("mouse_scale"),
            extra=hz | dict(self.told.get("extra", {})),
            **texts,
        )

    def spans(self, video: Video) -> list[Span]:
        """Those that are told, and the instruction, which is of all of it."""
        told = [
            Span(*(row[name] for name in ("start_ns", "end_ns", "kind", "value"))) for row in self.told.get("spans", [])
        ]
        return told + ([Span(0, video.end_ns, "text", self.told["text"])] if self.told.get("text") else [])


def about(folder: Path, frames: int) -> About:
    """From the meta.json in a clip's `folder`, an absolute path, over that of the folder that it lies in.

    Raises BadInput for what is of another kind.
    """
    shared = {name: value for name, value in _fields(folder.parent / NAME).items() if name not in OF_ONE}
    told = shared | _fields(folder / NAME)
    warnings = []
    unknown = sorted(set(told) - set(KNOWN))
    if unknown:
        warnings.append(f"{NAME} tells {', '.join(unknown[:5])[:200]}, which means nothing here")
    times = told.get("time_ns")
    if times is not None and len(times) != frames:
        raise BadInput(
            f"time_ns in {folder / NAME} has {len(times)} times for {frames} pictures; legal is one for each"
        )
    fps = None if times is not None else told.get("fps")
    if fps is None and times is None:
        fps = FPS
        warnings.append(f"no {NAME} tells how many frames a second there are; {FPS:g} was taken")
    return About(fps, times, told, warnings)


def _fields(path: Path) -> dict[str, Any]:
    """What a meta.json tells; nothing where there is none."""
    if not path.is_file():
        return {}
    if path.stat().st_size > MOST_BYTES:
        raise BadInput(f"{path} has {path.stat().st_size >> 20} MiB; legal are at most {MOST_BYTES >> 20}")
    try:
        told = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise BadInput(f"{path} is not JSON: {error}") from None
    if not isinstance(told, dict):
        raise BadInput(f'{path} must be an object, such as {{"fps": 30, "game": "doom"}}')
    told = {name: value for name, value in told.items() if value is not None}
    for name, value in told.items():
        _check(path, name, value)
    return told


def _check(path: Path, name: str, value: Any) -> None:
    if name in ("fps", "mouse_scale"):
        within(f"{name} in {path}", value, 0.001, 1000)
        return
    match name, value:
        case ("screen", [int(width), int(height)]):
            good = all(type(side) is int and 0 < side < 2**31 for side in (width, height))
        case ("time_ns", list()):
            good = all(type(time) is int and 0 <= time < 2**62 for time in value) and value[:1] == [0]
        case ("extra", dict()):
            good = all(isinstance(each, str) for each in value.values())
        case ("spans", list()):
            good = all(isinstance(row, dict) and _is_span(row) for row in value)
        case _:
            good = isinstance(value, str) if name in TEXTS else name not in KNOWN
    if not good:
        legal = {
            "screen": "[640, 480]",
            "time_ns": "[0, 33333334, ...], rising from 0",
            "extra": '{"name": "text"}',
            "spans": '[{"start_ns": 0, "end_ns": 1000000000, "kind": "text", "value": "go left"}]',
        }.get(name, "a text")
        raise BadInput(f"{name} in {path} is {str(value)[:60]!r}; legal is {legal}")


def _is_span(row: dict[str, Any]) -> bool:
    match row:
        case {"start_ns": int(start), "end_ns": int(end), "kind": str(), "value": str()}:
            return len(row) == 4 and 0 <= start <= end < 2**62
    return False


def told_of(info: Info, spans: Sequence[Span], video: Video) -> bytes:
    """A meta.json from which the same is read."""
    steady, first = steady_fps(video), int(video.time_ns[0])
    told = {
        name: getattr(info, name) for name in ("game", "source", "licence", "split", "player", "screen", "mouse_scale")
    }
    told |= {"fps": steady, "time_ns": None if steady else (video.time_ns - first).tolist(), "extra": dict(info.extra)}
    told["spans"] = [asdict(span) for span in spans]
    kept = {name: value for name, value in told.items() if value not in (None, "", [], {})}
    return orjson.dumps(printable(kept), option=orjson.OPT_INDENT_2)


def steady_fps(video: Video) -> float | None:
    """Its frames a second, if they come at exactly that."""
    rate = Fraction(video.fps).limit_denominator(100_000)
    grid = [-(-k * rate.denominator * 10**9 // rate.numerator) for k in range(len(video))] if rate else []
    return float(rate) if np.array_equal(video.time_ns - video.time_ns[0], grid) else None
