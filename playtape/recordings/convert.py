"""Recordings of other formats -> OWAMcap, and back. The folder `formats` is the registry: a format is a module of that name.

One recording that cannot be read or written is told of and does not lose the others; a full disk ends it all.
"""

import importlib
import inspect
import pkgutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from tqdm import tqdm

from playtape.errors import BadInput
from playtape.recordings import formats
from playtape.recordings.atomic import FULL, check_folder, check_new, check_one_way
from playtape.recordings.nouns import Recording
from playtape.recordings.video import VIDEOS
from playtape.recordings.writing import save_recording

OWN = "owamcap"
ASSUMED = "its files do not tell how many pictures a second it has; {:g} are assumed (--option fps=N says otherwise)"
Resize = Callable[[np.ndarray, tuple[int, int]], np.ndarray]
"""uint8 [n, H, W, 3] and (height, width) -> uint8 [n, height, width, 3]: this room has none of its own."""


def convert(
    root: str | Path,
    out: str | Path,
    format: str = OWN,  # noqa: A002  # the flag's own name
    *,
    to: str = OWN,
    resize: Resize | None = None,
    replace: bool = False,
    missing: bool = False,
    fps: float | None = None,
    options: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Write all that `format` finds under `root` to the same places under `out`, as the format `to`.

    A format is the name of a module in recordings/formats, or the dotted path of one elsewhere; an OWAMcap has its video
    beside it. Each file is atomic; what was written before Ctrl-C stays and is whole. What is there already is written anew
    with `replace`, and left as it is with `missing`, which does the rest. `options` are what a format's `read`, and perhaps its
    `find`, takes beside a path, by name. Gives {"outputs": [paths], "kept": [paths], "failed":
    {path: why}, "seconds": wall time, "warnings": {path: [...]}, "clocks": {path: how a foreign wall clock was laid over the
    video}, "clipped": {path: how many numbers of actions were cut off at the end of their range}}.

    A format that keeps many recordings in one folder has `gather(out, fps=, resize=)`, which gives an object with `held` ({place:
    path} of what is whole there), `add(recording, place)`, which gives the path and what is lost, and `finish()`, without which
    the folder is not yet of that format. `fps` is the rate of all in such a folder; without it, it is the first one's.

    Raises BadInput for an unknown format, where nothing at all could be converted, on a full disk, and, with neither word about
    it, where something would be replaced.
    """
    check_one_way(replace, missing)
    root, out = Path(root), Path(out)
    module, writer = find_format(format), find_format(to, "write")
    finding, reading = _options(module, format, options or {})
    if not root.exists():
        raise BadInput(f"there is no file or folder {root} to convert")
    check_folder(out, "convert")
    many = hasattr(writer, "gather")
    if fps is not None and not many:
        raise BadInput(
            f"--fps is {fps:g}, but a recording of {to} keeps its own rate; leave it out"
            + (
                ""
                if "fps" not in _keywords(module.read)
                else f", or say of {format} what its files do not: --option fps={fps:g}"
            )
        )
    start = time.monotonic()
    sources = module.find(root, **finding)
    if not sources:
        raise BadInput(f"there is nothing of format {format!r} in {root}")
    targets = [_target(source, root, out, ".mcap" if to == OWN else "") for source in sources]
    _check_apart(root, sources, targets)
    if many:
        _check_outside(root, sources, out)
    if not (replace or missing):
        check_new(_seen(out) if many else [*targets, *_strange_videos(sources, targets)])
    whole = writer.gather(out, fps=fps, resize=resize) if many else _Separate(writer, out, targets, resize, missing)
    done, left = _Done(), []
    for source, place in zip(sources, (target.relative_to(out).as_posix() for target in targets)):
        if missing and place in whole.held:
            done.kept.append(str(whole.held[place]))
        else:
            left.append((source, place))
    try:
        for source, place in tqdm(left, desc=f"convert {format} to {to}", unit="file", disable=not progress):
            try:
                recording = module.read(source, **reading)
                done.add(recording, *whole.add(recording, place))
            except (BadInput, OSError) as error:
                if len(sources) == 1 or _is_full(error):
                    raise
                done.failed[str(source)] = said = str(error)
                print(f"not converted: {said if str(source) in said else f'{source}: {said}'}", file=sys.stderr)
    finally:
        whole.finish()  # after Ctrl-C too: what was added until then is whole
    if not done.outputs and not done.kept:
        first = next(iter(done.failed.values()))
        raise BadInput(f"none of the {len(sources)} recordings in {root} could be converted; the first: {first}")
    return {**vars(done), "seconds": time.monotonic() - start}


class _Separate:
    """A place of its own for each recording, as most formats have it; what `gather` gives of the others."""

    def __init__(self, writer: ModuleType, out: Path, targets: list[Path], resize: Resize | None, missing: bool):
        self.writer, self.out, self.resize = writer, out, resize
        whole = [target for target in targets if missing and _is_whole(target, writer)]
        self.held = {target.relative_to(out).as_posix(): target for target in whole}

    def add(self, recording: Recording, place: str) -> tuple[Path, list[str]]:
        if self.writer.__name__ == f"{formats.__name__}.{OWN}":
            return save_recording(recording, self.out / place, video="copy"), []
        return self.writer.write(recording, self.out / place, self.resize), _unsaid(self.writer, recording)

    def finish(self) -> None:
        """Each was finished when it was added."""


@dataclass
class _Done:
    """What has become of the recordings so far, by their paths."""

    outputs: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, list[str]] = field(default_factory=dict)
    clocks: dict[str, dict[str, Any]] = field(default_factory=dict)
    clipped: dict[str, int] = field(default_factory=dict)

    def add(self, recording: Recording, target: Path, unsaid: list[str]) -> None:
        self.outputs.append(str(target))
        clock = recording.clock
        if clock.mode != "exact":
            offset = {"offset_ns": clock.anchor_ns, "drift_ppm": clock.drift_ppm, "residual_ns": clock.residual_ns}
            self.clocks[str(target)] = {"mode": clock.mode, **offset}
        if recording.clipped:
            self.clipped[str(target)] = recording.clipped
        guessed = [ASSUMED.format(recording.video.fps)] if recording.info.extra.get("rate") == "assumed" else []
        if notes := [*recording.warnings, *guessed, *unsaid]:
            self.warnings[str(target)] = notes


def format_names() -> list[str]:
    """The formats that come with Playtape: modules of recordings/formats."""
    return sorted(module.name for module in pkgutil.iter_modules(formats.__path__) if not module.name.startswith("_"))


def find_format(name: str, *more: str) -> ModuleType:
    """Import a format by name or dotted path, which has find, read and what else is named. Raises BadInput that lists the
    legal ones."""
    needed = ("find", "read", *more)
    legal = f"legal are {', '.join(format_names())}, or the dotted path of a module with {' and '.join(needed)}"
    if name in format_names():
        module = importlib.import_module(f"{formats.__name__}.{name}")
    elif "." in name and all(part.isidentifier() for part in name.split(".")):
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise BadInput(f"there is no format module {name!r} ({error}); {legal}") from error
        except (Exception, SystemExit) as error:  # a module may do anything when it is imported
            said = f"{type(error).__name__}: {error}".splitlines()[0]
            raise BadInput(f"the format module {name!r} cannot be imported ({said}); {legal}") from error
    else:
        raise BadInput(f"unknown format {name!r}; {legal}")
    missing = [each for each in needed if not callable(getattr(module, each, None))]
    if missing == ["write"]:
        raise BadInput(f"the format {name!r} can only be read: it has no write")
    if missing:
        raise BadInput(f"the module {name!r} is not a format: it has no {' and no '.join(missing)}; {legal}")
    return module


def _options(module: ModuleType, name: str, told: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What of the options `find` takes, and what `read` does. Raises BadInput for one that `read` does not know."""
    finding, reading = (_keywords(each) for each in (module.find, module.read))
    for key in told:
        if key not in reading:
            legal = f"legal are {', '.join(sorted(reading))}" if reading else "it takes none"
            raise BadInput(f"the format {name!r} has no option {key!r}; {legal}")
    return {key: value for key, value in told.items() if key in finding}, dict(told)


def _keywords(function: Callable[..., Any]) -> set[str]:
    parameters = inspect.signature(function).parameters.values()
    return {each.name for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY}


def _unsaid(module: ModuleType, recording: Recording) -> list[str]:
    """What is lost in a format, if it tells."""
    return module.unsaid(recording) if hasattr(module, "unsaid") else []


def _target(source: Path, root: Path, out: Path, suffix: str) -> Path:
    """Where a recording goes: the same place below `out` as its source below `root`."""
    below = root.is_dir() and source != root and source.is_relative_to(root)
    inside = source.relative_to(root) if below else Path(source.resolve().name)
    if not suffix:  # a folder is no archive, though what is in it was read from one
        inside = Path(*(part.removesuffix(".tar.gz") for part in inside.parts))
    return out / inside.with_name(f"{source.resolve().name if source.is_dir() else source.stem}{suffix}")


def _check_apart(root: Path, sources: list[Path], targets: list[Path]) -> None:
    """Raises BadInput if two recordings would be written to one place, or one onto a source."""
    seen: set[Path] = set()
    for target in targets:
        if target in seen:
            raise BadInput(
                f"two recordings in {root} would be written to {target}; convert them into folders of their own"
            )
        seen.add(target)
    for target in targets:
        if file := next((parent for parent in target.parents if parent.is_file()), None):
            raise BadInput(f"cannot write {target}, since {file} is a file; give another --out")
    own = {(status.st_dev, status.st_ino) for status in (source.stat() for source in sources if source.exists())}
    for target in targets:
        if target.exists() and ((status := target.stat()).st_dev, status.st_ino) in own:
            raise BadInput(f"cannot convert {target} onto itself; give another --out")


def _check_outside(root: Path, sources: list[Path], out: Path) -> None:
    """Raises BadInput where recordings would be gathered in a folder that they are in themselves."""
    if any(out.resolve() in (source.resolve(), *source.resolve().parents) for source in sources):
        raise BadInput(f"cannot convert {root} into {out}, where it is itself; give another --out")


def _seen(folder: Path) -> list[Path]:
    """What lies in a folder and is not hidden."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".")) if folder.is_dir() else []


def _strange_videos(sources: list[Path], targets: list[Path]) -> list[Path]:
    """Videos where a recording's copy may go, but for those that are the source themselves."""
    beside = [target.with_suffix(suffix) for target in targets if target.suffix == ".mcap" for suffix in VIDEOS]
    own = {source.resolve() for source in sources}
    return [path for path in beside if path.exists() and path.resolve() not in own]


def _is_whole(target: Path, writer: ModuleType) -> bool:
    """Was it written to its end? A format that makes folders finds only those that are whole."""
    return target.is_file() or (target.is_dir() and bool(writer.find(target)))


def _is_full(error: Exception) -> bool:
    """Is there no space, so that what follows would fail as well?"""
    return any(isinstance(e, OSError) and e.errno in FULL for e in (error, error.__cause__))
