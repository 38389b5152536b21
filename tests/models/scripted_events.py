"""A model that says what a script tells it to, for the plain loop and for lanes alike: it knows only the words it is shown.

Its memory holds words where a real one holds keys and values, so that what is written at a wrong place, or not wound back, is
read. A script gives, for each frame's number and each attempt in its gap, the words that are said after the event's first.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from playtape.actions.event_tokens import Codec
from playtape.actions.strokes import SCREEN, Stroke
from playtape.models.event_lanes import Feed

Script = Mapping[int, Sequence[Sequence[int]]]


class Scripted:
    def __init__(self, codec: Codec, script: Script, lanes: int, places: int, period: int = 5):
        self.codec, self.script, self.period = codec, script, period
        self.memory = np.full((lanes, places), -1)
        self.passes = 0
        self.read_words = 0

    def ask(self, words: Sequence[int], frames: Sequence[int]) -> np.ndarray:
        """As the plain loop asks: a whole context."""
        self.passes += 1
        shown = sum(
            word == self.codec.screen and words[place - 1] == self.codec.start for place, word in enumerate(words)
        )
        assert len(frames) == shown
        return self._after(list(words), frames[-1] if frames else -1)

    def read(self, rows: Sequence[int], feeds: Sequence[Feed]) -> np.ndarray:
        """As lanes ask: what is new, and where it goes."""
        self.passes += 1
        found = []
        for row, feed in zip(rows, feeds, strict=True):
            self.read_words += len(feed.words)
            assert len(feed.frames) == feed.words.count(self.codec.numbers["<img>"])
            self.memory[row, feed.at : feed.at + len(feed.words)] = feed.words
            line = self.memory[row, : feed.at + len(feed.words)].tolist()
            assert -1 not in line  # nothing is left out
            found.append([self._after(line[:-1]), self._after(line)])
        return np.array(found)

    def _after(self, words: list[int], frame: int = -1) -> np.ndarray:
        """Logits of the next word: 9 for what the script says, and for others something small that tells them apart."""
        start, codec = self.codec.start, self.codec
        logits = np.cos(np.arange(len(codec.words) + 1) + len(words))
        starts = [place for place, word in enumerate(words) if word == start]
        begun = len(words) - starts[-1] if starts and codec.end not in words[starts[-1] :] else 0
        screens = [
            place for place in starts if words[place + 1 : place + 2] == [codec.screen] and codec.end in words[place:]
        ]
        if not screens:
            logits[start] = 9
            return logits
        tick = codec.tick(words[screens[-1] + 2 : screens[-1] + 5], 0)
        attempt = sum(place > screens[-1] for place in starts) - (begun > 0)
        gap = self.script.get(tick // self.period, ())
        said = [start, *(gap[attempt] if attempt < len(gap) else (codec.screen,))]
        logits[said[begun] if begun < len(said) else codec.end] = 9
        return logits


def tail(codec: Codec, stroke: Stroke) -> list[int]:
    """The words of an event after its first, whatever its time: nothing is checked."""
    return codec.spell(stroke)[1:]


def looks(codec: Codec, frame: int, period: int = 5) -> list[int]:
    return codec.spell(Stroke(frame * period, SCREEN))
