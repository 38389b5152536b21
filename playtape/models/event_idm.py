"""Generalist-IDM (D2E, arXiv 2510.05684): a vision-language model that writes what hands did as events with times.

p(event | frames up to tau after it, events before it), one word after the other; event_line.py says what is learned,
event_loop.py how a video is read on, event_tokens.py the words. The body is InternVL3 (nets/internvl.py), of any size: `tiny` is
the same network with small numbers. Needs `transformers` (extra `text`).

What was said bears on what is said next, so a video is followed from its start on, and not judged a stretch at a time
(protocols.Follower). For speed it is cut into chunks that are followed side by side, each from a little before its start, of
which nothing is kept; `chunk` = 0 follows the whole in one piece, as published.

What a space has and no word says (sticks, the pointer's place) is never done. Shapes: `N` clips, `T` frames, `L` words of a line,
`I` tokens a picture, `D` width, `V` words.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from playtape.actions import Actions, ActionSpace
from playtape.actions.event_tokens import Codec
from playtape.actions.strokes import LEAST_PERIOD, sayable
from playtape.clips import Clip
from playtape.errors import BadInput, need, within
from playtape.models import event_lanes
from playtape.models.event_line import Line, Pace, line
from playtape.models.event_loop import Gap, Way, plain
from playtape.models.event_rows import Rows
from playtape.models.protocols import Labels, Model
from playtape.models.recipe import Data, Optimiser, Recipe
from playtape.nets import lora
from playtape.nets.internvl import Memory, Sizes, filled, internvl, read_on, recompute, seen, tokens, whole

TICKS_A_SECOND = 100
# Fields that weights do not depend on.
_READING = ("motion", "context", "keep", "chunk", "warm", "lanes", "most", "published", "plain")
_NOT_WEIGHTS = (*_READING, "dropout", "lora_rank", "recompute")
ADAPTED = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class Config:
    """As published, but for how a video is read on: see `published`."""

    height: int = 448  # pixels, the picture is squashed to this; square
    width_px: int = 448
    fps: float = 20.0
    tau_ms: int = 100  # how much later than it happens an event stands: what the model sees of its consequences
    scheme: Literal["factorized", "hierarchical"] = "factorized"
    format: int = (
        2  # of times: 2 is shifted, then put into words; 3, of the public packer, has times of before the shift
    )
    motion: Literal["interval", "window"] = (
        "interval"  # what a motion event sums: its frame's interval, or the 50 ms before it
    )
    patch: int = 14
    vision_width: int = 1024
    vision_layers: int = 24
    vision_heads: int = 16
    vision_hidden: int = 4096
    width: int = 896
    layers: int = 24
    heads: int = 14
    key_heads: int = 2
    hidden: int = 4864
    words: int = 151_966  # of the language model, the events' last
    first_word: int = 151_675  # the number of the first event word
    picture_words: tuple[int, int, int, int] = (
        151_665,
        151_666,
        151_667,
        151_643,
    )  # <img>, </img>, <IMG_CONTEXT>, padding
    dropout: float = 0.0  # of attention
    lora_rank: int = 0  # above 0, the language model learns by additions of this rank alone (nets/lora.py)
    recompute: bool = False  # forget activations and compute them again in the backward pass
    context: int = 2048  # words that a video is read on with
    keep: int = 4  # frames that stay when a context is full; 0 forgets event by event
    chunk: int = 400  # frames of a video that are followed in one piece; 0 is all of it
    warm: int = 40  # frames before them, of which nothing is kept
    lanes: int = 8  # chunks side by side
    most: int = 16  # events between two frames
    published: bool = (
        False  # take whatever word is likeliest, as the published loop does, and not the likeliest that may stand there
    )
    plain: bool = False  # read everything anew for every word: slow, to check by

    def __post_init__(self) -> None:
        for name, least, most in (
            *(
                ("height", 8, 4096),
                ("width_px", 8, 4096),
                ("tau_ms", 0, 10_000),
                ("patch", 1, 512),
                ("words", 1, 10**7),
            ),
            *(
                ("vision_width", 4, 16_384),
                ("vision_layers", 1, 256),
                ("vision_heads", 1, 256),
                ("vision_hidden", 1, 65_536),
            ),
            *(
                ("width", 4, 16_384),
                ("layers", 1, 256),
                ("heads", 1, 256),
                ("key_heads", 1, 256),
                ("hidden", 1, 65_536),
            ),
            *(("first_word", 0, 10**7), ("lora_rank", 0, 4096), ("context", 8, 10**6), ("keep", 0, 10**5)),
            *(("chunk", 0, 10**6), ("warm", 0, 10**6), ("lanes", 1, 4096), ("most", 1, 1000)),
        ):
            within(name, getattr(self, name), least, most, whole=True)
        within("fps", self.fps, 0.1, 1000)
        within("dropout", self.dropout, 0, 0.95)
        object.__setattr__(self, "picture_words", tuple(self.picture_words))
        self._check_sizes()
        self._check_times()
        if self.motion not in ("interval", "window"):
            raise BadInput(f"motion is {self.motion!r}; legal are interval and window")
        least = 2 * (8 + self.codec.image)
        if self.context < least:
            raise BadInput(f"context is {self.context}; it must hold two frames, which are {least} words")

    def _check_sizes(self) -> None:
        if self.height != self.width_px or self.height % (2 * self.patch):
            raise BadInput(
                f"the picture is {self.width_px} by {self.height}; it must be square, and its side a multiple of twice the patch "
                f"of {self.patch}"
            )
        for width, heads, what in (
            (self.width, 2 * self.heads, "twice heads"),
            (self.heads, self.key_heads, "key_heads"),
            (self.vision_width, self.vision_heads, "vision_heads"),
        ):
            if width % heads:
                raise BadInput(f"{width} is no multiple of {what}, {heads}, and must be one")
        numbers = [*range(self.first_word, self.first_word + len(self.codec.names)), *self.picture_words]
        whole = all(type(number) is int and 0 <= number < self.words for number in numbers)
        if len(self.picture_words) != 4 or not whole or len({*numbers}) < len(numbers):
            raise BadInput(
                f"first_word {self.first_word} and picture_words {self.picture_words} must number {len(self.codec.names)} event "
                f"words and four others, all different and below words, {self.words}"
            )

    def _check_times(self) -> None:
        period = TICKS_A_SECOND / self.fps
        if period < LEAST_PERIOD or period % 1:
            raise BadInput(
                f"fps is {self.fps:g}; a frame must last a whole number of 10 ms, at least {LEAST_PERIOD}: 25, 20, 10, ..."
            )
        if self.tau_ms % (10 * int(period)):
            raise BadInput(f"tau_ms is {self.tau_ms}; it must be a multiple of a frame's {10 * int(period)} ms")
        if self.format != 2:
            raise BadInput(f"format is {self.format}; only 2 is read, whose times are of after the shift by tau")

    @property
    def codec(self) -> Codec:
        return Codec(self.scheme, tokens(self.height, self.patch), self.published)

    @property
    def pace(self) -> Pace:
        period = round(TICKS_A_SECOND / self.fps)
        return Pace(period, self.tau_ms // (10 * period))

    def check_clip(self, frames: int) -> None:
        """Raises BadInput where clips of so many frames have no row whose neighbours and consequences are in them."""
        if frames < (least := max(3, self.pace.delay + 2)):
            raise BadInput(
                f"clips have {frames} frames (--data.window); with --model.tau-ms {self.tau_ms} at {self.fps:g} frames a second "
                f"it must be {least} or more"
            )

    def adapts(self, other: object) -> bool:
        """Can a run of this config begin from weights of the other? The network and its words must be the same; how a video is
        read on may differ, and additions may begin where there are none."""
        if not isinstance(other, Config) or other.lora_rank not in (0, self.lora_rank):
            return False
        return all(getattr(self, name) == getattr(other, name) for name in vars(self).keys() - {*_NOT_WEIGHTS})


class EventIDM(Model):
    """See the module. `reach` is how many frames after an interval's first are looked at."""

    config: Config
    table: Tensor  # [V of the codec]: what the language model numbers each word

    def __init__(self, config: Config, space: ActionSpace):
        super().__init__()
        names = [*space.buttons, *(axis.name for axis in space.axes)]
        if not any(map(sayable, names)):
            raise BadInput(
                f"events have no words for {', '.join(names) or 'nothing'}; they have for keys, buttons and the mouse"
            )
        self.config, self.space = config, space
        self.way = Way(config.codec, config.pace, config.context, config.keep, config.most)
        self.reach = config.pace.delay
        self.body: Any = internvl(_sizes(config), need("transformers", "text"))
        if config.lora_rank:
            self.body.requires_grad_(False)
            lora.adapt(self.body.model.language_model, ADAPTED, config.lora_rank)
        if config.recompute:
            recompute(self.body)
        numbers = [*range(config.first_word, config.first_word + len(self.way.codec.names)), *config.picture_words]
        self.register_buffer("table", torch.tensor(numbers), persistent=False)

    # ---- learning

    def losses(self, clip: Clip) -> dict[str, Tensor]:
        """Mean log loss of the next word over all that is learned, by confidence; `hands`: of what hands did alone."""
        self.config.check_clip(clip.frames.shape[1])
        lines = self._lines(clip)
        first = lines[0].first
        words, weight, hands = (
            pad_sequence([torch.from_numpy(each[k]) for each in lines], batch_first=True).to(clip.frames.device)
            for k in range(3)
        )
        frames = clip.frames[:, first:].flatten(0, 1)
        x = self.table[words[:, :-1]]
        x = filled(self.body, x, torch.ones_like(x, dtype=torch.bool), seen(self.body, frames).flatten(0, 1))
        hidden = self.body.model.language_model(inputs_embeds=x, use_cache=False).last_hidden_state
        weight, hands = weight[:, 1:], hands[:, 1:]
        learned = weight > 0
        if not learned.any():
            return {"loss": 0 * hidden.sum()}
        logits = self.body.lm_head(hidden[learned]).float()
        loss = functional.cross_entropy(logits, self.table[words[:, 1:][learned]], reduction="none")
        weight, hands = weight[learned], hands[learned]
        found = {"loss": (loss * weight).sum() / weight.sum()}
        return found | ({"hands": loss[hands].mean().detach()} if hands.any() else {})

    def _lines(self, clip: Clip) -> list[Line]:
        """Of each clip. They begin at tick 0 as a video does, but in training at any, for chunks begin everywhere."""
        period, turn = self.way.pace.period, self.way.codec.turn
        count = len(clip.frames)
        begins = torch.randint(turn // period, (count,)) if self.training else torch.zeros(count, dtype=torch.int64)
        rows = [part.cpu().numpy() for part in (clip.actions.buttons, clip.actions.axes, clip.mask, clip.confidence)]
        return [
            line(Actions(buttons, axes), mask, sure, self.space, self.way.codec, self.way.pace, int(begin) * period)
            for buttons, axes, mask, sure, begin in zip(*rows, begins, strict=True)
        ]

    # ---- reading on

    def look(self, frames: Tensor) -> Tensor:
        """uint8 [n, 3, H, W] to pictures' tokens [n, I, D]."""
        return seen(self.body, frames)

    def said(self, logits: Tensor) -> np.ndarray:
        """[.., V of the language model] to numpy logits of the codec's words, and the best of all others: [.., V + 1]."""
        logits = logits.float()
        ours = logits[..., self.table]
        others = logits.index_fill(-1, self.table, -torch.inf).amax(-1, keepdim=True)
        return torch.cat([ours, others], -1).cpu().numpy()

    @torch.no_grad()
    def follow(self, batches: Iterable[Tensor]) -> Labels:
        """All frames of a video in order, uint8 in batches of [n, 3, H, W], to beliefs of T rows.

        The last rows, whose consequences no frame shows, are of no confidence.
        """
        device = self.table.device
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            rows, config = Rows(self.way.pace), self.config
            pictures = Pictures(batches, self.look if not config.plain else lambda frames: frames)
            stretches = self._chunks(pictures) if config.chunk else self._whole(pictures)
            for gaps, first, start, stop in stretches:
                rows.add(gaps, first, start, stop)
            return rows.labels(self.space, pictures.count, windows=config.motion == "window")

    def _whole(self, pictures: "Pictures") -> Iterator[tuple[list[Gap], int, int, int]]:
        most = self.config.context // (8 + self.way.codec.image) + 1
        (gaps,) = self.gaps(pictures, [pictures.numbers(most)])
        yield gaps, 0, 0, pictures.count

    def _chunks(self, pictures: "Pictures") -> Iterator[tuple[list[Gap], int, int, int]]:
        chunk, warm, ahead = self.config.chunk, self.config.warm, self.reach
        start = 0
        while pictures.there(start):
            starts = []
            for _ in range(self.config.lanes):
                if pictures.there(start):
                    starts.append(start)
                    start += chunk
            pictures.there(start - 1 + ahead)
            ranges = [range(max(0, each - warm), min(each + chunk + ahead, pictures.count)) for each in starts]
            for each, frames, gaps in zip(starts, ranges, self.gaps(pictures, ranges), strict=True):
                yield gaps, frames.start, each, each + chunk
            pictures.forget(start - warm)

    def gaps(self, pictures: "Pictures", stretches: Sequence[Iterable[int]]) -> list[list[Gap]]:
        """Each stretch of frames, by their numbers, to what is said in its gaps."""
        if self.config.plain:

            def ask(words: Sequence[int], frames: Sequence[int]) -> np.ndarray:
                return self.said(whole(self.body, self.table[list(words)], pictures.of(frames)))

            return [plain(ask, self.way, stretch) for stretch in stretches]
        memory = Memory(self.body, len(stretches), self.config.context + self.way.longest + 2)

        def read(rows: Sequence[int], feeds: Sequence[event_lanes.Feed]) -> np.ndarray:
            lines = [self.table[feed.words] for feed in feeds]
            shown = [pictures.of(feed.frames) for feed in feeds]
            return self.said(read_on(self.body, memory, rows, lines, [feed.at for feed in feeds], shown))

        return event_lanes.together([event_lanes.lane(self.way, stretch) for stretch in stretches], read)


class Pictures:
    """A video's frames as they come, each made into something once, and kept until it is forgotten."""

    def __init__(self, batches: Iterable[Tensor], look: Any):
        self.source, self.look = iter(batches), look
        self.kept: dict[int, Tensor] = {}
        self.count = 0  # of all that came

    def there(self, frame: int) -> bool:
        """Is there such a frame? Brings all frames up to it."""
        while self.count <= frame and (batch := next(self.source, None)) is not None:
            for each in self.look(batch):
                self.kept[self.count] = each
                self.count += 1
        return frame < self.count

    def of(self, frames: Sequence[int]) -> Tensor:
        kept = [self.kept[frame] for frame in frames]
        return torch.stack(kept) if kept else torch.zeros(0, 1)

    def forget(self, before: int) -> None:
        for frame in [frame for frame in self.kept if frame < before]:
            del self.kept[frame]

    def numbers(self, most: int) -> Iterator[int]:
        """Every frame's number as it comes; no more than so many, and a batch, are kept."""
        frame = 0
        while self.there(frame):
            yield frame
            frame += 1
            self.forget(frame - most)


def _sizes(config: Config) -> Sizes:
    vision = (config.vision_width, config.vision_layers, config.vision_heads, config.vision_hidden)
    language = (config.width, config.layers, config.heads, config.key_heads, config.hidden)
    return Sizes(config.height, config.patch, vision, language, config.words, config.picture_words[2], config.dropout)


def build(config: Config, space: ActionSpace) -> EventIDM:
    return EventIDM(config, space)


def tiny() -> Config:
    """For tests: the same network, four tokens a picture, no words but those of events."""
    return Config(
        height=32, width_px=32, patch=8, vision_width=32, vision_layers=1, vision_heads=2, vision_hidden=64,
        width=64, layers=2, heads=4, key_heads=2, hidden=128, words=295, first_word=0, picture_words=(291, 292, 293, 294),
        context=160, keep=4, chunk=100, warm=20,
    )  # fmt: skip


# For a CPU: 16 tokens a picture.
_SMALL = replace(
    tiny(),
    height=64, width_px=64, vision_width=96, vision_layers=2, vision_hidden=192,
    width=128, layers=4, hidden=256, context=512, keep=8,
)  # fmt: skip
_PUBLISHED = Optimiser(
    lr=2e-5, final_lr=2e-5, warmup=100, weight_decay=0.0, betas=(0.9, 0.999), ema=0.0, precision="bfloat16"
)
RECIPES: dict[str, Recipe] = {
    "event-idm-tiny": Recipe(
        _SMALL, steps=4_000, batch=8, data=Data(fps=20, window=24), optimiser=Optimiser(lr=1e-3, warmup=100, ema=0.99)
    ),
    # 31 frames are 8192 words; 8 processes of 16 clips are the published batch of 128. Warm-up, decay, schedule: not published.
    "event-idm-1b": Recipe(
        Config(recompute=True), steps=23_000, batch=16, data=Data(fps=20, window=34), optimiser=_PUBLISHED
    ),
    # As the published program reads its weights: one chunk, event by event forgotten, no grammar, motion in windows.
    "event-idm-1b-published": Recipe(
        Config(recompute=True, published=True, motion="window", keep=0, chunk=0, most=256),
        steps=23_000, batch=16, data=Data(fps=20, window=34), optimiser=_PUBLISHED,
    ),
}  # fmt: skip
