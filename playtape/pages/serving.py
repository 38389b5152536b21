"""A page that answers, until it is stopped: uvicorn at a loopback door, behind the guard."""

from collections.abc import Callable
from typing import Any

from playtape.errors import BadInput, need
from playtape.pages.door import HOST, loopback
from playtape.pages.guard import App, Guard

PARTING_S = 1  # for answers that are under way when it is stopped
TALK = {  # of a page that talks over a WebSocket
    "ws": "websockets-sansio",
    "ws_max_size": 1 << 16,  # bytes of a message; a longer one ends the talk
    "ws_per_message_deflate": False,  # it costs more time than a network on this machine
}


def serve_page(app: App, port: int, ready: Callable[[str], None], *, talks: bool = False) -> None:
    """Serve until Ctrl-C (KeyboardInterrupt) or a termination signal. `ready` is called with the page's address.

    `talks`: over a WebSocket, too. Raises BadInput where the port is taken, or the extra `pages` is not installed.
    """
    need("uvicorn", "pages")
    with loopback(port) as door:
        server(app, door, ready, talks=talks).run(sockets=[door])


def server(app: App, door: Any, ready: Callable[[str], None], *, talks: bool = False) -> Any:
    """A `uvicorn.Server` at a door. Raises BadInput without uvicorn, and where it talks without websockets."""
    uvicorn = need("uvicorn", "pages")
    if talks:
        need("websockets", "pages")
    options: dict[str, Any] = TALK if talks else {"ws": "none"}
    at = door.getsockname()[1]
    config = uvicorn.Config(
        Guard(app, at),
        lifespan="off",
        log_config=None,  # an error in the application stays to be seen; requests are not told
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=PARTING_S,
        **options,
    )

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets=sockets)
            if not self.started:
                raise BadInput(f"the page could not be served at {HOST}:{at}")
            ready(f"http://{HOST}:{at}/")

    return Announcing(config)
