"""Recordings of other formats -> OWAMcap. The folder `formats` is the registry: a format is a module of that name."""

import importlib
import pkgutil
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from tqdm import tqdm

from playtape.errors import BadInput
from playtape.recordings import formats
from playtape.recordings.writing import save_recording


def convert(
    root: str | Path,
    out: str | Path,
    format: str,  # noqa: A002  # the flag's own name
    *,
    progress: bool = True,
) -> dict[str, Any]:
    """Read all that `format` finds under `root` and write `out`/<same place>.mcap, each with its video beside it.

    `format` is the name of a module in recordings/formats, or the dotted path of one elsewhere. Each output is atomic;
    those written before an error or Ctrl-C stay and are whole. Gives {"outputs": [paths], "seconds": wall time,
    "warnings": {path: [...]}, "clocks": {path: how a foreign wall clock was laid over the video}}. Raises BadInput for
    an unknown format and for what the format cannot read.
    """
    root, out = Path(root), Path(out)
    module = find_format(format)
    if not root.exists():
        raise BadInput(f"there is no file or folder {root} to convert")
    if out.exists() and not out.is_dir():
        raise BadInput(f"cannot convert into {out}: it is a file; give a folder")
    start = time.monotonic()
    sources = module.find(root)
    if not sources:
        raise BadInput(f"there is nothing of format {format!r} in {root}")
    targets = [_target(source, root, out) for source in sources]
    twice = next((target for target in targets if targets.count(target) > 1), None)
    if twice is not None:
        raise BadInput(f"two recordings in {root} would be written to {twice}; convert them into folders of their own")
    own = {(status.st_dev, status.st_ino) for status in map(Path.stat, sources)}
    for target in targets:
        if target.exists() and ((status := target.stat()).st_dev, status.st_ino) in own:
            raise BadInput(f"cannot convert {target} onto itself; give another --out")
    outputs, warnings, clocks = [], {}, {}
    pairs = list(zip(sources, targets, strict=True))
    for source, target in tqdm(pairs, desc=f"convert {format}", unit="file", disable=not progress):
        recording = module.read(source)
        outputs.append(str(save_recording(recording, target, video="copy")))
        clock = recording.clock
        if clock.mode != "exact":
            offset = {"offset_ns": clock.anchor_ns, "drift_ppm": clock.drift_ppm, "residual_ns": clock.residual_ns}
            clocks[str(target)] = {"mode": clock.mode, **offset}
        if recording.warnings:
            warnings[str(target)] = list(recording.warnings)
    return {"outputs": outputs, "seconds": time.monotonic() - start, "warnings": warnings, "clocks": clocks}


def format_names() -> list[str]:
    """The formats that come with Playtape: modules of recordings/formats."""
    return sorted(module.name for module in pkgutil.iter_modules(formats.__path__) if not module.name.startswith("_"))


def find_format(name: str) -> ModuleType:
    """Import a format by name or dotted path. Raises BadInput that lists the legal ones."""
    legal = f"legal are {', '.join(format_names())}, or the dotted path of a module with find and read"
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
    missing = [needed for needed in ("find", "read") if not callable(getattr(module, needed, None))]
    if missing:
        raise BadInput(f"the module {name!r} is not a format: it has no {' and no '.join(missing)}; {legal}")
    return module


def _target(source: Path, root: Path, out: Path) -> Path:
    """Where a recording goes: the same place below `out` as its source below `root`."""
    inside = source.relative_to(root) if root.is_dir() and source.is_relative_to(root) else Path(source.name)
    return out / inside.with_name(f"{source.stem}.mcap")
