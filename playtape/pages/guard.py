"""Who may ask a page's server: only the page itself. An ASGI application around another; nothing but the standard library.

A browser lets any web page send requests to 127.0.0.1. Two headers that pages cannot forge tell ours from others: `Host` is
the name that the browser believes in (a stranger's name that was made to lead here, DNS rebinding, is refused), and `Origin`
names the page that wants to change something. A WebSocket is asked for both: it may change things, and says nothing again.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LIMIT = 1 << 18  # bytes of a request's body
READING = ("GET", "HEAD")
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; media-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
UNTOLD = (b"last-modified",)  # when a file was made can tell who made it


class Guard:
    """`app`, for the page at `port` of this machine only. Bodies are whole when `app` sees them, and at most LIMIT bytes."""

    def __init__(self, app: App, port: int):
        self.app = app
        names = [f"{name}:{port}" for name in ("127.0.0.1", "localhost")]
        self.hosts = names + ["127.0.0.1", "localhost"] * (port == 80)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await (_hang_up(receive, send) if self._refusal(scope) else self.app(scope, receive, send))
            return
        if scope["type"] != "http":
            return
        refusal, body = self._refusal(scope), b""
        if refusal is None and scope["method"] not in READING:
            read = await _whole(receive)
            refusal, body = ((413, f"more than {LIMIT} bytes"), b"") if read is None else (None, read)
        sealed = _sealed(send)
        if refusal is not None:
            await _refuse(sealed, *refusal)
        elif scope["method"] in READING:
            await self.app(scope, receive, sealed)
        else:
            await self.app(scope, _given(body, receive), sealed)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """(status, why) of a request that is none of ours."""
        said: dict[bytes, list[str]] = {}
        for name, value in scope["headers"]:
            said.setdefault(name, []).append(value.decode("latin-1"))
        host = said.get(b"host", [])
        if len(host) != 1 or host[0] not in self.hosts:
            return 421, "this page is at 127.0.0.1 only"
        if scope.get("method") in READING:
            return None
        if said.get(b"origin") != [f"http://{host[0]}"]:
            return 403, "only the page itself may change anything"
        if scope["type"] == "websocket":
            return None
        if [one.partition(";")[0].strip() for one in said.get(b"content-type", [])] != ["application/json"]:
            return 415, "legal is application/json"
        length = said.get(b"content-length", ["0"])[0]
        if length.isdecimal() and int(length) > LIMIT:
            return 413, f"more than {LIMIT} bytes"
        return None


async def _whole(receive: Receive) -> bytes | None:
    """A request's body; None for one that is too long or was broken off."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LIMIT:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def _given(body: bytes, receive: Receive) -> Receive:
    """`receive` for the application: the body that was read already, then whatever comes."""
    waiting = [body]

    async def again() -> MutableMapping[str, Any]:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return again


def _sealed(send: Send) -> Send:
    """`send` with the headers that every answer has."""

    async def sealed(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            own = {name.encode(): value.encode() for name, value in HEADERS.items()}
            kept = [(name, value) for name, value in message["headers"] if name not in own and name not in UNTOLD]
            message = {**message, "headers": kept + list(own.items())}
        await send(message)

    return sealed


async def _hang_up(receive: Receive, send: Send) -> None:
    """Refuse a WebSocket before it is one: the server answers 403."""
    await receive()
    await send({"type": "websocket.close", "code": 1008})


async def _refuse(send: Send, status: int, why: str) -> None:
    body = orjson.dumps({"error": why})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
