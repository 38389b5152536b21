"""Pixels2Play (arXiv 2601.04575): a policy of keyboard and mouse, p(a_t given x_<=t, a_<t, text), at 20 frames a second.

Each frame is a step of tokens: text, picture, thinking, a question, and the action that was done. A transformer mixes them under
a mask: a step sees those before it but not their questions; its question sees its text, picture and thinking, and is seen by
nobody; its action sees its whole step. A small causal decoder turns the question's answer into the action, slot by slot:
buttons as rising classes, axes as bins. Actions are inputs everywhere and targets where the clip's mask says so.

Played with one pass a frame: the action just done is given together with the next picture (`act`); what a question saw is never
kept. The original passes twice.

Shapes: `N` clips or players, `T` frames, `S` action slots, `P` = 4 + S tokens a step, `D` width, `E` text width.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from playtape.actions import Actions, ActionSpace
from playtape.actions.codecs import Bins
from playtape.clips import Clip
from playtape.clips.augmentation import Augmentation
from playtape.errors import BadInput
from playtape.models.protocols import Model
from playtape.models.recipe import Data, Optimiser, Recipe, within
from playtape.nets.action_decoder import ActionDecoder
from playtape.nets.appearance import Appearance
from playtape.nets.efficientnet import CHANNELS, STRIDE, EfficientNetStages
from playtape.nets.memory import Ring
from playtape.nets.motion_bins import MotionBins
from playtape.nets.slots import from_slots, may_follow, to_slots
from playtape.nets.transformer import Block, rotary

TEXT, PICTURE, THINKING, QUESTION, ACTION = range(5)  # places in a step; the action's slots begin at the last


@dataclass(frozen=True)
class Config:
    """Sizes. The published ones are in RECIPES."""

    height: int = 192  # pixels, the picture is squashed to this
    width_px: int = 192
    fps: float = 20.0
    encoder: Literal["efficientnet", "small"] = "efficientnet"
    width: int = 1024
    layers: int = 10
    heads: int = 16
    window: int = 200  # steps that a step sees, itself included
    decoder_layers: int = 3
    decoder_heads: int = 8
    keys: int = 4  # slots
    clicks: int = 2  # slots of mouse and pad buttons
    bins: int = 23  # of a horizontal axis, odd
    bins_dy: int = 17  # of a vertical one
    text_width: int = 0  # of a sentence's embedding; 0 knows no text
    dropout: float = 0.1
    z_loss: float = 1e-4
    norm_over_clip: bool = False  # as published: batch norm over a clip's frames, which lets the future into the past

    def __post_init__(self) -> None:
        for name, least, most in (
            *(("height", 16, 2160), ("width_px", 16, 3840), ("width", 8, 16384), ("layers", 1, 256), ("heads", 1, 256)),
            *(("window", 1, 100_000), ("decoder_layers", 1, 64), ("decoder_heads", 1, 256), ("keys", 1, 32)),
            *(("clicks", 1, 32), ("bins", 3, 4095), ("bins_dy", 3, 4095), ("text_width", 0, 65536)),
        ):
            within(name, getattr(self, name), least, most, whole=True)
        within("fps", self.fps, 0.1, 1000)
        within("dropout", self.dropout, 0, 0.95)
        within("z_loss", self.z_loss, 0, 1)
        for name in ("heads", "decoder_heads"):
            if self.width % (2 * getattr(self, name)):
                raise BadInput(
                    f"width is {self.width}; it must be a multiple of twice the {name}, {getattr(self, name)}"
                )
        for name in ("bins", "bins_dy"):
            if getattr(self, name) % 2 == 0:
                raise BadInput(f"{name} is {getattr(self, name)}; it must be odd, to have a middle")
        if self.encoder not in ("efficientnet", "small"):
            raise BadInput(f"encoder is {self.encoder!r}; legal are efficientnet and small")


@dataclass(frozen=True)
class Kind:
    """Slots that share a vocabulary: the keys, the clicks, or one axis."""

    name: str
    slots: int
    classes: int
    buttons: tuple[int, ...] = ()  # columns of the action space; none for an axis
    axis: int = -1


def kinds(config: Config, space: ActionSpace) -> list[Kind]:
    """What an action is made of, in the order in which it is decoded."""
    keys = tuple(k for k, name in enumerate(space.buttons) if name.startswith("key."))
    clicks = tuple(k for k in range(len(space.buttons)) if k not in keys)
    found = [Kind("key", config.keys, 1 + len(keys), keys)] if keys else []
    found += [Kind("click", config.clicks, 1 + len(clicks), clicks)] if clicks else []
    for k, axis in enumerate(space.axes):
        name = axis.name.replace(".", "_")
        count = config.bins_dy if axis.name.endswith(("dy", "_y")) else config.bins
        found.append(Kind(name, 1, count, axis=k))
    return found


@dataclass(frozen=True)
class State:
    """What N players saw and did. `act` writes into the rings of the one that it is given, and returns the next."""

    rings: list[Ring]
    step: Tensor  # int64 [N]: steps done
    did: Tensor  # int64 [N, S]: the classes of the last action


class Picture(nn.Module):
    """uint8 [M, 3, H, W] to one token [M, D]."""

    def __init__(self, config: Config):
        super().__init__()
        size = (config.height, config.width_px)
        if config.encoder == "small":
            self.features: nn.Module = Appearance(size, config.width)
            self.mlp: nn.Module = nn.LayerNorm(config.width)
            self.normalise = (4.0, -2.0)
        else:
            self.features = EfficientNetStages(frozen=not config.norm_over_clip)
            rows, columns = (-(-side // STRIDE) for side in size)
            self.mlp = nn.Sequential(nn.Linear(CHANNELS * rows * columns, config.width), nn.LayerNorm(config.width))
            self.normalise = (1.0, 0.0)

    def forward(self, frames: Tensor) -> Tensor:
        gain, offset = self.normalise
        x = frames.to(next(self.parameters()).dtype).mul_(gain / 255).add_(offset)
        return self.mlp(self.features(x).flatten(1))


class Pixels2Play(Model):
    """See the module."""

    config: Config

    def __init__(self, config: Config, space: ActionSpace):
        super().__init__()
        self.config, self.space, self.kinds = config, space, kinds(config, space)
        if not self.kinds:
            raise BadInput("a policy needs at least one button or axis to act with")
        width = config.width
        self.slots = [kind for kind in self.kinds for _ in range(kind.slots)]
        self.tokens = ACTION + len(self.slots)  # a step
        self.picture = Picture(config)
        self.text = nn.Linear(config.text_width, width, bias=False) if config.text_width else None
        self.no_text = nn.Parameter(0.05 * torch.randn(width))
        self.place = nn.Parameter(0.05 * torch.randn(self.tokens, width))  # thinking and question are nothing else
        self.embed = nn.ModuleDict({kind.name: nn.Embedding(kind.classes, width) for kind in self.kinds})
        self.head = nn.ModuleDict({kind.name: nn.Linear(width, kind.classes) for kind in self.kinds})
        self.bins = nn.ModuleDict(
            {k.name: MotionBins(k.classes, space.axes[k.axis].scale) for k in self.kinds if k.axis >= 0}
        )
        for table in self.embed.parameters():
            nn.init.normal_(table, std=0.1)
        self.blocks = nn.ModuleList(Block(width, config.heads, config.dropout) for _ in range(config.layers))
        self.decoder = ActionDecoder(
            width, config.decoder_heads, config.decoder_layers, len(self.slots), config.dropout
        )

    def fit(self, actions: Actions) -> None:
        """Bins of equal weight from the training data: actions of numpy, [T, A] axes."""
        for kind in self.kinds:
            if kind.axis < 0:
                continue
            value = actions.axes[:, kind.axis].astype("float64")
            if not value.any():
                continue
            bins = Bins.quantile(value, kind.classes)
            size = abs(value).max()
            whole = bool((value == value.round()).all())
            spread = float((value[value != 0] ** 2).mean() ** 0.5)
            self._bins(kind).set(torch.tensor(bins.edges), (-float(size), float(size)), spread, whole)

    # ---- training

    def forward(self, frames: Tensor, actions: Actions, text: Tensor | None = None) -> list[Tensor]:
        """uint8 [N, T, 3, H, W] and what was done, to logits [N, T, classes] of each slot, each given the slots before it."""
        n, t = frames.shape[:2]
        classes = self.encode(actions)
        context = self._context(frames.flatten(0, 1), None if text is None else text.flatten(0, 1)).unflatten(0, (n, t))
        x = torch.cat([context, self._done(classes)], 2)  # [N, T, P, D]
        position = torch.arange(t * self.tokens, device=x.device)
        answer = self._mixed(x.flatten(1, 2), position, self.mask(t, x.device)).unflatten(1, (t, -1))[:, :, QUESTION]
        return self.decoded(answer, classes)

    def mask(self, steps: int, device: torch.device | str = "cpu") -> Tensor:
        """Who sees whom: bool [T*P, T*P], row looks at column."""
        number = torch.arange(steps * self.tokens, device=device)
        step, place = number // self.tokens, number % self.tokens
        far = step[:, None] - step[None]
        asks, acts = place == QUESTION, place >= ACTION
        before = (far > 0) & (far < self.config.window) & ~asks[None]
        context = ~asks & ~acts
        same = context[None] | (asks[:, None] & asks[None]) | (acts[:, None] & acts[None])
        return before | ((far == 0) & same)

    def decoded(self, answer: Tensor, classes: Tensor) -> list[Tensor]:
        """Answers [*b, D] and the classes [*b, S] that were chosen, to logits [*b, classes] of each slot."""
        lead = answer.shape[:-1]
        given = self._embedded(classes)[..., :-1, :].flatten(0, -3)
        h = self.decoder(answer.flatten(0, -2), given).unflatten(0, lead)
        return [self.head[kind.name](h[..., k, :]) for k, kind in enumerate(self.slots)]

    def losses(self, clip: Clip) -> dict[str, Tensor]:
        """Cross-entropy of each kind in shares of knowing nothing, its mean over learnable frames and slots; and the z-loss.

        A batch without a learnable frame has loss 0.
        """
        logits = self(clip.frames, clip.actions, clip.text)
        classes = self.encode(clip.actions)
        weight = clip.mask * clip.confidence
        weight = weight / weight.sum().clamp_min(1e-6)
        parts: dict[str, Tensor] = {}
        total = logits[0].new_zeros(())
        for kind in self.kinds:
            own = [k for k, other in enumerate(self.slots) if other is kind]
            score = torch.stack([logits[k] for k in own], -2).float()  # [N, T, slots, classes]
            normaliser = score.logsumexp(-1)
            entropy = normaliser - score.gather(-1, classes[..., own, None])[..., 0]
            parts[kind.name] = (entropy.mean(-1) * weight).sum()
            z = (normaliser.square().mean(-1) * weight).sum()
            total = total + parts[kind.name] / math.log(max(2, kind.classes)) + self.config.z_loss * z
        return {"loss": total, **parts}

    # ---- playing

    def start(self, players: int = 1) -> State:
        """N players who have seen nothing yet."""
        device = self.place.device
        places = (self.config.window + 1) * (self.tokens - 1) + 1  # the last is the question's, which nobody keeps
        size = self.config.width // self.config.heads
        rings = [Ring(players, self.config.heads, places, size, self.place) for _ in self.blocks]
        nothing = torch.zeros(players, len(self.slots), dtype=torch.int64, device=device)
        return State(rings, torch.zeros(players, dtype=torch.int64, device=device), nothing)

    @torch.no_grad()
    def act(
        self,
        state: State,
        frames: Tensor,
        text: Tensor | None = None,
        *,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> tuple[Actions, State]:
        """Pictures uint8 [N, 3, H, W] to what to do now, buttons [N, B] and axes [N, A], and the next state. Text [N, E]."""
        answer, state = self.see(state, frames, text)
        classes = self._choose(answer, temperature, generator)
        return self._actions(classes, generator), replace(state, did=classes)

    def told(self, state: State, actions: Actions) -> State:
        """The same, if hands did something else than `act` said: a person took over. Actions of rows [N, B] and [N, A]."""
        return replace(state, did=self.encode(actions))

    @torch.no_grad()
    def see(self, state: State, frames: Tensor, text: Tensor | None = None) -> tuple[Tensor, State]:
        """One step of the backbone: the answer [N, D] that the decoder starts from, and the next state."""
        step, slots, kept = state.step, len(self.slots), self.tokens - 1  # tokens of a step that stay
        x = torch.cat([self._done(state.did), self._context(frames, text)], 1)  # [N, S + 4, D]
        device = x.device
        ring = self.config.window + 1
        own = torch.arange(kept, device=device)
        now, last = (step % ring)[:, None] * kept, ((step - 1) % ring)[:, None] * kept
        question = torch.full_like(now, ring * kept)
        at = torch.cat([last + own[3:], now + own[:3], question], 1)
        place = torch.cat([torch.arange(ACTION - self.tokens, 0, device=device), torch.arange(4, device=device)])
        position = (step * self.tokens)[:, None] + place
        for memory in state.rings:
            memory.aim(at)
        x = self._mixed(x, position[:, None], self._sight(step, slots), state.rings)
        return x[:, -1], replace(state, step=step + 1)

    def _sight(self, step: Tensor, slots: int) -> Tensor:
        """What the S + 4 tokens of a step see of the ring: bool [N, 1, S + 4, C]. The same as `mask`, by step numbers."""
        kept, ring, window = self.tokens - 1, self.config.window + 1, self.config.window
        place = torch.arange(ring * kept, device=step.device)
        far = (step[:, None] - place // kept) % ring  # how many steps ago a place was filled
        there = far <= step[:, None]
        is_action = place % kept >= 3
        context = there & ((far > 0) & (far < window) | ((far == 0) & ~is_action))
        action = there & (far > 0) & (far <= window)  # done a step ago, so its window reaches one further back
        action = (
            action | ~there.any(-1, keepdim=True) | (step == 0)[:, None]
        )  # before the first step: nothing, but not NaN
        rows = torch.cat([action[:, None].expand(-1, slots, -1), context[:, None].expand(-1, 4, -1)], 1)
        asks = torch.arange(slots + 4, device=step.device) == slots + 3
        return torch.cat([rows, asks[None, :, None].expand(len(rows), -1, 1)], -1)[:, None]

    # ---- parts

    def encode(self, actions: Actions) -> Tensor:
        """Actions of tensors to classes int64 [*b, S]."""
        parts = []
        for kind in self.kinds:
            if kind.axis < 0:
                parts.append(to_slots(actions.buttons[..., list(kind.buttons)], kind.slots))
            else:
                parts.append(self._bins(kind).encode(actions.axes[..., kind.axis, None]))
        return torch.cat(parts, -1)

    def _actions(self, classes: Tensor, generator: torch.Generator | None) -> Actions:
        lead = classes.shape[:-1]
        buttons = torch.zeros(*lead, len(self.space.buttons), dtype=torch.bool, device=classes.device)
        axes = torch.zeros(*lead, len(self.space.axes), device=classes.device)
        at = 0
        for kind in self.kinds:
            own = classes[..., at : at + kind.slots]
            if kind.axis < 0:
                buttons[..., list(kind.buttons)] = from_slots(own, len(kind.buttons))
            else:
                axes[..., kind.axis] = self._bins(kind).draw(own[..., 0], generator)
            at += kind.slots
        return Actions(buttons, axes)

    def _choose(self, answer: Tensor, temperature: float, generator: torch.Generator | None) -> Tensor:
        """Slot by slot, each given those before it: classes int64 [N, S].

        The largest of score / temperature + Gumbel noise is a draw from the softmax; the noise of all slots is made at once.
        """
        decoding, chosen, rows = self.decoder.start(), [], len(answer)
        h, before, last = self.decoder.step(answer, decoding), None, None
        widest = max(kind.classes for kind in self.kinds)
        noise = torch.rand(len(self.slots), rows, widest, generator=generator, device=answer.device)
        noise = -noise.clamp_min_(1e-20).log_().neg_().log_() * temperature
        for k, kind in enumerate(self.slots):
            score = self.head[kind.name](h).float()
            if kind.axis < 0:
                first = torch.full((rows,), -1, device=score.device)
                allowed = may_follow(before if before is not None and last is kind else first, kind.classes - 1)
                score = score.masked_fill(~allowed, -math.inf)
            before, last = (score + noise[k, :, : kind.classes]).argmax(-1), kind
            chosen.append(before)
            if k + 1 < len(self.slots):
                h = self.decoder.step(self.embed[kind.name](before), decoding)
        return torch.stack(chosen, -1)

    def _context(self, frames: Tensor, text: Tensor | None) -> Tensor:
        """Pictures uint8 [M, 3, H, W] to the tokens text, picture, thinking, question: [M, 4, D]."""
        picture = self.picture(frames)
        said = self.no_text.to(picture.dtype).expand_as(picture)
        if text is not None and text.shape[-1]:
            if self.text is None or text.shape[-1] != self.config.text_width:
                raise BadInput(
                    f"texts are {text.shape[-1]} numbers wide, and the policy reads {self.config.text_width}; "
                    f"train it with --model.text-width {text.shape[-1]}"
                )
            given = self.text(text.to(picture.dtype))
            said = torch.where((given == 0).all(-1, keepdim=True), said, given)
        nothing = torch.zeros_like(picture)
        return torch.stack([said, picture, nothing, nothing], 1) + self.place[:ACTION]

    def _bins(self, kind: Kind) -> MotionBins:
        bins = self.bins[kind.name]
        assert isinstance(bins, MotionBins)
        return bins

    def _embedded(self, classes: Tensor) -> Tensor:
        return torch.stack([self.embed[kind.name](classes[..., k]) for k, kind in enumerate(self.slots)], -2)

    def _done(self, classes: Tensor) -> Tensor:
        """Classes [*b, S] to the action's tokens [*b, S, D]."""
        return self._embedded(classes) + self.place[ACTION:]

    def _mixed(self, x: Tensor, position: Tensor, mask: Tensor, rings: list[Ring] | None = None) -> Tensor:
        angles = rotary(position, self.config.width // self.config.heads)
        for k, block in enumerate(self.blocks):
            x = block(x, angles, mask, None if rings is None else rings[k])
        return x


def build(config: Config, space: ActionSpace) -> Pixels2Play:
    return Pixels2Play(config, space)


def tiny() -> Config:
    """For tests."""
    return Config(
        *(32, 32),
        encoder="small",
        width=32,
        layers=2,
        heads=2,
        window=6,
        decoder_layers=1,
        decoder_heads=2,
        bins=7,
        bins_dy=5,
    )


_PUBLISHED = Optimiser(lr=1e-4, final_lr=1e-4, warmup=0, weight_decay=1e-4, betas=(0.9, 0.999), ema=0.0)
_P2P = Recipe(Config(text_width=768), steps=500_000, batch=10, data=Data(fps=20, window=200), optimiser=_PUBLISHED)
# For two CPU cores: an hour sees some millions of frames. Clips are longer than the window, so that training meets what playing
# meets, a past that has been forgotten.
_SMALL = Config(
    *(96, 96),
    encoder="small",
    width=192,
    layers=3,
    heads=6,
    window=32,
    decoder_layers=2,
    decoder_heads=6,
    dropout=0.0,
    keys=3,
    clicks=1,
    text_width=384,  # minilm
)
RECIPES: dict[str, Recipe] = {
    "p2p-tiny": Recipe(
        _SMALL,
        steps=6_000,
        batch=6,
        data=Data(fps=20, window=48, augmentation=Augmentation(brightness=0.05, contrast=0.1, balance=0.05, shift=0)),
        optimiser=Optimiser(lr=1e-3, final_lr=2e-5, warmup=200),
    ),
    "p2p-150m": _P2P,
    "p2p-300m": replace(_P2P, model=Config(layers=20, text_width=768), batch=8),
    "p2p-600m": replace(_P2P, model=Config(width=2048, layers=9, text_width=768), batch=8),
    "p2p-1200m": replace(
        _P2P,
        model=Config(width=2048, layers=22, text_width=768),
        batch=5,
        optimiser=replace(_PUBLISHED, lr=3e-5, final_lr=3e-5),
    ),
}
