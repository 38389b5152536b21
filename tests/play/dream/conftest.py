"""A world that is served, and browsers without a screen that talk to it."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from playtape.imagine.env import World, open_world
from playtape.imagine.futures import Way
from playtape.play.dream.sleeper import HEAD
from tests.evaluate.human.conftest import serving
from tests.untrained import save_untrained_world


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_untrained_world(tmp_path_factory.mktemp("run") / "dreamt", frames=6)


@pytest.fixture(scope="session")
def world(run: Path) -> World:
    return open_world(run)


@contextmanager
def asleep(world: World, record: Path | None = None, **way: Any) -> Iterator[tuple[str, Any]]:
    """(address of the page, the dreams in it)."""
    pytest.importorskip("starlette", reason="the extra pages is not installed")
    pytest.importorskip("websockets", reason="the extra pages is not installed")
    from playtape.play.dream.page import Dreams

    with Dreams(world, Way(**way), record) as dreams, serving(dreams.application(), talks=True) as address:
        yield address, dreams


class Guest:
    """Talks as the page does. Use it in a `with`."""

    def __init__(self, address: str, origin: str | None = ""):
        from websockets.sync.client import connect

        host = address.removeprefix("http://").strip("/")
        said = f"http://{host}" if origin == "" else origin
        self._open = ExitStack()
        talk: Any = connect(f"ws://{host}/dream", origin=said, compression=None, max_size=None)  # type: ignore[arg-type]
        self.socket = self._open.enter_context(talk)

    def __enter__(self) -> "Guest":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._open.close()

    def say(self, kind: str, **message: Any) -> None:
        self.socket.send(json.dumps({"type": kind, **message}))

    def told(self) -> dict[str, Any]:
        """The next message in words; pictures before it are drawn."""
        while isinstance(message := self.socket.recv(20), bytes):
            self.say("seen", frame=HEAD.unpack_from(message)[0])
        return json.loads(message)

    def picture(self, patience: float = 20) -> tuple[int, np.ndarray]:
        """The next picture and its number."""
        message = self.socket.recv(patience)
        assert isinstance(message, bytes), message
        number = HEAD.unpack_from(message)[0]
        self.say("seen", frame=number)
        return number, np.frombuffer(message, np.uint8, offset=HEAD.size).reshape(16, 16, 3)
