"""Weights of the published iVideoGPT (thuml/iVideoGPT, MIT) by name. Knows no file.

A release is two folders: `tokenizer`, whose names are ours, and `transformer`, the body of LLaMA as `transformers` names it, with
the action's layer beside it where actions are told. Its angles turn the halves of a head and ours neighbours, so that rows of
queries and keys are put in pairs; what foretells codes that a later frame cannot have is left out.
Shapes: `D` width, `H` heads, `E` = D/H, `V` vocabulary.
"""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from playtape.actions import ActionSpace, Axis
from playtape.errors import BadInput
from playtape.models.recipe import Release
from playtape.models.video_tokenizer import codes_of
from playtape.models.world_model import Config
from playtape.nets.outcomes import Outcomes
from playtape.nets.scaled import Scaled

FOLDERS = ("tokenizer", "transformer")
MOST_AXES = 16  # of an arm


def release(states: tuple[Mapping[str, Tensor], ...], config: Config) -> Release:
    """Their two state dicts in a model of this size; how long its context is, and what it is told and foretells, they tell."""
    tokenizer, transformer = states
    try:
        seen, cells = (
            _of(tokenizer, f"cond_encoder.cross_att_blocks.0.{part}_pos_emb", -1, -1) for part in ("kv", "q")
        )
    except KeyError as missing:
        raise BadInput(f"these weights lack {missing}, which every published tokenizer has") from missing
    context = len(seen) // max(1, len(cells))
    acts = any("action_linear." in name for name in transformer)
    earns = "reward_linear.weight" in transformer
    told = replace(config, tokenizer=replace(config.tokenizer, context=context), acts=acts, outcomes=earns)
    return Release(told, space_of(transformer), from_original(tokenizer, transformer, told))


def space_of(state: Mapping[str, Tensor]) -> ActionSpace:
    """The axes that a release is told, if any; nothing says what they are."""
    count = _of(state, "action_linear.weight", -1, -1).shape[1] if "action_linear.weight" in state else 0
    if count > MOST_AXES:
        raise BadInput(f"these weights are told actions of {count} numbers; at most {MOST_AXES} are legal")
    return ActionSpace((), tuple(Axis(f"arm.{k}", "state") for k in range(count)))


def from_original(
    tokenizer: Mapping[str, Tensor], transformer: Mapping[str, Tensor], config: Config
) -> dict[str, Tensor]:
    """Their state dicts to ours. Raises BadInput for one that is not of this size."""
    body = {name.removeprefix("llm."): weight for name, weight in transformer.items() if "rotary_emb" not in name}
    contexts, codes = (codes_of(config.tokenizer, part) for part in ("codes", "dynamics_codes"))
    words = contexts + codes + 2, config.width
    try:
        found = {f"tokenizer.{name}": weight for name, weight in tokenizer.items()}
        found["line.embed.weight"] = _of(body, "model.embed_tokens.weight", *words)
        found["line.norm.scale"] = _of(body, "model.norm.weight", config.width)
        found["line.head.weight"] = _of(body, "lm_head.weight", *words)[contexts : contexts + codes]
        for k in range(config.layers):
            found |= _block(body, f"model.layers.{k}.", f"line.blocks.{k}.", config)
        if config.acts:
            found["action.weight"], found["action.bias"] = body["action_linear.weight"], body["action_linear.bias"]
        if config.outcomes:
            for part in ("weight", "bias"):
                found[f"outcomes.reward.{part}"] = body[f"reward_linear.{part}"]
    except KeyError as missing:
        raise BadInput(f"these weights lack {missing}; the recipe is of {config.layers} layers") from missing
    own = {
        f"scaled.{name}": each for name, each in Scaled([1.0] * len(space_of(transformer).axes)).state_dict().items()
    }
    if config.outcomes:  # theirs know no end
        own |= {f"outcomes.{name}": each for name, each in Outcomes(config.width).state_dict().items() if "end" in name}
    return own | found | {"line.blank": torch.zeros(config.width)}


def _of(state: Mapping[str, Tensor], name: str, *shape: int) -> Tensor:
    """A weight of this shape, in which -1 is any number. Raises BadInput for one of another, and KeyError where it is missing."""
    weight = state[name]
    if weight.ndim != len(shape) or any(want not in (-1, have) for have, want in zip(weight.shape, shape, strict=True)):
        wanted = ", ".join("any" if want < 0 else str(want) for want in shape)
        raise BadInput(f"{name} of these weights is {list(weight.shape)}; it must be [{wanted}] for the recipe")
    return weight


def _block(body: Mapping[str, Tensor], theirs: str, ours: str, config: Config) -> dict[str, Tensor]:
    width, hidden, heads = config.width, config.hidden, config.heads
    q, k, v, out = (_of(body, f"{theirs}self_attn.{part}_proj.weight", width, width) for part in "qkvo")
    gate, up = (_of(body, f"{theirs}mlp.{part}_proj.weight", hidden, width) for part in ("gate", "up"))
    return {
        f"{ours}self_attention.c_attn.weight": torch.cat([_paired(q, heads), _paired(k, heads), v]),
        f"{ours}self_attention.c_proj.weight": out,
        f"{ours}self_attention_norm.scale": _of(body, f"{theirs}input_layernorm.weight", width),
        f"{ours}ffn.w13.weight": torch.cat([gate, up]),
        f"{ours}ffn.w2.weight": _of(body, f"{theirs}mlp.down_proj.weight", width, hidden),
        f"{ours}ffn_norm.scale": _of(body, f"{theirs}post_attention_layernorm.weight", width),
    }


def _paired(weight: Tensor, heads: int) -> Tensor:
    """Rows [H * E, D], the halves of each head, to neighbours: 0, E/2, 1, E/2 + 1, ..."""
    return weight.unflatten(0, (heads, 2, -1)).transpose(1, 2).flatten(0, 2)
