"""Episodes of a second each, and a page that is served."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from playtape.evaluate.human.episodes import Episode, find_episodes
from playtape.evaluate.human.ratings import Ratings
from playtape.recordings import Info, RecordingWriter

FRAMES, FPS = 20, 20
WHO = ("Zebediah", "Quintessa")  # names that stand in no page by chance


def record(path: Path, *, player: str = "", game: str = "maze", map_: str = "map1", frames: int = FRAMES) -> Path:
    """A recording whose pictures are of its own shade."""
    shade = sum(path.as_posix().encode()) % 200
    about = Info(game=game, player=player, extra={"map": map_, "where": f"{path.parent.name}/{path.stem}"})
    with RecordingWriter(path, fps=FPS, info=about) as writer:
        for number in range(frames):
            writer.frame(np.full((48, 64, 3), (shade + number) % 256, np.uint8))
    return path


@pytest.fixture(scope="session")
def episodes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two players, two episodes each, on two maps."""
    folder = tmp_path_factory.mktemp("episodes")
    for name in WHO:
        for number in (1, 2):
            record(folder / name / f"{name}_run{number}.mcap", player=name, map_=f"map{number}")
    return folder


class Page:
    """A page that is served, asked as a browser asks it."""

    def __init__(self, address: str, found: list[Episode], ratings: Ratings):
        self.address, self.found, self.ratings = address, found, ratings
        self.host = address.removeprefix("http://").strip("/")

    def ask(
        self, path: str, message: Any = None, *, method: str | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """(status, headers, body). A message is posted as JSON, with the headers that a browser sends."""
        connection = http.client.HTTPConnection(self.host, timeout=20)
        body = message if message is None or isinstance(message, bytes) else json.dumps(message).encode()
        if body is not None:
            headers = {"Origin": f"http://{self.host}", "Content-Type": "application/json"} | headers
        connection.request(method or ("GET" if body is None else "POST"), path, body, headers)
        answer = connection.getresponse()
        said = answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
        connection.close()
        return said

    def json(self, path: str, message: Any = None) -> dict[str, Any]:
        """What is answered, which must be an answer."""
        status, _, body = self.ask(path, message)
        assert status == 200, body
        return json.loads(body)

    def refused(self, path: str, message: Any = None) -> tuple[int, str]:
        """(status, sentence) of a refusal."""
        status, _, body = self.ask(path, message)
        assert status >= 400, body
        return status, json.loads(body)["error"]


def rating(episode: str, revision: int = 1, **said: Any) -> dict[str, Any]:
    """What the page sends of an episode that was seen to its end."""
    usual = {"rater": "Ann", "marks": [], "seen": [[0, FRAMES / FPS]], "comment": "", "state": "done"}
    return {"episode": episode, "revision": revision} | usual | said


@contextmanager
def serving(app: Any, *, talks: bool = False) -> Iterator[str]:
    """The address of an ASGI application that is served in this process."""
    pytest.importorskip("uvicorn", reason="the extra pages is not installed")
    from playtape.pages.door import loopback
    from playtape.pages.serving import server

    with loopback(0) as door:
        told: list[str] = []
        runs = server(app, door, told.append, talks=talks)
        thread = threading.Thread(target=lambda: runs.run(sockets=[door]))
        thread.start()
        end = time.monotonic() + 20
        while not told:
            assert time.monotonic() < end
            time.sleep(0.01)
        try:
            yield told[0]
        finally:
            runs.should_exit = True
            thread.join(20)


@contextmanager
def opened(folder: Path, out: Path, seed: int = 0) -> Iterator[Page]:
    """The page of a folder of episodes."""
    pytest.importorskip("starlette", reason="the extra pages is not installed")
    from playtape.evaluate.human.page import application

    found, notes = find_episodes(folder, progress=False)
    ratings = Ratings(out)
    with ratings.writing(), serving(application(found, ratings, seed, len(notes))) as address:
        yield Page(address, found, ratings)


@pytest.fixture
def page(episodes: Path, tmp_path: Path) -> Iterator[Page]:
    with opened(episodes, tmp_path / "ratings.jsonl") as served:
        yield served


@pytest.fixture
def of() -> Callable[..., Episode]:
    """of("a", 30.0): an episode by its player and its length, of which there is no recording."""
    count = iter(range(10**6))

    def make(player: str, seconds: float = 100.0, game: str = "doom", map_: str = "") -> Episode:
        number = f"{next(count):04d}"
        return Episode(
            number, Path(player) / f"{number}.mcap", player, game, map_, seconds, 0.05, Path(f"{number}.mp4")
        )

    return make
