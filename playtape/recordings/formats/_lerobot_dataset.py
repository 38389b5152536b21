"""What a LeRobot data set says of itself: meta/info.json, its episodes, its tasks, and where the files of each lie.

Nothing of it is believed before it was looked at: numbers have bounds, and paths stay inside the data set.
"""

import json
import math
import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, TypeGuard

from playtape.errors import BadInput, first_line, need

INFO = Path("meta", "info.json")
EPISODES = "meta/episodes"
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
CHUNK = 1000  # files a folder
PICTURES = ("video", "image")  # dtypes of cameras
REWARD, DONE = "next.reward", "next.done"
MOST_BYTES = 64 << 20  # of a JSON file
MOST_ROWS = 10_000_000  # of a table that is read whole
MOST_FPS = 1000
PLACE = re.compile(r"\{(\w+)(?::0?(\d)d)?\}")  # in a path: {chunk_index:03d}


@dataclass(frozen=True)
class Dataset:
    """meta/info.json, checked. `version` is 2 (v2.0, v2.1: a file an episode) or 3 (v3.0: episodes share files)."""

    root: Path
    version: int
    fps: float
    features: Mapping[str, Mapping[str, Any]]
    data_path: str
    video_path: str
    chunk: int
    robot: str
    splits: Mapping[str, str]

    @property
    def name(self) -> str:
        """What its folder is called, be it a link's name; `..` is looked up."""
        called = self.root.absolute().name
        return self.root.resolve().name if called == ".." else called

    @property
    def cameras(self) -> list[str]:
        return [key for key, feature in self.features.items() if feature["dtype"] in PICTURES]

    def shape(self, key: str) -> tuple[int, ...]:
        return tuple(self.features[key]["shape"])

    def names(self, key: str) -> list[str] | None:
        """What a feature calls its numbers: a list, a list within a dictionary, or names with places; None if it does not say."""
        told = self.features[key].get("names")
        if isinstance(told, dict):
            lists = [names for names in told.values() if isinstance(names, list)]
            told = (
                list(chain.from_iterable(lists)) if lists else sorted(told, key=lambda name: str(told[name]).zfill(9))
            )
        fits = isinstance(told, list) and (len(told),) == self.shape(key) and all(isinstance(n, str) for n in told)
        return told if fits else None

    def split(self, episode: int) -> str:
        """The split whose range, "0:50", an episode is in. A data set of one split has not been divided."""
        for name, told in self.splits.items() if len(self.splits) > 1 else ():
            found = re.fullmatch(r"(\d{1,18}):(\d{1,18})", told)
            if found and int(found[1]) <= episode < int(found[2]):
                return {"val": "validation"}.get(name, name)
        return ""


@dataclass(frozen=True)
class Episode:
    """Where an episode is: `length` rows of a table, and for each camera a video and the second in it at which it begins."""

    number: int
    length: int
    data: Path
    videos: Mapping[str, tuple[Path, float]]


def open_dataset(root: Path) -> Dataset:
    """Raises BadInput where info.json is missing, no JSON, of another version, or says what cannot be."""
    path = root / INFO
    told = _json(path)
    version = re.fullmatch(r"v?([23])\.\d{1,3}", str(told.get("codebase_version")))
    if version is None:
        raise BadInput(
            f"{path} is of version {str(told.get('codebase_version'))[:40]!r}; legal are v2.0, v2.1 and v3.0"
        )
    fps, features, chunk = told.get("fps"), told.get("features"), told.get("chunks_size", CHUNK)
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not 0 < fps <= MOST_FPS:
        raise BadInput(f"{path} says {str(fps)[:40]} frames a second; legal is above 0, up to {MOST_FPS}")
    if type(chunk) is not int or not 0 < chunk < MOST_ROWS:
        raise BadInput(f"{path} has chunks_size {str(chunk)[:40]}; it must be a whole number above 0")
    if not isinstance(features, dict) or not all(map(_is_feature, features.values())):
        raise BadInput(f'{path} must name its features, each {{"dtype": ..., "shape": [...]}}')
    splits = told.get("splits")
    new = version[1] == "3"
    return Dataset(
        root=root,
        version=int(version[1]),
        fps=float(fps),
        features=features,
        data_path=str(told.get("data_path") or DATA_PATH if new else told.get("data_path")),
        video_path=str(told.get("video_path") or VIDEO_PATH if new else told.get("video_path")),
        chunk=chunk,
        robot=told["robot_type"] if isinstance(told.get("robot_type"), str) else "",
        splits={k: v for k, v in splits.items() if isinstance(v, str)} if isinstance(splits, dict) else {},
    )


def episodes(dataset: Dataset) -> Mapping[int, Episode]:
    """All episodes by their numbers. Raises BadInput where the list of them cannot be read or is at odds with itself."""
    new = dataset.version == 3
    files = tables(dataset.root, EPISODES) if new else [dataset.root / "meta" / "episodes.jsonl"]
    if not files or not files[0].is_file():
        listed = f"{EPISODES}/chunk-000/file-000.parquet" if new else "meta/episodes.jsonl"
        raise BadInput(f"{dataset.root} does not list its episodes; it must have {listed}")
    return _listed(dataset.root, tuple((file, *_stamp(file)) for file in (dataset.root / INFO, *files)))


@lru_cache(maxsize=2)  # each of thousands of episodes asks
def _listed(root: Path, stamped: tuple[tuple[Path, int, int], ...]) -> Mapping[int, Episode]:
    dataset = open_dataset(root)
    found: dict[int, Episode] = {}
    for file, _, _ in stamped[1:]:
        for row in _rows(dataset, file):
            episode = _episode(dataset, file, row)
            if episode.number in found:
                raise BadInput(f"{file} tells of episode {episode.number} twice")
            found[episode.number] = episode
    return found


def _rows(dataset: Dataset, file: Path) -> Iterator[Mapping[str, Any]]:
    if dataset.version == 2:
        yield from _jsonl(file)
        return
    wanted = ["episode_index", "length", "data/chunk_index", "data/file_index"]
    for key in dataset.cameras:
        wanted += [f"videos/{key}/{name}" for name in ("chunk_index", "file_index", "from_timestamp")]
    yield from table(file, wanted, optional=True).to_pylist()


def _episode(dataset: Dataset, file: Path, row: Mapping[str, Any]) -> Episode:
    number, length = row.get("episode_index"), row.get("length")
    if not _is_count(number) or not _is_count(length):
        raise BadInput(
            f"{file} tells of episode {str(number)[:20]} of {str(length)[:20]} rows; both must be whole numbers"
        )
    if dataset.version == 2:
        places = {"episode_chunk": number // dataset.chunk, "episode_index": number}
        data, videos = _path(dataset, file, dataset.data_path, places), {}
        for key in dataset.cameras:
            if dataset.features[key]["dtype"] == "video":
                videos[key] = (_path(dataset, file, dataset.video_path, places | {"video_key": key}), 0.0)
        return Episode(number, length, data, videos)
    places = {name: row.get(f"data/{name}") for name in ("chunk_index", "file_index")}
    data, videos = _path(dataset, file, dataset.data_path, places), {}
    for key in dataset.cameras:
        start = row.get(f"videos/{key}/from_timestamp")
        if start is None:
            continue
        if not isinstance(start, int | float) or not 0 <= start < math.inf:
            raise BadInput(f"{file} lets episode {number} begin at {str(start)[:20]} s of {key}; legal is 0 or more")
        places = {name: row.get(f"videos/{key}/{name}") for name in ("chunk_index", "file_index")}
        videos[key] = (_path(dataset, file, dataset.video_path, places | {"video_key": key}), float(start))
    return Episode(number, length, data, videos)


def _path(dataset: Dataset, file: Path, template: str, places: Mapping[str, Any]) -> Path:
    """A file's path. Unlike str.format, which may look into objects and make texts of any length, this only fills in numbers."""

    def fill(found: re.Match[str]) -> str:
        value = places.get(found[1])
        if isinstance(value, str) and not found[2]:
            return value
        if not _is_count(value):
            raise BadInput(f"{file} has no whole number for {found[0]} of {template[:80]!r}")
        return str(value).zfill(int(found[2] or 0))

    path = Path(PLACE.sub(fill, template))
    if path.is_absolute() or ".." in path.parts or "\0" in str(path):
        raise BadInput(f"{dataset.root / INFO} leads to {str(path)[:80]!r}; its files must lie inside the data set")
    return dataset.root / path


def tasks(dataset: Dataset) -> Mapping[int, str]:
    """Each task's text by its number; empty where there is no list of them."""
    file = dataset.root / "meta" / ("tasks.parquet" if dataset.version == 3 else "tasks.jsonl")
    if not file.is_file():
        return {}
    return _tasks(dataset.version, file, *_stamp(file))


@lru_cache(maxsize=2)
def _tasks(version: int, file: Path, date_ns: int, size: int) -> Mapping[int, str]:
    if version == 2:
        rows = [(row.get("task_index"), row.get("task")) for row in _jsonl(file)]
    else:
        found = table(file)
        texts = [name for name in found.column_names if name != "task_index" and "string" in str(found[name].type)]
        if "task_index" not in found.column_names or not texts:
            raise BadInput(
                f"{file} must have a column task_index and one of texts, not {', '.join(found.column_names)}"
            )
        rows = list(zip(found["task_index"].to_pylist(), found[texts[0]].to_pylist()))
    known = {number: text for number, text in rows if _is_count(number) and isinstance(text, str)}
    if len(known) != len(rows):
        raise BadInput(f"{file} must give each task a whole number of its own and a text")
    return known


def licence(root: Path) -> str:
    """What the data set's card, README.md, says between its first two lines of ---."""
    file = root / "README.md"
    if not file.is_file():
        return ""
    try:
        with file.open(encoding="utf-8", errors="replace") as card:
            head = card.read(1 << 16)
    except OSError:
        return ""
    front = re.match(r"\s*---\s*\n(.*?)\n---", head, re.DOTALL)
    said = re.search(r"^license:\s*[\"']?([^\n\"'#\[\]]{1,80})", front[1], re.MULTILINE) if front else None
    return said[1].strip() if said else ""


def tables(root: Path, place: str) -> list[Path]:
    """The parquet files in the chunks of a folder, sorted; hidden ones are not finished, or no tables."""
    return sorted(file for file in root.glob(f"{place}/*/*.parquet") if not file.name.startswith("."))


def table(file: Path, columns: list[str] | None = None, *, optional: bool = False) -> Any:
    """A parquet file's columns as a pyarrow.Table; with `optional` those of them that it has."""
    with parquet(file) as opened:
        if opened.metadata.num_rows > MOST_ROWS:
            raise BadInput(f"{file} has {opened.metadata.num_rows} rows; up to {MOST_ROWS} are legal")
        there = opened.schema_arrow.names
        return opened.read(columns=[name for name in columns if name in there] if columns and optional else columns)


@contextmanager
def parquet(file: Path) -> Generator[Any]:
    """A parquet file, open. Whatever pyarrow finds wrong with it becomes BadInput."""
    pq = need("pyarrow.parquet", "formats")
    if not file.is_file():
        raise BadInput(f"there is no table {file}, of which the data set tells")
    try:
        with pq.ParquetFile(file) as opened:
            yield opened
    except BadInput:
        raise
    except Exception as error:  # pyarrow has a dozen kinds for what is damaged
        raise BadInput(f"{file} is not a readable parquet table: {first_line(error)[:200]}") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadInput(f"{path} has more than {MOST_BYTES >> 20} MiB")
        if not path.is_file():  # a pipe would be waited for
            raise BadInput(f"{path} is no file; legal is a JSON object")
        told = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BadInput(f"{path.parent.parent} is no LeRobot data set: it has no {INFO}") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not readable JSON: {str(error)[:120]}") from error
    if not isinstance(told, dict):
        raise BadInput(f"{path} must be a JSON object, not {type(told).__name__}")
    return told


def _jsonl(path: Path) -> Iterator[dict[str, Any]]:
    if path.stat().st_size > MOST_BYTES:
        raise BadInput(f"{path} has more than {MOST_BYTES >> 20} MiB")
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError("no object")
            except (ValueError, RecursionError) as error:
                raise BadInput(f"line {number} of {path} is not a JSON object: {str(error)[:80]}") from error
            yield row


def _is_feature(told: Any) -> bool:
    if not isinstance(told, dict) or not isinstance(told.get("dtype"), str):
        return False
    shape = told.get("shape")
    return isinstance(shape, list) and all(_is_count(n) for n in shape)


def _is_count(number: Any) -> TypeGuard[int]:
    return type(number) is int and 0 <= number < 2**48


def _stamp(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_mtime_ns, status.st_size
