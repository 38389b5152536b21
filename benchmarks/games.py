"""The claim: our own games draw at least 200 pictures a second at 192 by 192 on one core, ten times what they are played at.

    python benchmarks/games.py [--steps 1000] [--turns 3]

Takes turns: each game with its scripted player, and with nobody at it. Prints the medians as JSON, by the wall's clock and by
this process' own processor time, which other programs on the machine disturb less. One thread.
"""

import argparse
import contextlib
import json
import os
import statistics
import time

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy

from playtape import envs

GAMES = ("simple_fps", "hovercraft")


def steps_a_second(game: str, played: bool, steps: int, seed: int) -> tuple[float, float]:
    """(by the wall's clock, by processor time) of `steps` steps from a seed, episodes' starts included."""
    module = envs.find_env(game)
    with contextlib.closing(module.make()) as env:
        player, rest = module.ScriptedPlayer(env), envs.nothing(env.actions)
        obs, info = env.reset(seed=seed)
        player.start(seed)
        wall, processor = time.perf_counter(), time.process_time()
        for step in range(steps):
            obs, _, ended, cut, info = env.step(player.act(obs, info) if played else rest)
            if ended or cut:
                obs, info = env.reset(seed=seed + step)
                player.start(seed + step)
        return steps / (time.perf_counter() - wall), steps / (time.process_time() - processor)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=3)
    args = parser.parse_args()
    jobs = [(game, played) for game in GAMES for played in (True, False)]
    speeds: dict[tuple[str, bool], list[tuple[float, float]]] = {job: [] for job in jobs}
    for turn in range(args.turns):
        for job in jobs:
            speeds[job].append(steps_a_second(*job, steps=args.steps, seed=turn))
    told: dict[str, dict[str, dict[str, float]]] = {game: {} for game in GAMES}
    for (game, played), found in speeds.items():
        wall, processor = (round(statistics.median(column), 1) for column in zip(*found, strict=True))
        told[game]["scripted" if played else "nobody"] = {"frames_s": wall, "frames_processor_s": processor}
    print(json.dumps({"size": "192x192", "steps": args.steps, "turns": args.turns, "games": told}, indent=1))


if __name__ == "__main__":
    main()
