"""What a world model's own losses say of the clips that it is judged by, and whether actions matter to them.

A loss is of a clip as long as the model learned from, from the same moment on. A clip that does not go on for so long has none.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from playtape.clips import Clip, Stored, cut, stack
from playtape.evaluate.video_clips import Chosen
from playtape.models.protocols import Trainable


def losses(
    model: nn.Module,
    stored: Sequence[Stored],
    chosen: Sequence[Chosen],
    others: Sequence[int] | None,
    device: str,
) -> dict[tuple[str, ...], Tensor]:
    """Of each clip [N], NaN where there is none: ("losses", kind), and ("heeds", "losses", kind), how much more it is under the
    actions of another clip each, whose numbers `others` are."""
    if not isinstance(model, Trainable):
        return {}
    config: Any = model.config
    clips = [_clip(stored[one.recording], one.moment.start, config.clip) for one in chosen]
    found: dict[tuple[str, ...], Tensor] = {}

    def keep(key: tuple[str, ...], number: int, value: float) -> None:
        found.setdefault(key, torch.full((len(clips),), torch.nan, dtype=torch.float64))[number] = value

    for number, clip in enumerate(clips):
        if clip is None:
            continue
        own = _lost(model, clip, device)
        for kind, value in own.items():
            keep(("losses", kind), number, value)
        other = None if others is None else clips[others[number]]
        if other is not None:
            for kind, value in _lost(model, replace(clip, actions=other.actions), device).items():
                keep(("heeds", "losses", kind), number, value - own[kind])
    return found


def _clip(one: Stored, start: int, length: int) -> Clip | None:
    """A batch of one; None where it would not be whole, or nothing of it may be learned from."""
    stop = start + one.reach(length)
    if stop > len(one):
        return None
    clip = stack([cut(one, start, stop)])
    return clip if bool(clip.mask.any()) else None


def _lost(model: Trainable, clip: Clip, device: str) -> dict[str, float]:
    with torch.no_grad():
        return {kind: float(value) for kind, value in model.losses(clip.to(device)).items()}
