"""Futures of recorded moments: what a world model says would be seen if this were done.

Shapes: `N` moments, `S` futures of each, `K` frames of a context, `F` of a future, `H W` pixels.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from playtape.actions import Actions
from playtape.clips import Stored, cut, pixels
from playtape.errors import BadInput, within
from playtape.models.protocols import Simulator

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Way:
    """How futures are drawn. `passes`: 0 is code by code; else how many passes a frame takes."""

    passes: int = 0
    temperature: float = 1.0
    top: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        within("--temperature", self.temperature, 0, 100)
        within("--seed", self.seed, 0, 2**63, whole=True)
        within("--passes", self.passes, 0, 1000, whole=True)
        within("top", self.top, 1, 10**6, whole=True)


@dataclass(frozen=True, eq=False)
class Moment:
    """A context of a recording, a goal first where a model takes one, and what came after it: uint8 [K + F, 3, H, W]; and the F
    rows that led to the latter."""

    name: str
    start: int  # frame of the recording at the model's rate
    frames: Tensor
    actions: Actions
    embodiment: int = 0


def generator(device: str, seed: int, *turn: int) -> torch.Generator:
    """The draws of one turn of a seed, independent of those of its other turns and of other seeds.

    Numbers that a CPU draws hang on the low 32 bits of what it is seeded with alone, so a seed is not taken as it is.
    """
    (own,) = np.random.SeedSequence(seed, spawn_key=turn).generate_state(1, np.uint64)
    return torch.Generator(device).manual_seed(int(own))


def able(model: Simulator, way: Way, name: str) -> Way:
    """The way, if the model called `name` has learned it. Raises BadInput if not."""
    if way.passes and not model.fast:
        raise BadInput(f"{name} has not learned the fast way (--model.parallel); legal is --mode exact")
    return way


def spread(things: Sequence[Thing], most: int) -> list[Thing]:
    """At most so many of them, from the first to the last as evenly as can be."""
    places = np.linspace(0, len(things) - 1, min(most, len(things))).round().astype(int)
    return [things[place] for place in places.tolist()]


def moments(stored: Iterable[Stored], context: int, frames: int, each: int, *, goal: bool = False) -> list[Moment]:
    """At most `each` stretches of every recording, evenly spread over it. Raises BadInput if none is as long.

    With a `goal` a context begins with the stretch's last frame, and shows one less.
    """
    found, longest, seen = [], 0, context - goal
    for one in stored:
        reach = one.reach(seen + frames)
        room = len(one) - reach
        longest = max(longest, (len(one) - 1) // one.stride + 1)
        if room < 0:
            continue
        for start in np.unique(np.linspace(0, room, each).round().astype(int)).tolist():
            clip = cut(one, start, start + reach)
            acts = slice(seen - 1, seen - 1 + frames)
            rows = Actions(clip.actions.buttons[acts], clip.actions.axes[acts])
            shown = torch.cat([clip.frames[-1:], clip.frames]) if goal else clip.frames
            found.append(Moment(one.name, start, shown, rows, one.embodiment))
    if not found:
        raise BadInput(
            f"no recording is as long as {seen} frames to begin from and {frames} to foretell; the longest has {longest}"
        )
    return found


def futures(
    model: Simulator,
    of: list[Moment],
    count: int,
    way: Way,
    device: str = "cpu",
    *,
    turn: tuple[int, ...] = (),
    progress: bool = True,
) -> Tensor:
    """`count` futures of each moment, all of one length, under what was truly done: uint8 [N, S, F, 3, H, W].

    `device` is where the model is. Of another `turn` they are drawn independently.
    """
    context = len(of[0].frames) - len(of[0].actions.buttons)
    draw = generator(device, way.seed, *turn)
    frames = torch.stack([each.frames[:context] for each in of]).to(device)
    body = torch.tensor([each.embodiment for each in of], device=device)
    state, shown = model.start(frames, count, body), []
    steps = len(of[0].actions.buttons)
    for t in tqdm(range(steps), desc="foretell", unit="frame", disable=not progress):
        rows = [
            torch.stack([part[t] for part in parts]).repeat_interleave(count, 0).to(device)
            for parts in ([each.actions.buttons for each in of], [each.actions.axes for each in of])
        ]
        state = model.step(
            state,
            Actions(*rows),
            passes=way.passes,
            temperature=way.temperature,
            top=way.top,
            generator=draw,
        )
        shown.append(pixels(model.frames(state, 1)[:, 0]).cpu())
    return torch.stack(shown, 1).unflatten(0, (len(of), count))
