"""Pictures for our own games, drawn by numbers: walls, floors, enemies, signs. Each uint8 [64, 64, 4] RGBA.

Made from a fixed seed, so that every machine has the same ones. Colours are apart enough to be told at 192 by 192 pixels.
"""

import numpy as np

P = 64
ROWS, COLUMNS = np.mgrid[:P, :P].astype(float)


def _flat(colour: tuple[int, int, int], grain: float, seed: int) -> np.ndarray:
    """One colour with grain, float [P, P, 3]."""
    noise = np.random.default_rng(seed).normal(0, grain, (P // 2, P // 2, 1)).repeat(2, 0).repeat(2, 1)
    return np.array(colour, float) + noise


def _opaque(picture: np.ndarray) -> np.ndarray:
    return np.concatenate([picture.clip(0, 255), np.full((P, P, 1), 255.0)], -1).astype(np.uint8)


def bricks(colour: tuple[int, int, int], seed: int) -> np.ndarray:
    """A wall of bricks, each of its own brightness."""
    shift = (ROWS // 16 % 2) * 16
    mortar = (ROWS % 16 < 2) | ((COLUMNS + shift) % 32 < 2)
    tone = np.random.default_rng(seed).uniform(0.8, 1.15, (4, 4))
    brick = tone[(ROWS // 16).astype(int), ((COLUMNS + shift) // 32).astype(int) % 4]
    return _opaque(np.where(mortar[..., None], 70.0, _flat(colour, 7, seed) * brick[..., None]))


def panels(colour: tuple[int, int, int], seed: int) -> np.ndarray:
    """Metal plates with rivets and a light edge above."""
    picture = _flat(colour, 4, seed)
    edge = np.minimum(ROWS % 32, COLUMNS % 32)
    picture[edge < 2] *= 0.55
    picture[(ROWS % 32 == 2) & (edge >= 2)] *= 1.3
    picture[((ROWS % 32 - 16) ** 2 + (COLUMNS % 32 - 16) ** 2) < 9] *= 1.4
    return _opaque(picture)


def stripes(colour: tuple[int, int, int], other: tuple[int, int, int], seed: int) -> np.ndarray:
    """Slanted warning stripes."""
    return _opaque(
        np.where(((ROWS + COLUMNS) // 16 % 2 == 0)[..., None], _flat(colour, 5, seed), _flat(other, 5, seed + 1))
    )


def tiles(colour: tuple[int, int, int], seed: int) -> np.ndarray:
    """A floor of four tiles by chequer."""
    chequer = 0.85 + 0.15 * ((ROWS // 32 + COLUMNS // 32) % 2)
    seam = (ROWS % 32 < 1) | (COLUMNS % 32 < 1)
    return _opaque(_flat(colour, 5, seed) * (chequer * np.where(seam, 0.7, 1))[..., None])


def grains(colour: tuple[int, int, int], seed: int) -> np.ndarray:
    """Ground: gravel, grass, road."""
    return _opaque(_flat(colour, 12, seed))


def _disc(x: float, y: float, radius: float) -> np.ndarray:
    return (COLUMNS - x) ** 2 + (ROWS - y) ** 2 < radius**2


def _cut(picture: np.ndarray, shape: np.ndarray) -> np.ndarray:
    return np.concatenate([picture.clip(0, 255), np.where(shape, 255.0, 0.0)[..., None]], -1).astype(np.uint8)


def drone(eye: tuple[int, int, int], hurt: bool = False) -> np.ndarray:
    """An enemy: a dark ball with fins and one bright eye, whose colour tells what it is about to do."""
    body, fins = _disc(31.5, 31.5, 22), (np.abs(ROWS - 31.5) < 5) | (np.abs(COLUMNS - 31.5) < 4)
    light = (1.5 - 0.02 * (ROWS + 0.5 * COLUMNS))[..., None]
    picture = np.where(body[..., None], np.array([150.0, 60, 160]), np.array([200.0, 170, 60])) * light
    picture[_disc(31.5, 29, 10)] = (20, 20, 30)
    picture[_disc(31.5, 29, 7)] = eye
    if hurt:
        picture = 0.4 * picture + 0.6 * 255
    return _cut(picture, body | fins)


def ball(colour: tuple[int, int, int]) -> np.ndarray:
    """A glowing shot."""
    far = np.hypot(COLUMNS - 31.5, ROWS - 31.5)[..., None]
    return _cut(np.array(colour, float) + (1 - far / 30).clip(0, 1) * 200, far[..., 0] < 26)


def switch(colour: tuple[int, int, int]) -> np.ndarray:
    """A big button on a panel of its colour, which tells it from afar."""
    picture = panels(colour, 5)[..., :3].astype(float)
    picture[_disc(31.5, 31.5, 24)] = (40, 40, 40)
    picture[_disc(31.5, 31.5, 20)] = colour
    picture[_disc(26, 26, 5)] = np.minimum(np.array(colour, float) + 110, 255)
    return _opaque(picture)


def arrow(colour: tuple[int, int, int]) -> np.ndarray:
    """A sign that points up."""
    head = (ROWS < 36) & (np.abs(COLUMNS - 31.5) < (ROWS - 6) * 0.85)
    shaft = (ROWS >= 36) & (ROWS < 58) & (np.abs(COLUMNS - 31.5) < 10)
    return _cut(np.broadcast_to(np.array(colour, float), (P, P, 3)).copy(), (head & (ROWS > 6)) | shaft)


def panorama(
    low: tuple[int, int, int], high: tuple[int, int, int], hills: tuple[int, int, int], seed: int
) -> np.ndarray:
    """A sky with hills along the horizon: uint8 [64, 512, 4], without a seam."""
    share = np.linspace(1, 0, 64)[:, None, None]
    picture = np.array(low, float) * (1 - share) + np.array(high, float) * share
    picture = np.broadcast_to(picture, (64, 512, 3)).copy()
    angle = np.arange(512) / 512 * 2 * np.pi
    rng = np.random.default_rng(seed)
    height = 6 + sum(rng.uniform(0.6, 2.5) * np.sin(k * angle + rng.uniform(0, 6.3)) for k in (2, 3, 5, 9, 14))
    picture[np.arange(64)[:, None] > 63 - height[None]] = hills
    return np.concatenate([picture.clip(0, 255), np.full((64, 512, 1), 255.0)], -1).astype(np.uint8)
