"""Instructions to vectors, one after the other, beside the event loop. Knows no socket."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from playtape.clips import SentenceEncoder
from playtape.clips.text import whole
from playtape.errors import deaf


class Texts:
    """`encoder` is None for a policy that learned without texts."""

    def __init__(self, encoder: SentenceEncoder | None):
        self.encoder = encoder
        self.thread = ThreadPoolExecutor(1, "text")

    def understood(self, text: str) -> np.ndarray | None:
        """float32 [E]; None for no instruction. Raises BadInput if the policy cannot read, or its encoder is not installed."""
        if not text:
            return None
        if self.encoder is None:
            raise deaf(text)
        return self.encoder.encode([whole(text)])[0]

    async def read(self, text: str) -> np.ndarray | None:
        """The same, while others are served: the first sentence waits for the encoder's weights."""
        return await asyncio.get_running_loop().run_in_executor(self.thread, self.understood, text)

    def close(self) -> None:
        """Nothing is read after this."""
        self.thread.shutdown()
