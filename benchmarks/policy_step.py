"""The claim: one backbone pass a frame is at least 1.8 times as fast as two, at equal weights and equal answers.

    python benchmarks/policy_step.py [--recipe p2p-tiny] [--steps 60] [--repeats 5]

The two-pass way, as Pixels2Play's own player works: all tokens of a step with an action of zeros to read the answer, then all of
them again with the action that was chosen, to fill a cache that is put together anew in each layer. Both ways use the same
modules and weights here, take turns in one process, and must give the same answers. Prints medians in milliseconds as JSON,
of the backbone alone and of whole steps (picture, backbone, decoder, sampling).
"""

import argparse
import json
import statistics
import time

import torch
from torch import Tensor

from playtape.actions import ActionSpace, Axis
from playtape.models import pixels2play as p2p
from playtape.nets.transformer import rotary

SPACE = ActionSpace(
    (*(f"key.{key}" for key in ("space", *"1234adefqwsz")), "mouse.left", "mouse.right"),
    (Axis("mouse.dx"), Axis("mouse.dy")),
)


class Appended:
    """A cache that is joined to what is new by copying both."""

    def __init__(self) -> None:
        self.keys: Tensor | None = None
        self.values: Tensor | None = None
        self.new: tuple[Tensor, Tensor] | None = None

    def join(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        self.new = keys, values
        if self.keys is None or self.values is None:
            return keys, values
        return torch.cat([self.keys, keys], 2), torch.cat([self.values, values], 2)

    def keep(self, tokens: list[int], most: int) -> None:
        assert self.new is not None
        keys, values = (part[:, :, tokens] for part in self.new)
        self.keys = (keys if self.keys is None else torch.cat([self.keys, keys], 2))[:, :, -most:]
        self.values = (values if self.values is None else torch.cat([self.values, values], 2))[:, :, -most:]


class TwoPasses:
    """The same policy, played the other way."""

    def __init__(self, model: p2p.Pixels2Play):
        self.model, self.caches, self.step = model, [Appended() for _ in model.blocks], 0

    def see(self, frames: Tensor) -> Tensor:
        self.context = self.model._context(frames, None)
        nothing = torch.zeros(len(frames), len(self.model.actions.slots), dtype=torch.int64)
        return self._pass(nothing)[:, p2p.QUESTION]

    def done(self, classes: Tensor) -> None:
        self._pass(classes)
        kept = [k for k in range(self.model.tokens) if k != p2p.QUESTION]
        for cache in self.caches:
            cache.keep(kept, (self.model.config.window - 1) * len(kept))
        self.step += 1

    def _pass(self, classes: Tensor) -> Tensor:
        model, tokens = self.model, self.model.tokens
        x = torch.cat([self.context, model._done(classes)], 1)
        angles = rotary(self.step * tokens + torch.arange(tokens), model.config.width // model.config.heads)
        past = 0 if self.caches[0].keys is None else self.caches[0].keys.shape[2]
        seen = torch.cat([torch.ones(tokens, past, dtype=torch.bool), model.mask(1)], 1)
        for block, cache in zip(model.blocks, self.caches, strict=True):
            x = block(x, angles, seen, cache)
        return x


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="p2p-tiny")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--warm", type=int, default=None, help="steps before the clock starts; the window by default")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    config = p2p.RECIPES[args.recipe].model
    model = p2p.build(config, SPACE).eval()
    one, two = model.start(1), TwoPasses(model)
    warm = config.window if args.warm is None else args.warm
    frames = torch.randint(0, 256, (warm + args.steps, 1, 3, config.height, config.width_px), dtype=torch.uint8)
    times: dict[str, list[float]] = {"one": [], "two": [], "one backbone": [], "two backbone": []}
    worst = 0.0
    with torch.inference_mode():
        for number, frame in enumerate(frames):
            draw = torch.Generator().manual_seed(number)
            start = time.perf_counter()
            answer, one = model.see(one, frame)
            seen = time.perf_counter()
            classes = model.actions.choose(answer, 1.0, draw)
            chosen = time.perf_counter()
            one = p2p.replace(one, did=classes)
            again = time.perf_counter()
            other = two.see(frame)
            first = time.perf_counter()
            model.actions.choose(other, 1.0, draw)
            second = time.perf_counter()
            two.done(classes)
            end = time.perf_counter()
            worst = max(worst, float((answer - other).abs().max()))
            if number >= warm:
                times["one"].append(chosen - start)
                times["one backbone"].append(seen - start)
                times["two"].append(end - again)
                times["two backbone"].append(first - again + end - second)
    median = {name: round(1000 * statistics.median(values), 3) for name, values in times.items()}
    print(
        json.dumps(
            {
                "recipe": args.recipe,
                "parameters": sum(p.numel() for p in model.parameters()),
                "threads": args.threads,
                "milliseconds": median,
                "two_over_one": round(median["two"] / median["one"], 2),
                "two_over_one_backbone": round(median["two backbone"] / median["one backbone"], 2),
                "largest_difference": worst,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
