"""Weights of the published Pixels2Play policies (`open-p2p`, MIT) by name, and the action space that they speak.

A published checkpoint names its tensors otherwise than `pixels2play` does, keeps the places of a step in five tensors where ours
is one, and does not hold the edges of its bins at all: these were constants of the program, and stand here. Knows no file.
Shapes: `D` width, `S` action slots.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from playtape.actions import ActionSpace, Axis
from playtape.errors import BadInput
from playtape.models.pixels2play import Config, build
from playtape.models.recipe import Release
from playtape.nets.motion_bins import MotionBins

TEXT_ENCODER = "embeddinggemma"  # what their instructions were embedded with

# Class k of a key slot is the k-th name here; class 0 is no key. The order is part of the weights.
KEYS = ("space", *"1234adefqwsz", "down", "up", "left", "right", "left_shift", "right_shift")
CLICKS = ("left", "right", "middle")
# Axis -> edges, spread of the normal distribution that a number within a bin is drawn from, and what lies beyond the last edge:
# counts a frame of 50 ms.
_DX = (1, 3, 6, 11, 18, 29, 46, 76, 144, 500)
_DY = (1, 3, 4, 7, 12, 24, 150)
MOTION: dict[str, tuple[tuple[float, ...], float, float]] = {
    axis: ((*(-edge - 0.1 for edge in reversed(right)), -0.1, 0.0, *map(float, right)), spread, right[-1] + 1.0)
    for axis, right, spread in (("mouse_dx", _DX, 96.0), ("mouse_dy", _DY, 22.0))
}
PUBLISHED = ActionSpace(
    (*(f"key.{key}" for key in KEYS), *(f"mouse.{click}" for click in CLICKS)),
    (Axis("mouse.dx", "sum", MOTION["mouse_dx"][1]), Axis("mouse.dy", "sum", MOTION["mouse_dy"][1])),
)

FOLDERS = ()  # a release is one file

# The beginning of our name -> that of theirs; the first that fits counts.
NAMES = (
    ("picture.features.", "image_tokenizer.efficientnet_preprocess."),
    ("picture.mlp.", "image_tokenizer.mlp."),
    ("text.", "bc_transformer.text_embed_mlp."),
    ("no_text", "bc_transformer.text_embedding_for_no_text_input"),
    ("blocks.", "bc_transformer._transformer.transformer_layers."),
    ("actions.decoder.blocks.", "bc_transformer.action_decoder.transformer_layers."),
    ("actions.decoder.", "bc_transformer.action_decoder."),
    *((f"actions.embed.{ours}.", f"{theirs}_embedding.") for ours, theirs in (
        ("key", "key_action"), ("click", "mouse_button"), ("mouse_dx", "mouse_delta_x"), ("mouse_dy", "mouse_delta_y"),
    )),
    *((f"actions.head.{ours}.", f"{theirs}_out_logits.") for ours, theirs in (
        ("key", "keyboard"), ("click", "mouse_button"), ("mouse_dx", "mouse_delta_x"), ("mouse_dy", "mouse_delta_y"),
    )),
)  # fmt: skip
# Our `place` [4 + S, D] is these one below the other, each [1, n, D].
PLACES = tuple(
    f"bc_transformer.{name}"
    for name in ("text_pos_tokens", "img_pos_tokens", "thinking_pos_tokens", "action_out_token", "action_pos_tokens")
)
FLOATS = (torch.float32, torch.bfloat16, torch.float16, torch.float64)
REPEATED = "bc_transformer.image_tokenizer."  # the picture's encoder hangs at two places of their model


def release(states: tuple[Mapping[str, Tensor], ...], config: Config) -> Release:
    """Their one state dict in a model of this size."""
    return Release(config, PUBLISHED, from_original(states[0], config), TEXT_ENCODER if config.text_width else "")


def from_original(state: Mapping[str, Tensor], config: Config) -> dict[str, Tensor]:
    """A published state dict as one for `build(config, PUBLISHED)`, bins included. Raises BadInput naming what does not fit."""
    ours = _ours(config)
    state = {name.removeprefix("bc_transformer.") if name.startswith(REPEATED) else name: state[name] for name in state}
    _check(state, _shapes(ours))
    weights = dict(_bins())
    for name, like in ours.items():
        if name == "place":
            weights[name] = torch.cat([_numbers(part, state[part], like)[0] for part in PLACES])
        elif name not in weights:
            theirs = _theirs(name)
            weights[name] = _numbers(theirs, state[theirs], like).reshape(like.shape)
    return weights


def inventory(config: Config) -> dict[str, tuple[int, ...]]:
    """The names and shapes of a published checkpoint of this size, each once."""
    return _shapes(_ours(config))


def _ours(config: Config) -> dict[str, Tensor]:
    """Our state dict without memory: tensors on the meta device."""
    with torch.device("meta"):
        return build(config, PUBLISHED).state_dict()


def _shapes(ours: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for name, like in ours.items():
        if name == "place":
            rows = (1, 1, 1, 1, len(like) - 4)
            shapes |= {part: (1, count, like.shape[1]) for part, count in zip(PLACES, rows, strict=True)}
        elif not name.startswith("actions.bins."):
            shapes[_theirs(name)] = (1, 1, len(like)) if name == "no_text" else tuple(like.shape)
    return shapes


def _theirs(name: str) -> str:
    for ours, theirs in NAMES:
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    return name  # what the published model does not have keeps its name, and is missed by it


def _check(state: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]) -> None:
    wrong = [
        f"{name} is {list(state[name].shape)}, not {list(shape)}"
        for name, shape in shapes.items()
        if name in state and tuple(state[name].shape) != shape
    ]
    found = {
        "missing": [name for name in shapes if name not in state],
        "unexpected": [name for name in state if name not in shapes],
        "of another shape": wrong,
    }
    if faults := [f"{what}: {_some(names)}" for what, names in found.items() if names]:
        raise BadInput(f"these are not the published weights of this size: {'; '.join(faults)}")


def _numbers(name: str, value: Tensor, like: Tensor) -> Tensor:
    """`value` in the type of `like`. Raises BadInput where that would make other numbers of it, or they are no weights."""
    legal = FLOATS if like.is_floating_point() else (*FLOATS, like.dtype)
    if value.dtype not in legal:
        raise BadInput(f"{name} is of {_named(value.dtype)}; it must be of {' or '.join(map(_named, legal))}")
    value = value.float() if value.is_floating_point() else value
    if not value.is_meta and not value.isfinite().all():
        raise BadInput(f"{name} holds NaN or infinity, or more than float32 can say; weights must be finite")
    return value.to(like.dtype)


def _named(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _some(names: Iterable[str], most: int = 3) -> str:
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _bins() -> dict[str, Tensor]:
    """The buffers of the axes' bins."""
    buffers: dict[str, Tensor] = {}
    for axis, (edges, spread, beyond) in MOTION.items():
        bins = MotionBins(len(edges) + 1)
        bins.set(torch.tensor(edges), (-beyond, beyond), spread, whole=True)
        buffers |= {f"actions.bins.{axis}.{name}": value for name, value in bins.state_dict().items()}
    return buffers
