"""What is to be judged: recordings, who played in each, and a name for each that does not tell.

Who played is the sub-folder that a recording lies in (EPISODES/a/x.mcap was played by "a"), or what the recording itself says
where it lies in no sub-folder.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from playtape.errors import BadInput
from playtape.recordings import Recording, find_recordings, open_recording

UNKNOWN = "unknown"  # a player of whom neither the folder nor the recording tells


@dataclass(frozen=True)
class Episode:
    """One recording. `id` is of its content, so that it stays the same if folders are renamed, and says nothing."""

    id: str
    path: Path
    player: str
    game: str  # as the command line names it: game, or game:scenario
    map: str
    seconds: float
    frame_s: float  # how long one picture is shown
    video: Path


def find_episodes(folder: Path, *, progress: bool = True) -> tuple[list[Episode], list[str]]:
    """(the episodes below `folder`, notes on what was left out). Raises BadInput if nothing is left, or something is twice."""
    folder = Path(folder)
    found: dict[str, Episode] = {}
    notes: list[str] = []
    for path in tqdm(find_recordings(folder), desc="open", unit="recording", disable=not progress):
        try:
            recording = open_recording(path)
        except BadInput as error:
            notes.append(f"left out: {error}")
            continue
        if not recording.video.in_browsers:
            kind = f"{recording.video.codec} in {recording.video.path.suffix}"
            notes.append(f"left out: {path}, whose video browsers do not play ({kind}); legal is h264 in .mp4")
            continue
        episode = _episode(path, recording, _folder_of(path, folder))
        twin = found.setdefault(episode.id, episode)
        if twin is not episode:
            raise BadInput(f"{twin.path} and {path} are the same recording; leave one of them out")
    if not found:
        raise BadInput(f"no recording in {folder} can be shown: {notes[0].removeprefix('left out: ')}")
    return list(found.values()), notes


def players(episodes: Iterable[Episode]) -> list[str]:
    """Everybody who played, sorted."""
    return sorted({episode.player for episode in episodes})


def _folder_of(path: Path, folder: Path) -> str:
    inner = path.relative_to(folder).parts if folder.is_dir() else ()
    return inner[0] if len(inner) > 1 else ""


def _episode(path: Path, recording: Recording, player: str) -> Episode:
    info, video = recording.info, recording.video
    scenario = info.extra.get("scenario", "")
    return Episode(
        id=hashlib.sha256(path.read_bytes()).hexdigest()[:20],
        path=path,
        player=player or info.player or UNKNOWN,
        game=f"{info.game}:{scenario}" if scenario else info.game or "game",
        map=info.extra.get("map", ""),
        seconds=(video.end_ns - int(video.time_ns[0])) / 1e9,
        frame_s=float(np.median(np.diff(video.time_ns))) / 1e9 if len(video) > 1 else 0.05,
        video=video.path,
    )
