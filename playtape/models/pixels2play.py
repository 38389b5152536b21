"""Pixels2Play (arXiv 2601.04575): a policy of keyboard and mouse, p(a_t given x_<=t, a_<t, text), at 20 frames a second.

Each frame is a step of tokens: text, picture, thinking, a question, and the action that was done. A transformer mixes them under
a mask: a step sees those before it but not their questions; its question sees its text, picture and thinking, and is seen by
nobody; its action sees its whole step. A small causal decoder turns the question's answer into the action, slot by slot:
buttons as rising classes, axes as bins. Actions are inputs everywhere and targets where the clip's mask says so.

Played with one pass a frame: the action just done is given together with the next picture (`act`); what a question saw is never
kept. The original passes twice.

Shapes: `N` clips or players, `T` frames, `S` action slots, `P` = 4 + S tokens a step, `D` width, `E` text width.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from playtape.actions import Actions, ActionSpace
from playtape.clips import Clip
from playtape.clips.augmentation import PUBLISHED, Augmentation
from playtape.errors import BadInput, within
from playtape.models.action_tokens import ActionTokens, Sizes
from playtape.models.protocols import Model
from playtape.models.recipe import Data, Optimiser, Recipe
from playtape.nets.memory import Ring
from playtape.nets.picture import Picture
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
    bfloat16_tokens: bool = False  # as published: tokens and tables in bfloat16, too coarse for most of their updates
    nan_without_label: bool = False  # as published: a batch without any label has the loss 0 / 0
    wrap: int = 0  # as published 72,000: steps after which positions begin again under keys with old angles; 0 never

    def sizes(self) -> Sizes:
        """Of the action's tokens."""
        return Sizes(
            *(self.width, self.decoder_layers, self.decoder_heads, self.dropout),
            *(self.keys, self.clicks, self.bins, self.bins_dy),
        )

    def __post_init__(self) -> None:
        for name, least, most in (
            *(("height", 16, 2160), ("width_px", 16, 3840), ("width", 8, 16384), ("layers", 1, 256), ("heads", 1, 256)),
            *(("window", 1, 4096), ("decoder_layers", 1, 64), ("decoder_heads", 1, 256), ("keys", 1, 32)),
            *(("clicks", 1, 32), ("bins", 3, 4095), ("bins_dy", 3, 4095), ("text_width", 0, 65536), ("wrap", 0, 10**9)),
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
class State:
    """What N players saw and did. `act` writes into the rings of the one that it is given, and returns the next."""

    rings: list[Ring]
    step: Tensor  # int64 [N]: steps done
    did: Tensor  # int64 [N, S]: the classes of the last action

    def rows(self, index: Sequence[int]) -> "State":
        """These players alone. Their rings are the whole's, not copies."""
        return State([ring.rows(index) for ring in self.rings], self.step[list(index)], self.did[list(index)])

    def put(self, index: Sequence[int], part: "State") -> "State":
        """The whole, after `rows(index)` of it has become `part`."""
        step, did = self.step.clone(), self.did.clone()
        step[list(index)], did[list(index)] = part.step, part.did
        return replace(self, step=step, did=did)

    def fresh(self, index: Sequence[int]) -> "State":
        """The same, where these players begin anew."""
        step, did = self.step.clone(), self.did.clone()
        step[list(index)], did[list(index)] = 0, 0
        for ring in self.rings:
            ring.clear(index)
        return replace(self, step=step, did=did)


class Pixels2Play(Model):
    """See the module."""

    config: Config

    def __init__(self, config: Config, space: ActionSpace):
        super().__init__()
        self.config, self.space = config, space
        self.actions = ActionTokens(config.sizes(), space)
        width = config.width
        self.tokens = ACTION + len(self.actions.slots)  # a step
        size = (config.height, config.width_px)
        self.picture = Picture(config.encoder, size, width, norm_over_batch=config.norm_over_clip)
        self.text = nn.Linear(config.text_width, width, bias=False) if config.text_width else None
        self.no_text = nn.Parameter(0.05 * torch.randn(width))
        self.place = nn.Parameter(0.05 * torch.randn(self.tokens, width))  # thinking and question are nothing else
        self.blocks = nn.ModuleList(Block(width, config.heads, config.dropout) for _ in range(config.layers))
        if config.bfloat16_tokens:
            for name, parameter in self.named_parameters():
                if name.startswith(("place", "no_text", "actions.embed.")) or name.endswith(("pos_tokens", "_sinks")):
                    parameter.data = parameter.data.bfloat16()

    def fit(self, actions: Actions, embodiment: object = None) -> None:
        """Bins from the training data: actions of numpy, [T, A] axes. It knows one body."""
        self.actions.fit(actions)

    # ---- training

    def forward(self, frames: Tensor, actions: Actions, text: Tensor | None = None) -> list[Tensor]:
        """uint8 [N, T, 3, H, W] and what was done, to logits [N, T, classes] of each slot, each given the slots before it."""
        n, t = frames.shape[:2]
        classes = self.actions.encode(actions)
        context = self._context(frames.flatten(0, 1), None if text is None else text.flatten(0, 1)).unflatten(0, (n, t))
        x = torch.cat([context, self._done(classes)], 2)  # [N, T, P, D]
        position = torch.arange(t * self.tokens, device=x.device)
        answer = self._mixed(x.flatten(1, 2), position, self.mask(t, x.device)).unflatten(1, (t, -1))[:, :, QUESTION]
        return self.actions.logits(answer, classes)

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

    def losses(self, clip: Clip) -> dict[str, Tensor]:
        """Of each kind of slot, over learnable frames; see ActionTokens. A batch without a learnable frame has loss 0."""
        logits = self(clip.frames, clip.actions, clip.text)
        classes = self.actions.encode(clip.actions)
        weight = clip.mask * clip.confidence
        losses = self.actions.losses(logits, classes, weight, self.config.z_loss)
        return losses | {"loss": losses["loss"] / weight.any()} if self.config.nan_without_label else losses

    def foretell(self, clip: Clip) -> dict[str, Tensor]:
        """Logits of each kind of slot, [N, T, slots, classes]: each frame's given the true past, and the slots before."""
        return self.actions.by_kind(self(clip.frames, clip.actions, clip.text))

    # ---- playing

    def start(self, players: int = 1) -> State:
        """N players who have seen nothing yet."""
        device = self.place.device
        places = (self.config.window + 1) * (self.tokens - 1) + 1  # the last is the question's, which nobody keeps
        size = self.config.width // self.config.heads
        rings = [Ring(players, self.config.heads, places, size, next(self.blocks.parameters())) for _ in self.blocks]
        nothing = torch.zeros(players, len(self.actions.slots), dtype=torch.int64, device=device)
        return State(rings, torch.zeros(players, dtype=torch.int64, device=device), nothing)

    @torch.no_grad()
    def act(
        self,
        state: State,
        frames: Tensor,
        text: Tensor | None = None,
        *,
        temperature: float | Tensor = 1.0,  # of all, or [N]
        generator: torch.Generator | None = None,
    ) -> tuple[Actions, State]:
        """Pictures uint8 [N, 3, H, W] to what to do now, buttons [N, B] and axes [N, A], and the next state. Text [N, E]."""
        answer, state = self.see(state, frames, text)
        classes = self.actions.choose(answer, temperature, generator)
        return self.actions.decode(classes, generator), replace(state, did=classes)

    def told(self, state: State, actions: Actions) -> State:
        """The same, if hands did something else than `act` said: a person took over. Actions of rows [N, B] and [N, A]."""
        return replace(state, did=self.actions.encode(actions))

    @torch.no_grad()
    def see(self, state: State, frames: Tensor, text: Tensor | None = None) -> tuple[Tensor, State]:
        """One step of the backbone: the answer [N, D] that the decoder starts from, and the next state."""
        step, slots, kept = state.step, len(self.actions.slots), self.tokens - 1  # tokens of a step that stay
        x = torch.cat([self._done(state.did), self._context(frames, text)], 1)  # [N, S + 4, D]
        device = x.device
        ring = self.config.window + 1
        own = torch.arange(kept, device=device)
        now, last = (step % ring)[:, None] * kept, ((step - 1) % ring)[:, None] * kept
        question = torch.full_like(now, ring * kept)
        at = torch.cat([last + own[3:], now + own[:3], question], 1)
        place = torch.cat([torch.arange(ACTION - self.tokens, 0, device=device), torch.arange(4, device=device)])
        position = (step * self.tokens)[:, None] + place
        if self.config.wrap:
            position %= self.config.wrap * self.tokens
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

    def _done(self, classes: Tensor) -> Tensor:
        """Classes [*b, S] to the action's tokens [*b, S, D]."""
        return self.actions.embedded(classes) + self.place[ACTION:]

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


SIZES = {"XS": 0.25, "S": 0.5, "M": 1.0, "L": 1.5, "XL": 2.0}  # of `playtape sweep`: how many heads, of the recipe's


def sized(config: Config, size: str) -> Config:
    """The same model with more or fewer heads of the same width, in backbone and decoder: one dial for size."""
    heads, decoder_heads = (max(1, round(n * SIZES[size])) for n in (config.heads, config.decoder_heads))
    return replace(config, width=config.width // config.heads * heads, heads=heads, decoder_heads=decoder_heads)


_PUBLISHED = Optimiser(
    lr=1e-4,
    final_lr=1e-4,
    warmup=0,
    weight_decay=1e-4,
    betas=(0.9, 0.999),
    clip_norm=1e9,  # theirs are never clipped
    ema=0.0,
    precision="bfloat16",
)
_DATA = Data(fps=20, window=200, augmentation=PUBLISHED)
_P2P = Recipe(Config(text_width=768), steps=500_000, batch=10, data=_DATA, optimiser=_PUBLISHED)
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
        steps=10_000,
        batch=6,
        data=Data(fps=20, window=48, augmentation=Augmentation(brightness=0.05, contrast=0.1, balance=0.05, shift=0)),
        optimiser=Optimiser(lr=1e-3, final_lr=2e-5, warmup=200, precision="bfloat16"),
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
