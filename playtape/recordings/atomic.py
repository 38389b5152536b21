"""Files and folders that appear whole or not at all: written under a temporary name, flushed to the disk, then renamed.

A full disk, an error or Ctrl-C in the middle leaves neither a half file nor the temporary one; an older file of the
same name stays untouched until the new one is complete, which takes over who may read and write it.
"""

import errno
import os
import shutil
import stat
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from playtape.errors import BadInput

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # disk full, quota reached, file-size limit
SYNCED = 16  # files flushed at once
PICTURES = (".png", ".svg", ".pdf")


def check_picture(path: Path | None) -> None:
    """Raises BadInput for a picture that could not be written, before the hour in which what it shows is computed."""
    if path is None:
        return
    if path.suffix not in PICTURES:
        raise BadInput(f"cannot draw {path.name!r}: a picture must end in {', '.join(PICTURES)}")
    if path.is_dir():
        raise BadInput(f"cannot draw {path}: it is a folder; give the name of a file")


def ground(folder: Path) -> tuple[Path, bool]:
    """The nearest place that is there of `folder` and what it would lie in, and whether that is a folder to be written to."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return there, there.is_dir() and os.access(there, os.W_OK)


def check_folder(path: Path, what: str) -> None:
    """Raises BadInput, that one "cannot `what` into" it, where `path` or what it would lie in is a file or not to be written
    to."""
    there, writable = ground(path)
    if writable:
        return
    named = "it" if there == path else there
    if there.is_dir():
        raise BadInput(f"cannot {what} into {path}: {named} cannot be written to; give a folder that can")
    raise BadInput(f"cannot {what} into {path}: {named} is a file; give a folder")


def make_folder(path: Path, what: str) -> None:
    """Make a folder that something will be written into, an hour from now. Raises BadInput as `check_folder` does, and for what
    that cannot foresee."""
    check_folder(path, what)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"cannot {what} into {path}: {error.strerror}; give a folder that can be written to") from error


def check_new(paths: Iterable[Path]) -> None:
    """Raises BadInput that names the first of `paths` that is there already: nothing is replaced unless somebody says so."""
    first = next((path for path in paths if path.exists()), None)
    if first is not None:
        raise BadInput(
            f"{first.parent} already holds {first.name}; --missing keeps what is there and goes on with the rest, "
            "--replace writes all anew, or give another --out"
        )


def check_one_way(replace: bool, missing: bool) -> None:
    """Raises BadInput where what is there is to be both replaced and kept."""
    if replace and missing:
        raise BadInput("--replace writes anew what is there, and --missing keeps it; give one of them")


def check_rewritable(path: Path) -> None:
    """Raises BadInput for a file that is read-only, or whose folder is: a new one renamed onto it would not ask."""
    own = path.resolve()
    for place, what in ((own, "it"), (own.parent, f"its folder {own.parent}")):
        if not place.stat().st_mode & 0o222 or not os.access(place, os.W_OK):  # root may write all, but was told not to
            raise BadInput(f"cannot rewrite {path}: {what} is read-only; chmod u+w makes it writable")


@contextmanager
def atomic(path: Path) -> Generator[Path]:
    """Give a temporary path beside `path`; on a clean exit it becomes `path`, otherwise it is removed.

    The temporary name keeps the suffix, because muxers choose the container by it. Raises BadInput when the folder
    cannot be made or the disk is full.
    """
    path = Path(path)
    if not path.name:
        raise BadInput(f"cannot write {str(path)!r}: it is a folder; give the name of a file")
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if path.is_file():
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    except OSError as error:
        raise writing_failed(path, temporary, error) from error
    finally:
        with suppress(OSError):  # there may not even be a folder
            temporary.unlink(missing_ok=True)


def sweep(path: Path) -> None:
    """Take away what processes that were killed in the middle of writing `path` left under temporary names."""
    for left in path.parent.glob(f".{escape(path.stem)}.*.part{escape(path.suffix)}"):
        left.unlink(missing_ok=True)


@contextmanager
def atomic_folder(folder: Path) -> Generator[Path]:
    """Give a new folder beside `folder`; on a clean exit it takes its place, otherwise it is removed and what was there stays.

    What lies in it then is flushed to the disk first, all at once. Raises BadInput where `folder` is a file, cannot be made, or
    the disk is full.
    """
    part, old = (folder.with_name(f".{folder.name}.{os.getpid()}.{what}") for what in ("part", "old"))
    try:
        part.mkdir(parents=True)
        yield part
        sync_below(part)
        if folder.is_dir():
            folder.replace(old)
        part.replace(folder)
        sync(folder.parent)
    except OSError as error:
        raise writing_failed(folder, part, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
        if old.exists() and not folder.exists():
            old.replace(folder)
        shutil.rmtree(old, ignore_errors=True)


def sync(path: Path) -> None:
    """Flush a file or a folder's names to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_below(folder: Path) -> None:
    """Flush all that lies in a folder, several at a time: a disk that is told of one file after the other takes 5 ms for each,
    and a tenth of that where it is told of many at once."""
    places = [Path(at) for at, _, _ in os.walk(folder)]
    files = [path for at in places for path in at.iterdir() if path.is_file()]
    with ThreadPoolExecutor(SYNCED) as pool:
        for _ in pool.map(sync, [*files, *reversed(places)]):
            pass


def writing_failed(path: Path, temporary: Path, error: OSError) -> Exception:
    """The error to raise when writing `path` failed: one sentence for what a user can mend, else `error` itself.

    An error that names another file, as that of a source, is not about `path`.
    """
    if isinstance(error, BadInput):
        return error
    if error.errno in FULL:
        return BadInput(f"cannot write {path}: no space left on the disk; nothing was written, free some and try again")
    if error.errno == errno.ENAMETOOLONG:
        return BadInput(f"cannot write {path}: its name is too long; some 230 letters are legal")
    own = {path, temporary, *path.parents}
    if not own & {Path(name) for name in (error.filename, error.filename2) if name}:
        known = error.filename is None and isinstance(error, PermissionError | NotADirectoryError | FileExistsError)
        if not known:
            return error
    if isinstance(error, IsADirectoryError):
        return BadInput(f"cannot write {path}: it is a folder; give the name of a file")
    return BadInput(f"cannot write {path}: {error.strerror}; give a folder that you may write to")
