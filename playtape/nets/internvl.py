"""InternVL (arXiv 2504.10479): a picture's encoder, a projector, and a language model that reads pictures as tokens of its own.

The body is the library's (`transformers`, extra `text`), made from numbers alone: nothing is fetched, no code comes with weights.
What is ours is how it reads: pictures are encoded once and apart from the line, and many lines go on side by side, each at a
place of its own, into one memory that is written in place and can be wound back.

Shapes: `M` pictures, `I` tokens a picture, `B` lines, `Q` tokens now, `C` places of the memory, `D` width, `V` words.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, as InternVL was trained


@dataclass(frozen=True)
class Sizes:
    side: int  # pixels, a picture is square
    patch: int
    vision: tuple[int, int, int, int]  # width, layers, heads, width within an MLP
    language: tuple[int, int, int, int, int]  # width, layers, heads, heads of keys, width within an MLP
    words: int
    picture: int  # the number of the word that picture tokens stand for
    dropout: float = 0.0


def tokens(side: int, patch: int) -> int:
    """How many tokens a picture becomes: four neighbouring patches are one."""
    return (side // patch // 2) ** 2


def internvl(sizes: Sizes, library: Any) -> nn.Module:
    """A body with random weights. `library` is the module `transformers`."""
    width, layers, heads, hidden = sizes.vision
    vision = {
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": hidden,
        "image_size": [sizes.side, sizes.side],
        "patch_size": [sizes.patch, sizes.patch],
        "attention_bias": True,
    }
    width, layers, heads, keys, hidden = sizes.language
    language = {
        "model_type": "qwen2",
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": keys,
        "intermediate_size": hidden,
        "vocab_size": sizes.words,
        "attention_dropout": sizes.dropout,
        "max_position_embeddings": 32_768,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1e6,
        },  # published as stretched beyond 32,768, where no line reaches
        "tie_word_embeddings": False,
        "pad_token_id": None,
    }
    config = library.InternVLConfig(
        vision_config=vision,
        text_config=language,
        image_token_id=sizes.picture,
        image_seq_length=tokens(sizes.side, sizes.patch),
        tie_word_embeddings=False,
        attn_implementation="sdpa",
    )
    return library.InternVLForConditionalGeneration(config)


def recompute(body: Any) -> None:
    """Forget activations, and compute them again in the backward pass."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", FutureWarning
        )  # the library has a newer name for it, and its older releases have not
        body.gradient_checkpointing_enable({"use_reentrant": False})


def coloured(frames: Tensor) -> Tensor:
    """uint8 [M, 3, H, W] to what the encoder learned from."""
    mean, std = (torch.tensor(three, device=frames.device)[:, None, None] for three in (MEAN, STD))
    return (frames.float() / 255 - mean) / std


def seen(body: Any, frames: Tensor) -> Tensor:
    """uint8 [M, 3, H, W] to [M, I, D]."""
    return body.model.get_image_features(pixel_values=coloured(frames)).pooler_output


class Memory:
    """Keys and values of every layer for B lines of at most C tokens. What lies behind a line's place may be written again."""

    def __init__(self, body: Any, lines: int, places: int):
        text = body.config.text_config
        head = text.hidden_size // text.num_attention_heads
        like = body.lm_head.weight
        shape = (
            text.num_hidden_layers,
            2,
            lines,
            text.num_key_value_heads,
            places + 1,
            head,
        )  # the last place is for padding
        self.all = torch.zeros(shape, dtype=like.dtype, device=like.device)

    def aim(self, rows: Sequence[int], at: Tensor, own: Tensor) -> Tensor:
        """The next call's lines, their places [B, Q], and which tokens are no padding; gives who sees whom, [B, 1, Q, K]."""
        self.rows = torch.tensor(rows, device=self.all.device)
        self.whole = list(rows) == list(range(self.all.shape[2]))
        self.at = at.where(own, self.all.shape[4] - 1)
        self.until = int(at.where(own, 0).max()) + 1
        return (torch.arange(self.until, device=at.device) <= at[..., None])[:, None]

    def update(self, keys: Tensor, values: Tensor, layer: int, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """What each layer calls: joins [B, heads, Q, E] to what is there, and gives all of it."""
        if self.all.dtype != values.dtype:  # arithmetic in another precision than the weights'; keys may be finer still
            self.all = self.all.to(values.dtype)
        found = []
        for kind, new in enumerate((keys, values)):
            memory = self.all[layer, kind]
            memory[self.rows[:, None], :, self.at] = new.transpose(1, 2).to(memory.dtype)
            part = memory[:, :, : self.until]
            found.append(part if self.whole else part[self.rows])
        return found[0], found[1]


def read_on(
    body: Any,
    memory: Memory,
    rows: Sequence[int],
    lines: Sequence[Tensor],
    at: Sequence[int],
    pictures: Sequence[Tensor],
) -> Tensor:
    """Lines [q] of word numbers go on at their places; of each, the logits of its last two tokens, [B, 2, V] (of one, twice).

    `pictures` [n, I, D] are those of each line's picture tokens, in order; those of a line without may lie anywhere.
    """
    device = body.lm_head.weight.device
    length = torch.tensor([len(line) for line in lines], device=device)
    words = pad_sequence([line.to(device) for line in lines], batch_first=True)
    place = torch.arange(words.shape[1], device=device)
    own = place < length[:, None]
    where = torch.tensor(at, device=device)[:, None] + place
    x = filled(body, words, own, torch.cat([each.flatten(0, 1).to(device) for each in pictures]))
    mask = memory.aim(rows, where, own)
    hidden = body.model.language_model(
        inputs_embeds=x,
        attention_mask={"full_attention": mask},
        position_ids=where,
        past_key_values=memory,
        use_cache=True,
    ).last_hidden_state
    ends = torch.stack([(length - 2).clamp_min(0), length - 1], 1)
    return body.lm_head(hidden[torch.arange(len(lines), device=device)[:, None], ends])


def filled(body: Any, words: Tensor, own: Tensor, pictures: Tensor) -> Tensor:
    """Word numbers [B, Q] to [B, Q, D]: pictures [n, D] stand where the words say so, one after the other."""
    x = body.get_input_embeddings()(words)
    where = (words == body.config.image_token_id) & own
    return x.masked_scatter(where[..., None], pictures.to(x.dtype)) if len(pictures) else x


def whole(body: Any, words: Tensor, frames: Tensor) -> Tensor:
    """One line [Q] of word numbers and all of its pictures, uint8 [M, 3, H, W], if any, to the logits [V] of what comes next.

    The library's own forward pass, with nothing kept and nothing known before: what `read_on` is checked by.
    """
    pixels = coloured(frames) if len(frames) else None
    said = body(input_ids=words[None], pixel_values=pixels, use_cache=False, logits_to_keep=1)
    return said.logits[0, -1]
