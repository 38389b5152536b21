"""The listening socket, TCP or Unix, and its removal."""

import os
import socket
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from playtape.errors import BadInput
from playtape.serve.settings import PORT, Settings

RECAP = "uds.recap"  # the recorder's socket, in the system's temporary folder


@dataclass(frozen=True)
class Door:
    """A place that is taken; `listen` opens it. `address` is for people and for `Client`; `path` of a Unix socket."""

    socket: socket.socket
    address: str
    path: Path | None = None
    inode: int = 0

    def listen(self) -> None:
        """From now on somebody answers. Raises BadInput where another, who began with us, was quicker."""
        try:
            self.socket.listen(64)
        except OSError as error:
            raise BadInput(f"cannot listen at {self.address}: {error.strerror or error}") from None

    def __enter__(self) -> "Door":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
        with suppress(OSError):
            if self.path is not None and self.path.lstat().st_ino == self.inode:  # not one that came after ours
                self.path.unlink()


def open_door(settings: Settings) -> Door:
    """Raises BadInput where somebody else listens already."""
    if settings.uses_tcp:
        return _tcp(settings.host, PORT if settings.port is None else settings.port, settings.protocol)
    return _unix(settings.socket or Path(tempfile.gettempdir()) / RECAP)


def _tcp(host: str, port: int, protocol: str) -> Door:
    try:
        family, _, _, _, _ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        opened = socket.socket(family, socket.SOCK_STREAM)
        if os.name == "posix":
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((host, port))
    except OSError as error:
        raise BadInput(
            f"cannot listen at {host}:{port}: {error.strerror or error}; give another --port, 0 for any that is free"
        ) from None
    name = f"[{host}]" if ":" in host else host
    scheme = "ws://" if protocol == "playtape" else ""
    return Door(opened, f"{scheme}{name}:{opened.getsockname()[1]}")


def _unix(path: Path) -> Door:
    if not hasattr(socket, "AF_UNIX"):
        raise BadInput("this system has no Unix sockets; give a --port")
    _clear(path)
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        opened.bind(str(path))
        path.chmod(0o600)  # its owner alone, and before anybody can connect
        opened.listen(64)
    except OSError as error:
        opened.close()
        raise BadInput(f"cannot listen at {path}: {error.strerror or error}; give another --socket") from None
    return Door(opened, str(path), path, path.lstat().st_ino)


def _clear(path: Path) -> None:
    """Remove a socket that nobody listens at: its server was killed. Raises BadInput for anything else in the way."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise BadInput(f"{path} exists and is no socket; give another --socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError:
            pass
    raise BadInput(f"somebody listens at {path} already; give another --socket")
