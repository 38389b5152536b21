"""The claim: a person plays in `world-tiny` at 64 by 64 pixels with 10 frames a second or more on two cores, by either way.

    python benchmarks/dream.py [--seconds 8] [--turns 2] [--threads 1] [--profile]

Over the page's real WebSocket, as a browser would: hands are said and every picture is acknowledged. The weights are random,
which takes as long as any others; the world asks for 1000 frames a second, so that nothing holds the model back. The ways take
turns. Prints as JSON, of each: frames a second, the model's milliseconds of a frame (the longest are those at which a line of
tokens is full) by the wall's clock, and what of a frame is not the model's. `--profile` says where a step's processor time goes,
which other programs on the machine disturb less.
"""

import argparse
import asyncio
import json
import statistics
import struct
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import torch
from websockets.sync.client import connect

from playtape.envs import nothing
from playtape.envs.simple_fps import SPACE
from playtape.imagine.env import ImaginedEnv, World
from playtape.imagine.futures import Way
from playtape.models import world_model
from playtape.pages.door import loopback
from playtape.pages.serving import server
from playtape.play.dream.page import Dreams
from playtape.training.starts import Starts

WAYS = {"exact": 0, "fast 1": 1, "fast 2": 2, "fast 4": 4}
HEAD = struct.Struct("<IffI")


def random_world() -> World:
    torch.manual_seed(0)
    config = world_model.RECIPES["world-tiny"].model
    model = world_model.build(replace(config, tokenizer=replace(config.tokenizer, fps=1000.0)), SPACE).eval()
    starts = torch.randint(0, 256, (4, config.tokenizer.context, 3, config.height, config.width_px), dtype=torch.uint8)
    return World("world-tiny", model, SPACE, 1000.0, Starts(starts, torch.zeros(4, dtype=torch.int64)))


def played(address: str, seconds: float) -> tuple[float, list[float]]:
    """Frames a second of a browser that holds W, and the model's milliseconds of each."""
    host = address.removeprefix("http://").strip("/")
    took: list[float] = []
    with connect(f"ws://{host}/dream", origin=f"http://{host}", compression=None) as talk:  # type: ignore[arg-type]

        def shown() -> float:
            while isinstance(message := talk.recv(60), str):
                continue
            number, milliseconds, _, _ = HEAD.unpack_from(message)
            talk.send(json.dumps({"type": "hands", "held": ["key.w"], "axes": {"mouse.dx": 3}}))
            talk.send(json.dumps({"type": "seen", "frame": number}))
            return milliseconds

        shown()
        talk.send(json.dumps({"type": "play"}))
        for _ in range(5):
            shown()
        start = time.perf_counter()
        while time.perf_counter() - start < seconds:
            took.append(shown())
        return len(took) / (time.perf_counter() - start), took


def over_socket(world: World, passes: int, seconds: float) -> tuple[float, list[float]]:
    with ExitStack() as stack:
        dreams = stack.enter_context(Dreams(world, Way(passes)))
        door, told = stack.enter_context(loopback(0)), []
        runs = server(dreams.application(), door, told.append, talks=True)
        thread = threading.Thread(target=lambda: asyncio.run(runs.serve(sockets=[door])))
        thread.start()
        try:
            while not told:
                time.sleep(0.01)
            return played(told[0], seconds)
        finally:
            runs.should_exit = True
            thread.join()


def profiled(world: World, passes: int, steps: int = 28) -> dict[str, float]:
    """Processor milliseconds a frame of each part, over two lines of tokens."""
    env, model, spent = ImaginedEnv(world, Way(passes)), world.model, {}

    def timed(of: Any, name: str, part: str) -> None:
        inner = getattr(of, name)

        def call(*words: Any, **named: Any) -> Any:
            start = time.process_time()
            found = inner(*words, **named)
            spent[part] = spent.get(part, 0.0) + time.process_time() - start
            return found

        setattr(of, name, call)

    parts = {"encode": "tokenizer: encode", "draw": "tokenizer: draw a context", "decode": "tokenizer: decode"}
    owner: Any = model
    for name, part in parts.items():
        timed(owner.tokenizer, name, part)
    timed(owner, "_body", "transformer")
    env.reset(seed=0)
    spent.clear()
    start = time.process_time()
    for _ in range(steps):
        env.step(nothing(SPACE))
    whole = time.process_time() - start
    for name in parts:
        delattr(owner.tokenizer, name)
    del owner._body
    spent["the rest"] = whole - sum(spent.values())
    return {part: round(1000 * seconds / steps, 2) for part, seconds in spent.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument(
        "--threads", type=int, default=1, help="torch's, for the model; `playtape play` gives small ones 1"
    )
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    world = random_world()
    found: dict[str, list[tuple[float, list[float]]]] = {name: [] for name in WAYS}
    for _ in range(args.turns):
        for name, passes in WAYS.items():
            found[name].append(over_socket(world, passes, args.seconds))
    told: dict[str, dict[str, Any]] = {}
    for name, turns in found.items():
        took = sorted(each for _, every in turns for each in every)
        rate = statistics.median(rate for rate, _ in turns)
        told[name] = {
            "frames_s": round(rate, 1),
            "model_ms": {"p50": round(statistics.median(took), 1), "p95": round(took[len(took) * 95 // 100], 1)},
            "not_the_models_ms": round(1000 / rate - statistics.mean(took), 2),
        }
        if args.profile:
            told[name]["processor_ms"] = profiled(world, WAYS[name])
    size = list(world.starts.frames.shape[-2:])
    print(json.dumps({"recipe": "world-tiny", "size": size, "threads": args.threads, "ways": told}, indent=1))


if __name__ == "__main__":
    main()
