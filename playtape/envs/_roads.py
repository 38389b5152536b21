"""Roads for our own games: closed loops with straights, bends of all widths and hairpins, by a number. Numbers alone decide them.

A road is the outline of a random figure of squares on a lattice, its nodes shifted a little and its corners cut and rounded,
each by its own measure. So two stretches of it are never nearer than about LATTICE less twice SHIFT, and no road crosses itself.
"""

from functools import cache

import numpy as np

from playtape.envs import _maps

SIDE = 34  # cells of the square ground
LATTICE, SQUARES = 5.6, 5  # cells between nodes; squares of the lattice along a side
SHIFT = 0.5  # cells, at most
STEP = 0.12  # cells between points
EDGES = 16, 20  # lattice edges of the shortest and the longest road


@cache
def loop(number: int) -> np.ndarray:
    """The middle of road `number`: points [N, 2], x and y, STEP apart, a closed curve. Every second one runs the other way."""
    rng = np.random.default_rng(900 + number)
    nodes = _outline(_figure(rng))
    nodes = SIDE / 2 + LATTICE * (nodes - SQUARES / 2) + rng.uniform(-SHIFT, SHIFT, nodes.shape)
    cut = rng.uniform(0.4, 2.3, (len(nodes), 1))  # cells of a corner that are left out before and after it
    before, after = (_towards(nodes, np.roll(nodes, shift, 0), cut) for shift in (1, -1))
    corners = np.stack([before, after], 1).reshape(-1, 2)
    road = _evenly(_rounded(_evenly(corners), 0.7))
    road = road[::-1].copy() if number % 2 else road
    road.setflags(write=False)  # it is shared
    return road


def direction(road: np.ndarray, k: int) -> float:
    """Where a road leads at its point `k`, radians."""
    dx, dy = road[(k + 3) % len(road)] - road[k % len(road)]
    return float(np.arctan2(dy, dx))


def _figure(rng: np.random.Generator) -> np.ndarray:
    """Squares bool [SQUARES, SQUARES] in one piece without holes, that nowhere touch by a corner alone, with a long outline."""
    wanted = int(rng.integers(EDGES[0], EDGES[1] + 1))
    while True:
        figure = np.zeros((SQUARES, SQUARES), bool)
        figure[SQUARES // 2, SQUARES // 2] = True
        for _ in range(200):
            trial = figure.copy()
            trial[tuple(rng.integers(SQUARES, size=2))] = True
            if _is_simple(trial):
                figure = trial
            if _edges(figure) >= wanted:
                return figure


def _is_simple(figure: np.ndarray) -> bool:
    inside, around = np.pad(figure, 1), np.pad(~figure, 1, constant_values=True)
    a, b, c, d = inside[:-1, :-1], inside[:-1, 1:], inside[1:, :-1], inside[1:, 1:]
    corners = (a & d & ~b & ~c) | (b & c & ~a & ~d)
    in_one_piece = _maps.connected(np.pad(~figure, 1, constant_values=True).astype(int))
    whole = _maps.connected(np.pad(~around, 1, constant_values=True).astype(int))
    return in_one_piece and whole and not corners.any()


def _edges(figure: np.ndarray) -> int:
    wide = np.pad(figure, 1)
    return int((wide[1:] != wide[:-1]).sum() + (wide[:, 1:] != wide[:, :-1]).sum())


def _outline(figure: np.ndarray) -> np.ndarray:
    """The nodes [M, 2], x and y, around a figure; those in the middle of a straight as well."""
    following = {}
    wide = np.pad(figure, 1)
    for y, x in np.argwhere(figure):
        corners = [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)]
        beside = [wide[y, x + 1], wide[y + 1, x + 2], wide[y + 2, x + 1], wide[y + 1, x]]  # above, right, below, left
        for k in range(4):
            if not beside[k]:
                following[corners[k]] = corners[(k + 1) % 4]
    start = min(following)
    nodes = [start]
    while (node := following[nodes[-1]]) != start:
        nodes.append(node)
    return np.array(nodes, float)


def _towards(nodes: np.ndarray, others: np.ndarray, cells: np.ndarray) -> np.ndarray:
    way = others - nodes
    return nodes + way * cells / np.hypot(way[:, 0], way[:, 1])[:, None]


def _evenly(points: np.ndarray) -> np.ndarray:
    """A closed line through `points` as points STEP apart."""
    closed = np.concatenate([points, points[:1]])
    far = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    at = np.linspace(0, far[-1], round(far[-1] / STEP), endpoint=False)
    return np.stack([np.interp(at, far, closed[:, k]) for k in (0, 1)], 1)


def _rounded(points: np.ndarray, cells: float) -> np.ndarray:
    """A closed line smoothed by a Gaussian of that width."""
    gain = np.exp(-2 * (np.pi * np.fft.rfftfreq(len(points)) * cells / STEP) ** 2)
    return np.fft.irfft(np.fft.rfft(points, axis=0) * gain[:, None], len(points), axis=0)
