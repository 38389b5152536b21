"""How recordings are annotated: what is shown to the model, how it is asked, and what may be spent. Checked before any work."""

import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from playtape.errors import BadInput, printable, within

CHAT = "/chat/completions"
OWN = {"model", "messages", "stream"}  # of a request: not to be changed by `extra`


@dataclass(frozen=True)
class Settings:
    """Raises BadInput for what cannot be. A stretch of a recording that is shown at once is a chunk."""

    model: str
    endpoint: str = ""  # http(s)://host[:port]/v1; empty where nothing is asked (a dry run)
    key: str | None = field(default=None, repr=False)
    game: str = ""  # instead of what a recording says
    frames_per_second: float = 1.0
    height: int = 360  # pixels; smaller pictures stay as they are
    picture: Literal["jpeg", "png"] = "jpeg"
    chunk_s: float = 60.0
    overlap_s: float = 10.0
    gap_s: float = 8.0  # between the starts of two instructions
    most_frames: int = 128  # a request, and a tenth more at a recording's end
    max_tokens: int = 4096  # an answer
    extra: Mapping[str, Any] = field(default_factory=dict)  # more fields of a request; None takes one out
    carry: bool = True  # tell a chunk what was told of the one before
    parallel: int = 4
    timeout_s: float = 300.0
    tries: int = 5  # of a request that gets no answer
    asks: int = 3  # for an answer that can be used
    backoff_s: float = 1.0  # before the second try; then twice as long each time
    out: Path | None = None  # the folder for the recordings; without one they are rewritten where they are
    replace: bool = False  # instructions from elsewhere too
    again: bool = False  # ask quarantined chunks once more
    tokens_per_frame: int | None = None  # for the estimate, as the prices, of a million tokens
    price_in: float | None = None
    price_out: float | None = None

    def __post_init__(self) -> None:
        if not self.model.strip():
            raise BadInput("--model is empty; give the name by which the endpoint knows the model")
        for name, text in (("--model", self.model), ("--game", self.game)):
            if printable(text) != text:
                raise BadInput(f"{name} is '{printable(text)}', which is no UTF-8 text, so no server can be told it")
        within("--frames-per-second", self.frames_per_second, 0.01, 30)
        within("--height", self.height, 64, 2160, whole=True)
        within("--chunk", self.chunk_s, 5, 3600)
        within("--overlap", self.overlap_s, 0, self.chunk_s / 2)
        within("--gap", self.gap_s, 0, 600)
        within("--most-frames", self.most_frames, 1, 2000, whole=True)
        within("--max-tokens", self.max_tokens, 1, 1_000_000, whole=True)
        within("--parallel", self.parallel, 1, 256, whole=True)
        within("--timeout", self.timeout_s, 0.1, 86_400)
        within("--tries", self.tries, 1, 100, whole=True)
        within("--asks", self.asks, 1, 20, whole=True)
        if self.tokens_per_frame is not None:
            within("--tokens-per-frame", self.tokens_per_frame, 1, 100_000, whole=True)
        for name, price in (("--price-in", self.price_in), ("--price-out", self.price_out)):
            if price is not None:
                within(name, price, 0, 1e9)
        if self.picture not in ("jpeg", "png"):
            raise BadInput(f"--picture is {self.picture!r}; legal are jpeg and png")
        self._check_frames()
        if self.endpoint:
            check_endpoint(self.endpoint)
        if taken := sorted(OWN & set(self.extra)):
            raise BadInput(f"--extra sets {taken[0]!r}, which annotate sets itself; leave it out")

    def _check_frames(self) -> None:
        frames = math.ceil(self.chunk_s * self.frames_per_second)
        if frames > self.most_frames:
            raise BadInput(
                f"{self.chunk_s:g} s at {self.frames_per_second:g} frames a second are {frames} frames a request, and "
                f"--most-frames is {self.most_frames}; give a shorter --chunk, fewer frames, or a larger --most-frames"
            )

    @property
    def url(self) -> str:
        """Where questions are sent."""
        return self.endpoint.rstrip("/").removesuffix(CHAT) + CHAT

    def cost(self, tokens_in: int, tokens_out: int) -> float | None:
        """In the money of the prices; None without any."""
        if self.price_in is None and self.price_out is None:
            return None
        return round((tokens_in * (self.price_in or 0) + tokens_out * (self.price_out or 0)) / 1e6, 6)

    def shaping(self) -> dict[str, Any]:
        """What an answer depends on, besides the video and the prompt. Another value of any of these asks again."""
        names = (
            "model",
            "frames_per_second",
            "height",
            "picture",
            "chunk_s",
            "overlap_s",
            "gap_s",
            "max_tokens",
            "carry",
        )
        return {**{name: getattr(self, name) for name in names}, "extra": dict(self.extra)}


def check_endpoint(endpoint: str) -> None:
    """Raises BadInput for anything but a plain http or https address."""
    legal = "legal is http://127.0.0.1:8000/v1 or the like, without user, password and query"
    try:
        parts = urlsplit(endpoint)
        host, port, secret = parts.hostname, parts.port, parts.username or parts.password
    except ValueError as error:
        raise BadInput(f"--endpoint is no address ({error}); {legal}") from None
    if secret is not None:
        raise BadInput(f"--endpoint holds a user or a password; a key goes into the environment (--key-env); {legal}")
    if parts.scheme not in ("http", "https") or not host or not endpoint.isprintable() or " " in endpoint:
        raise BadInput(f"--endpoint is {endpoint[:200]!r}; {legal}")
    if parts.query or parts.fragment or port == 0:
        raise BadInput(f"--endpoint is {endpoint[:200]!r}; {legal}")


def is_here(endpoint: str) -> bool:
    """Does the address name this machine? By its name alone; nothing is asked."""
    host = urlsplit(endpoint).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def find_key(environment: Mapping[str, str], name: str | None, endpoint: str) -> str | None:
    """The API key from the environment: of the variable `name`, or OPENAI_API_KEY if that is set.

    Raises BadInput for a variable that is not there or holds no key, and where a key that nobody named would travel unencrypted
    to another machine.
    """
    asked, name = name is not None, name or "OPENAI_API_KEY"
    key = environment.get(name, "").strip()
    if not key:
        if asked:
            raise BadInput(f"--key-env says {name}, but the environment has no such variable or an empty one")
        return None
    if not (key.isascii() and key.isprintable() and len(key.split()) == 1):
        raise BadInput(f"the key in {name} must be one word of ASCII")
    if not asked and endpoint.startswith("http:") and not is_here(endpoint):
        raise BadInput(
            f"the key in {name} would travel unencrypted to {endpoint}; give an https address, or --key-env {name} to send it "
            f"all the same"
        )
    return key
