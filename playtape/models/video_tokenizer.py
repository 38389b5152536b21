"""iVideoGPT's tokenizer (arXiv 2405.15223): a context of whole pictures, and few tokens a frame for what changes after it.

Two autoencoders. The plain one turns each context picture into a grid of codes. The other one attends to what the plain one saw
of the context, so a later frame takes but a code for each patch of its grid: 256 against 16 at 64 pixels. A context is looked
through once, however many frames are coded or drawn in its light.

Not a labeller nor a player: a world model (models/world_model.py) predicts its codes.

Shapes: `N` clips, `T` frames, of which `K` context and `F` later ones, `R` rows and columns of the grid, `P` of a patch, `C`
numbers a cell, `D` a code; `I` = R^2 codes of a context picture, `J` = (R / P)^2 of a later one.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from playtape.actions import ActionSpace
from playtape.clips import Clip
from playtape.clips.augmentation import Augmentation
from playtape.errors import BadInput, within
from playtape.models.protocols import Model
from playtape.models.recipe import MOST_STEPS, Data, Optimiser, Recipe
from playtape.nets.autoencoder import Decoder, Encoder, Seen, Shape
from playtape.nets.codebook import FiniteScalar, VectorQuantiser, perplexity
from playtape.nets.discriminator import LEAST_SIDE, Discriminator
from playtape.nets.moved import PIXELS, SAID, found, moved

FSQ_LEVELS = (7, 5, 5, 5, 5)  # 4,375 codes, as in RLVR-World's tokenizer
SHIFTS = 0.05  # of a loss for each pixel that a shift is off what a search found


@dataclass(frozen=True)
class Config:
    """Sizes. The published ones are in RECIPES."""

    side: int = 64  # pixels of the square picture
    crop: bool = True  # the middle of a picture that is wider or higher; else all of it, squashed
    fps: float = 20.0
    context: int = 2  # frames that are coded whole
    channels: tuple[int, ...] = (128, 256, 512)  # of each level; every level but the last halves the side
    stem: int = 1  # pixels: side of the squares that the finest level has for cells; more is quicker
    blocks: int = 2  # residual blocks of an encoder's level; a decoder's has one more
    groups: int = 32  # of the norms
    latent: int = 64  # numbers a cell
    codes: int = 8192  # for cells of the context
    dynamics_codes: int = 8192  # for patches of later frames
    patch: int = 4  # cells
    attend_from: int = 16  # largest side of a grid whose cells look at the context
    dropout: float = 0.1  # of cross-attention
    quantiser: Literal["vq", "fsq"] = "vq"  # learned codes, or a fixed grid of 4,375
    revive: bool = True  # codes that nothing uses are given to what has none near; published runs let them lie
    moves: bool = False  # a later frame is the one before it, moved and drawn over; published ones are drawn
    targets: int = 6  # later frames of a clip that a training step draws
    perceptual: Literal["none", "lite0", "lpips"] = "none"  # by whose features frames are compared too; published lpips
    perceptual_weight: float = 1.0
    adversary_from: int | None = None  # the step from which a discriminator is learned and drawn against; None has none

    @property
    def height(self) -> int:
        return self.side

    @property
    def width_px(self) -> int:
        return self.side

    @property
    def acts(self) -> bool:
        """Told what is done? It never is."""
        return False

    @property
    def grid(self) -> int:
        """R."""
        return (self.side // self.stem) >> (len(self.channels) - 1)

    @property
    def tokens(self) -> tuple[int, int]:
        """I and J: codes of a context picture and of a later one."""
        return self.grid**2, (self.grid // self.patch) ** 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))  # a checkpoint's JSON has a list
        for name, least, most in (
            *(("side", 16, 1024), ("stem", 1, 64), ("context", 1, 64), ("blocks", 1, 16), ("groups", 1, 256)),
            *(("latent", 1, 4096), ("codes", 2, 2**20), ("dynamics_codes", 2, 2**20), ("patch", 1, 64)),
            *(("attend_from", 1, 1024), ("targets", 1, 1000)),
        ):
            within(name, getattr(self, name), least, most, whole=True)
        within("fps", self.fps, 0.1, 1000)
        within("dropout", self.dropout, 0, 0.95)
        within("perceptual_weight", self.perceptual_weight, 0, 1e6)
        if not 1 <= len(self.channels) <= 8:
            raise BadInput(f"channels has {len(self.channels)} levels; 1 to 8 are legal")
        for width in self.channels:
            within("channels", width, 1, 8192, whole=True)
            if width % self.groups or width % 4:
                raise BadInput(f"channels has {width}; each must be a multiple of groups, {self.groups}, and of 4")
        step = self.stem * self.patch << (len(self.channels) - 1)
        if self.side % step:
            raise BadInput(
                f"side is {self.side}; with a stem of {self.stem}, {len(self.channels)} levels and patches of {self.patch} "
                f"it must divide by {step}"
            )
        if self.attend_from < self.grid:
            raise BadInput(
                f"attend_from is {self.attend_from}; the coarsest grid has {self.grid} rows, and must look at the context"
            )
        if self.quantiser not in ("vq", "fsq"):
            raise BadInput(f"quantiser is {self.quantiser!r}; legal are vq and fsq")
        if self.perceptual not in ("none", "lite0", "lpips"):
            raise BadInput(f"perceptual is {self.perceptual!r}; legal are none, lite0 and lpips")
        if self.adversary_from is not None:
            within("adversary_from", self.adversary_from, 0, MOST_STEPS, whole=True)
            within("side with an adversary", self.side, LEAST_SIDE, 1024, whole=True)

    def check_clip(self, frames: int) -> None:
        """Raises BadInput where clips of so many frames are none to learn from."""
        if frames <= (k := self.context):
            raise BadInput(
                f"clips have {frames} frames, and a context of {k} leaves none to draw; give --data.window of {k + 1} or more"
            )


@dataclass(frozen=True, eq=False)
class Drawn:
    """A context that was drawn from its codes: `frames` [N, K, 3, H, W] in 0 to 1, and what later frames look at; `last`
    [N, 3, H, W], its last frame as it is known, is what the first of them moves."""

    frames: Tensor
    seen: Seen
    last: Tensor


class VideoTokenizer(Model):
    """See the module."""

    config: Config

    def __init__(self, config: Config, space: ActionSpace):
        super().__init__()
        self.config, self.space = config, space
        plain = Shape(config.side, config.channels, config.latent, config.blocks, config.groups, config.stem)
        attending = replace(plain, attend_to=config.context, attend_from=config.attend_from, dropout=config.dropout)
        self.encoder, self.decoder = Encoder(plain), Decoder(plain)
        coder, drawer = attending, attending
        if config.moves:  # both are shown the frame before, and the encoder where a search finds each pixel in it
            coder, drawer = replace(attending, beside=5), replace(attending, beside=3, said=SAID)
        self.cond_encoder, self.cond_decoder = Encoder(coder), Decoder(drawer)
        width = len(FSQ_LEVELS) if config.quantiser == "fsq" else config.latent
        patch = config.latent * config.patch**2
        self.quant_conv, self.post_quant_conv = nn.Conv2d(config.latent, width, 1), nn.Conv2d(width, config.latent, 1)
        self.quant_linear, self.post_quant_linear = nn.Linear(patch, width), nn.Linear(width, patch)
        if config.moves:  # it begins by holding the frame before
            for part in (self.cond_decoder.conv_out.weight, self.cond_decoder.conv_out.bias):
                assert part is not None
                nn.init.zeros_(part.data[3 * config.stem**2 :])
            for part in (self.post_quant_linear.weight, self.post_quant_linear.bias):
                nn.init.zeros_(part.data.unflatten(0, (-1, config.latent))[:, :2])
        self.quantize, self.dynamics_quantize = (
            FiniteScalar(FSQ_LEVELS)
            if config.quantiser == "fsq"
            else VectorQuantiser(codes, width, revive=config.revive)
            for codes in (config.codes, config.dynamics_codes)
        )
        self.adversary = None if config.adversary_from is None else Discriminator()
        self.eyes: tuple[nn.Module, ...] = ()  # at most one; in a tuple it is neither learned nor saved

    def see_by(self, apart: nn.Module) -> None:
        """Compare frames by this frozen network as well: float [M, 3, H, W] in 0 to 1, twice, to [M]."""
        self.eyes = (apart,)

    # ---- training

    def losses(self, clip: Clip) -> dict[str, Tensor]:
        """Of a context and some later frames drawn from it: absolute error of both, and of latents against their codes; where
        there are any, how far apart they are for a frozen network, and what an adversary makes of the later ones.

        Beside them, and not in their sum, how many codes are in even use (`nets.codebook.perplexity`).
        """
        context, before, later = self._chosen(clip.frames)
        latents, seen = self.look(context)
        codes, index, context_code = self.quantize(latents)
        beside = self.beside(later, before)
        dynamics, later_index, later_code = self.dynamics_quantize(self.code(later, seen, beside))
        drawn = self._drawn(codes)
        again, shifts = self._decoded(dynamics, drawn, _unit(before[:, 0]))
        parts = {
            "context": functional.l1_loss(drawn.frames, _unit(context)),
            "later": functional.l1_loss(again, _unit(later)),
            "context_code": context_code,
            "later_code": later_code,
        }
        if self.config.moves:
            parts["shifts"] = SHIFTS * functional.l1_loss(shifts, PIXELS * beside[:, :, 3:])
        weight = self.config.perceptual_weight
        far = self._far(context, later, drawn.frames, again)
        parts |= {f"{name}_features": weight * apart for name, apart in far.items()}
        told = {
            "context_perplexity": perplexity(index, codes_of(self.config, "codes")),
            "later_perplexity": perplexity(later_index, codes_of(self.config, "dynamics_codes")),
        }
        loss = torch.stack([*parts.values()]).sum()
        if self.adversary is not None and self.training and torch.is_grad_enabled():
            guide, last = parts.get("later_features", parts["later"]), self.cond_decoder.conv_out.weight
            against, more = self.adversary.against(
                again.flatten(0, 1), _unit(later).flatten(0, 1), guide, last, self.config.adversary_from or 0
            )
            loss, told = loss + against, told | more
        return parts | told | {"loss": loss}

    def _far(self, context: Tensor, later: Tensor, drawn: Tensor, again: Tensor) -> dict[str, Tensor]:
        """How far what was drawn is from what was recorded, uint8, by the network that the config names."""
        if self.config.perceptual == "none" or (not self.eyes and not self.training):
            return {}
        if not self.eyes:
            raise BadInput(f"this model compares frames by {self.config.perceptual}, and was given none by see_by")
        apart = self.eyes[0].to(drawn.device)
        pairs = {"context": (drawn, context), "later": (again, later)}
        return {name: apart(x.flatten(0, 1), _unit(y).flatten(0, 1)).mean() for name, (x, y) in pairs.items()}

    def _chosen(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """uint8 [N, T, 3, H, W] to the first K, some of the later ones in order, and those before each of these.

        Later ones that are moved follow on each other, so that errors of one are seen in the next; else they are any in training
        and evenly spread otherwise.
        """
        t, k = frames.shape[1], self.config.context
        self.config.check_clip(t)
        count = min(t - k, self.config.targets)
        if self.config.moves:
            first = int(torch.randint(t - k - count + 1, ())) if self.training else (t - k - count) // 2
            later = torch.arange(first, first + count, device=frames.device)
        elif self.training:
            later = torch.randperm(t - k, device=frames.device)[:count].sort().values
        else:
            later = torch.arange(count, device=frames.device) * (t - k) // count
        return frames[:, :k], frames[:, k + later - 1], frames[:, k + later]

    # ---- frames to codes

    def look(self, context: Tensor) -> tuple[Tensor, Seen]:
        """uint8 [N, K, 3, H, W] to latents [N, K, I, D] and what later frames look at."""
        k = self.config.context
        if context.shape[1] != k:
            raise BadInput(f"a context of {context.shape[1]} frames was given to a tokenizer that takes {k}")
        x, features = self.encoder(_unit(context).flatten(0, 1))
        latents = self.quant_conv(x).flatten(2).transpose(1, 2).unflatten(0, (-1, k))
        return latents, self.cond_encoder.see([each.unflatten(0, (-1, k)) for each in features])

    @torch.no_grad()
    def encode(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 [N, K + F, 3, H, W] to the codes of its context, int64 [N, K, I], and of the F >= 0 others, [N, F, J]."""
        k = self.config.context
        latents, seen = self.look(frames[:, :k])
        codes = self.quantize.index(latents)
        if frames.shape[1] == k:
            return codes, codes.new_empty(len(frames), 0, self.config.tokens[1])
        later, before = frames[:, k:], frames[:, k - 1 : -1]
        return codes, self.dynamics_quantize.index(self.code(later, seen, self.beside(later, before)))

    def beside(self, later: Tensor, before: Tensor) -> Tensor:
        """What is shown beside frames uint8 [N, F, 3, H, W] that are moved, [N, F, 5, H, W]: those before, and how far down and
        right a search finds each pixel in them. Beside others nothing is."""
        if not self.config.moves:
            return later.new_empty(*later.shape[:2], 0, *later.shape[3:])
        shifts = found(_unit(later).flatten(0, 1), _unit(before).flatten(0, 1)).unflatten(0, later.shape[:2])
        return torch.cat([_unit(before), shifts / PIXELS], 2)

    def code(self, later: Tensor, seen: Seen, beside: Tensor) -> Tensor:
        """uint8 [N, F, 3, H, W] to latents [N, F, J, D]."""
        shown = torch.cat([_unit(later), beside], 2)
        x, _ = self.cond_encoder(shown.flatten(0, 1), seen)  # [N * F, C, R, R]
        if self.config.moves:  # a cell's first two numbers are where it came from, which the convolutions need not find
            came = functional.adaptive_avg_pool2d(beside[:, :, 3:].flatten(0, 1), x.shape[2:])
            x = torch.cat([x[:, :2] + PIXELS * came, x[:, 2:]], 1)
        p = self.config.patch
        cells = x.unflatten(3, (-1, p)).unflatten(2, (-1, p)).permute(0, 2, 4, 3, 5, 1)  # [N * F, R/P, R/P, P, P, C]
        return self.quant_linear(cells.flatten(3).flatten(1, 2)).unflatten(0, later.shape[:2])

    # ---- codes to frames

    @torch.no_grad()
    def draw(self, codes: Tensor, context: Tensor | None = None) -> Drawn:
        """A context's codes int64 [N, K, I] to its frames, and what the later ones look at. Where its frames are known, uint8
        [N, K, 3, H, W], later ones may be made of them; else of what is drawn."""
        drawn = self._drawn(self.quantize.vector(codes))
        return drawn if context is None else replace(drawn, last=_unit(context[:, -1]))

    @torch.no_grad()
    def decode(self, codes: Tensor, drawn: Drawn) -> Tensor:
        """Codes of later frames int64 [N, F, J] beside their context to frames [N, F, 3, H, W] in 0 to 1."""
        return self._decoded(self.dynamics_quantize.vector(codes), drawn, drawn.last)[0].clamp(0, 1)

    @torch.no_grad()
    def follow(self, codes: Tensor, drawn: Drawn, before: Tensor) -> Tensor:
        """The next frame of S futures of each context: codes int64 [N, S, J] and frames [N, S, 3, H, W] to frames like these."""
        return self._next(self.dynamics_quantize.vector(codes), drawn, before)[0].clamp(0, 1)

    def _drawn(self, vectors: Tensor) -> Drawn:
        k, grid = vectors.shape[1], self.config.grid
        cells = vectors.flatten(0, 1).transpose(1, 2).unflatten(2, (grid, grid))
        x, features = self.decoder(self.post_quant_conv(cells))
        frames = x.unflatten(0, (-1, k))
        seen = self.cond_decoder.see([each.unflatten(0, (-1, k)) for each in features])
        return Drawn(frames, seen, frames[:, -1].clamp(0, 1))

    def _decoded(self, vectors: Tensor, drawn: Drawn, before: Tensor) -> tuple[Tensor, Tensor]:
        """Frames that follow on each other, the first on `before` [N, 3, H, W], and what they were shifted by."""
        if not self.config.moves:
            return self._next(vectors, drawn, before)
        frames, shifts = [before[:, None]], []
        for each in vectors.unbind(1):
            frame, shift = self._next(each[:, None], drawn, frames[-1])
            frames.append(frame.clamp(0, 1))
            shifts.append(shift)
        return torch.cat(frames[1:], 1), torch.cat(shifts, 1)

    def _next(self, vectors: Tensor, drawn: Drawn, before: Tensor) -> tuple[Tensor, Tensor]:
        """Frames that know nothing of each other, [N, F, J, D] to [N, F, 3, H, W]; moved ones each of one `before`, and
        by how many pixels down and right, [N, F, 2, H, W]."""
        p, rows = self.config.patch, self.config.grid // self.config.patch
        cells = self.post_quant_linear(vectors.flatten(0, 1)).unflatten(2, (p, p, -1)).unflatten(1, (rows, rows))
        x = cells.permute(0, 5, 1, 3, 2, 4).flatten(4).flatten(2, 3)  # [N * F, C, R, R]
        count = vectors.shape[:2]
        if not self.config.moves:
            frames = self.cond_decoder(x, drawn.seen)[0].unflatten(0, count)
            return frames, frames.new_empty(0)
        known = before.flatten(0, 1)
        said = self.cond_decoder(x, drawn.seen, known)[0]
        came = PIXELS * functional.interpolate(x[:, :2], known.shape[2:], mode="bilinear")
        said = torch.cat([said[:, :3], said[:, 3:5] + came, said[:, 5:]], 1)
        return moved(said, known).unflatten(0, count), PIXELS * said[:, 3:5].float().unflatten(0, count)


def codes_of(config: Config, part: Literal["codes", "dynamics_codes"]) -> int:
    """How many codes there are for cells of the context, or for patches of later frames."""
    return math.prod(FSQ_LEVELS) if config.quantiser == "fsq" else getattr(config, part)


def _unit(frames: Tensor) -> Tensor:
    """uint8 to 0 to 1."""
    return frames.float() / 255


def build(config: Config, space: ActionSpace) -> VideoTokenizer:
    return VideoTokenizer(config, space)


def tiny() -> Config:
    """For tests."""
    return Config(side=16, channels=(8, 16), groups=4, latent=8, codes=32, dynamics_codes=32, attend_from=8, targets=2)


# As recorded: a shifted clip has black edges, and what is learned of them is drawn.
_DATA = Data(fps=20, window=16, augmentation=Augmentation(brightness=0, contrast=0, balance=0, shift=0))
_PUBLISHED = Recipe(
    Config(revive=False, perceptual="lpips"),
    steps=500_000,
    batch=64,
    data=replace(_DATA, augmentation=Augmentation(brightness=0, contrast=0, balance=0, shift=0, crop=0.2)),
    optimiser=Optimiser(
        lr=5e-4, final_lr=5e-4, warmup=500, weight_decay=0, betas=(0.9, 0.999), ema=0.0, precision="bfloat16"
    ),
)
RECIPES: dict[str, Recipe] = {
    "tokenizer-64": _PUBLISHED,
    # Published with an adversary from step 250,000, where this ends: --model.adversary-from has one earlier.
    "tokenizer-256": replace(
        _PUBLISHED,
        model=Config(side=256, channels=(128, 256, 256, 512, 768), attend_from=32, revive=False, perceptual="lpips"),
        steps=250_000,
        batch=32,
    ),
    "tokenizer-tiny": Recipe(
        # For a CPU, by what a step spends its time on: whole groups of 16 channels, attention that keeps no chances, and nothing
        # at 64 by 64 (docs/decisions/017-tokenizer-losses.md).
        Config(
            stem=2,
            channels=(64, 96),
            blocks=1,
            groups=4,
            latent=32,
            codes=512,
            dynamics_codes=512,
            dropout=0.0,
            moves=True,
            targets=3,
        ),
        steps=3_000,
        batch=4,
        data=_DATA,
        optimiser=Optimiser(
            lr=1e-3, final_lr=1e-5, warmup=100, weight_decay=0, betas=(0.9, 0.99), precision="bfloat16"
        ),
    ),
}
