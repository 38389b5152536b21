"""iVideoGPT's tokenizer once more, written from its description alone: plain functions of a state dict, one picture at a time.

Slow and short, to be read beside arXiv 2405.15223; what `models/video_tokenizer.py` is held against. Only for the published
layout of learned codes.
"""

import torch
from torch import Tensor
from torch.nn import functional as f

State = dict[str, Tensor]


def encode(state: State, frames: Tensor, context: int, patch: int) -> tuple[Tensor, Tensor]:
    """Pictures [T, 3, S, S] in 0 to 1 to the codes of the context [K, I] and of the others [F, J]."""
    seen = [half(state, "encoder", picture[None], "down") for picture in frames[:context]]
    codes = [nearest(state["quantize.embedding.weight"], cells(one(state, "quant_conv", x))) for x, _ in seen]
    features = [torch.stack(level, 1) for level in zip(*(levels for _, levels in seen))]  # each [1, K, C, R, R]
    later = []
    for picture in frames[context:]:
        x, _ = half(state, "cond_encoder", picture[None], "down", features)
        rows = x.shape[2] // patch
        vectors = []
        for i in range(rows):
            for j in range(rows):
                cut = x[0, :, i * patch : (i + 1) * patch, j * patch : (j + 1) * patch]
                flat = torch.stack([cut[:, a, b] for a in range(patch) for b in range(patch)]).flatten()
                vectors.append(f.linear(flat, state["quant_linear.weight"], state["quant_linear.bias"]))
        later.append(nearest(state["dynamics_quantize.embedding.weight"], torch.stack(vectors)))
    return torch.stack(codes), torch.stack(later)


def decode(state: State, codes: Tensor, dynamics: Tensor, patch: int) -> Tensor:
    """Codes [K, I] and [F, J] to pictures [K + F, 3, S, S], not clamped."""
    rows = int(codes.shape[1] ** 0.5)
    drawn = []
    for code in codes:
        vectors = state["quantize.embedding.weight"][code].T.reshape(1, -1, rows, rows)
        drawn.append(half(state, "decoder", one(state, "post_quant_conv", vectors), "up"))
    features = [torch.stack(level, 1) for level in zip(*(levels for _, levels in drawn))]
    pictures = [x for x, _ in drawn]
    for code in dynamics:
        vectors = state["dynamics_quantize.embedding.weight"][code]
        flat = f.linear(vectors, state["post_quant_linear.weight"], state["post_quant_linear.bias"])
        x = torch.zeros(1, flat.shape[1] // patch**2, rows, rows)
        for index, values in enumerate(flat):
            i, j = divmod(index, rows // patch)
            for place, cell in enumerate(values.view(patch**2, -1)):
                x[0, :, i * patch + place // patch, j * patch + place % patch] = cell
        pictures.append(half(state, "cond_decoder", x, "up", features)[0])
    return torch.cat(pictures)


def half(
    state: State, name: str, x: Tensor, way: str, features: list[Tensor] | None = None
) -> tuple[Tensor, list[Tensor]]:
    """An encoder (down) or decoder (up) on one picture: what comes out, and what each level gave, a decoder's middle first."""
    x = f.conv2d(x, state[f"{name}.conv_in.weight"], state[f"{name}.conv_in.bias"], padding=1)
    given, blocks = [], sum(key.startswith(f"{name}.cross_att_blocks") and key.endswith("q_pos_emb") for key in state)
    levels = 1 + max(int(key.split(".")[2]) for key in state if key.startswith(f"{name}.{way}_blocks."))
    number = 0

    def attended(x: Tensor) -> Tensor:
        nonlocal number
        block = f"{name}.cross_att_blocks.{number}"
        if features is None or number == blocks or state[f"{block}.q_pos_emb"].shape[0] != x.shape[2] ** 2:
            return x
        number += 1
        return crossed(state, block, x, features[len(given)])

    if way == "up":
        x = attended(middle(state, f"{name}.mid_block", x))
        given.append(x)
    for k in range(levels):
        level, part = f"{name}.{way}_blocks.{k}", 0
        while f"{level}.resnets.{part}.conv1.weight" in state:
            x = residual(state, f"{level}.resnets.{part}", x)
            part += 1
        if f"{level}.downsamplers.0.conv.weight" in state:
            conv = f"{level}.downsamplers.0.conv"
            x = f.conv2d(f.pad(x, (0, 1, 0, 1)), state[f"{conv}.weight"], state[f"{conv}.bias"], stride=2)
        if f"{level}.upsamplers.0.conv.weight" in state:
            conv = f"{level}.upsamplers.0.conv"
            x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
            x = f.conv2d(x, state[f"{conv}.weight"], state[f"{conv}.bias"], padding=1)
        x = attended(x)
        given.append(x)
    if way == "down":
        x = middle(state, f"{name}.mid_block", x)
    x = f.silu(norm(state, f"{name}.conv_norm_out", x, 1e-6))
    return f.conv2d(x, state[f"{name}.conv_out.weight"], state[f"{name}.conv_out.bias"], padding=1), given


GROUPS = 4  # of the norms in the tests' small models; published 32


def norm(state: State, name: str, x: Tensor, eps: float) -> Tensor:
    return f.group_norm(x, GROUPS, state[f"{name}.weight"], state[f"{name}.bias"], eps)


def residual(state: State, name: str, x: Tensor) -> Tensor:
    h = x
    for k in (1, 2):
        h = f.silu(norm(state, f"{name}.norm{k}", h, 1e-6))
        h = f.conv2d(h, state[f"{name}.conv{k}.weight"], state[f"{name}.conv{k}.bias"], padding=1)
    return h + (one(state, f"{name}.conv_shortcut", x) if f"{name}.conv_shortcut.weight" in state else x)


def middle(state: State, name: str, x: Tensor) -> Tensor:
    x = residual(state, f"{name}.resnets.0", x)
    attention = f"{name}.attentions.0"
    if f"{attention}.to_q.weight" in state:
        rows = cells(norm(state, f"{attention}.group_norm", x, 1e-6))
        q, k, v = (
            f.linear(rows, state[f"{attention}.to_{p}.weight"], state[f"{attention}.to_{p}.bias"]) for p in "qkv"
        )
        mixed = (q @ k.T / q.shape[1] ** 0.5).softmax(1) @ v
        out = f.linear(mixed, state[f"{attention}.to_out.0.weight"], state[f"{attention}.to_out.0.bias"])
        x = x + out.T.reshape(x.shape)
    return residual(state, f"{name}.resnets.1", x)


def crossed(state: State, name: str, x: Tensor, context: Tensor) -> Tensor:
    """x [1, C, R, R] looks at a context [1, K, C, R, R]."""
    width = x.shape[1]
    tall = torch.cat([*context[0]], 1)[None]  # [1, C, K * R, R]: one norm over all of it
    q = cells(norm(state, f"{name}.q_norm", x, 1e-5)) + state[f"{name}.q_pos_emb"]
    kv = cells(norm(state, f"{name}.kv_norm", tall, 1e-5)) + state[f"{name}.kv_pos_emb"]
    weight, bias = state[f"{name}.att.in_proj_weight"], state[f"{name}.att.in_proj_bias"]
    q, k, v = (
        f.linear(rows, weight[part * width :][:width], bias[part * width :][:width])
        for part, rows in enumerate((q, kv, kv))
    )
    heads = []
    for head in range(4):
        part = slice(head * width // 4, (head + 1) * width // 4)
        heads.append((q[:, part] @ k[:, part].T / (width // 4) ** 0.5).softmax(1) @ v[:, part])
    out = f.linear(torch.cat(heads, 1), state[f"{name}.att.out_proj.weight"], state[f"{name}.att.out_proj.bias"])
    return f.silu(x + out.T.reshape(x.shape))


def one(state: State, name: str, x: Tensor) -> Tensor:
    """A 1x1 convolution."""
    return f.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"])


def cells(x: Tensor) -> Tensor:
    """[1, C, R, R] to rows [R * R, C]."""
    return x[0].flatten(1).T


def nearest(table: Tensor, rows: Tensor) -> Tensor:
    return torch.stack([((table - row) ** 2).sum(1).argmin() for row in rows])
