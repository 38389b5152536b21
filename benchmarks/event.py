"""The claim: an event model reads a video on at least ten times as fast from a memory as anew for every word, and says the same.

    python benchmarks/event.py [RUN VIDEO] [--seconds 8] [--repeats 3]

Takes turns, on the same weights and frames: the plain loop, which puts the whole context through the model for every word, one
lane (`event_lanes`), and lanes side by side. Prints medians and ratios as JSON, and whether every word, stamp, end of a gap and
eviction is the same. Without RUN and VIDEO it takes a model of `event-idm-tiny`'s size that has learned for a moment to say that
the mouse moves, and coloured squares: what is said matters little to the time, how much is said does, so events are counted.
Times are of the processor, so that a busy machine does not matter much, and pictures are encoded within the time of each.
"""

import argparse
import json
import os
import statistics
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from playtape import models
from playtape.actions import Actions, ActionSpace, Axis
from playtape.clips import Clip, regular, resize
from playtape.models.event_idm import EventIDM, Pictures, build
from playtape.models.event_loop import Gap
from playtape.recordings import Video
from playtape.training import checkpoint

SPACE = ActionSpace(("key.w", "key.a", "key.d", "mouse.left"), (Axis("mouse.dx", scale=50.0),))


def example(frames: int, side: int) -> Clip:
    """Coloured squares, a key or two a second, and motion in most frames."""
    g = torch.Generator().manual_seed(0)
    colours = torch.randint(0, 256, (1, frames, 3, 4, 4), generator=g, dtype=torch.uint8)
    pictures = colours.repeat_interleave(side // 4, -1).repeat_interleave(side // 4, -2)
    held = (torch.rand(1, frames // 10 + 1, 4, generator=g) < 0.3).repeat_interleave(10, 1)[:, :frames].clone()
    axes = (torch.rand(1, frames, 1, generator=g) < 0.9) * torch.randint(-200, 200, (1, frames, 1), generator=g)
    mask = torch.ones(1, frames, dtype=torch.bool)
    mask[:, -1] = False
    return Clip(pictures, Actions(held, axes.float()), mask, torch.ones(1, frames))


def learned(frames: int, steps: int) -> tuple[EventIDM, Tensor]:
    torch.manual_seed(0)
    model = build(models.recipe("event-idm-tiny")[1].model, SPACE).eval()
    clip = example(24, model.config.height)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(steps):
        loss = model.losses(clip)["loss"]
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    return model, example(frames, model.config.height).frames[0]


def given(run: Path, video: Path, seconds: float) -> tuple[EventIDM, Tensor]:
    model, film = checkpoint.load(run, to="label").model, Video(video)
    assert isinstance(model, EventIDM)
    keep = regular(film.time_ns, model.config.fps)[: round(seconds * model.config.fps)]
    size = (model.config.height, model.config.width_px)
    return model, torch.stack([resize(frame, size) for frame in film.stream(indices=keep)])


@torch.no_grad()
def said(model: EventIDM, frames: Tensor, stretches: list[range], together: int) -> list[list[Gap]]:
    pictures = Pictures(frames.split(32), model.look if not model.config.plain else lambda batch: batch)
    pictures.there(len(frames))
    groups = [stretches[first : first + together] for first in range(0, len(stretches), together)]
    return [gaps for group in groups for gaps in model.gaps(pictures, group)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("video", type=Path, nargs="?")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--lanes", type=int, default=4)
    parser.add_argument("--steps", type=int, default=100)
    args = parser.parse_args()
    if args.run is None:
        model, frames = learned(round(args.seconds * 20), args.steps)
    else:
        model, frames = given(args.run, args.video, args.seconds)
    slow = build(replace(model.config, plain=True), model.space).eval()
    slow.load_state_dict(model.state_dict())
    edges = np.linspace(0, len(frames), args.lanes + 1).astype(int).tolist()
    stretches = [range(first, last) for first, last in pairwise(edges)]
    jobs = {"plain": (slow, 1), "one_lane": (model, 1), "lanes_side_by_side": (model, args.lanes)}
    times: dict[str, list[float]] = {name: [] for name in jobs}
    found: dict[str, list[list[Gap]]] = {}
    for turn in range(args.repeats):
        for name, (one, together) in jobs.items():
            if name == "plain" and turn:
                continue  # once is long enough
            start = time.process_time()
            found[name] = said(one, frames, stretches, together)
            times[name].append(time.process_time() - start)
    same = {
        name: [(gap.words, gap.strokes, gap.reason, gap.dropped) for gaps in each for gap in gaps]
        for name, each in found.items()
    }
    median = {name: statistics.median(values) for name, values in times.items()}
    gaps = [gap for each in found["plain"] for gap in each]
    print(
        json.dumps(
            {
                "parameters": sum(p.numel() for p in model.parameters()),
                "frames": len(frames),
                "lanes": len(stretches),
                "context": model.config.context,
                "events": sum(len(gap.strokes) for gap in gaps),
                "ends": {reason: sum(gap.reason == reason for gap in gaps) for reason in {gap.reason for gap in gaps}},
                "evicted": sum(gap.dropped for gap in gaps),
                "cores": os.cpu_count(),
                "torch_threads": torch.get_num_threads(),
                "processor_seconds": {name: [round(value, 3) for value in values] for name, values in times.items()},
                "same_words": all(each == same["plain"] for each in same.values()),
                "one_lane_over_plain": round(median["plain"] / median["one_lane"], 1),
                "lanes_over_plain": round(median["plain"] / median["lanes_side_by_side"], 1),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
