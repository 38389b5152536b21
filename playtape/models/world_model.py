"""iVideoGPT (arXiv 2405.15223): a transformer that foretells a frame's few tokens from the frames and actions before it.

A clip becomes one line of tokens: the codes of its context, and for each later frame a slot token and the frame's codes. What was
done from frame t on is added to the slot of frame t + 1. The codes are those of a frozen tokenizer, which travels in the
checkpoint (models/video_tokenizer.py); a slot is never predicted, and nothing but codes of later frames can be.

Two ways to foretell. Exact: code by code, each given those before it, as published; what came before is kept and never read
again, and S futures of one context share what they have in common. Fast: all codes of a frame in a few passes, the surest first
(MaskGIT, arXiv 2202.04200), over a past that is kept as in the exact way; trained beside it, the past's weights the same.

Shapes: `N` clips, `M` = N * S futures, `T` frames, `K` of the context, `F` later ones; `I` codes of a context frame, `J` of a
later one, `A` numbers of an action, `D` width, `V` codes that a later frame can have; `P` = K (I + 1) - 1 tokens of a context.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from playtape.actions import Actions, ActionSpace
from playtape.clips import Clip, pixels
from playtape.errors import BadInput, within
from playtape.models import video_tokenizer
from playtape.models.protocols import Model
from playtape.models.recipe import Data, Optimiser, Recipe
from playtape.nets.drawing import Draw
from playtape.nets.memory import Branch, Grown
from playtape.nets.transformer import Block, RMSNorm, rotary

EPS = 1e-6  # of the norms, LLaMA's
WIDE = 1e30  # where nothing is cut off, as long as nothing was fitted


@dataclass(frozen=True)
class Config:
    """Sizes. The published ones are in RECIPES. The tokenizer's are those of the one it is trained on."""

    tokenizer: video_tokenizer.Config = field(default_factory=video_tokenizer.Config)
    width: int = 768
    layers: int = 12
    heads: int = 12
    hidden: int = 3072  # of the feed-forward part
    frames: int = 16  # of a clip, its context included: what one line of tokens holds
    acts: bool = True  # told what is done; else it foretells what it expects to be done
    goal: bool = False  # the context's first frame is where the clip is to end
    dropout: float = 0.0
    noise: float = 0.0  # up to this share of a context's codes is any code while training, against drift
    parallel: float = 0.0  # weight of the fast way's loss; 0 does not train it

    @property
    def height(self) -> int:
        return self.tokenizer.side

    @property
    def width_px(self) -> int:
        return self.tokenizer.side

    @property
    def fps(self) -> float:
        return self.tokenizer.fps

    def __post_init__(self) -> None:
        if isinstance(self.tokenizer, dict):  # a checkpoint's JSON
            object.__setattr__(self, "tokenizer", video_tokenizer.Config(**self.tokenizer))
        for name, least, most in (
            *(("width", 8, 16384), ("layers", 1, 256), ("heads", 1, 256), ("hidden", 8, 2**17)),
            ("frames", self.tokenizer.context + 1, 4096),
        ):
            within(name, getattr(self, name), least, most, whole=True)
        for name, most in (("dropout", 0.95), ("noise", 1.0), ("parallel", 100.0)):
            within(name, getattr(self, name), 0, most)
        if self.width % (2 * self.heads):
            raise BadInput(f"width is {self.width}; it must be a multiple of twice the heads, {self.heads}")
        if self.goal and self.tokenizer.context < 2:
            raise BadInput("goal needs a context of 2 frames or more: where the clip is to end, and where it begins")


@dataclass(frozen=True, eq=False)
class State:
    """M futures, S of each of N contexts. `step` writes into the memories of the one that it is given, and returns the next.

    `drawn` is the context as the tokenizer draws it, [N]; `codes` int64 [M, F, J] what was foretold, the last frame of which the
    memories do not hold yet; `length` how many frames there are, the context's included.
    """

    drawn: video_tokenizer.Drawn
    memories: list[Branch]
    codes: Tensor
    length: int


class WorldModel(Model):
    """See the module."""

    config: Config
    offset: Tensor  # [A]: taken from an action,
    spread: Tensor  # [A]: what it is then divided by,
    lowest: Tensor  # [A]: and where it is cut off before, as it was in the training data
    highest: Tensor

    def __init__(self, config: Config, space: ActionSpace):
        super().__init__()
        self.config, self.space, self.fast = config, space, config.parallel > 0
        self.tokenizer = video_tokenizer.build(config.tokenizer, space).requires_grad_(False)
        width, self.count = config.width, len(space.buttons) + len(space.axes)
        self.contexts, self.codes = (
            video_tokenizer.codes_of(config.tokenizer, part) for part in ("codes", "dynamics_codes")
        )
        self.embed = nn.Embedding(
            self.contexts + self.codes + 2, width
        )  # the last two: between context frames, and slots
        self.blocks = nn.ModuleList(
            Block(width, config.heads, config.dropout, hidden=config.hidden, normed=False, eps=EPS)
            for _ in range(config.layers)
        )
        self.norm = RMSNorm(width, EPS)
        self.head = nn.Linear(width, self.codes, bias=False)
        self.action = nn.Linear(self.count, width) if config.acts else None
        self.blank = nn.Parameter(torch.zeros(width))  # a code that is not known yet, in the fast way
        for module in (self.embed, self.head, *self.blocks.modules()):
            if isinstance(module, nn.Embedding | nn.Linear):
                nn.init.normal_(module.weight, std=(3 * width) ** -0.5)  # the published 0.02 at its width of 768
        if self.action is not None:
            nn.init.zeros_(self.action.weight)
            nn.init.zeros_(self.action.bias)
        axes = torch.tensor([axis.scale for axis in space.axes])
        buttons = torch.zeros(len(space.buttons))
        self.register_buffer("offset", torch.zeros(self.count))
        self.register_buffer("spread", torch.cat([buttons + 1, axes]))
        self.register_buffer("lowest", torch.cat([buttons, axes * 0 - WIDE]))
        self.register_buffer("highest", torch.cat([buttons + 1, axes * 0 + WIDE]))

    def train(self, mode: bool = True) -> "WorldModel":
        """The tokenizer is frozen, and never in training mode."""
        super().train(mode)
        self.tokenizer.eval()
        return self

    # ---- training

    def losses(self, clip: Clip) -> dict[str, Tensor]:
        """Mean nats of a code: `exact`, given all codes before it, and where it is trained `fast`, given some of its frame's.

        A frame counts where what led to it may be learned from. A batch without any has the loss 0.
        """
        frames, vectors, weight = self._clip(clip)
        with torch.autocast(frames.device.type, enabled=False):  # it will meet codes that are made in float32
            context, later = self.tokenizer.encode(frames)
        seen = self._noisy(context) if self.training and self.config.noise else context
        line = self._line(seen, later, vectors)
        hidden, asked, hid = self._mixed(line, later)
        nats = self._nats(hidden, later)  # [N, F, J]
        parts = {"exact": _mean(nats, weight[..., None].expand_as(nats))}
        if asked is not None and hid is not None:
            parts["fast"] = _mean(self._nats(asked, later), weight[..., None] * hid)
        return parts | {"loss": parts["exact"] + self.config.parallel * parts.get("fast", 0.0)}

    def _clip(self, clip: Clip) -> tuple[Tensor, Tensor, Tensor]:
        """Frames [N, K + F], and for each later one what led to it, [N, F, A], and what it counts, float32 [N, F]."""
        frames, known = clip.frames, clip.mask * clip.confidence
        if self.config.goal:
            frames = torch.cat([frames[:, -1:], frames], 1)[:, : self.config.frames]
        if frames.shape[1] != self.config.frames:
            raise BadInput(
                f"clips have {clip.frames.shape[1]} frames; this model learns from {self.config.frames} (--data.window)"
            )
        first = (
            self.config.tokenizer.context - 1 - self.config.goal
        )  # of the actions: it leads to the first later frame
        acts = slice(first, first + self.config.frames - self.config.tokenizer.context)
        return frames, self.vectors(clip.actions)[:, acts], known[:, acts].float()

    def vectors(self, actions: Actions) -> Tensor:
        """Actions of [*b] rows to [*b, A]: buttons 0 or 1, axes cut off at what the training data had, and of its size."""
        numbers = torch.cat([actions.buttons.float(), actions.axes], -1)
        return (numbers.clamp(self.lowest, self.highest) - self.offset) / self.spread

    def _noisy(self, codes: Tensor) -> Tensor:
        """Up to a share of each clip's codes [N, K, I] replaced by any."""
        share = self.config.noise * torch.rand(len(codes), 1, 1, device=codes.device)
        other = torch.randint(self.contexts, codes.shape, device=codes.device)
        return torch.where(torch.rand(codes.shape, device=codes.device) < share, other, codes)

    def _line(self, context: Tensor, later: Tensor, vectors: Tensor) -> Tensor:
        """Codes [N, K, I] and [N, F, J] and what was done [N, F, A] to embeddings [N, P + F (1 + J), D]."""
        slots = self._slot(vectors)[:, :, None]
        blocks = torch.cat([slots, self.embed(later + self.contexts)], 2)
        return torch.cat([self._prompt(context), blocks.flatten(1, 2)], 1)

    def _prompt(self, context: Tensor) -> Tensor:
        """Codes [N, K, I] to embeddings [N, P, D]: frame by frame, with a token between two."""
        between = torch.full_like(context[..., :1], self.contexts + self.codes)
        return self.embed(torch.cat([between, context], 2).flatten(1)[:, 1:])

    def _slot(self, vectors: Tensor) -> Tensor:
        """What was done [*b, A] to the token that opens the frame it led to, [*b, D]."""
        slot = self.embed.weight[self.contexts + self.codes + 1]
        return slot.expand(*vectors.shape[:-1], -1) if self.action is None else slot + self.action(vectors)

    def _mixed(self, line: Tensor, later: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """A line [N, L, D] to what foretells its codes, [N, F, J, D]; the same of the fast way, and which it had to guess."""
        n, length = line.shape[:2]
        f, j = later.shape[1:]
        start = length - f * (1 + j)
        position = torch.arange(length, device=line.device)
        mask = position[:, None] >= position[None]
        asked = hid = None
        if self.config.parallel:
            hid = self._hidden(n, f, j)
            asked = torch.where(hid[..., None], self.blank, self.embed(later + self.contexts)).flatten(1, 2)
            own = torch.arange(f, device=line.device).repeat_interleave(j)  # which frame each asked code is of
            before = position[None] < (start + own * (1 + j) + 1)[:, None]  # the past, and the frame's own slot
            mask = torch.cat([functional.pad(mask, (0, f * j)), torch.cat([before, own[:, None] == own[None]], 1)])
            places = start + torch.arange(f * (1 + j), device=line.device).view(f, 1 + j)[:, 1:].flatten()
            position = torch.cat([position, places])
            line = torch.cat([line, asked], 1)
        x = self._body(line, position, mask)
        hidden = x[:, start:length].unflatten(1, (f, 1 + j))[:, :, :-1]  # each code is foretold by the token before it
        return hidden, None if asked is None else x[:, length:].unflatten(1, (f, j)), hid

    def fit(self, actions: Actions) -> None:
        """Axes as they lie in the training data, numpy [T, A]: cut off beyond its 0.1 and 99.9 %, of mean 0 and spread 1."""
        axes, first = torch.from_numpy(actions.axes), len(self.space.buttons)
        if not axes.shape[1]:
            return
        lowest, highest = (torch.quantile(axes[: 2**24 // axes.shape[1]], q, dim=0) for q in (0.001, 0.999))
        cut = axes.clamp(lowest, highest)
        self.lowest[first:], self.highest[first:] = lowest, highest
        self.offset[first:], self.spread[first:] = cut.mean(0), cut.std(0).clamp(min=1e-6)

    # ---- foretelling

    def beginning(self, frames: Tensor) -> Tensor:
        """Of clips uint8 [N, T, 3, H, W] what `start` takes, [N, K, 3, H, W]: where it takes a goal, their last frame first."""
        if self.config.goal:
            frames = torch.cat([frames[:, -1:], frames], 1)
        return frames[:, : self.config.tokenizer.context]

    @torch.no_grad()
    def start(self, frames: Tensor, futures: int = 1) -> State:
        """A context uint8 [N, K, 3, H, W] (where it takes a goal, that first) to so many futures of each, none begun yet."""
        codes, _ = self.tokenizer.encode(frames)
        grown = [Grown(self._prompt_length) for _ in self.blocks]
        tokens = torch.arange(self._prompt_length, device=codes.device)
        self._body(self._prompt(codes), tokens, tokens[:, None] >= tokens[None], grown)
        context, j = self.config.tokenizer.context, self.config.tokenizer.tokens[1]
        count, places = len(codes) * futures, (self.config.frames - context) * (1 + j) + j
        memories = [Branch((each.keys, each.values), count, places) for each in grown]
        return State(self.tokenizer.draw(codes), memories, codes.new_empty(count, 0, j), context)

    @torch.no_grad()
    def step(
        self,
        state: State,
        actions: Actions,  # [M] rows: what is done now
        *,
        passes: int = 0,  # 0 is the exact way; else the fast one, in so many
        temperature: float = 1.0,
        top: int = 100,  # codes that are drawn from, the likeliest
        generator: torch.Generator | None = None,
    ) -> State:
        """The next frame of each future. One that is as long as a clip goes on from its last frames as from a context."""
        if state.length == self.config.frames:
            state = self.start(pixels(self.frames(state, self.config.tokenizer.context)))
        used, j = state.memories[0].used, self.config.tokenizer.tokens[1]
        pending = (
            state.codes[:, -1, used - state.codes.shape[1] * (1 + j) :]
            if state.codes.shape[1]
            else state.codes[:, 0:0, 0]
        )
        line = torch.cat([self.embed(pending + self.contexts), self._slot(self.vectors(actions))[:, None]], 1)
        draw = Draw(temperature, top, generator)
        codes = self._fast(state, line, passes, draw) if passes else self._exact(state, line, draw)
        return replace(state, codes=torch.cat([state.codes, codes[:, None]], 1), length=state.length + 1)

    def _exact(self, state: State, line: Tensor, draw: Draw) -> Tensor:
        """Code by code: int64 [M, J]. The last one stays to be written with the next frame's slot."""
        codes: list[Tensor] = []
        for _ in range(self.config.tokenizer.tokens[1]):
            hidden = self._written(state, line, line.shape[1])[:, -1]
            codes.append(draw(self.head(hidden)))
            line = self.embed(codes[-1] + self.contexts)[:, None]
        return torch.stack(codes, 1)

    def _fast(self, state: State, line: Tensor, passes: int, draw: Draw) -> Tensor:
        """All codes in so many passes, the surest first: int64 [M, J]. None of them is written yet."""
        count = self.config.tokenizer.tokens[1]
        codes = torch.zeros(len(line), count, dtype=torch.int64, device=line.device)
        hid = torch.ones_like(codes, dtype=torch.bool)
        for number in range(1, passes + 1):
            asked = torch.where(hid[..., None], self.blank, self.embed(codes + self.contexts))
            hidden = self._written(state, torch.cat([line, asked], 1), line.shape[1])[:, -count:]
            line = line[:, :0]  # it is written now
            logits = self.head(hidden)
            codes = torch.where(hid, draw(logits), codes)
            left = int(count * math.cos(math.pi / 2 * number / passes))
            sure = draw.sureness(logits, codes).masked_fill(~hid, torch.inf)
            hid = torch.zeros_like(hid).scatter(1, sure.argsort(1)[:, :left], True) if left else torch.zeros_like(hid)
        return codes

    def _written(self, state: State, x: Tensor, keep: int) -> Tensor:
        """The next tokens [M, T, D], mixed: the first `keep` see what is before them and stay, the others see everything."""
        used, length = state.memories[0].used, x.shape[1]
        new = torch.arange(length, device=x.device)
        mask = None
        if length > 1:
            sees = (new[:, None] >= new[None]) | (new[:, None] >= keep)
            mask = functional.pad(sees, (used, 0), value=True)
        out = self._body(x, self._prompt_length + used + new, mask, state.memories)
        for memory in state.memories:
            memory.used = used + keep
        return out

    @torch.no_grad()
    def frames(self, state: State, last: int) -> Tensor:
        """The last frames of each future, [M, last, 3, H, W] in 0 to 1; those of the context as the tokenizer draws them."""
        drawn, futures = state.drawn, len(state.codes) // len(state.drawn.frames)
        codes = state.codes[:, max(0, state.codes.shape[1] - last) :]
        count = codes.shape[1]
        parts = []
        if count < last:
            old = drawn.frames[:, drawn.frames.shape[1] - (last - count) :].clamp(0, 1)
            parts.append(old.repeat_interleave(futures, 0))
        if count:
            together = self.tokenizer.decode(codes.reshape(len(drawn.frames), futures * count, -1), drawn)
            parts.append(together.reshape(-1, count, *together.shape[2:]))
        return torch.cat(parts, 1)

    # ---- parts

    @property
    def _prompt_length(self) -> int:
        """P."""
        return self.config.tokenizer.context * (self.config.tokenizer.tokens[0] + 1) - 1

    def _hidden(self, *shape: int) -> Tensor:
        """Which codes [N, F, J] the fast way has to guess: in training as many as it meets on its way, else all."""
        device = self.blank.device
        if not self.training:
            return torch.ones(shape, dtype=torch.bool, device=device)
        share = torch.rand(*shape[:2], 1, device=device).acos() * 2 / torch.pi  # MaskGIT's cosine: often much is hidden
        at_least = functional.one_hot(torch.randint(shape[2], shape[:2], device=device), shape[2]).bool()
        return (torch.rand(shape, device=device) < share) | at_least

    def _body(self, x: Tensor, position: Tensor, mask: Tensor | None, memories: Sequence | None = None) -> Tensor:
        angles = rotary(position, self.config.width // self.config.heads)
        for k, block in enumerate(self.blocks):
            x = block(x, angles, mask, None if memories is None else memories[k])
        return self.norm(x)

    def _nats(self, hidden: Tensor, later: Tensor) -> Tensor:
        logits = self.head(hidden).float()
        return functional.cross_entropy(logits.flatten(0, -2), later.flatten(), reduction="none").view(later.shape)


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp(min=1e-9)


def build(config: Config, space: ActionSpace) -> WorldModel:
    return WorldModel(config, space)


def tiny() -> Config:
    """For tests."""
    return Config(video_tokenizer.tiny(), width=32, layers=2, heads=2, hidden=64, frames=14, parallel=0.5)


_PUBLISHED = Recipe(
    Config(dropout=0.1),
    steps=1_000_000,
    batch=64,
    data=Data(fps=20, window=16),
    optimiser=Optimiser(
        lr=1e-4,
        final_lr=0.0,
        warmup=5000,
        weight_decay=0.01,
        betas=(0.9, 0.999),
        clip_norm=1e9,
        ema=0.0,
        precision="bfloat16",
    ),
)
RECIPES: dict[str, Recipe] = {
    "world-138m": _PUBLISHED,
    "world-436m": replace(_PUBLISHED, model=Config(width=1024, layers=24, heads=16, hidden=4096, dropout=0.1)),
    "world-tiny": Recipe(
        Config(video_tokenizer.RECIPES["tokenizer-tiny"].model, width=192, layers=4, heads=6, hidden=512, parallel=0.5),
        steps=3_000,
        batch=4,
        data=Data(fps=20, window=16),
        optimiser=Optimiser(lr=1e-3, final_lr=1e-5, warmup=100, weight_decay=0.01, precision="bfloat16"),
    ),
}
