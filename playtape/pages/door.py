"""The listening socket of a page: on 127.0.0.1 and nowhere else."""

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager

from playtape.errors import BadInput, within

HOST = "127.0.0.1"


@contextmanager
def loopback(port: int) -> Generator[socket.socket]:
    """A socket that is bound and not yet listened at, closed at the end; `port` 0 is any that is free.

    Raises BadInput for a port that is none, or taken.
    """
    within("port", port, 0, 65535, whole=True)
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere this would share the port with whoever has it
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            opened.bind((HOST, port))
            opened.listen(64)
        except OSError as error:
            raise BadInput(
                f"cannot listen at {HOST}:{port}: {error.strerror or error}; give another --port, 0 for any that is free"
            ) from None
        yield opened
    finally:
        opened.close()
