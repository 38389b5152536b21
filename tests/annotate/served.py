"""A server on this machine that speaks chat/completions: it looks at the pictures it is sent, and misbehaves when told to."""

import base64
import io
import json
import re
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import numpy as np
from PIL import Image

STEP, LOW, ROW = 16, 40, 12  # of the colours that tell a second


def colour(second: int) -> tuple[int, int, int]:
    """Red and green tell the second, up to 143."""
    return LOW + second % ROW * STEP, LOW + second // ROW * STEP, 90


def second_of(picture: np.ndarray) -> int:
    """The second that a picture's colour tells. Encoding moves a colour by some steps of 255; they are 16 apart."""
    red, green, _ = picture.reshape(-1, 3).mean(0)
    ones, rows = round((red - LOW) / STEP), round((green - LOW) / STEP)
    assert abs(red - LOW - ones * STEP) < 6, "not one of our pictures"
    assert abs(green - LOW - rows * STEP) < 6, "not one of our pictures"
    return rows * ROW + ones


@dataclass
class Seen:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    shown: list[tuple[str, np.ndarray]]  # (the text before a picture, the picture decoded)
    formats: set[str]

    @property
    def prompt(self) -> str:
        return self.body["messages"][0]["content"][0]["text"]

    @property
    def seconds(self) -> list[int]:
        """What the pictures show."""
        return [second_of(picture) for _, picture in self.shown]


def looked_at(path: str, headers: dict[str, str], raw: bytes) -> Seen:
    """Decodes every picture of a request; fails on what a server could not read."""
    body, shown, formats = json.loads(raw), [], set()
    label = ""
    for part in body["messages"][0]["content"]:
        if part["type"] == "text":
            label = part["text"]
            continue
        head, data = part["image_url"]["url"].split(",", 1)
        kind = re.fullmatch(r"data:image/(jpeg|png);base64", head)
        assert kind, head[:40]
        image = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
        assert image.format == kind[1].upper()
        formats.add(kind[1])
        shown.append((label, np.asarray(image.convert("RGB"))))
    return Seen(path, headers, body, shown, formats)


def completion(content: object, **more: Any) -> dict[str, Any]:
    """What a server says when all is well."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
    return {"id": "x", "choices": [choice], "usage": {"prompt_tokens": 1000, "completion_tokens": 50}, **more}


def instructions(*rows: tuple[object, object, object], narrative: str = "Somebody plays.") -> str:
    """An answer: rows of (start, end, instruction)."""
    listed = [{"start": start, "end": end, "instruction": text} for start, end, text in rows]
    return json.dumps({"narrative": narrative, "instructions": listed})


Brain = Callable[[Seen], str]
Trick = Callable[["Handler", Seen], None]


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: "Served"

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        seen = looked_at(self.path, {name.lower(): value for name, value in self.headers.items()}, raw)
        with self.server.lock:
            self.server.seen.append(seen)
            trick = self.server.tricks.pop(0) if self.server.tricks else None
        if self.server.entered is not None:
            self.server.entered.set()
        if self.server.pause_s:
            time.sleep(self.server.pause_s)
        if trick is not None:
            trick(self, seen)
        else:
            self.say(200, completion(self.server.brain(seen)))

    def say(self, status: int, told: object, kind: str = "application/json", **headers: str) -> None:
        data = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        raise AssertionError("annotate only posts")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
        pass


class Served(ThreadingHTTPServer):
    """with Served(brain) as server: ... server.url; `tricks` are used up first, one a request."""

    daemon_threads = True

    def __init__(self, brain: Brain = lambda seen: instructions(), tricks: list[Trick] | None = None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.brain, self.tricks = brain, list(tricks or [])
        self.seen: list[Seen] = []
        self.lock = threading.Lock()
        self.entered: threading.Event | None = None
        self.pause_s = 0.0
        self.sent = 0  # bytes of a huge answer
        self.faults: list[BaseException | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self.server_close()
        assert kind is not None or not self.faults, self.faults

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no matter of the server's; a request that it cannot read is."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            self.faults.append(error)


def status(code: int, told: object = None, **headers: str) -> Trick:
    said = {"error": {"message": f"trouble {code}"}} if told is None else told
    return lambda handler, seen: handler.say(code, said, **headers)


def content(said: object, **more: Any) -> Trick:
    """The model says this."""
    return lambda handler, seen: handler.say(200, completion(said, **more))


def page(handler: Handler, seen: Seen) -> None:
    """A web page, and with 200."""
    handler.say(200, b"<html><body>Welcome to the captive portal</body></html>", "text/html")


def drop(handler: Handler, seen: Seen) -> None:
    """The connection breaks in the middle of the answer."""
    handler.wfile.write(
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"choices": ['
    )
    handler.wfile.flush()
    reset = struct.pack("ii", 1, 0)  # no farewell
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
    handler.close_connection = True


def slow(seconds: float) -> Trick:
    def wait(handler: Handler, seen: Seen) -> None:
        time.sleep(seconds)
        handler.say(200, completion(instructions()))

    return wait


def drip(handler: Handler, seen: Seen) -> None:
    """A byte now and then, for ever: no single wait is long."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n")
    for _ in range(200):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def huge(handler: Handler, seen: Seen) -> None:
    """A body without an end, as far as anybody reads it."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n")
    handler.close_connection = True
    for _ in range(500):
        handler.wfile.write(b" " * 1_000_000)
        handler.server.sent += 1_000_000
