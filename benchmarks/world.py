"""The claim: exact rollouts are at least 2.5 times as fast as reading all of the past anew for each frame, 20 times where many
candidates share one context, with equal codes; and the fast way is at least twice as fast again on a CPU.

    python benchmarks/world.py [--recipe world-138m] [--frames 14] [--candidates 1] [--chunk 1] [--repeats 3]

The other way, as the published action-conditioned generator works: for every frame the whole line so far goes through the
transformer, then the frame's codes one by one over a cache that is put together anew, scored beside all ids that a later frame
cannot have; every candidate has its context to itself, `--chunk` of them side by side. Same modules, weights and actions, in turn
in one process. Prints medians of seconds and ratios as JSON. The tokenizer is timed by benchmarks/tokenizer.py, and is not in
these numbers: the context is coded and drawn beforehand.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from playtape.actions import Actions, ActionSpace, Axis
from playtape.models import world_model as world
from playtape.models.protocols import Tokenizer
from playtape.nets.transformer import attended

SPACE = ActionSpace((), tuple(Axis(f"arm.{k}", "state") for k in range(4)))


class Appended:
    """Keys and values of one layer, joined to what is new by copying both."""

    keys: Tensor | None = None
    values: Tensor

    def join(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        if self.keys is not None:
            keys, values = torch.cat([self.keys, keys], 2), torch.cat([self.values, values], 2)
        self.keys, self.values = keys, values
        return keys, values

    look = staticmethod(attended)


class Coded(nn.Module):
    """A tokenizer that has done its work for one context."""

    def __init__(self, tokenizer: Tokenizer, context: Tensor):
        super().__init__()
        self.codes, self.later = tokenizer.encode(context)
        self.drawn = tokenizer.draw(self.codes)

    def encode(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        return self.codes.expand(len(frames), -1, -1), self.later

    def draw(self, codes: Tensor) -> Any:
        return self.drawn


def read_anew(model: world.WorldModel, context: Tensor, actions: Actions, others: Tensor) -> Tensor:
    """Codes [M, F, J] under actions of [M, F] rows, from contexts uint8 [M, K, 3, H, W]."""
    line, per_frame = model.line, model.config.tokenizer.tokens[1]
    codes, _ = model.tokenizer.encode(context)
    seen, found = line.whole(codes), []
    slots = line.slot + model.done(actions, torch.zeros(len(context), dtype=torch.int64))
    for t in range(slots.shape[1]):
        seen = torch.cat([seen, slots[:, t : t + 1]], 1)
        memories = [Appended() for _ in line.blocks]
        position = torch.arange(seen.shape[1])
        hidden, frame = line.body(seen, position, position[:, None] >= position[None], memories)[:, -1:], []
        for k in range(per_frame):
            scores = torch.cat([line.head(hidden[:, -1]), hidden[:, -1] @ others], -1)
            frame.append(scores[:, : line.codes].argmax(-1))
            new = line.later(frame[-1])[:, None]
            seen = torch.cat([seen, new], 1)
            if k + 1 < per_frame:
                hidden = line.body(new, position[-1:] + 1 + k, None, memories)
        found.append(torch.stack(frame, 1))
    return torch.stack(found, 1)


def shared(model: world.WorldModel, context: Tensor, actions: Actions, passes: int = 0) -> Tensor:
    """The same for futures of one context, uint8 [1, K, 3, H, W]."""
    state = model.start(context, len(actions.axes))
    for t in range(actions.axes.shape[1]):
        state = model.step(state, Actions(actions.buttons[:, t], actions.axes[:, t]), passes=passes, temperature=0)
    return state.codes


def taken(run: Callable[[], Tensor]) -> tuple[float, Tensor]:
    start = time.perf_counter()
    found = run()
    return time.perf_counter() - start, found


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="world-138m")
    parser.add_argument("--frames", type=int, default=14)
    parser.add_argument("--candidates", type=int, default=1)
    parser.add_argument("--chunk", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--passes", type=int, nargs="*", default=[1, 2, 4])
    args = parser.parse_args()
    torch.manual_seed(0)
    config = world.RECIPES[args.recipe].model
    model = world.build(config, SPACE).eval()
    for parameter in model.line.head.parameters():
        parameter.data *= 10  # so that the likeliest code is likeliest by more than rounding
    context = torch.randint(0, 256, (1, config.tokenizer.context, 3, config.height, config.width_px), dtype=torch.uint8)
    model.tokenizer = Coded(model.tokenizer, context)
    others = torch.randn(config.width, model.line.contexts + 2)
    shape = (args.candidates, args.frames)
    actions = Actions(torch.zeros(*shape, 0, dtype=torch.bool), torch.rand(*shape, 4) * 2 - 1)

    def anew() -> Tensor:
        parts = []
        for at in range(0, args.candidates, args.chunk):
            rows = slice(at, at + args.chunk)
            part = Actions(actions.buttons[rows], actions.axes[rows])
            parts.append(read_anew(model, context.expand(len(part.axes), -1, -1, -1, -1), part, others))
        return torch.cat(parts)

    ways: dict[str, Callable[[], Tensor]] = {"read anew": anew, "exact": lambda: shared(model, context, actions)}
    ways |= {f"fast, {k} passes": lambda k=k: shared(model, context, actions, k) for k in args.passes}
    times: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, Tensor] = {}
    for _ in range(args.repeats):
        for name, way in ways.items():
            seconds, found[name] = taken(way)
            times[name].append(seconds)
    median = {name: round(statistics.median(each), 3) for name, each in times.items()}
    ratios = {f"read anew / {name}": round(median["read anew"] / median[name], 2) for name in list(ways)[1:]}
    ratios |= {f"exact / {name}": round(median["exact"] / median[name], 2) for name in list(ways)[2:]}
    print(
        json.dumps(
            {
                **vars(args),
                "parameters": sum(p.numel() for p in model.line.parameters()),
                "threads": torch.get_num_threads(),
                "seconds": median,
                "ratios": ratios,
                "codes equal": float((found["read anew"] == found["exact"]).float().mean()),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
