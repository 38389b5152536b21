"""The published forward pass of Pixels2Play, told once more in the plainest way: loops, no cache, no module of ours.

Written from the description of the published model and its checkpoint's names; slow, and only as right as it is short.
A state is {published name: tensor}. Shapes: `T` steps of 12 tokens, `D` width, `E` text width.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import batch_norm, conv2d, layer_norm, silu

State = dict[str, Tensor]
Shapes = dict[str, tuple[int, ...]]
STAGES = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3))
CLASSES = {"key": 20, "click": 4, "dx": 23, "dy": 17}
SLOTS = ("key",) * 4 + ("click",) * 2 + ("dx", "dy")
EMBEDDINGS = {"key": "key_action", "click": "mouse_button", "dx": "mouse_delta_x", "dy": "mouse_delta_y"}
HEADS = {**EMBEDDINGS, "key": "keyboard"}


# ---- names and shapes


def shapes(layers: int, width: int, hidden: int, side: int = 192, text: int = 768, heads: int = 8) -> Shapes:
    """Of a checkpoint with so many layers of this width and feed-forward width, for pictures of `side` pixels.

    `heads` are the decoder's, which has three layers.
    """
    found: Shapes = {f"image_tokenizer.efficientnet_preprocess.{name}": shape for name, shape in _picture().items()}
    flat = 112 * (side // 16) ** 2
    found |= {"image_tokenizer.mlp.0.weight": (width, flat), "image_tokenizer.mlp.0.bias": (width,)}
    found |= {f"image_tokenizer.mlp.1.{part}": (width,) for part in ("weight", "bias")}
    top = "bc_transformer."
    for name in ("img_pos_tokens", "text_pos_tokens", "text_embedding_for_no_text_input", "thinking_pos_tokens"):
        found[top + name] = (1, 1, width)
    found |= {f"{top}action_out_token": (1, 1, width), f"{top}action_pos_tokens": (1, 8, width)}
    found[f"{top}text_embed_mlp.weight"] = (width, text)
    for number in range(layers):
        found |= _block(f"{top}_transformer.transformer_layers.{number}.", width, hidden)
    decoder = f"{top}action_decoder."
    found |= {f"{decoder}pos_tokens": (9, width), f"{decoder}input_proj.bias": (width,)}
    found[f"{decoder}input_proj.weight"] = (width, width)
    for number in range(3):
        layer = f"{decoder}transformer_layers.{number}."
        found |= _block(layer, width, hidden)
        found |= {f"{layer}self_attention.{part}_sinks": (1, heads, 1, width // heads) for part in "kv"}
    for kind, classes in CLASSES.items():
        found[f"{EMBEDDINGS[kind]}_embedding.weight"] = (classes, width)
        found[f"{HEADS[kind]}_out_logits.weight"] = (classes, width)
        found[f"{HEADS[kind]}_out_logits.bias"] = (classes,)
    return found


def _block(top: str, width: int, hidden: int) -> Shapes:
    return {
        f"{top}self_attention.c_attn.weight": (3 * width, width),
        f"{top}self_attention.c_proj.weight": (width, width),
        f"{top}self_attention.q_norm.scale": (width,),
        f"{top}self_attention.k_norm.scale": (width,),
        f"{top}self_attention_norm.scale": (width,),
        f"{top}ffn.w13.weight": (2 * hidden, width),
        f"{top}ffn.w2.weight": (width, hidden),
        f"{top}ffn_norm.scale": (width,),
    }


def _picture() -> Shapes:
    """EfficientNet-B0's stem and first five stages, named as torchvision names them."""

    def norm(top: str, channels: int) -> Shapes:
        parts = ("weight", "bias", "running_mean", "running_var")
        return {f"{top}.{part}": (channels,) for part in parts} | {f"{top}.num_batches_tracked": ()}

    found = {"0.0.weight": (32, 3, 3, 3)} | norm("0.1", 32)
    inside = 32
    for stage, (expansion, kernel, _, outside, count) in enumerate(STAGES, 1):
        for block in range(count):
            wide, squeezed, top = inside * expansion, inside // 4, f"{stage}.{block}.block."
            first = expansion > 1
            if first:
                found |= {f"{top}0.0.weight": (wide, inside, 1, 1)} | norm(f"{top}0.1", wide)
            found |= {f"{top}{first:d}.0.weight": (wide, 1, kernel, kernel)} | norm(f"{top}{first:d}.1", wide)
            squeeze, last = f"{top}{first + 1}.", f"{top}{first + 2}."
            found |= {f"{squeeze}fc1.weight": (squeezed, wide, 1, 1), f"{squeeze}fc1.bias": (squeezed,)}
            found |= {f"{squeeze}fc2.weight": (wide, squeezed, 1, 1), f"{squeeze}fc2.bias": (wide,)}
            found |= {f"{last}0.weight": (outside, wide, 1, 1)} | norm(f"{last}1", outside)
            inside = outside
    return found


def random_state(found: Shapes, seed: int = 0) -> State:
    """Numbers of the size that trained weights have; small tensors on the grid of bfloat16, as the published ones are."""
    g = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in found.items():
        draw = torch.randn(shape, generator=g)
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(7)
        elif name.endswith(("running_var", "scale")) or (len(shape) == 1 and name.endswith("weight")):
            state[name] = 1 + 0.2 * draw.clamp(-3, 3)
        elif name.endswith(("_tokens", "_token", "_input", "_sinks", "_embedding.weight")):
            state[name] = draw.bfloat16()
        else:
            state[name] = draw / math.sqrt(math.prod(shape[1:]) or 1)
    return state


# ---- the forward pass


def forward(
    state: State, frames: Tensor, classes: Tensor, text: Tensor | None, *, layers: int, heads: int, window: int,
    decoder_heads: int = 8, wraps: int = 0,
) -> list[Tensor]:  # fmt: skip
    """uint8 [T, 3, H, W], classes [T, 8] and texts [T, E] to logits [T, classes] of each slot.

    `wraps`: positions begin again after so many steps.
    """
    state = {name: value.float() for name, value in state.items()}
    top = "bc_transformer."
    steps = len(frames)
    done = torch.stack([embedded(state, row) for row in classes])  # [T, 8, D]
    picture = pictures(state, frames / 255)
    tokens = []
    for step in range(steps):
        said = torch.zeros(picture.shape[1]) if text is None else state[f"{top}text_embed_mlp.weight"] @ text[step]
        if not said.any():
            said = state[f"{top}text_embedding_for_no_text_input"][0, 0]
        tokens.append(said + state[f"{top}text_pos_tokens"][0, 0])
        tokens.append(picture[step] + state[f"{top}img_pos_tokens"][0, 0])
        tokens.append(state[f"{top}thinking_pos_tokens"][0, 0])
        tokens.append(state[f"{top}action_out_token"][0, 0])
        tokens += list(done[step] + state[f"{top}action_pos_tokens"][0])
    x = torch.stack(tokens)
    positions = [token % (12 * wraps) if wraps else token for token in range(12 * steps)]
    for number in range(layers):
        layer = f"{top}_transformer.transformer_layers.{number}."
        x = block(state, layer, x, heads, positions, lambda query, key: sees(query, key, window))
    spoken = [decoded(state, x[12 * step + 3], done[step], decoder_heads) for step in range(steps)]
    return [
        torch.stack([head(state, kind, spoken[step][slot]) for step in range(steps)]) for slot, kind in enumerate(SLOTS)
    ]


def sees(query: int, key: int, window: int) -> bool:
    """The table of who may look at whom: text, picture, thinking are 0-2 of a step, the answer 3, the action 4-11."""
    (step, row), (there, column) = divmod(query, 12), divmod(key, 12)
    if there > step or step - there >= window:
        return False
    if there < step:
        return column != 3
    if row < 3:
        return column < 3
    if row == 3:
        return column <= 3
    return column != 3


def embedded(state: State, row: Tensor) -> Tensor:
    return torch.stack([
        state[f"{EMBEDDINGS[kind]}_embedding.weight"][number] for kind, number in zip(SLOTS, row.tolist(), strict=True)
    ])  # fmt: skip


def head(state: State, kind: str, x: Tensor) -> Tensor:
    return state[f"{HEADS[kind]}_out_logits.weight"] @ x + state[f"{HEADS[kind]}_out_logits.bias"]


def decoded(state: State, answer: Tensor, done: Tensor, heads: int) -> Tensor:
    """The answer [D] and the embeddings of all eight slots [8, D] to what predicts each of them, [8, D]."""
    top = "bc_transformer.action_decoder."
    first = state[f"{top}input_proj.weight"] @ answer + state[f"{top}input_proj.bias"]
    x = torch.cat([first[None], done]) + state[f"{top}pos_tokens"]
    for number in range(3):
        layer = f"{top}transformer_layers.{number}."
        x = block(state, layer, x, heads, list(range(9)), lambda query, key: key <= query)
    return x[:8]


def block(
    state: State, top: str, x: Tensor, heads: int, positions: list[int], may_see: Callable[[int, int], bool]
) -> Tensor:
    normal = rms(x, state[f"{top}self_attention_norm.scale"])
    x = x + attention(state, f"{top}self_attention.", normal, heads, positions, may_see)
    gate, value = (rms(x, state[f"{top}ffn_norm.scale"]) @ state[f"{top}ffn.w13.weight"].T).chunk(2, -1)
    return x + (silu(gate) * value) @ state[f"{top}ffn.w2.weight"].T


def rms(x: Tensor, scale: Tensor) -> Tensor:
    return x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt() * scale


def attention(
    state: State, top: str, x: Tensor, heads: int, positions: list[int], may_see: Callable[[int, int], bool]
) -> Tensor:
    q, k, v = (x @ state[f"{top}c_attn.weight"].T).chunk(3, -1)
    q, k = rms(q, state[f"{top}q_norm.scale"]), rms(k, state[f"{top}k_norm.scale"])
    size = x.shape[1] // heads
    seen = torch.tensor([[may_see(query, key) for key in range(len(x))] for query in range(len(x))])
    outputs = []
    for number in range(heads):
        own = slice(number * size, (number + 1) * size)
        keys, values, visible = turned(k[:, own], positions), v[:, own], seen
        if f"{top}k_sinks" in state:  # one more key and value, not turned, that all see
            keys = torch.cat([state[f"{top}k_sinks"][0, number], keys])
            values = torch.cat([state[f"{top}v_sinks"][0, number], values])
            visible = torch.cat([torch.ones(len(x), 1, dtype=torch.bool), seen], 1)
        score = turned(q[:, own], positions) @ keys.T / math.sqrt(size)
        outputs.append(score.masked_fill(~visible, -math.inf).softmax(-1) @ values)
    return torch.cat(outputs, -1) @ state[f"{top}c_proj.weight"].T


def turned(x: Tensor, positions: list[int]) -> Tensor:
    """Each pair (2i, 2i + 1) of row t by the angle positions[t] / 10000^(2i / size)."""
    size = x.shape[1]
    out = torch.empty_like(x)
    for pair in range(0, size, 2):
        angle = torch.tensor(positions, dtype=torch.float64) / 10_000 ** (pair / size)
        cos, sin = angle.cos().float(), angle.sin().float()
        out[:, pair] = x[:, pair] * cos - x[:, pair + 1] * sin
        out[:, pair + 1] = x[:, pair + 1] * cos + x[:, pair] * sin
    return out


def pictures(state: State, x: Tensor) -> Tensor:
    """float [T, 3, H, W] in 0..1 to [T, D], with the stored statistics of the batch norms."""
    top = "image_tokenizer."
    net = {
        name.removeprefix(f"{top}efficientnet_preprocess."): state[name]
        for name in state
        if name.startswith(f"{top}efficientnet")
    }

    def convolved(name: str, x: Tensor, stride: int = 1, *, active: bool = True) -> Tensor:
        weight = net[f"{name}.0.weight"]
        groups = x.shape[1] // weight.shape[1]
        x = conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2, groups=groups)
        parts = (net[f"{name}.1.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        x = batch_norm(x, *parts)
        return silu(x) if active else x

    x = convolved("0", x, 2)
    for stage, (expansion, _, stride, _, count) in enumerate(STAGES, 1):
        for number in range(count):
            name, before, first = f"{stage}.{number}.block.", x, int(expansion > 1)
            if first:
                x = convolved(f"{name}0", x)
            x = convolved(f"{name}{first}", x, stride if number == 0 else 1)
            squeeze = f"{name}{first + 1}."
            mean = silu(conv2d(x.mean((2, 3), keepdim=True), net[f"{squeeze}fc1.weight"], net[f"{squeeze}fc1.bias"]))
            x = x * conv2d(mean, net[f"{squeeze}fc2.weight"], net[f"{squeeze}fc2.bias"]).sigmoid()
            x = convolved(f"{name}{first + 2}", x, active=False)
            x = x + before if number else x
    x = x.flatten(1) @ state[f"{top}mlp.0.weight"].T + state[f"{top}mlp.0.bias"]
    return layer_norm(x, x.shape[1:], state[f"{top}mlp.1.weight"], state[f"{top}mlp.1.bias"])
