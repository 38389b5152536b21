"""Only the page itself is answered, and what it says is bounded."""

import http.client
import socket
from collections.abc import Iterator

import pytest

from playtape.pages.guard import HEADERS, LIMIT, Receive, Scope, Send
from tests.evaluate.human.conftest import Page, serving


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what it got, and tells when it was made."""
    body = (await receive()).get("body", b"") if scope["method"] == "POST" else b"read"
    headers = [(b"last-modified", b"yesterday"), (b"cache-control", b"public"), (b"x-own", b"kept")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": scope["method"].encode() + b" " + body})


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with serving(echo) as address:
        yield Page(address, [], None)  # type: ignore[arg-type]


def test_the_page_is_answered(page: Page) -> None:
    assert page.ask("/")[::2] == (200, b"GET read")
    assert page.ask("/", {"a": 1})[::2] == (200, b'POST {"a": 1}')
    port = page.host.split(":")[1]
    local = {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"}
    assert page.ask("/", {}, **local)[0] == 200


def test_every_answer_shuts_others_out(page: Page) -> None:
    for headers in (page.ask("/")[1], page.ask("/", {}, Origin="http://evil.example")[1]):
        assert {name: headers[name] for name in HEADERS} == HEADERS
        assert "last-modified" not in headers
        assert "server" not in headers
    assert page.ask("/")[1]["x-own"] == "kept"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:{port}.evil.example", ""]
)
def test_a_strangers_name_that_leads_here_is_refused(page: Page, host: str) -> None:
    port = page.host.split(":")[1]
    said = host.format(port=port)
    for message in (None, {}):
        status, _, body = page.ask("/", message, Host=said, Origin=f"http://{said}")
        assert (status, body) == (421, b'{"error":"this page is at 127.0.0.1 only"}')


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "", "https://{host}", "http://{host}/", "http://localhost:1"]
)
def test_another_page_changes_nothing(page: Page, origin: str) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert page.ask("/", {}, method=method, Origin=origin.format(host=page.host))[0] == 403


def test_without_an_origin_nothing_is_changed(page: Page) -> None:
    connection = http.client.HTTPConnection(page.host, timeout=20)
    connection.request("POST", "/", b"{}", {"Content-Type": "application/json"})
    assert connection.getresponse().status == 403
    connection.close()


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_can_send_is_refused(page: Page, kind: str) -> None:
    assert page.ask("/", {}, **{"Content-Type": kind})[0] == 415


def test_a_giant_body_is_refused(page: Page) -> None:
    assert page.ask("/", b"x" * LIMIT)[0] == 200
    assert page.ask("/", b"x" * (LIMIT + 1))[0] == 413


def test_a_body_that_does_not_tell_its_length_is_bounded_too(page: Page) -> None:
    connection = http.client.HTTPConnection(page.host, timeout=20)
    headers = {"Origin": f"http://{page.host}", "Content-Type": "application/json"}
    connection.request("POST", "/", iter([b"x" * 65536] * 5), headers, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_a_length_that_lies_and_noise_leave_it_running(page: Page) -> None:
    host, port = page.host.split(":")
    head = f"POST / HTTP/1.1\r\nHost: {page.host}\r\nOrigin: http://{page.host}\r\nContent-Type: application/json\r\n"
    for said in (
        f"{head}Content-Length: 99999999999\r\n\r\n",
        f"{head}Content-Length: 10\r\n\r\nx",
        "\0\1\2 nonsense\r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), timeout=20) as stranger:
            stranger.sendall(said.encode())
    assert page.ask("/")[0] == 200


def test_a_websocket_is_not_opened(page: Page) -> None:
    asked = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "eA==",
        "Sec-WebSocket-Version": "13",
    }
    assert page.ask("/", **asked)[0] != 101
