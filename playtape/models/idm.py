"""Inverse dynamics: frames to the keys and mouse that made them. `idm` and its baseline `idm-pair`.

p(a_t | x_{t-R} .. x_{t+R+1}): a window of centred frames, not causal, all intervals in one parallel pass (the windowed IDM of
VPT, arXiv 2206.11795, section 3). Motion is measured early, between neighbouring frames (nets/correlation.py), appearance
per frame; both are mixed along time and read by three heads: is a button held, does it change, and a distribution over
bins for each axis. `idm-pair` has no mixing along time: it judges a_t by x_t and x_{t+1} alone, as the two-frame IDM of the
NitroGen walkthrough recipe (arXiv 2601.02427) does.

Shapes: `N` clips, `T` frames, `B` buttons, `A` axes, `K` bins, `D` width.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from playtape.actions import ActionSpace
from playtape.clips import Clip
from playtape.clips.augmentation import Augmentation
from playtape.errors import BadInput, within
from playtape.models import beliefs
from playtape.models.beliefs import Logits
from playtape.models.protocols import Labels, Model, Rows
from playtape.models.recipe import Data, Optimiser, Recipe
from playtape.nets.appearance import Appearance
from playtape.nets.correlation import Camera, Correlation
from playtape.nets.temporal import TemporalStack


@dataclass(frozen=True)
class Config:
    """Sizes. One dial: `width`."""

    height: int = 120  # pixels, the picture is squashed to this
    width_px: int = 160
    fps: float = 35.0  # the rate it was trained at
    width: int = 192
    depth: int = 6  # blocks along time; 0 is the two-frame model
    kernel: int = 7  # frames that one block sees
    fov: float = 90.0  # horizontal field of view in degrees; near is enough, and near 0 leaves the picture flat
    hidden: int = 48  # channels of a motion cell
    dropout: float = 0.1
    bins: int = 81  # of an axis, mu-law spaced
    turn: float = (
        0.1  # share of the picture's width that an axis' typical motion moves it by, about; learned from there
    )
    limit: float = 12.0  # outermost bin, in the axis' scales
    mu: float = 20.0

    def __post_init__(self) -> None:
        cell = 8 * Correlation.GRID  # so that every level divides into the motion cells
        for name, most in (("height", 2160), ("width_px", 3840)):
            side = getattr(self, name)
            within(name, side, cell, most, whole=True)
            if side % cell:
                raise BadInput(f"{name} is {side}; it must be a multiple of {cell}")
        for name, least, most in (("width", 1, 8192), ("depth", 0, 64), ("kernel", 1, 63), ("hidden", 1, 1024)):
            within(name, getattr(self, name), least, most, whole=True)
        within("fov", self.fov, 1, 170)
        within("bins", self.bins, 3, 4095, whole=True)
        for name, least, most in (
            ("fps", 0.1, 1000),
            ("dropout", 0, 0.95),
            ("turn", 1e-4, 10),
            ("limit", 1e-3, 1e6),
            ("mu", 1e-3, 1e6),
        ):
            within(name, getattr(self, name), least, most)
        if self.kernel % 2 == 0:
            raise BadInput(f"kernel is {self.kernel}; it must be odd, to have a middle")


class IDM(Model):
    """See the module. `reach` is how many frames before and after the interval's own two can matter."""

    config: Config
    centres: Tensor  # [K], in scales
    scale: Tensor  # [A]

    def __init__(self, config: Config, space: ActionSpace):
        super().__init__()
        self.config, self.space = config, space
        width, buttons, axes = config.width, len(space.buttons), len(space.axes)
        self.appearance = Appearance((config.height, config.width_px), width)
        self.motion = Correlation((config.height, config.width_px), config.fov, config.hidden, width)
        self.join = nn.Linear(3 * width, width)
        self.time = TemporalStack(width, config.depth, config.kernel, config.dropout)
        self.norm = nn.LayerNorm(width)
        self.held = nn.Linear(width, buttons)
        self.change = nn.Linear(2 * width, 2 * buttons)
        self.axis = nn.Linear(2 * width, axes * config.bins)
        centres = beliefs.mu_law(config.bins, config.limit, config.mu)
        self.register_buffer("centres", centres, persistent=False)
        self.register_buffer("scale", torch.tensor([axis.scale for axis in space.axes]), persistent=False)
        size = (config.height, config.width_px)
        self.cameras = nn.ModuleDict(
            {
                str(k): Camera(along, size, config.turn, 2 * width, centres)
                for k, axis in enumerate(space.axes)
                if (along := turns(axis.name))
            }
        )
        self.reach = self.time.reach

    def forward(self, frames: Tensor) -> Logits:
        """uint8 [N, T, 3, H, W] to logits: held [N, T-1, B], change [N, T-1, B, 2] (press, release), axis [N, T-1, A, K]."""
        return self._logits(self.look(frames))

    def look(self, frames: Tensor) -> Rows:
        """uint8 [*b, T, 3, H, W] to what each two neighbouring frames show by themselves, rows of [*b, T-1, ...]."""
        lead, t = frames.shape[:-4], frames.shape[-4]
        x = frames.reshape(-1, *frames.shape[-4:]).float().div_(255)
        around_zero = torch.add(x.new_tensor(-2.0), x.flatten(0, 1), alpha=4)  # one pass over the pixels, not two
        seen = self.appearance(around_zero).unflatten(0, x.shape[:2])
        moved, votes = self.motion(x)
        joined = functional.gelu(self.join(torch.cat([seen[:, :-1], seen[:, 1:], moved], -1)))
        return tuple(row.reshape(*lead, t - 1, *row.shape[2:]) for row in (joined, moved, *votes))

    def _logits(self, rows: Rows) -> Logits:
        joined, moved, *votes = rows
        h = self.norm(self.time(joined))
        both = torch.cat([h, functional.gelu(moved)], -1)  # what just moved says most about when
        change = self.change(both).unflatten(-1, (len(self.space.buttons), 2))
        axis = self.axis(both).unflatten(-1, (len(self.space.axes), self.config.bins))
        turned = [self.cameras[str(k)](both, votes) if str(k) in self.cameras else 0.0 for k in range(axis.shape[-2])]
        parts = [axis[..., k, :] + seen for k, seen in enumerate(turned)]
        return (
            self.held(h),
            change,
            torch.stack(parts, -2) if parts else axis,
        )  # of a game of buttons alone there is none

    def losses(self, clip: Clip) -> dict[str, Tensor]:
        """Of the three heads; see beliefs.losses."""
        return beliefs.losses(self(clip.frames), clip, self.centres, self.scale)

    @torch.no_grad()
    def judge(self, rows: Rows) -> Labels:
        """What `look` gave of T frames, [N, T-1, ...], to beliefs of T-1 rows."""
        return beliefs.labels(self._logits(rows), self.centres, self.scale)


def turns(axis: str) -> str:
    """Along what an axis moves the picture if it turns the camera: "rows", "columns", or "" for an axis that does not."""
    return {"dx": "rows", "dy": "columns"}.get(axis.rpartition(".")[2], "")


def build(config: Config, space: ActionSpace) -> IDM:
    return IDM(config, space)


def tiny() -> Config:
    """A model of some 60,000 parameters for tests."""
    return Config(height=40, width_px=80, width=16, depth=2, hidden=4, bins=21)


WALKING = (("key.a", "key.d"),)
# No added brightness and no contrast: they clip the many nearly black pixels of Doom (docs/log.md), and the motion
# stem takes contrast anew anyway.
_IDM = Recipe(
    Config(), steps=9_000, batch=4, data=Data(augmentation=Augmentation(brightness=0, contrast=0, mirror=WALKING))
)
RECIPES: dict[str, Recipe] = {
    "idm": _IDM,
    "idm-pair": replace(_IDM, model=Config(depth=0)),
    "idm-tiny": Recipe(tiny(), steps=200, batch=4, data=Data(window=16), optimiser=Optimiser(warmup=10, ema=0.9)),
}
