"""By how much the picture answers its inputs late: an estimate with an interval, or why there is none.

Three views of it, each judged at every shift of the inputs by up to 0.6 s, from the same pass over the pictures:

- `turn`, `tilt`: how far the picture should have moved aside (or up and down) is said by the mouse, and by held keys whose push
  decays, as a craft's or a walker's does; how well the picture *moved by just that much* fits the next one is the score. A
  correlation with measured motion says less: where the measuring fails, it fails by a lot.
- `keys`, `presses`: how much each of 16 parts of the picture changes, beyond what its last two changes foretell, against what is
  held, or against presses and releases alone.

The peak is found between whole intervals by a parabola, its interval by a bootstrap over stretches of two seconds. The view
with the narrowest interval speaks. Positive: the picture answers later than the inputs say, so they must be moved later.
Legend: M measured intervals, L shifts, U stretches, K buttons.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from playtape.actions import ActionSpace, Axis
from playtape.actions.names import is_button
from playtape.check.glance import Glance, looked_up
from playtape.recordings import Recording

REACH_S = 0.6
STRETCH_S = 2.0
FAR = tuple(np.arange(1.0, 6.0, 0.125).tolist())  # times REACH_S and beyond it: shifts that are wrong for sure
CLEARLY = 1.5  # times as much as the best of those must a shift explain
FEWEST = 30  # intervals with motion of the mouse
PRESSES = 3  # of a button, for it to say anything
STRETCHES = 5
WIDEST_S = 0.25  # mispaired inputs and pictures gave intervals of 0.4 s and more, right ones of at most 0.1 s
DECAYS = (0.0, 0.5, 0.75, 0.88, 0.94)  # of a held key's push, from one interval to the next
FLAT = 1.5  # grey levels: less than this between a picture and itself moved by any amount, and it shows no motion
CLEAR = 0.75  # the best fit, as a share of the mean one, for a measured motion to be believed
MOST = 20_000  # intervals whose parts are compared: an hour's would need a gigabyte
PASSES = 5  # of weighing down what fits badly
DRAWS, LEVEL = 1000, 0.95


@dataclass(frozen=True)
class Lag:
    """What one view says, in seconds; `why` it says nothing, else None. `inputs` are those it was told by."""

    view: str
    seconds: float = np.nan
    low: float = np.nan
    high: float = np.nan
    why: str | None = None
    inputs: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        return self.why is None

    @property
    def found(self) -> bool:
        """Is it known not to be 0?"""
        return self.known and (self.low > 0 or self.high < 0)

    def to_json(self) -> dict[str, Any]:
        said = self.known
        return {
            "lag_ms": round(self.seconds * 1e3, 2) if said else None,
            "interval": [round(self.low * 1e3, 2), round(self.high * 1e3, 2)] if said else None,
            "view": self.view,
            "inputs": list(self.inputs),
            "why": self.why,
        }


def estimated(recording: Recording, seen: Glance, apart: np.ndarray | None = None) -> list[Lag]:
    """What each view says, the surest first. `apart` bool [T - 1]: intervals that count; all without it."""
    return sorted(
        _views(recording, seen, apart),
        key=lambda lag: (not lag.known, lag.high - lag.low if lag.known else 0.0),
    )


def turned(recording: Recording, seen: Glance, apart: np.ndarray) -> Lag:
    """The view of turns alone, and only where a mouse tells them."""
    inputs = _Inputs(recording)
    if (inputs.axis("mouse.dx") != 0).sum() < FEWEST:
        return Lag("turn", why=f"there are fewer than {FEWEST} turns of the mouse")
    return _moved("turn", inputs, "mouse.dx", seen.across, seen, apart)


def _views(recording: Recording, seen: Glance, apart: np.ndarray | None) -> Iterator[Lag]:
    inputs = _Inputs(recording)
    apart = np.ones(len(seen.change), bool) if apart is None else apart
    yield _moved("turn", inputs, "mouse.dx", seen.across, seen, apart)
    if len(seen.down):
        yield _moved("tilt", inputs, "mouse.dy", seen.down, seen, apart)
    yield from _changed(inputs, seen, apart)


class _Inputs:
    """What was done in each interval: `held` float64 [T - 1, K] of buttons with some presses, and axes."""

    def __init__(self, recording: Recording):
        self.events, self.time = recording.events, recording.time_ns
        names = tuple(name for name in self.events.counts() if is_button(name))
        held = ActionSpace(names, ()).actions(self.events, self.time).buttons[:-1]
        edges = np.diff(held.astype(np.int8), axis=0, prepend=held[:1].astype(np.int8))
        often = (edges > 0).sum(axis=0) >= PRESSES
        self.held = held[:, often].astype(np.float64)
        self.edges = np.concatenate([edges[:, often] > 0, edges[:, often] < 0], axis=1).astype(np.float64)
        self.names = tuple(name for name, kept in zip(names, often, strict=True) if kept)
        self.step = float(np.median(np.diff(self.time))) / 1e9
        self.reach = max(2, round(REACH_S / self.step))
        side = [
            self.reach + round(part * self.reach) for part in FAR if part * self.reach < len(held) // 2 - self.reach
        ]
        self.far = [*(-shift for shift in side), *side]

    def axis(self, name: str) -> np.ndarray:
        """float64 [T - 1], in mean magnitudes of an interval with motion."""
        found = ActionSpace((), (Axis(name, "sum"),)).actions(self.events, self.time).axes[:-1, 0].astype(np.float64)
        size = np.abs(found[found != 0]).mean() if found.any() else 1.0
        return found / size

    def stretch(self, at: np.ndarray) -> np.ndarray:
        """int [M]: which of the stretches each interval lies in, without empty ones."""
        return np.unique((self.time[at] - self.time[0]) // int(STRETCH_S * 1e9), return_inverse=True)[1]


def _moved(view: str, inputs: _Inputs, axis: str, curve: np.ndarray, seen: Glance, apart: np.ndarray) -> Lag:
    """By pictures that move: `curve` float32 [M, 2 R + 1], how badly the picture moved by -R to R pixels fits the next one."""
    move = inputs.axis(axis)
    told = (move != 0).sum() >= FEWEST
    names = (*((axis,) if told else ()), *inputs.names)
    if not names:
        return Lag(
            view, why=f"there are fewer than {FEWEST} motions of {axis}, and no button is pressed {PRESSES} times"
        )
    reach, middle = inputs.reach, curve.shape[1] // 2
    usual = curve.mean(axis=1)
    fit = apart[seen.at] & (usual >= FLAT) & (seen.at >= reach) & (seen.at < len(move) - reach)
    at, curve, usual = seen.at[fit], curve[fit], usual[fit]
    stretch = inputs.stretch(at)
    if not len(at) or stretch[-1] + 1 < STRETCHES:
        return Lag(view, why=f"the picture moves in fewer than {STRETCHES} stretches of {STRETCH_S:g} s")
    best = curve.argmin(axis=1)
    motion = middle - best.astype(np.float64)  # to the left, as the world does when one turns right
    sure = (curve.min(axis=1) < CLEAR * usual) & (best > 0) & (best < 2 * middle)
    if sure.sum() < FEWEST:
        return Lag(view, why=f"in fewer than {FEWEST} intervals the picture moves as a whole")
    spread = float(np.clip(1.5 * np.median(np.abs(motion[sure])), 0.75, 3.0))

    def loss(told_by: np.ndarray, shift: int) -> np.ndarray:
        rows = np.column_stack([np.ones(len(at)), told_by[(at - shift) % len(told_by)]])
        return looked_up(curve, -(rows @ _robust(rows[sure], motion[sure], spread))) / usual

    decays = DECAYS if len(inputs.names) else DECAYS[:1]
    each = [np.column_stack([*((move,) if told else ()), _pushing(inputs.held, decay)]) for decay in decays]
    near = [np.column_stack([loss(told_by, shift) for shift in range(-reach, reach + 1)]) for told_by in each]
    best_one = int(np.argmin([losses.sum(axis=0).min() for losses in near]))
    far = np.array([loss(each[best_one], shift).sum() for shift in inputs.far])
    return _judged(view, near[best_one], far, stretch, inputs, names)


def _pushing(held: np.ndarray, decay: float) -> np.ndarray:
    """A held key's push adds up and decays: [T, K] to [T, K]."""
    if not decay:
        return held
    from scipy.signal import lfilter  # a quarter of a second to import

    return lfilter([1.0], [1.0, -decay], held, axis=0)


def _robust(rows: np.ndarray, wanted: np.ndarray, spread: float) -> np.ndarray:
    """Weights of a linear fit that heeds what lies far from it less and less (a Cauchy loss)."""
    trust, weights = np.ones(len(rows)), np.zeros(rows.shape[1])
    for _ in range(PASSES):
        weighed = rows * trust[:, None]
        weights = np.linalg.solve(weighed.T @ rows + 1e-3 * np.eye(rows.shape[1]), weighed.T @ wanted)
        trust = 1 / (1 + ((wanted - rows @ weights) / spread) ** 2)
    return weights


def _changed(inputs: _Inputs, seen: Glance, apart: np.ndarray) -> Iterator[Lag]:
    """By how much parts of the picture change: `keys` by what is held, `presses` by what is pressed and let go."""
    reach, count = inputs.reach, len(seen.change)
    at = np.arange(max(reach, 2), count - reach)
    at = at[apart[at]]
    at = at[np.unique(np.linspace(0, len(at) - 1, min(MOST, len(at))).astype(int))]
    if not inputs.names or not len(at) or (stretch := inputs.stretch(at))[-1] + 1 < STRETCHES:
        why = f"no button is pressed {PRESSES} times" if not inputs.names else "it is too short"
        yield Lag("keys", why=why)
        return
    basis, _ = np.linalg.qr(np.column_stack([np.ones(len(at)), seen.cells[at - 1], seen.cells[at - 2]]))
    rest = seen.cells[at].astype(np.float64)
    rest -= basis @ (basis.T @ rest)
    rest = np.clip(rest / (1.5 * np.median(np.abs(rest), axis=0) + 0.02), -4, 4)  # a cut is not to decide alone
    for view, told_by in (("keys", inputs.held), ("presses", inputs.edges)):

        def loss(shift: int, told_by: np.ndarray = told_by) -> np.ndarray:
            rows = told_by[(at - shift) % count]
            rows = rows - basis @ (basis.T @ rows)
            weights = np.linalg.solve(rows.T @ rows + np.eye(rows.shape[1]), rows.T @ rest)
            return ((rest - rows @ weights) ** 2).mean(axis=1)

        near = np.column_stack([loss(shift) for shift in range(-reach, reach + 1)])
        yield _judged(view, near, np.array([loss(shift).sum() for shift in inputs.far]), stretch, inputs, inputs.names)


def _judged(
    view: str, loss: np.ndarray, far: np.ndarray, stretch: np.ndarray, inputs: _Inputs, names: tuple[str, ...]
) -> Lag:
    """loss [M, L] to the best shift and its interval. `far`: sums of losses at shifts where only chance can tell anything."""
    usual = float(np.median(far))
    if usual - loss.sum(axis=0).min() < CLEARLY * max(usual - far.min(), 0):
        return Lag(view, why="no shift explains the picture much better than one of seconds does", inputs=names)
    sums = np.zeros((int(stretch[-1]) + 1, loss.shape[1]))
    np.add.at(sums, stretch, loss)
    units = len(sums)
    drawn = np.random.default_rng(0).multinomial(units, np.full(units, 1 / units), DRAWS) @ sums
    value = float(_best(sums.sum(axis=0)[None])[0]) * inputs.step
    low, high = np.quantile(_best(drawn), [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) * inputs.step
    if high - low > WIDEST_S:
        why = f"it could be anything from {low * 1e3:.0f} to {high * 1e3:.0f} ms"
        return Lag(view, why=why, inputs=names)
    if max(abs(low), abs(high)) > (inputs.reach - 1) * inputs.step:
        return Lag(view, why=f"it may be {REACH_S:g} s or more, which is as far as is looked", inputs=names)
    return Lag(view, value, float(low), float(high), None, names)


def _best(loss: np.ndarray) -> np.ndarray:
    """[N, L] to where each row is least, in intervals from the middle, between whole ones by a parabola: [N]."""
    row = np.arange(len(loss))
    best = loss.argmin(axis=1).clip(1, loss.shape[1] - 2)
    before, here, after = loss[row, best - 1], loss[row, best], loss[row, best + 1]
    bend = before - 2 * here + after
    aside = np.where(bend > 0, (before - after) / np.where(bend > 0, 2 * bend, 1), 0)
    return best - loss.shape[1] // 2 + aside.clip(-0.5, 0.5)
