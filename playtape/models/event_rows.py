"""From the events that a loop said to beliefs of a row a frame, so that they go the way of any labeller's.

A button is held or free as the events say; how surely goes from 0.5 (a guess) to 1: how likely the event was that made it so,
times how likely it is that nothing else is done now. So a threshold of 0.5 takes every event as said. Calibration finds what
these numbers are worth.

Shapes: `T` frames, `B` buttons, `A` axes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from playtape.actions import ActionSpace, strokes
from playtape.actions.names import GENERIC, from_vk
from playtape.actions.strokes import KEYBOARD, STROKE, TICK_NS, Stroke
from playtape.models.event_line import Pace
from playtape.models.event_loop import Gap
from playtape.models.protocols import Labels


@dataclass
class Rows:
    """What was said of a video, rows apart from each other: strokes by the grid, tau taken off."""

    pace: Pace
    strokes: list[Stroke] = field(default_factory=list)
    odds: list[float] = field(default_factory=list)
    spread: list[tuple[float, float]] = field(default_factory=list)
    sure: dict[int, float] = field(default_factory=dict)  # row -> how likely it is that nothing (more) is done in it

    def add(self, gaps: Sequence[Gap], first: int, start: int, stop: int) -> None:
        """The gaps of a stretch from frame `first` on; of these, the rows [start, stop). What was before frame 0 is left out."""
        period, delay = self.pace
        for frame, gap in enumerate(gaps, first):
            if start <= frame - delay < stop:
                self.sure[frame - delay] = gap.sure
            for stroke, odds, spread in zip(gap.strokes, gap.odds, gap.spread, strict=True):
                tick = stroke.tick - delay * period
                if max(0, start * period) <= tick < stop * period:
                    self.strokes.append(stroke._replace(tick=tick))
                    self.odds.append(odds)
                    self.spread.append(spread)

    def labels(self, space: ActionSpace, frames: int, *, windows: bool = False) -> Labels:
        """Beliefs of T rows. `windows`: motion is stamped at the end of what it sums, as published."""
        period = self.pace.period
        said = np.array(self.strokes, STROKE)
        events = strokes.spread(said, period) if windows else strokes.to_events(said)
        actions = space.actions(events, np.arange(frames) * period * TICK_NS)
        sure = np.zeros(frames)
        for row, value in self.sure.items():
            if row < frames:
                sure[row] = value
        trust = self._trust(space, frames)
        held, before = actions.buttons, np.concatenate([np.zeros((1, len(space.buttons)), bool), actions.buttons[:-1]])
        certain = trust * sure[:, None]
        idle = (1 - sure[:, None]) / 2  # something may be done that was not said
        changes = [np.where(change, 0.5 + trust / 2, idle) for change in (held & ~before, ~held & before)]
        belief = np.where(held, 0.5 + certain / 2, 0.5 - certain / 2)
        parts = (belief, *changes, actions.axes, self._deviation(space, sure))
        return Labels(*(torch.from_numpy(np.ascontiguousarray(part, np.float32)) for part in parts))

    def _trust(self, space: ActionSpace, frames: int) -> NDArray[np.float64]:
        """[T, B]: how likely the last event of a button was, from its row on; 1 before the first."""
        trust = np.ones((frames, len(space.buttons)))
        said: dict[str, list[tuple[int, float]]] = {name: [(-1, 1.0)] for name in space.buttons}
        for stroke, odds in zip(self.strokes, self.odds, strict=True):
            for name in _buttons(stroke):
                for each in {name, GENERIC.get(name, name)} & said.keys():
                    said[each].append((stroke.tick // self.pace.period, odds))
        for column, events in enumerate(said.values()):
            row, odds = zip(*events)
            trust[:, column] = np.array(odds)[np.searchsorted(row, np.arange(frames), side="right") - 1]
        return trust

    def _deviation(self, space: ActionSpace, sure: NDArray[np.float64]) -> NDArray[np.float64]:
        """[T, A]: of motion, as its digits were in doubt; and where something may have been left out, the axis' own scale."""
        scale = np.array([axis.scale for axis in space.axes])
        variance = ((1 - sure)[:, None] * scale) ** 2
        column = {axis.name: k for k, axis in enumerate(space.axes)}
        for stroke, spread in zip(self.strokes, self.spread, strict=True):
            for name, deviation in zip(("mouse.dx", "mouse.dy"), spread):
                if name in column and stroke.tick // self.pace.period < len(variance):
                    variance[stroke.tick // self.pace.period, column[name]] += deviation**2
        return variance**0.5


def _buttons(stroke: Stroke) -> list[str]:
    """What a stroke presses or lets go of."""
    if stroke.kind == KEYBOARD:
        return [name] if (name := from_vk(stroke.vk)) else []
    return [button for button, flag in strokes.BUTTONS.items() if stroke.flags & 3 * flag]
