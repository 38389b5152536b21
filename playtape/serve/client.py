"""A program's end of `playtape serve`: frames out, actions in. Needs numpy and the extra `serve`, not torch.

with Client("ws://127.0.0.1:8765") as player:
    action = player.act(picture)  # {"buttons": ["key.w"], "axes": {"mouse.dx": -3.0}, ...}
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from playtape.errors import BadInput, deaf, need
from playtape.serve.settings import is_word


class Client:
    """A connection to a server, by the address that it printed: ws://HOST:PORT, or the path of its socket.

    `hello` is what the server said: buttons, axes, fps, height, width, text. Raises BadInput, as all methods do, when the server
    refuses, with its own sentence; ConnectionError when it is not there, or gone.
    """

    def __init__(self, address: str = "ws://127.0.0.1:8765", token: str | None = None, timeout_s: float = 30):
        self.msgpack, self.errors = need("msgpack", "serve"), need("websockets.exceptions", "serve")
        self.timeout_s, self.id = timeout_s, -1
        if token and not is_word(token):  # an empty one is the server's to refuse
            raise BadInput("a token is one word of ASCII")
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        options = {"additional_headers": headers, "max_size": None, "compression": None, "legacy": True}
        client = need("websockets.sync.client", "serve")
        try:
            if address.startswith(("ws://", "wss://")):
                self.connection = client.connect(address, proxy=None, open_timeout=timeout_s, **options)
            else:
                self.connection = client.unix_connect(address, open_timeout=timeout_s, **options)
        except self.errors.InvalidStatus as error:
            status = error.response.status_code
            why = "the token is wrong or missing" if status == 401 else f"it answers with HTTP {status}"
            raise BadInput(f"the server at {address} refuses: {why}") from None
        except OSError as error:
            raise ConnectionError(
                f"no server answers at {address} ({error.strerror or error}); `playtape serve` starts one, and prints its address"
            ) from None
        try:
            self.hello = self.receive()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def act(self, picture: np.ndarray) -> dict[str, Any]:
        """What to do now, {"id", "buttons", "axes", "latency_ms", "dropped"}, of a picture uint8 [H, W, 3] RGB.

        At the model's size, which `hello` tells, it is sent quickest; the server resizes all others.
        """
        number = self.show(picture)
        while True:
            said = self.receive()
            if said.get("id") == number:
                return said

    def show(self, picture: np.ndarray) -> int:
        """Send a frame and go on; gives its id. `receive` brings its action, unless a newer frame was sent meanwhile."""
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise BadInput(f"a picture is uint8 [height, width, 3], not {picture.dtype} {list(picture.shape)}")
        self.id += 1
        height, width = picture.shape[:2]
        self.send({"type": "frame", "id": self.id, "width": width, "height": height, "data": picture.tobytes()})
        return self.id

    def start(self, text: str | None = None, temperature: float | None = None) -> None:
        """Begin anew: with this instruction, at this temperature; without one, as before."""
        self._check(text)
        self.send({"type": "start", "text": text, "temperature": temperature})

    def reset(self) -> None:
        """Begin anew, as when a game does."""
        self.send({"type": "reset"})

    def say(self, text: str) -> None:
        """Change the instruction while playing."""
        self._check(text)
        self.send({"type": "text", "text": text})

    def did(self, number: int, buttons: Iterable[str] = (), axes: Mapping[str, float] | None = None) -> None:
        """Hands did this from frame `number`, the last one, on: a person took over."""
        self.send({"type": "did", "id": number, "buttons": list(buttons), "axes": dict(axes or {})})

    def _check(self, text: str | None) -> None:
        if text and not self.hello["text"]:
            raise deaf(text)

    def send(self, said: dict[str, Any]) -> None:
        """Any message."""
        try:
            self.connection.send(self.msgpack.packb(said))
        except self.errors.ConnectionClosed as error:
            raise ConnectionError(f"the server has closed the connection: {error}") from None

    def receive(self) -> dict[str, Any]:
        """The next message. Raises BadInput with the sentence of an "error", and TimeoutError."""
        try:
            said = self.msgpack.unpackb(self.connection.recv(timeout=self.timeout_s))
        except self.errors.ConnectionClosed as error:
            raise ConnectionError(f"the server has closed the connection: {error}") from None
        if said.get("type") == "error":
            raise BadInput(said["error"])
        return said

    def close(self) -> None:
        """Leave the seat to others."""
        self.connection.close()
