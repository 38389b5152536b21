"""What there is to do: which recordings, their chunks, and what of it the ledger knows already. Decodes no frame, asks nobody."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from playtape.annotate.chunks import Chunk, chunks, moments, shown_size
from playtape.annotate.ledger import NAME, Ledger
from playtape.annotate.prompt import Prompt
from playtape.annotate.settings import Settings
from playtape.errors import BadInput
from playtape.recordings import find_recordings, open_recording
from playtape.recordings.atomic import check_rewritable, ground

MARK = "text.model"  # in the provenance of what annotate has written
LONGEST_GAME = 200  # characters


@dataclass(frozen=True)
class Job:
    """One recording to annotate. Holds no events: there may be thousands."""

    path: Path
    name: str  # within the data's folder
    target: Path | None  # None: rewritten where it is
    video: Path
    crop: tuple[int, int] | None
    size: tuple[int, int]  # (width, height) of its pictures
    game: str
    chunks: Sequence[Chunk]
    keys: Sequence[str]  # of the chunks, in the ledger


@dataclass(frozen=True)
class Plan:
    """All jobs; `skipped` are recordings that cannot be used, and why."""

    jobs: Sequence[Job]
    skipped: dict[str, str]
    ledger: Ledger
    prompt: Prompt
    settings: Settings


def plan(data: Path, settings: Settings, prompt: Prompt, *, progress: bool = False) -> Plan:
    """Raises BadInput where nothing can be annotated; for one recording, with its own sentence."""
    paths, out = find_recordings(data), settings.out
    folder = data if data.is_dir() else data.parent
    if out is not None:
        _check_out(out, folder)
    ledger = Ledger((out or folder) / NAME)
    jobs, skipped = [], {}
    for path in tqdm(paths, desc="look through", unit="recording", disable=not progress or len(paths) == 1):
        name = path.relative_to(folder).as_posix()
        target = None if out is None else out / name
        try:
            jobs.append(_job(path, name, target, prompt, settings))
            _check_target(target or path, rewrite=target is None)
        except BadInput as error:
            if len(paths) == 1:
                raise
            skipped[str(path)] = str(error)
    if not jobs:
        raise BadInput(
            f"none of the {len(paths)} recordings in {data} can be annotated; the first: {next(iter(skipped.values()))}"
        )
    return Plan(jobs, skipped, ledger, prompt, settings)


def _check_out(out: Path, folder: Path) -> None:
    if out.exists() and not out.is_dir():
        raise BadInput(f"--out {out} is a file; give a folder")
    if out.resolve().is_relative_to(folder.resolve()):
        raise BadInput(
            f"--out {out} lies in {folder}, where its recordings would be annotated again; give a folder elsewhere"
        )


def _check_target(target: Path, *, rewrite: bool) -> None:
    """Raises BadInput, before anything is paid for, where the result could not be written or would replace something else."""
    there, writable = ground(target.absolute().parent)
    if not writable:
        raise BadInput(
            f"cannot write {target}: {there} is no folder that can be written to; --out FOLDER writes elsewhere"
        )
    if rewrite:
        check_rewritable(target)
    if not rewrite and target.exists() and MARK not in open_recording(target).provenance:
        raise BadInput(
            f"{target} is a recording that annotate did not write; give another --out, so that it is not replaced"
        )


def _job(path: Path, name: str, target: Path | None, prompt: Prompt, settings: Settings) -> Job:
    recording = open_recording(path)
    video = recording.video
    game = " ".join((settings.game or recording.info.game).split())[:LONGEST_GAME]
    found = chunks(int(video.time_ns[0]), video.end_ns, settings)
    about = {
        "video_sha256": _digest(video.path),
        "crop": video.crop,
        "prompt_sha256": prompt.sha256,
        "game": game,
        "settings": settings.shaping(),
    }
    keys = [_key({**about, "start_ns": chunk.start_ns, "end_ns": chunk.end_ns}) for chunk in found]
    return Job(path, name, target, video.path, video.crop, video.crop or video.coded_size, game, found, keys)


def _digest(video: Path) -> str:
    with video.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _key(about: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def frames(job: Job, number: int, settings: Settings) -> int:
    """How many pictures of a chunk are sent, at most."""
    return len(moments(job.chunks[number], settings))


def picture_size(job: Job, settings: Settings) -> tuple[int, int]:
    """(width, height) of the pictures that are sent."""
    return shown_size(*job.size, settings)
