"""What is to be labelled: videos, folders, globs, manifests and URLs become one list of items, in an order that never changes.

Nothing is decoded here and no video is read or fetched; a URL is asked only for what lies below it, where it is a folder or
has a *.
"""

import glob
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from playtape.errors import BadInput, first_line
from playtape.label.ledger import SAME_FILE
from playtape.label.manifest import ENDINGS, Row, read
from playtape.recordings.video import VIDEOS

LONGEST = 200  # bytes of a part of a name: file systems end at 255, and a temporary name needs some


@dataclass(frozen=True)
class Item:
    """One video. `name` is that of its label below the output's folder, without its ending; no two items share one."""

    name: str
    source: str  # the path or URL
    path: Path | None = None  # the file; None if it has to be fetched
    row: int = 0  # of a manifest, from 1
    extra: dict[str, Any] = field(default_factory=dict)
    refused: str = ""  # why it is not touched

    @property
    def suffix(self) -> str:
        """What a fetched file's name ends in."""
        ending = PurePosixPath(urlsplit(self.source).path).suffix.lower()
        return ending if ending in VIDEOS else ".mp4"


def find(words: Sequence[str]) -> list[Item]:
    """All items that the words name. Raises BadInput where a word names none, or two would have one label."""
    if not words:
        raise BadInput(
            "nothing to label was given; legal are videos, folders, globs, manifests (.csv, .parquet) and URLs"
        )
    seen: dict[str, Item] = {}  # by place
    names: dict[str, Item] = {}
    for item in (_named_well(item) for word in words for item in _named(word)):
        if item.refused:
            names[_free(item, names)] = replace(item, name=_free(item, names))
            continue
        place = item.source if item.path is None else os.path.realpath(item.path)
        if place in seen:
            if item.row:  # of a folder and a file in it, one mention is enough
                twin = seen[place]
                why = f"row {item.row} {SAME_FILE} {f'row {twin.row}' if twin.row else twin.source}"
                names[_free(item, names)] = replace(item, name=_free(item, names), refused=why)
            continue
        if item.name in names and not names[item.name].refused:
            how = "give one another id" if item.row else "rename one"
            raise BadInput(
                f"{names[item.name].source} and {item.source} would both be labelled into {item.name}.mcap; {how}"
            )
        seen[place] = names[item.name] = item
    return list(names.values())


def _free(item: Item, names: dict[str, Item]) -> str:
    """A name for what is not labelled, so that it cannot stand in the way of what is."""
    wanted = f"{item.name} (row {item.row})" if item.row else item.name
    return wanted if wanted not in names else f"{wanted} {len(names)}"


def _named_well(item: Item) -> Item:
    """What no file could be called is not touched; one such must not stop the others."""
    why = "" if item.refused else _too_long(item.name)
    return replace(item, name=f"{item.name[:40]}...", refused=why) if why else item


def _too_long(name: str) -> str:
    """Why a name is too long for a file below the output's folder; "" if it is not."""
    if max(len(os.fsencode(part)) for part in name.split("/")) > LONGEST:
        return f"{name[:40] + '...'!r} is too long to name a label; legal are {LONGEST} bytes"
    return ""


def _named(word: str) -> Iterator[Item]:
    if "://" in word:
        yield from _remote(word)
        return
    path = Path(word)
    if path.is_dir():
        yield from _below(path)
    elif path.is_file():
        yield from _manifest(path.read_bytes(), str(path)) if path.suffix.lower() in ENDINGS else [_local(path)]
    elif glob.has_magic(word):
        root = Path(*itertools.takewhile(lambda part: not glob.has_magic(part), path.parts))
        found = sorted(Path(one) for one in glob.glob(word, recursive=True))  # noqa: PTH207 - a Path cannot glob from the root
        videos = [one for one in found if one.is_file() and one.suffix.lower() in VIDEOS]
        if not videos:
            raise BadInput(f"there is no video that matches {word}; legal endings are {', '.join(VIDEOS)}")
        yield from (_local(one, root) for one in videos)
    else:
        raise BadInput(f"there is no video or folder {word}")


def _below(folder: Path) -> Iterator[Item]:
    videos = sorted(
        path for path in folder.rglob("*") if path.suffix.lower() in VIDEOS and not path.name.startswith(".")
    )
    if not videos:
        raise BadInput(f"there is no video in {folder}; legal endings are {', '.join(VIDEOS)}")
    yield from (_local(video, folder) for video in videos)


def _local(path: Path, root: Path | None = None) -> Item:
    """The shape of the folder it was found in is kept."""
    inside = root is not None and path.is_relative_to(root)
    return Item(
        (path.relative_to(root) if inside and root else Path(path.name)).with_suffix("").as_posix(), str(path), path
    )


def _remote(url: str) -> Iterator[Item]:
    if _parts(url).scheme == "file":
        yield from _named(str(_file(url)))
        return
    place = PurePosixPath(_parts(url).path)
    if place.suffix.lower() in ENDINGS:
        yield from _manifest(_asked(url, lambda system, path: system.cat_file(path)), url)
        return

    def listed(system: Any, path: str) -> list[str] | None:
        if "*" in path:
            return sorted(system.glob(path))
        if place.suffix.lower() in VIDEOS or not system.isdir(path):
            return None
        return sorted(system.find(path))

    found = _asked(url, lambda system, path: (system, path, listed(system, path)))
    system, root, paths = found
    if paths is None:
        yield Item(_stem(url), url)
        return
    root = root.partition("*")[0].rpartition("/")[0] if "*" in root else root.rstrip("/")
    videos = [path for path in paths if PurePosixPath(path).suffix.lower() in VIDEOS]
    if not videos:
        raise BadInput(f"there is no video in {url}; legal endings are {', '.join(VIDEOS)}")
    for video in videos:
        name = str(PurePosixPath(video.removeprefix(root).lstrip("/")).with_suffix(""))
        yield Item(name, system.unstrip_protocol(video))


def _asked(url: str, question: Any) -> Any:
    """What a file system says of a URL. Whatever goes wrong there is about the URL that the user named."""
    import fsspec  # late: file systems of other schemes may come with it

    try:
        return question(*fsspec.core.url_to_fs(url))
    except Exception as error:  # each file system has errors of its own
        raise BadInput(f"{url} cannot be read: {said(error)}") from error


def said(error: BaseException) -> str:
    """The kind of what went wrong, and the first line of it, if it says anything; of a package that is not there, what to do."""
    if isinstance(error, ImportError):
        return f"what opens it is not installed ({first_line(error)}); pip install what is named"
    kind, line = type(error).__name__, first_line(error)
    return kind if line == kind else f"{kind}: {line}"


def _parts(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise BadInput(f"{url} is no URL: {first_line(error)}") from error


def _file(url: str) -> Path:
    parts = _parts(url)
    if parts.netloc not in ("", "localhost"):
        raise BadInput(f"{url} is of another machine; legal is file:///absolute/path")
    path = unquote(parts.path)
    if "\0" in path:
        raise BadInput(f"{url} holds a character that no name has")
    return Path(path)


def _stem(url: str) -> str:
    parts = _parts(url)
    return PurePosixPath(unquote(parts.path).strip("/") or parts.netloc).stem or "video"


def _manifest(data: bytes, name: str) -> Iterator[Item]:
    for row in read(data, name):
        item = _of_row(row, name)
        yield replace(item, row=row.number, extra=dict(row.extra))


def _of_row(row: Row, manifest: str) -> Item:
    given = row.path or row.url
    if row.wrong:
        return Item(row.id or "unnamed", given, refused=row.wrong)
    try:
        item = _place(row, manifest)
    except BadInput as error:
        return Item(f"row {row.number}", given, refused=str(error))
    if row.id:
        item = replace(item, name=row.id)
    wrong = _unfit(item.name)
    return replace(item, name=f"row {row.number}", refused=wrong) if wrong else item


def _place(row: Row, manifest: str) -> Item:
    """Where a row's video lies. Raises BadInput for a path that leads out of the manifest's folder, or names no file."""
    if row.url:
        return _local(_file(row.url)) if _parts(row.url).scheme == "file" else Item(_stem(row.url), row.url)
    if "\0" in row.path:
        raise BadInput(f"the path {row.path!r} holds a character that no name has")
    if Path(row.path).is_absolute():
        path = Path(os.path.normpath(row.path))
        _check_named(path, row)
        return _local(path, Path(manifest).absolute().parent)
    inside = Path(os.path.normpath(row.path.replace("\\", "/")))  # so that a link's own .. leads nowhere else
    if inside.parts[:1] == ("..",):
        raise BadInput(
            f"the path {row.path!r} leaves the folder of {manifest}; legal are paths below it, and absolute ones"
        )
    _check_named(inside, row)
    if "://" in manifest:
        name = inside.with_suffix("").as_posix()
        return Item(name, f"{manifest.rpartition('/')[0]}/{inside.as_posix()}")
    folder = Path(manifest).parent
    return _local(folder / inside, folder)


def _check_named(path: Path, row: Row) -> None:
    if not path.name:
        raise BadInput(f"the path {row.path!r} is a folder; legal is that of a video")


def _unfit(name: str) -> str:
    """Why a name cannot be that of a file below the output's folder; "" if it can."""
    parts = name.split("/")
    if any(part in ("", ".", "..") or part.startswith(".") for part in parts) or {*name} & {"\\", "\0", "\n"}:
        return f"{name!r} cannot name a label; legal are names such as clip-1 or player/clip-1"
    return _too_long(name)
