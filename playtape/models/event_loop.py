"""A video as a line that a model reads on: frame, what hands did, frame, ... One word after the other, with nothing kept between.

This is D2E's published loop, slow and plain: for every word the whole context goes through the model anew, pictures and all. It
is what `event_lanes` is checked by. Between two frames is a gap. It ends when the model begins a screen ("screen"), says what
is no event ("refused") or one later than the next frame ("late"), or has said as many events as a gap may have ("full").

Two ways to choose: `published` takes whatever is likeliest of all words and ends the gap where that makes no sense; ours takes
the likeliest of those that may stand there, at a time within the gap, so that every event is one. Two ways to forget, once the
context is longer than it may be: with `keep` = 0 the oldest events go, one by one, as published; else all but the last `keep`
frames and what came after the first of them go at once, so that a memory of the rest lives for many frames.

Times are ticks of the line, tau included. Shapes: `V` words of the codec; one column more stands for all words beyond them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from playtape.actions.event_tokens import Codec
from playtape.actions.strokes import SCREEN, Stroke
from playtape.models.event_line import Pace

PUBLISHED_LONGEST = 20  # words of an event, in the published loop: one with a wheel (21) never fits


class Item(NamedTuple):
    """One event of the context. `frame` is the number of a screen's, else -1."""

    words: tuple[int, ...]
    frame: int = -1


@dataclass(frozen=True)
class Way:
    """How a line is read on; see the module."""

    codec: Codec
    pace: Pace
    context: int = 2048  # words
    keep: int = 0  # frames
    most: int = 16  # events a gap

    @property
    def published(self) -> bool:
        return self.codec.published

    @property
    def longest(self) -> int:
        return PUBLISHED_LONGEST if self.published else self.codec.longest

    def screen(self, frame: int) -> Item:
        return Item(tuple(self.codec.spell(Stroke(frame * self.pace.period, SCREEN))), frame)

    def between(self, frame: int) -> tuple[int, int]:
        """The ticks of a frame and of the one after it."""
        return frame * self.pace.period, (frame + 1) * self.pace.period

    def evict(self, items: list[Item]) -> int:
        """Forget what is too much, in place, but never the last. How many items that were."""
        count, total = 0, sum(len(item.words) for item in items)
        if total > self.context and self.keep:
            shown = [place for place, item in enumerate(items) if item.frame >= 0]
            count = shown[max(0, len(shown) - self.keep)] if shown else 0
            total -= sum(len(item.words) for item in items[:count])
        while total > self.context and count < len(items) - 1:
            total -= len(items[count].words)
            count += 1
        del items[:count]
        return count


@dataclass
class Gap:
    """What was said between two frames, or behind the last. `odds`: how likely it was to be this key or button, of each event;
    `spread`: the standard deviation of its motion in x and y; `sure`: how likely it was that nothing (more) is done."""

    strokes: list[Stroke] = field(default_factory=list)
    odds: list[float] = field(default_factory=list)
    spread: list[tuple[float, float]] = field(default_factory=list)
    words: list[int] = field(default_factory=list)  # of the events that came into the context
    reason: str = ""
    sure: float = 0.0
    dropped: int = 0  # items forgotten

    def add(self, stroke: Stroke, said: "Said", item: Item) -> None:
        self.strokes.append(stroke)
        self.odds.append(said.odds)
        self.spread.append(said.spread(stroke))
        self.words += item.words


class Said:
    """The words of one event so far, and how likely each was."""

    def __init__(self, codec: Codec):
        self.codec, self.words = codec, list[int]()
        self.odds, self.nothing = 1.0, 0.0
        self.variance, self.doubt = [0.0, 0.0], [0.0, 0.0]  # of each axis' digits, of its sign

    def choose(self, logits: NDArray, legal: NDArray | None) -> int:
        """Take the likeliest word of those that are legal (None: of all), [V + 1]. V is a word beyond the codec's."""
        if legal is not None:
            logits = np.where(legal, logits[:-1], -np.inf)
        weight = np.exp(logits.astype(np.float64) - logits.max())
        weight /= weight.sum()
        word = int(weight.argmax())
        if self.words == [self.codec.start]:
            self.nothing = float(weight[self.codec.screen])
        place = self.codec.digit_places.get(len(self.words)) if self.words[1:2] == [self.codec.mouse] else None
        if place is None and len(self.words) not in (2, 3, 4):  # neither how far nor exactly when
            self.odds *= float(weight[word])
        if place is not None:
            (axis, worth), weight = place, weight[: len(self.codec.values)]
            values = worth * self.codec.values
            part = self.doubt if word in self.codec.signs else self.variance
            part[axis] += max(0.0, float(weight @ values**2 - (weight @ values) ** 2))
        self.words.append(word)
        return word

    def spread(self, stroke: Stroke) -> tuple[float, float]:
        """Standard deviations of a motion's counts: its digits apart, and its sign, where that has a word."""
        dx, dy = (
            float((self.variance[axis] + self.doubt[axis] * moved**2) ** 0.5)
            for axis, moved in ((0, stroke.dx), (1, stroke.dy))
        )
        return dx, dy


Ask = Callable[[Sequence[int], Sequence[int]], NDArray]
"""A context's words, and the frames whose pictures they show, to logits [V + 1] of the next word."""


def plain(ask: Ask, way: Way, frames: Iterable[int]) -> list[Gap]:
    """Every gap of these (neighbouring) frames, also the one behind the last, which the published loop leaves out."""
    items, gaps = list[Item](), list[Gap]()
    for frame in frames:
        items.append(way.screen(frame))
        gap = Gap(dropped=way.evict(items))
        last, limit = way.between(frame)
        while not gap.reason:
            said = _next(ask, way, items, last, limit)
            gap.sure = said.nothing
            found = verdict(way, said.words, last, limit)
            if isinstance(found, str):
                gap.reason = found
                continue
            item = Item(tuple(way.codec.spell(found)))  # in its own words, where several mean the same
            items.append(item)
            gap.add(found, said, item)
            gap.dropped += way.evict(items)
            last = found.tick
            if len(gap.strokes) == way.most:
                gap.reason = "full"
        gaps.append(gap)
    return gaps


def _next(ask: Ask, way: Way, items: Sequence[Item], last: int, limit: int) -> Said:
    """What the model says next, up to its end or to a screen."""
    said, codec = Said(way.codec), way.codec
    context = [word for item in items for word in item.words]
    shown = [item.frame for item in items if item.frame >= 0]
    while len(said.words) < way.longest:
        word = said.choose(ask([*context, *said.words], shown), legal(way, said.words, last, limit))
        if word in (
            codec.end,
            codec.screen,
            len(codec.words),
        ):  # nothing makes an event of what has a strange word in it
            break
    return said


def legal(way: Way, words: Sequence[int], last: int, limit: int) -> NDArray | None:
    """Which words may come next; None where any may."""
    if way.published:
        return None
    found = way.codec.legal(words)
    return found & way.codec.timely(words, last, limit) if 2 <= len(words) < 5 else found


def verdict(way: Way, words: Sequence[int], last: int, limit: int) -> Stroke | str:
    """The event that these words are, or why the gap ends. The first word at fault decides."""
    codec = way.codec
    for place, word in enumerate(words):
        if place == 1 and word == codec.screen:
            return "screen"
        if word == len(codec.words) or not codec.legal(words[:place])[word]:
            return "refused"
        if place == 4 and codec.tick(words[2:5], last) > limit:
            return "late"
    return codec.read(words, last) or "refused"
