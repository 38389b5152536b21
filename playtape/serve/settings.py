"""How a policy is served: checked before anything is loaded or opened."""

import hmac
import ipaddress
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playtape.errors import BadInput

PORT = 8765
TOKEN = "PLAYTAPE_TOKEN"  # the environment's name for it
PATIENCE_S = 10.0  # for the rest of a message that has begun


@dataclass(frozen=True)
class Settings:
    """Raises BadInput for what cannot be, or is not safe."""

    protocol: Literal["playtape", "recap"] = "playtape"
    host: str = "127.0.0.1"
    port: int | None = None
    socket: Path | None = None
    token: str | None = None
    origins: tuple[str, ...] = ()  # of web pages that may connect
    clients: int = 8  # seats
    temperature: float = 1.0
    text: str = ""
    patience_s: float = PATIENCE_S
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.protocol not in ("playtape", "recap"):
            raise BadInput(f"protocol is {self.protocol!r}; legal are playtape and recap")
        if self.port is not None and self.socket is not None:
            raise BadInput(f"both --port {self.port} and --socket {self.socket} are given; give one of them")
        if self.port is not None and not 0 <= self.port <= 65535:
            raise BadInput(f"port is {self.port}; legal are 1 to 65535, and 0 for any that is free")
        if not 1 <= self.clients <= 1024:
            raise BadInput(f"clients is {self.clients}; 1 to 1024 is legal")
        if not 0 <= self.temperature <= 100:
            raise BadInput(f"temperature is {self.temperature}; 0 (the likeliest) to 100 is legal")
        self._check_doors()

    def _check_doors(self) -> None:
        if self.protocol == "recap" and self.token is not None:
            raise BadInput("recap has no place for a token; leave it out, or serve with --protocol playtape")
        if self.uses_tcp and not is_loopback(self.host):
            if self.protocol == "recap":
                raise BadInput(
                    f"host is {self.host}, but recap has no place for a token, so it is served on 127.0.0.1 only; "
                    "--protocol playtape can be served elsewhere"
                )
            if self.token is None:
                raise BadInput(
                    f"host is {self.host}, where others can connect: give a token with --token-file or {TOKEN}, "
                    "or serve on 127.0.0.1"
                )

    @property
    def uses_tcp(self) -> bool:
        """A port, or a Unix socket? The recorder's protocol is at its socket unless a port is given."""
        return self.socket is None and (self.protocol == "playtape" or self.port is not None)


def is_loopback(host: str) -> bool:
    """Does the name lead to this machine alone? Raises BadInput for one that leads nowhere."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise BadInput(f"there is no host {host!r}; 127.0.0.1 is this machine, 0.0.0.0 everybody's") from None
    return all(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]).is_loopback for entry in found)


def read_token(file: Path | None) -> str | None:
    """The token of a file, or of the environment. Raises BadInput for an empty one."""
    if file is None:
        said, where = os.environ.get(TOKEN), TOKEN
        if said is None:
            return None
    else:
        try:
            said, where = file.read_text(), str(file)
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"cannot read the token in {file}: {getattr(error, 'strerror', None) or error}") from None
    if not is_word(said.strip()):
        raise BadInput(f"the token in {where} must be one word of ASCII, such as `openssl rand -hex 32` gives")
    return said.strip()


def is_word(token: str) -> bool:
    """Can a header carry it as it is?"""
    return token.isascii() and token.isprintable() and len(token.split()) == 1


def is_right(token: str, headers: list[str]) -> bool:
    """Is this the content of the one `Authorization` header? Takes as long for a near miss as for a far one."""
    wanted = f"Bearer {token}".encode()
    return len(headers) == 1 and hmac.compare_digest(headers[0].encode("utf-8", "replace"), wanted)
