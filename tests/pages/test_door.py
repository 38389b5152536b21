"""The door is this machine's alone, and a port that cannot be had is a sentence."""

import socket
import sys

import pytest

from playtape.errors import BadInput
from playtape.pages import shared
from playtape.pages.door import loopback
from playtape.pages.serving import serve_page


def test_it_is_on_this_machine_only() -> None:
    with loopback(0) as door:
        host, port = door.getsockname()
        assert host == "127.0.0.1"
        socket.create_connection((host, port), timeout=5).close()
    with pytest.raises(OSError, match=r".+"):
        socket.create_connection((host, port), timeout=5)


def test_a_port_that_is_taken_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(BadInput, match=f"cannot listen at 127.0.0.1:{port}: .*; give another --port"),
            loopback(port),
        ):
            pass


@pytest.mark.parametrize("port", [-1, 65536, True])
def test_a_port_that_is_none(port: int) -> None:
    with pytest.raises(BadInput, match="it must be a whole number from 0 to 65535"), loopback(port):
        pass


def test_without_the_extra_it_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(BadInput, match=r"needs the package uvicorn, .*pip install 'playtape\[pages\]'"):
        serve_page(lambda scope, receive, send: None, 0, print)  # type: ignore[arg-type, return-value]


def test_what_pages_share_has_nothing_from_elsewhere() -> None:
    for name in ("theme.css", "dom.js"):
        assert "http" not in shared(name)
        assert "@import" not in shared(name)
