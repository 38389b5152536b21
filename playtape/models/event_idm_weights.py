"""Weights of Generalist-IDM by name (Apache 2.0), or of an InternVL3 that has no event words yet, and the space that they speak.

A release is a folder as its library writes it; of the texts beside the weights only the tokenizer's is read, for the numbers of
the words. Where the event words are not among them they are added behind the last, and both what goes in and what comes out
begins as the mean of the tokens of a text that says the same (the published program set what goes in alone, though the two are
not tied); words without such a text begin as the mean of the others. Knows no file.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from playtape.actions import ActionSpace, Axis, names
from playtape.actions.event_tokens import Codec
from playtape.actions.strokes import BUTTONS
from playtape.errors import BadInput, need
from playtape.models.event_idm import Config, build
from playtape.models.recipe import Release

FOLDERS = ()
BESIDE = ("tokenizer.json",)
PUBLISHED = ActionSpace(
    tuple(name for name in names.VK if name.startswith(("key.", "mouse.")) and not name.startswith("key.vk_")),
    (Axis("mouse.dx", scale=30.0), Axis("mouse.dy", scale=30.0), Axis("mouse.wheel"), Axis("mouse.hwheel")),
)
_OTHERS = ("<img>", "</img>", "<IMG_CONTEXT>", "<|endoftext|>")
_IN, _OUT = "body.model.language_model.embed_tokens.weight", "body.lm_head.weight"
# The beginning of a name in releases of older library versions -> in ours.
_RENAMED = {
    "language_model.model.": "model.language_model.",
    "language_model.lm_head.": "lm_head.",
    "vision_tower.": "model.vision_tower.",
    "multi_modal_projector.": "model.multi_modal_projector.",
}


def release(states: tuple[Mapping[str, Tensor], ...], config: Config, beside: Mapping[str, str]) -> Release:
    """Their state dict, with the numbers that its tokenizer gives the words. Raises BadInput naming what does not fit."""
    weights = {f"body.{_ours(name)}": value for name, value in states[0].items()}
    numbers = _numbers(beside[BESIDE[0]])
    if missing := [word for word in _OTHERS if word not in numbers]:
        raise BadInput(f"tokenizer.json has no {', '.join(missing)}; it must be that of an InternVL3")
    if _IN not in weights:
        raise BadInput(f"these weights lack {_IN.removeprefix('body.')}; they must be those of an InternVL3")
    weights.setdefault(_OUT, weights[_IN].clone())  # tied
    words = config.codec.names
    if all(word in numbers for word in words):
        found = [numbers[word] for word in words]
        if found != list(range(found[0], found[0] + len(found))):
            raise BadInput("tokenizer.json must number the event words one after the other, by their code points")
    else:
        found = [max(numbers.values()) + 1]
        for name in (_IN, _OUT):
            weights[name] = _lengthened(weights[name], found[0], config.codec, beside[BESIDE[0]])
    others = tuple(numbers[word] for word in _OTHERS)
    config = replace(config, words=len(weights[_IN]), first_word=found[0], picture_words=others)
    _check(weights, config)
    return Release(config, PUBLISHED, weights)


def said(codec: Codec) -> dict[str, str]:
    """Event words to texts that say the same, for those that have one."""
    texts = {
        "<EVENT_START>": "<|im_start|>",
        "<EVENT_END>": "<|im_end|>",
        "<KEYBOARD>": "keyboard",
        "<MOUSE>": "mouse",
        "<SCREEN>": "screen",
        "<press>": "press",
        "<release>": "release",
        "<SIGN_PLUS>": "+",
        "<SIGN_MINUS>": "-",
    }
    if codec.scheme == "hierarchical":
        return {word: texts.get(word, word.strip("<>")) for word in codec.names}
    texts |= {f"<{digit}>": str(digit) for digit in range(10)}
    for name, code in names.VK.items():
        if name.startswith("key.") and not name.startswith("key.vk_"):
            key = name.removeprefix("key.").replace("_", " ")
            texts[f"<VK_{code}>"] = key.upper() if len(key) == 1 else key
    for button, flag in list(BUTTONS.items())[:2]:  # the lowest of three places has these
        texts[f"<MB_{flag}>"] = f"{button.removeprefix('mouse.')} button down"
        texts[f"<MB_{2 * flag}>"] = f"{button.removeprefix('mouse.')} button up"
    return texts


def _lengthened(rows: Tensor, first: int, codec: Codec, tokenizer: str) -> Tensor:
    """[V, D] to [first + event words, D]."""
    read = need("tokenizers", "text").Tokenizer.from_str(tokenizer)
    mean = rows.float().mean(0)
    old = torch.cat([rows[:first].float(), mean.expand(max(0, first - len(rows)), -1)])
    read_as = {word: read.encode(text, add_special_tokens=False).ids for word, text in said(codec).items()}
    new = {word: old[ids].mean(0) for word, ids in read_as.items() if ids}
    rest = torch.stack(list(new.values())).mean(0)
    return torch.cat([old, torch.stack([new.get(word, rest) for word in codec.names])]).to(rows.dtype)


def _numbers(tokenizer: str) -> dict[str, int]:
    """What a tokenizer.json numbers its words, added ones and others."""
    try:
        content: Any = json.loads(tokenizer)
        numbers = {**content["model"]["vocab"], **{each["content"]: each["id"] for each in content["added_tokens"]}}
        if not all(type(number) is int and number >= 0 for number in numbers.values()):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadInput(
            "tokenizer.json is not what the library tokenizers writes: it must hold a vocabulary and added tokens"
        ) from None
    return numbers


def _ours(name: str) -> str:
    for theirs, ours in _RENAMED.items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return name


def _check(weights: Mapping[str, Tensor], config: Config) -> None:
    with torch.device("meta"):
        ours = build(config, PUBLISHED).state_dict()
    wrong = [
        f"{name} is {list(weights[name].shape)}, not {list(value.shape)}"
        for name, value in ours.items()
        if name in weights and weights[name].shape != value.shape
    ]
    faults = {
        "missing": ours.keys() - weights.keys(),
        "unexpected": weights.keys() - ours.keys(),
        "of another shape": wrong,
    }
    if told := [f"{what}: {_some(found)}" for what, found in faults.items() if found]:
        raise BadInput(f"these are not the published weights of this size: {'; '.join(told)}")


def _some(found: Iterable[str], most: int = 3) -> str:
    listed = sorted(name.removeprefix("body.") for name in found)
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")
