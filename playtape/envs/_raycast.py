"""A first-person picture of a flat world, drawn with numpy alone: walls on a grid, floor, ceiling or sky, and billboards.

The world is a grid of square cells of side 1 with walls of height 1; x runs along the grid's columns and y along its rows, and
a heading of 0 looks along x and grows to the right (towards y), in radians. Every column of the picture is a ray; where it
meets a wall is found by crossing it with all grid lines at once. Distance darkens, so that depth can be read. Knows no game.

Shapes: `S` side of the picture in pixels, `H W` cells, `K` pictures of an atlas, `P` side of one in pixels, `N` grid lines.
"""

from dataclasses import dataclass, field

import numpy as np

P = 64
SHADES = 24
DARKEST = 0.25  # brightness of what is FAR away
FAR = 14.0  # cells
NEAR = 0.12  # cells: nearer than this nothing is drawn
Colours = np.ndarray  # uint32, 0xAABBGGRR


@dataclass(frozen=True, eq=False)
class World:
    """What stands still. `walls` int [H, W]: 0 is free, k > 0 is picture k - 1 of the atlas; the border must be walls.

    `floor` and `ceiling` int [H, W]: pictures; a ceiling of -1 is open to the `sky`, a panorama uint8 [64, 512, 3].
    """

    walls: np.ndarray
    floor: np.ndarray
    ceiling: np.ndarray
    atlas: Colours  # [SHADES, K, P, P], see `shaded`
    sky: Colours = field(default_factory=lambda: np.full((64, 512), 0xFFB08C70, np.uint32))


@dataclass(frozen=True)
class Eye:
    """Who looks. `pitch` in radians, up is positive; `height` above the floor."""

    x: float
    y: float
    heading: float
    pitch: float = 0.0
    height: float = 0.5
    fov: float = 1.4  # radians across


@dataclass(frozen=True)
class Billboard:
    """A picture of the atlas that always faces the eye: its middle is `z` above the floor, `size` its height and width."""

    x: float
    y: float
    z: float
    size: float
    picture: int


def packed(pictures: np.ndarray) -> Colours:
    """uint8 [..., 3 or 4] RGB or RGBA to one uint32 a pixel."""
    if pictures.shape[-1] == 3:
        pictures = np.concatenate([pictures, np.full_like(pictures[..., :1], 255)], -1)
    return np.ascontiguousarray(pictures).view(np.uint32)[..., 0]


def shaded(pictures: np.ndarray) -> Colours:
    """uint8 [K, P, P, 4] to an atlas [SHADES, K, P, P] that darkens from shade to shade, to DARKEST."""
    light = np.linspace(1, DARKEST, SHADES)[:, None, None, None, None]
    dim = pictures[None, ..., :3] * light
    alpha = np.broadcast_to(pictures[None, ..., 3:], (*dim.shape[:-1], 1))
    return packed(np.concatenate([dim, alpha], -1).astype(np.uint8))


def render(world: World, eye: Eye, things: list[Billboard], size: int) -> np.ndarray:
    """uint8 [S, S, 3] RGB."""
    focal = size / 2 / np.tan(eye.fov / 2)
    horizon = size / 2 + focal * np.tan(eye.pitch)
    across = (np.arange(size) + 0.5 - size / 2) / focal
    forward, right = _axes(eye)
    rays = (forward[:, None] + right[:, None] * across).astype(np.float32)  # [2, S]: one cell deep
    depth, picture, u = cast(world.walls, eye.x, eye.y, rays)
    down = (np.arange(size) + 0.5 - horizon).astype(np.float32)  # [S] rows, pixels below the horizon
    # How deep a row's floor or ceiling is [S].
    flat = np.where(down > 0, eye.height, eye.height - 1) * focal / np.where(down == 0, 1e-6, down)
    image = _planes(world, eye, rays, flat, down)
    # Walls over them.
    v = down[:, None] * (depth / focal)[None] + eye.height  # [S, S], 0 at the ceiling's edge and 1 at the floor's
    v += 1 - 2 * eye.height  # the wall's top is 1 - height above the eye
    on_wall = (v >= 0) & (v < 1)
    index = (_shade(depth) * world.atlas.shape[1] + picture) * P * P + (u * P).astype(np.int32)
    row = (v * P).astype(np.int32)
    seen = world.atlas.reshape(-1).take(index[None] + row * P, mode="clip")
    image = np.where(on_wall, seen, image)
    for thing in sorted(things, key=lambda thing: -_ahead(thing, eye, forward)):
        _draw(image, world.atlas, thing, eye, depth, focal, horizon)
    return image.view(np.uint8).reshape(size, size, 4)[..., :3].copy()


def cast(walls: np.ndarray, x: float, y: float, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where each ray [2, S] from (x, y) meets a wall: how many ray lengths away [S], the wall's picture [S], and where on it [S].

    `walls` int [H, W] with walls all around; u runs from 0 to 1 along the wall.
    """
    found = []
    for axis, (start, other, last) in enumerate(((x, y, walls.shape[1]), (y, x, walls.shape[0]))):
        along, aside = rays[axis], rays[1 - axis]  # [S]
        lines = np.arange(last + 1, dtype=np.float32)[:, None]  # [N, 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            far = (lines - start) / along  # [N, S]
        place = other + far * aside
        cell = np.where(along > 0, lines, lines - 1).astype(np.int32)
        limit = walls.shape[axis]  # of the other axis
        inside = (far > 0) & (cell >= 0) & (cell < last) & (place >= 0) & (place < limit)
        beside = np.where(inside, place, 0).astype(np.int32)
        cell = np.where(inside, cell, 0)
        kind = walls[beside, cell] if axis == 0 else walls[cell, beside]
        far = np.where(inside & (kind > 0), far, np.float32(1e6))
        nearest = far.argmin(0)
        pick = nearest, np.arange(rays.shape[1])
        found.append((far[pick], kind[pick] - 1, place[pick] % 1))
    (far_x, kind_x, u_x), (far_y, kind_y, u_y) = found
    first = far_x <= far_y
    return (
        np.maximum(np.where(first, far_x, far_y), NEAR).astype(np.float32),
        np.where(first, kind_x, kind_y),
        np.where(first, u_x, u_y).astype(np.float32),
    )


def _planes(world: World, eye: Eye, rays: np.ndarray, flat: np.ndarray, down: np.ndarray) -> Colours:
    """Floor and ceiling (or sky) everywhere: [S, S]. `flat` [S]: a row's depth; `down` [S]: rows below the horizon."""
    size = len(down)
    near = np.clip(flat, 0, 60).astype(np.float32)
    x, y = (start + near[:, None] * ray for start, ray in ((np.float32(eye.x), rays[0]), (np.float32(eye.y), rays[1])))
    column, row = x.astype(np.int32), y.astype(np.int32)
    high, wide = world.walls.shape
    cell = np.clip(row, 0, high - 1) * wide + np.clip(column, 0, wide - 1)
    below = down > 0
    top = int(np.count_nonzero(~below))  # rows above the horizon come first
    kind = np.empty((size, size), np.int32)
    kind[:top] = world.ceiling.reshape(-1).take(cell[:top])
    kind[top:] = world.floor.reshape(-1).take(cell[top:])
    index = (_shade(near)[:, None] * world.atlas.shape[1] + kind) * P + ((y - row) * P).astype(np.int32)
    image = world.atlas.reshape(-1).take(index * P + ((x - column) * P).astype(np.int32), mode="clip")
    if (kind[:top] < 0).any():
        angle = np.arctan2(rays[1], rays[0]) % (2 * np.pi)
        turn = (angle / (2 * np.pi) * world.sky.shape[1]).astype(np.int32) % world.sky.shape[1]
        high = world.sky.shape[0]
        height = np.clip(high + down[:top] / size * high, 0, high - 1).astype(np.int32)
        image[:top] = np.where(kind[:top] < 0, world.sky[height[:, None], turn[None]], image[:top])
    return image


def _shade(depth: np.ndarray) -> np.ndarray:
    return np.clip(depth * (SHADES / FAR), 0, SHADES - 1).astype(np.int32)


def _axes(eye: Eye) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors [2] ahead of the eye and to its right."""
    cos, sin = np.cos(eye.heading), np.sin(eye.heading)
    return np.array([cos, sin]), np.array([-sin, cos])


def _ahead(thing: Billboard, eye: Eye, forward: np.ndarray) -> float:
    return float((thing.x - eye.x) * forward[0] + (thing.y - eye.y) * forward[1])


def _draw(
    image: Colours, atlas: Colours, thing: Billboard, eye: Eye, depth: np.ndarray, focal: float, horizon: float
) -> None:
    """One billboard onto the picture, behind nearer walls."""
    forward, right = _axes(eye)
    far = _ahead(thing, eye, forward)
    if far < NEAR:
        return
    size = image.shape[0]
    aside = (thing.x - eye.x) * right[0] + (thing.y - eye.y) * right[1]
    side = thing.size * focal / far
    left = size / 2 + focal * aside / far - side / 2
    top = horizon - focal * (thing.z - eye.height) / far - side / 2
    columns = np.arange(max(0, round(left)), min(size, round(left + side)))
    rows = np.arange(max(0, round(top)), min(size, round(top + side)))
    columns = columns[depth[columns] > far]
    if not len(columns) or not len(rows):
        return
    u = np.clip((columns + 0.5 - left) / side * P, 0, P - 1).astype(np.int32)
    v = np.clip((rows + 0.5 - top) / side * P, 0, P - 1).astype(np.int32)
    seen = atlas[int(_shade(np.array(far, np.float32))), thing.picture][v[:, None], u]
    under = image[rows[0] : rows[-1] + 1, columns]
    image[rows[0] : rows[-1] + 1, columns] = np.where(seen >> 24 > 127, seen, under)
