"""The loop of `event_loop`, quick: the same words, events, ends and evictions, from a memory of what was read already.

Every stretch of video is a lane; lanes go on side by side, each at its own pace, and are read together whenever several have
something to read. What makes it quick, with what it changes (decision 021):

- a picture is encoded once; its tokens are put into whatever context needs them;
- the memory of a context is only appended to, until the context forgets its beginning: then it is made anew from the start;
- the first word of every event, screens included, is the same, so it is read along with what comes before it: a gap in which
  nothing is done costs one pass, and what was said in vain (late, refused) is wound back to it;
- a word without alternatives is not asked for.

Nothing of it changes a word, up to the order in which floats are added.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray

from playtape.models.event_loop import Gap, Item, Said, Way, legal

SHORT = 64  # words: what is longer brings a picture


class Feed(NamedTuple):
    """Words to be read at a place of the memory, and the frames whose pictures they show."""

    words: list[int]
    at: int
    frames: list[int]


Lane = Generator[Feed, Any, list[Gap]]
"""Wants words read, is sent the logits [2, V + 1] after the last but one and after the last, and returns its gaps."""

Read = Callable[[Sequence[int], Sequence[Feed]], NDArray]
"""Lanes' numbers and what each wants read, to logits [B, 2, V + 1]."""


def lane(way: Way, frames: Iterable[int]) -> Lane:
    """A stretch of neighbouring frames, by their numbers in the video."""
    codec, items, gaps, at = way.codec, list[Item](), list[Gap](), 0
    for frame in frames:
        items.append(way.screen(frame))
        gap = Gap(dropped=way.evict(items))
        # The word that every event begins with is there already, but at the very start.
        fed = _anew(way, items) if gap.dropped or not at else Feed([*items[-1].words[1:], codec.start], at, [frame])
        ends, at = (yield fed), fed.at + len(fed.words)
        last, limit = way.between(frame)
        while not gap.reason:
            said, since = Said(codec), at  # wound back to here, only that first word is kept
            if said.choose(ends[0], legal(way, (), last, limit)) != codec.start:
                gap.reason, gap.sure = "refused", 0.0
                continue
            while True:
                unread = [said.choose(ends[1], legal(way, said.words, last, limit))]
                gap.sure = said.nothing
                gap.reason = _ended(way, said.words, last, limit)
                while (
                    not gap.reason
                    and said.words[-1] != codec.end
                    and (only := _only(way, said.words, last, limit)) >= 0
                ):
                    said.words.append(only)
                    unread.append(only)
                if gap.reason or said.words[-1] == codec.end:
                    break
                ends, at = (yield Feed(unread, at, [])), at + len(unread)
            if gap.reason:
                at = since
                continue
            stroke = codec.read(said.words, last)
            assert stroke is not None
            item = Item(tuple(codec.spell(stroke)))
            items.append(item)
            gap.add(stroke, said, item)
            last = stroke.tick
            if dropped := way.evict(items):
                fed = _anew(way, items)
                gap.dropped += dropped
            elif list(item.words) == said.words:
                fed = Feed([*unread, codec.start], at, [])
            else:
                fed = Feed([*item.words[1:], codec.start], since, [])  # in its own words, where several mean the same
            ends, at = (yield fed), fed.at + len(fed.words)
            if len(gap.strokes) == way.most:
                gap.reason = "full"
        gaps.append(gap)
    return gaps


def together(lanes: Sequence[Lane], read: Read) -> list[list[Gap]]:
    """Carry all lanes to their ends, reading for several at once."""
    wanted: dict[int, Feed] = {}
    done: dict[int, list[Gap]] = {}

    def go_on(number: int, ends: NDArray | None) -> None:
        try:
            wanted[number] = lanes[number].send(ends)  # of None, it begins
        except StopIteration as end:
            wanted.pop(number, None)
            done[number] = end.value

    for number in range(len(lanes)):
        go_on(number, None)
    while wanted:
        rows = _alike({number: len(feed.words) for number, feed in wanted.items()})
        for number, ends in zip(rows, read(rows, [wanted[number] for number in rows]), strict=True):
            go_on(number, ends)
    return [done[number] for number in range(len(lanes))]


def _alike(lengths: dict[int, int]) -> list[int]:
    """The lanes to read now: in the middle of a gap first, so that others meet at a frame; then those of about one length."""
    shortest = min(lengths.values())
    return (
        [number for number, length in lengths.items() if length <= max(SHORT, 2 * shortest)]
        if shortest > SHORT
        else [number for number, length in lengths.items() if length <= SHORT]
    )


def _anew(way: Way, items: Sequence[Item]) -> Feed:
    """A context from its start, with the first word of what comes next."""
    words = [word for item in items for word in item.words]
    return Feed([*words, way.codec.start], 0, [item.frame for item in items if item.frame >= 0])


def _ended(way: Way, words: Sequence[int], last: int, limit: int) -> str:
    """Why the gap ends with the last of these words; "" if it does not."""
    codec, word, place = way.codec, words[-1], len(words) - 1
    if place == 1 and word == codec.screen:
        return "screen"
    if not way.published:
        return ""
    if word == len(codec.words) or not codec.legal(words[:-1])[word]:
        return "refused"
    if place == 4 and codec.tick(words[2:], last) > limit:
        return "late"
    return "refused" if len(words) == way.longest and word != codec.end else ""


def _only(way: Way, words: Sequence[int], last: int, limit: int) -> int:
    """The word that has to come next, if only one may; else -1."""
    found = legal(way, words, last, limit)
    return int(found.argmax()) if found is not None and found.sum() == 1 else -1
