"""What is checked: recordings, or bare videos where pictures alone are looked at; and which of them a name is of."""

from collections.abc import Sequence
from pathlib import Path, PurePath

from playtape.actions import Events
from playtape.errors import BadInput
from playtape.recordings import Recording, Video, find_recordings, open_recording
from playtape.recordings.video import VIDEOS


def found(data: Path, videos: bool) -> list[Path]:
    """Recordings; where there are none and `videos` will do, those. Raises BadInput where there is neither."""
    try:
        return find_recordings(data)
    except BadInput:
        listed = [data] if data.is_file() else sorted(data.rglob("*")) if data.is_dir() else []
        there = [path for path in listed if path.suffix.lower() in VIDEOS and not path.name.startswith(".")]
        if there and not videos:
            raise BadInput(f"{data} is video without inputs; add --scenes to look at its pictures") from None
        if not there:
            raise
        return there


def opened(path: Path) -> Recording:
    """A recording, or a bare video as one that holds no input."""
    return open_recording(path) if path.suffix == ".mcap" else Recording(Video(path), Events.empty())


def called(name: str, paths: Sequence[Path], data: Path) -> list[Path]:
    """Those of `paths`, found in `data`, that a table may call so: by their path there, or from where the program runs, else by
    their bare name; each with its ending, else without. More than one, where the name does not tell which."""
    said, here = PurePath(name), Path(name).absolute()
    places = (
        (said, [below(path, data) for path in paths]),
        (here, [path.absolute() for path in paths]),
        (said, [PurePath(path.name) for path in paths]),
    )
    for wanted, listed in places:
        as_told = [place == wanted for place in listed]
        shorter = [bare(place) == wanted for place in listed]
        of_other = [bare(place) == bare(wanted) for place in listed]  # such as a recording by its video's name
        for right in (as_told, shorter, of_other):
            if any(right):
                return [path for path, it in zip(paths, right, strict=True) if it]
    return []


def below(path: Path, data: Path) -> PurePath:
    """Where a recording lies in `data`, which may be it."""
    return PurePath(path.name) if path == data else path.relative_to(data)


def bare(place: PurePath) -> PurePath:
    """A path without a recording's or a video's ending."""
    return place.with_suffix("") if place.suffix.lower() in (".mcap", *VIDEOS) else place
