"""Questions to a server that speaks OpenAI's chat/completions: sent, waited for, and sent again where that may help.

Waits after 429, 5xx, a time-out or a lost connection, twice as long each time and by a random share less, or as long as the
server says; where it has too much to do (429, 503), everybody waits. Any other refusal is an error. Knows nothing of videos
or prompts.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import orjson

from playtape import __version__
from playtape.annotate.settings import Settings, is_here
from playtape.errors import BadInput, need

MOST_BYTES = 4_000_000  # of an answer
LONGEST_WAIT_S, LONGEST_BACKOFF_S = 600.0, 60.0
PASSING = {408, 409, 425, 429}  # besides 5xx: may be otherwise in a while
SAID = 300  # characters of what a server said, in a sentence
SECRET = 8  # characters of a key, from which on it is one


@dataclass(frozen=True)
class Reply:
    """What the model said (None: it said nothing, and `why`), and the tokens that the server counted."""

    text: str | None
    tokens_in: int | None
    tokens_out: int | None
    why: str = ""


class Unanswered(Exception):
    """No answer after all tries. Says why."""


class Passing(Exception):
    """What may be otherwise in a while. `wait_s` is what the server asks for; `busy`: there is too much to do for it."""

    def __init__(self, why: str, wait_s: float | None = None, busy: bool = False):
        super().__init__(why)
        self.wait_s, self.busy = wait_s, busy


class Endpoint:
    """async with Endpoint(settings) as endpoint: reply = await endpoint.ask({"messages": [...]})"""

    def __init__(self, settings: Settings, note: Callable[[str], None] = lambda line: None):
        self.httpx = need("httpx2", "annotate")
        self.settings, self.note = settings, note
        self.requests = 0
        self._clear_at = 0.0  # time.monotonic() before which nobody asks
        self._draw = random.Random()

    async def __aenter__(self) -> Self:
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        headers["User-Agent"] = f"playtape/{__version__}"
        if self.settings.key is not None:
            headers["Authorization"] = f"Bearer {self.settings.key}"
        self.client = self.httpx.AsyncClient(
            headers=headers,
            timeout=self.settings.timeout_s,
            limits=self.httpx.Limits(max_connections=self.settings.parallel),
            follow_redirects=False,
            trust_env=not is_here(self.settings.endpoint),  # a proxy is for other machines
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.client.aclose()

    async def ask(self, body: dict[str, Any]) -> Reply:
        """The answer to a request's body. Raises Unanswered after all tries, BadInput for a refusal that will not change."""
        data, tries, trouble = orjson.dumps(body), self.settings.tries, Passing("")
        for number in range(1, tries + 1):
            await self._gate()
            try:
                async with asyncio.timeout(self.settings.timeout_s):
                    return await self._once(data)
            except TimeoutError:
                trouble = Passing(f"no answer within {self.settings.timeout_s:g} s")
            except self.httpx.RequestError as error:
                what = "cannot connect" if isinstance(error, self.httpx.ConnectError) else "the connection was lost"
                trouble = Passing(f"{what} ({self._line(str(error)) or type(error).__name__})")
            except Passing as error:
                trouble = error
            if number < tries:
                await self._wait(trouble, number)
        raise Unanswered(f"{trouble} ({tries} {'tries' if tries > 1 else 'try'})")

    async def _gate(self) -> None:
        while (left := self._clear_at - time.monotonic()) > 0:
            await asyncio.sleep(left)

    async def _wait(self, trouble: Passing, number: int) -> None:
        """Lets pass a while, for everybody where the server is busy. Raises BadInput if it asks for more than is sensible."""
        if trouble.wait_s is None:
            seconds = min(self.settings.backoff_s * 2 ** (number - 1), LONGEST_BACKOFF_S) * self._draw.uniform(0.5, 1.0)
        elif trouble.wait_s > LONGEST_WAIT_S:
            raise BadInput(
                f"{self.settings.url} asks to wait {trouble.wait_s:g} s, and {LONGEST_WAIT_S:g} is the most that is waited; "
                f"run the same command again then: what was answered is kept"
            )
        else:
            seconds = trouble.wait_s * self._draw.uniform(1.0, 1.1)
        self.note(f"{trouble}; again in {seconds:.1f} s")
        if trouble.busy:
            self._clear_at = max(self._clear_at, time.monotonic() + seconds)
        await asyncio.sleep(seconds)

    async def _once(self, data: bytes) -> Reply:
        self.requests += 1
        async with self.client.stream("POST", self.settings.url, content=data) as response:
            status, headers = response.status_code, response.headers
            body = await self._body(response)
        if 300 <= status < 400:
            where = self._line(headers.get("location", "somewhere"))
            raise BadInput(
                f"{self.settings.url} sends on to {where}, which is not followed; give that as --endpoint if you trust it"
            )
        if status in PASSING or status >= 500:
            raise Passing(f"{status} {self._said(body)}", retry_after(headers.get("retry-after")), status in (429, 503))
        if not 200 <= status < 300:
            raise BadInput(f"{self.settings.url} refuses with {status}{HINTS.get(status, '')}: {self._said(body)}")
        return self._reply(body)

    async def _body(self, response: Any) -> bytes:
        body = bytearray()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > MOST_BYTES:
                raise Passing(f"the answer is larger than {MOST_BYTES / 1e6:g} MB")
        return bytes(body)

    def _reply(self, body: bytes) -> Reply:
        """The model's words out of what the server says. Raises Passing for what is no such answer at all."""
        try:
            told = orjson.loads(body)
            choices = told["choices"]
            usage = told.get("usage")
            counted = usage if isinstance(usage, dict) else {}
            counts = [_count(counted.get(name)) for name in ("prompt_tokens", "completion_tokens")]
        except (orjson.JSONDecodeError, TypeError, KeyError, AttributeError):
            raise Passing(f"what came is no answer of chat/completions: {self._said(body)}") from None
        try:
            choice = choices[0]
            content, ended = choice["message"]["content"], choice.get("finish_reason")
        except (IndexError, KeyError, TypeError, AttributeError):
            return Reply(None, *counts, "the answer has no choice with a message in it")
        if isinstance(content, list):
            parts = [part.get("text") for part in content if isinstance(part, dict)]
            content = "".join(part for part in parts if isinstance(part, str))
        if not isinstance(content, str) or not content.strip():
            refusal = choice["message"].get("refusal")
            why = f": {self._said(str(refusal).encode())}" if refusal else ""
            return Reply(None, *counts, f"the message is empty{why}")
        why = f"the answer was cut after {self.settings.max_tokens} tokens" if ended == "length" else ""
        return Reply(self._hidden(content), *counts, why)

    def _said(self, body: bytes) -> str:
        """What a server said, on a line of bounded length."""
        text = body[: 64 * SAID].decode("utf-8", "replace")
        try:
            told = orjson.loads(body)["error"]
            text = str(told["message"] if isinstance(told, dict) else told)
        except (orjson.JSONDecodeError, KeyError, TypeError):
            pass
        line = self._line(text)
        return repr(line) if line else "without a word"

    def _line(self, text: str) -> str:
        """On a line of bounded length, fit to be printed, and without the key."""
        return " ".join("".join(letter if letter.isprintable() else " " for letter in self._hidden(text)).split())[
            :SAID
        ]

    def _hidden(self, text: str) -> str:
        """Without the key, should a server repeat it. A word as short as "none" is for servers that want any key."""
        key = self.settings.key or ""
        return text.replace(key, "(the key)") if len(key) >= SECRET else text


HINTS = {
    401: " (is there a key, and the right one? --key-env names its variable)",
    403: " (is the key allowed this model?)",
    404: " (are --endpoint, which ends in /v1 mostly, and --model right?)",
    413: " (try fewer or smaller pictures: --chunk, --frames-per-second, --height)",
}


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 10**9 else None


def retry_after(value: str | None) -> float | None:
    """Seconds to wait: the header's number or date. None if it says nothing that can be understood."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0.0, seconds) if seconds == seconds else None
