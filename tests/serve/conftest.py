"""A server for each test that asks for one."""

from collections.abc import Callable
from typing import Any

import pytest

from playtape.serve.settings import Settings
from playtape.training.checkpoint import Loaded
from tests.serve.served import SPACE, Fires, Known, running


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """serve(protocol="recap", ...) in a `with`: a server with a Known player, at a free port or where it is told to be."""

    monkeypatch.setattr(Loaded, "encoder", Fires())

    def start(**options: Any) -> Any:
        options = options if "socket" in options else {"port": 0} | options
        return running(Settings(**options), Loaded(Known(), "known", SPACE, {}, ""))

    return start
