"""The inverse dynamics model of Pixels2Play (arXiv 2601.04575): the policy's trunk, looking both ways. p(a_t given o_1..o_T).

The paper says: the policy's architecture without text and without the true actions, attending to the future, all frames in one
pass, heavy augmentation; its labels then pre-train the policy. It gives neither the mask nor whether the action decoder stays,
and no code or weights are published. What is decided here, and why:

- Tokens: each frame is a picture token; between two frames stands a question, whose answer is the action of that interval. The
  policy's thinking token is left out: it is an empty place for work, and a question that others may see is one already.
- Mask: a token sees all tokens near it, pictures and questions alike: a question `window` frames to either side. Nothing has to
  be hidden: no true action is among the inputs, and no cache has to stay clean. The window keeps `reach` finite, so that a video
  of any length is labelled in stretches exactly as in one pass; with 10 frames and the published layers it is 95 intervals to
  either side, which together just fit into the policy's clips of 200 frames. Positions are rotary, hence relative.
- Read-out: parallel heads (models/beliefs.py), not the decoder. A decoder says one action of many, slot after slot; a labeller
  owes each button's own probability, to calibrate and to filter by. A norm stands before the heads, as the decoder's own
  layers begin with one.

A picture is one token, made without its neighbours, so a camera's turn has to be found between two vectors where `idm` compares
pictures. After a minute and a half of processor time it follows turns with a correlation of 0.76, where `idm` after three has
0.93, and knows far less about when keys change (docs/log.md). Longer training was not measured.

Shapes: `N` clips, `T` frames, `L` = 2T - 1 tokens, `B` buttons, `A` axes, `K` bins, `D` width.
"""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from playtape.actions import ActionSpace
from playtape.clips import Clip
from playtape.clips.augmentation import Augmentation
from playtape.errors import BadInput, within
from playtape.models import beliefs
from playtape.models import pixels2play as policy
from playtape.models.beliefs import Logits
from playtape.models.protocols import Labels, Model, Rows
from playtape.models.recipe import Data, Optimiser, Recipe
from playtape.nets.picture import Picture
from playtape.nets.transformer import Block, RMSNorm, rotary

PICTURE, QUESTION = range(2)  # places in a step


@dataclass(frozen=True)
class Config:
    """Sizes. The published trunk, as far as it is known."""

    height: int = 192  # pixels, the picture is squashed to this
    width_px: int = 192
    fps: float = 20.0  # the rate it was trained at
    encoder: Literal["efficientnet", "small"] = "efficientnet"
    width: int = 1024
    layers: int = 10
    heads: int = 16
    window: int = 10  # frames to either side of an interval that a layer sees; 1 is its own two
    dropout: float = 0.1
    bins: int = 81  # of an axis, mu-law spaced
    limit: float = 12.0  # outermost bin, in the axis' scales
    mu: float = 20.0

    def __post_init__(self) -> None:
        for name, least, most in (
            *(("height", 16, 2160), ("width_px", 16, 3840), ("width", 8, 16384), ("layers", 1, 256)),
            *(("heads", 1, 256), ("window", 1, 10_000), ("bins", 3, 4095)),
        ):
            within(name, getattr(self, name), least, most, whole=True)
        for name, least, most in (("fps", 0.1, 1000), ("dropout", 0, 0.95), ("limit", 1e-3, 1e6), ("mu", 1e-3, 1e6)):
            within(name, getattr(self, name), least, most)
        if self.width % (2 * self.heads):
            raise BadInput(f"width is {self.width}; it must be a multiple of twice the heads, {self.heads}")
        if self.encoder not in ("efficientnet", "small"):
            raise BadInput(f"encoder is {self.encoder!r}; legal are efficientnet and small")


class P2PIDM(Model):
    """See the module. `reach` is how many intervals before and after one can matter to it."""

    config: Config
    centres: Tensor  # [K], in scales
    scale: Tensor  # [A]

    def __init__(self, config: Config, space: ActionSpace):
        super().__init__()
        self.config, self.space = config, space
        width, buttons, axes = config.width, len(space.buttons), len(space.axes)
        self.picture = Picture(config.encoder, (config.height, config.width_px), width)
        self.place = nn.Parameter(0.05 * torch.randn(2, width))  # a question is nothing else
        self.blocks = nn.ModuleList(Block(width, config.heads, config.dropout) for _ in range(config.layers))
        self.norm = RMSNorm(width)
        self.held = nn.Linear(width, buttons)
        self.change = nn.Linear(width, 2 * buttons)
        self.axis = nn.Linear(width, axes * config.bins)
        self.register_buffer("centres", beliefs.mu_law(config.bins, config.limit, config.mu), persistent=False)
        self.register_buffer("scale", torch.tensor([axis.scale for axis in space.axes]), persistent=False)
        # In tokens, of which an interval has two. A question so far away counts even where no frame could: it is there or not.
        self.reach = config.layers * self._sight // 2

    def forward(self, frames: Tensor) -> Logits:
        """uint8 [N, T, 3, H, W] to logits of T-1 intervals, see beliefs.Logits."""
        return self._logits(self.look(frames))

    def look(self, frames: Tensor) -> Rows:
        """uint8 [*b, T, 3, H, W] to the two pictures around each interval, each a token: two rows of [*b, T-1, D]."""
        tokens = self.picture(frames.flatten(0, -4)).unflatten(0, frames.shape[:-3])
        return tokens[..., :-1, :], tokens[..., 1:, :]

    def mask(self, tokens: int, device: torch.device | str = "cpu") -> Tensor:
        """Who sees whom: bool [L, L], row looks at column. Pictures stand at even places, questions between them."""
        place = torch.arange(tokens, device=device)
        return (place[:, None] - place).abs() <= self._sight

    @property
    def _sight(self) -> int:
        """How many tokens away a token sees: odd, so that a question's last is a picture."""
        return 2 * self.config.window - 1

    def _logits(self, rows: Rows) -> Logits:
        h = self.norm(self._answers(rows))
        change = self.change(h).unflatten(-1, (len(self.space.buttons), 2))
        axis = self.axis(h).unflatten(-1, (len(self.space.axes), self.config.bins))
        return self.held(h), change, axis

    def _answers(self, rows: Rows) -> Tensor:
        """What `look` gave, [N, T-1, D] each, to the mixed questions [N, T-1, D]."""
        before, after = rows
        picture = before + self.place[PICTURE]
        steps = torch.stack([picture, self.place[QUESTION].to(picture.dtype).expand_as(picture)], 2).flatten(1, 2)
        x = torch.cat([steps, after[:, -1:] + self.place[PICTURE]], 1)  # the last frame asks nothing: [N, L, D]
        tokens = x.shape[1]
        angles = rotary(torch.arange(tokens, device=x.device), self.config.width // self.config.heads)
        mask = self.mask(tokens, x.device)
        for block in self.blocks:
            x = block(x, angles, mask)
        return x[:, 1::2]

    def losses(self, clip: Clip) -> dict[str, Tensor]:
        """Of the three heads; see beliefs.losses. In nats an interval, so not to be compared with the policy's by slots."""
        return beliefs.losses(self(clip.frames), clip, self.centres, self.scale)

    @torch.no_grad()
    def judge(self, rows: Rows) -> Labels:
        """What `look` gave of T frames, [N, T-1, D] each, to beliefs of T-1 rows."""
        return beliefs.labels(self._logits(rows), self.centres, self.scale)


def build(config: Config, space: ActionSpace) -> P2PIDM:
    return P2PIDM(config, space)


def tiny() -> Config:
    """For tests."""
    return Config(16, 16, encoder="small", width=32, layers=2, heads=2, window=2, bins=21)


# For two CPU cores; reaches 16 intervals to either side, `idm` 18.
_SMALL = Config(96, 96, encoder="small", width=192, layers=3, heads=6, window=6)
RECIPES: dict[str, Recipe] = {
    "p2p-idm": replace(policy.RECIPES["p2p-150m"], model=Config()),  # "heavy" augmentation is all that the paper adds
    "p2p-idm-tiny": Recipe(
        _SMALL,
        steps=6_000,
        batch=6,
        data=Data(
            fps=20,
            window=48,
            augmentation=Augmentation(
                brightness=0.15, contrast=0.3, balance=0.12, shift=4, mirror=(("key.a", "key.d"),)
            ),
        ),
        optimiser=Optimiser(lr=1e-3, final_lr=2e-5, warmup=200, precision="bfloat16"),
    ),
}
