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

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from playtape.actions import Actions, ActionSpace
from playtape.clips import Clip, pixels
from playtape.errors import BadInput, within
from playtape.models import video_tokenizer
from playtape.models.protocols import Model
from playtape.models.recipe import Optimiser, Recipe
from playtape.nets import onward
from playtape.nets.drawing import Draw
from playtape.nets.line import Line
from playtape.nets.memory import Branch, Grown
from playtape.nets.outcomes import Outcomes
from playtape.nets.scaled import Scaled


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
    outcomes: bool = False  # foretells what each interval earns as well, and whether it is the last
    embodiments: tuple[str, ...] = ()  # games or data sets whose actions mean different things; () is one for all
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
    def crop(self) -> bool:
        return self.tokenizer.crop

    @property
    def fps(self) -> float:
        return self.tokenizer.fps

    def __post_init__(self) -> None:
        if isinstance(self.tokenizer, dict):  # a checkpoint's JSON
            object.__setattr__(self, "tokenizer", video_tokenizer.Config(**self.tokenizer))
        object.__setattr__(self, "embodiments", tuple(self.embodiments))
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
        if len({*self.embodiments}) < len(self.embodiments):
            raise BadInput(f"embodiments has a name twice: {' '.join(self.embodiments)}")

    @property
    def clip(self) -> int:
        """Frames of a clip that it learns from. A goal is the last of them, shown twice."""
        return self.frames - self.goal

    def check_clip(self, frames: int) -> None:
        """Raises BadInput where clips of so many frames are none that it learns from."""
        if frames != self.clip:
            goal = " and a goal" if self.goal else ""
            raise BadInput(
                f"clips have {frames} frames (--data.window); with --model.frames {self.frames}{goal} it must be {self.clip}"
            )


@dataclass(frozen=True, eq=False)
class State:
    """M futures, S of each of N contexts. `step` writes into the memories of the one that it is given, and returns the next.

    `drawn` is the context as the tokenizer draws it, [N]; `codes` int64 [M, F, J] what was foretold, the last frame of which the
    memories may not hold yet; `length` how many frames there are, the context's included; `embodiment` int64 [N]; `shown` the
    later frames [M, 3, H, W] that were drawn so far, where each is made of the one before.
    """

    drawn: video_tokenizer.Drawn
    memories: list[Branch]
    codes: Tensor
    length: int
    embodiment: Tensor
    shown: list[Tensor]


class WorldModel(Model):
    """See the module."""

    config: Config

    def __init__(self, config: Config, space: ActionSpace):
        super().__init__()
        self.config, self.space = config, space
        self.fast, self.earns = config.parallel > 0, config.outcomes
        self.tokenizer = video_tokenizer.build(config.tokenizer, space).requires_grad_(False)
        contexts, codes = (video_tokenizer.codes_of(config.tokenizer, part) for part in ("codes", "dynamics_codes"))
        width, count = config.width, len(space.buttons) + len(space.axes)
        self.line = Line(contexts, codes, width, config.layers, config.heads, config.hidden, config.dropout)
        self.action = nn.Linear(count, width) if config.acts else None
        if self.action is not None:
            nn.init.zeros_(self.action.weight)
            nn.init.zeros_(self.action.bias)
        bodies = max(1, len(config.embodiments))
        self.scaled = Scaled([axis.scale for axis in space.axes], bodies)
        self.embodiment = nn.Embedding(bodies, width) if config.embodiments else None
        if self.embodiment is not None:
            nn.init.zeros_(self.embodiment.weight)
        self.outcomes = Outcomes(width) if config.outcomes else None

    @property
    def ends(self) -> tuple[Tensor, Tensor]:
        """Beyond which axes are cut off, [A] each: the widest of all embodiments'."""
        return self.scaled.lowest.amin(0), self.scaled.highest.amax(0)

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
        frames, acts = self._clip(clip)
        weight = (clip.mask * clip.confidence)[:, acts].float()
        with torch.autocast(frames.device.type, enabled=False):  # it will meet codes that are made in float32
            context, later = self.tokenizer.encode(frames)
        seen = self._noisy(context) if self.training and self.config.noise else context
        slots = self.line.slot + self.done(
            Actions(clip.actions.buttons[:, acts], clip.actions.axes[:, acts]), clip.embodiment
        )
        said = self.line(self.line.whole(seen), slots, later, parallel=bool(self.config.parallel))
        nats = self.line.nats(said.given[:, :, :-1], later)  # [N, F, J]: each code is foretold by the token before it
        parts = {"exact": _mean(nats, weight[..., None].expand_as(nats))}
        if said.asked is not None and said.hid is not None:
            parts["fast"] = _mean(self.line.nats(said.asked, later), weight[..., None] * said.hid)
        loss = parts["exact"] + self.config.parallel * parts.get("fast", 0.0)
        if self.outcomes is not None:
            told = self.outcomes.losses(said.given[:, :, -1], clip.reward[:, acts], clip.ended[:, acts], weight)
            parts, loss = parts | told, loss + told["reward"] + told["end"]
        return parts | {"loss": loss}

    def _clip(self, clip: Clip) -> tuple[Tensor, slice]:
        """Frames [N, K + F], and which of the clip's rows led to the later ones."""
        config, frames = self.config, clip.frames
        config.check_clip(frames.shape[1])
        if config.goal:
            frames = torch.cat([frames[:, -1:], frames], 1)
        first = config.tokenizer.context - 1 - config.goal
        return frames, slice(first, first + config.frames - config.tokenizer.context)

    def done(self, actions: Actions, embodiment: Tensor) -> Tensor:
        """Actions of [N, *b] rows to vectors [N, *b, D]: buttons 0 or 1, axes as this embodiment's [N] lay in training.

        Nothing, where the model is not told what is done.
        """
        body = embodiment.view(-1, *[1] * (actions.axes.dim() - 2)).expand(actions.axes.shape[:-1])
        told = 0 if self.embodiment is None else self.embodiment(body)
        if self.action is None:
            return told + torch.zeros(*body.shape, self.config.width, device=body.device)
        return told + self.action(torch.cat([actions.buttons.float(), self.scaled(actions.axes, body)], -1))

    def _noisy(self, codes: Tensor) -> Tensor:
        """Up to a share of each clip's codes [N, K, I] replaced by any."""
        share = self.config.noise * torch.rand(len(codes), 1, 1, device=codes.device)
        other = torch.randint(self.line.contexts, codes.shape, device=codes.device)
        return torch.where(torch.rand(codes.shape, device=codes.device) < share, other, codes)

    def fit(self, actions: Actions, embodiment: np.ndarray | None = None) -> None:
        """Axes as they lie in the training data, numpy [T, A], of each embodiment [T]; left out, all are of the first."""
        axes = torch.from_numpy(actions.axes)
        of = torch.zeros(len(axes), dtype=torch.int64) if embodiment is None else torch.from_numpy(embodiment)
        for body in of.unique().tolist():
            self.scaled.fit(axes[of == body], body)

    # ---- foretelling

    def beginning(self, frames: Tensor) -> Tensor:
        """Of clips uint8 [N, T, 3, H, W] what `start` takes, [N, K, 3, H, W]: where it takes a goal, their last frame first."""
        if self.config.goal:
            frames = torch.cat([frames[:, -1:], frames], 1)
        return frames[:, : self.config.tokenizer.context]

    @torch.no_grad()
    def coded(self, frames: Tensor) -> Tensor:
        """Clips uint8 [N, K + F, 3, H, W], where it takes a goal that first, to their later frames [N, F, 3, H, W] in 0 to 1 as
        the codes can tell them: nothing is foretold."""
        context, later = self.tokenizer.encode(frames)
        return self.tokenizer.decode(later, self.tokenizer.draw(context, frames[:, : self.config.tokenizer.context]))

    @torch.no_grad()
    def start(self, frames: Tensor, futures: int = 1, embodiment: Tensor | None = None) -> State:
        """A context uint8 [N, K, 3, H, W] (where it takes a goal, that first) to so many futures of each, none begun yet.

        `embodiment` int64 [N] is whose actions it will be told; left out, those of the first.
        """
        codes, _ = self.tokenizer.encode(frames)
        grown = [Grown(self._prompt_length) for _ in self.line.blocks]
        tokens = torch.arange(self._prompt_length, device=codes.device)
        self.line.body(self.line.whole(codes), tokens, tokens[:, None] >= tokens[None], grown)
        context, j = self.config.tokenizer.context, self.config.tokenizer.tokens[1]
        count, places = len(codes) * futures, (self.config.frames - context) * (1 + j) + j
        memories = [Branch((each.keys, each.values), count, places) for each in grown]
        body = codes.new_zeros(len(codes)) if embodiment is None else embodiment
        return State(self.tokenizer.draw(codes, frames), memories, codes.new_empty(count, 0, j), context, body, [])

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
            state = self.start(self._anew(state), 1, self._bodies(state))
        slot = self.line.slot + self.done(actions, self._bodies(state))
        line = torch.cat([self._pending(state), slot[:, None]], 1)
        draw, count = Draw(temperature, top, generator), self.config.tokenizer.tokens[1]
        if passes:
            codes = onward.fast(self.line, state.memories, line, count, passes, draw)
        else:
            codes = onward.exact(self.line, state.memories, line, count, draw)
        return replace(state, codes=torch.cat([state.codes, codes[:, None]], 1), length=state.length + 1)

    def _pending(self, state: State) -> Tensor:
        """What the memories do not hold yet, [M, 0 to J, D]."""
        count, per_frame = state.codes.shape[1], self.config.tokenizer.tokens[1]
        if not count:
            return self.line.later(state.codes[:, :, 0])
        held = state.memories[0].used - (count - 1) * (1 + per_frame) - 1  # codes of the last frame
        return self.line.later(state.codes[:, -1, held:])

    def _anew(self, state: State) -> Tensor:
        """What futures go on from as from a context, uint8 [M, K, 3, H, W]: their last frames; a goal stays where it is."""
        last = self.config.tokenizer.context - self.config.goal
        frames, goal = self.frames(state, last), state.drawn.frames[:, : int(self.config.goal)]
        return pixels(torch.cat([goal.repeat_interleave(len(frames) // len(goal), 0), frames], 1))

    def _bodies(self, state: State) -> Tensor:
        """Each future's embodiment, [M]."""
        return state.embodiment.repeat_interleave(len(state.codes) // len(state.embodiment))

    @torch.no_grad()
    def outcome(self, state: State) -> tuple[Tensor, Tensor]:
        """What the last foretold frame's interval earned, and the chance that it ended everything: [M] each.

        To be asked once a frame at most. Raises BadInput for a model that was not trained to foretell it.
        """
        if self.outcomes is None:
            raise BadInput("this world model foretells no outcomes; train one with --model.outcomes True")
        pending = self._pending(state)
        return self.outcomes(onward.written(self.line, state.memories, pending, pending.shape[1])[:, -1])

    @torch.no_grad()
    def frames(self, state: State, last: int) -> Tensor:
        """The last frames of each future, [M, last, 3, H, W] in 0 to 1; those of the context as the tokenizer draws them."""
        later = self._later(state, last)
        if not (missing := last - later.shape[1]):
            return later
        old = state.drawn.frames[:, -missing:].clamp(0, 1)
        return torch.cat([old.repeat_interleave(len(state.codes) // len(old), 0), later], 1)

    def _later(self, state: State, last: int) -> Tensor:
        """The last of the frames that were foretold, [M, at most `last`, 3, H, W]."""
        drawn, tokenizer, codes = state.drawn, self.tokenizer, state.codes.unflatten(0, (len(state.drawn.last), -1))
        shape = drawn.last.shape[1:]
        if not codes.shape[2]:
            return drawn.last.new_empty(len(state.codes), 0, *shape)
        if not tokenizer.config.moves:
            wanted = codes[:, :, max(0, codes.shape[2] - last) :]  # [N, S, F, J]
            return tokenizer.decode(wanted.flatten(1, 2), drawn).unflatten(1, wanted.shape[1:3]).flatten(0, 1)
        for t in range(len(state.shown), codes.shape[2]):
            before = (
                state.shown[-1].view(*codes.shape[:2], *shape)
                if t
                else drawn.last[:, None].expand(-1, codes.shape[1], *shape)
            )
            state.shown.append(tokenizer.follow(codes[:, :, t], drawn, before).flatten(0, 1))
        return torch.stack(state.shown[-last:], 1)

    # ---- parts

    @property
    def _prompt_length(self) -> int:
        """P."""
        return self.config.tokenizer.context * (self.config.tokenizer.tokens[0] + 1) - 1


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
    data=video_tokenizer.RECIPES["tokenizer-64"].data,
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
        Config(
            video_tokenizer.RECIPES["tokenizer-tiny"].model,
            width=192,
            layers=4,
            heads=6,
            hidden=512,
            parallel=0.5,
            outcomes=True,
        ),
        steps=3_000,
        batch=4,
        data=video_tokenizer.RECIPES["tokenizer-tiny"].data,
        optimiser=Optimiser(lr=1e-3, final_lr=1e-5, warmup=100, weight_decay=0.01, precision="bfloat16"),
    ),
}
