"""Do presses and releases pair up? Columns only, so that millions of events are checked in a moment."""

from dataclasses import dataclass

import numpy as np

from playtape.actions import Events, names

RELEASE, PRESS, REPEAT = 0, 1, 2


@dataclass(frozen=True)
class Pairing:
    """`events` with every press of a held button marked as a repeat, and what did not pair up."""

    events: Events
    repeats: int  # presses that turned out to be auto-repeat
    unpaired: int  # releases of buttons that were not down
    held: tuple[str, ...]  # buttons still down at the end

    def closed(self, end_ns: int) -> Events:
        """The events, and a release at `end_ns` (or the last event, if that is later) of each button still down."""
        if not self.held:
            return self.events
        end = max(end_ns, int(self.events.time_ns[-1]))
        return Events.concatenate(self.events, Events.from_rows((end, name, RELEASE) for name in self.held))


def pair(events: Events) -> Pairing:
    """Follow every button through its presses and releases."""
    value = np.array(events.value)
    repeats = unpaired = 0
    held = []
    for index in np.unique(events.input):
        name = events.names[index]
        if not names.is_button(name):
            continue
        rows = np.flatnonzero(events.input == index)
        down = value[rows] > 0
        before = np.concatenate([[False], down[:-1]])
        again = rows[down & before & (value[rows] == PRESS)]
        value[again] = REPEAT
        first = rows[down & ~before & (value[rows] == REPEAT)]
        value[first] = PRESS  # a repeat of a button that was up is the first we hear of it
        repeats += len(again)
        unpaired += int((~down & ~before).sum())
        if down[-1]:
            held.append(name)
    if not np.array_equal(value, events.value):
        events = Events(events.time_ns, events.input, value, events.names)
    return Pairing(events, repeats, unpaired, tuple(held))


def states_differ(
    events: Events, time_ns: np.ndarray, held: list[frozenset[str]], *, slack_ns: int = 50_000_000
) -> int:
    """How many snapshots of held buttons (at `time_ns`) disagree with the replayed events.

    A snapshot and an event within `slack_ns` of each other may have been stamped in either order, so those are skipped.
    """
    wrong = np.zeros(len(time_ns), bool)
    keys = {n for n in events.counts() if n in names.VK} | {name for state in held for name in state}
    buttons = events.of(*keys)
    for name in keys:
        mine = buttons.of(name)
        last = np.searchsorted(mine.time_ns, time_ns, side="right") - 1
        replayed = np.zeros(len(time_ns), bool)
        if len(mine):
            replayed = (last >= 0) & (mine.value[last] > 0)
        near = np.searchsorted(mine.time_ns, time_ns - slack_ns) != np.searchsorted(
            mine.time_ns, time_ns + slack_ns, "right"
        )
        stated = np.array([name in state for state in held], bool)
        wrong |= (stated != replayed) & ~near
    return int(wrong.sum())
