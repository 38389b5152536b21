"""The claim: the toy problem's compiled steps are some thirty times as fast as numpy's, and a thousand times as autograd's.

    python benchmarks/toy.py [--seeds 10] [--turns 3]

Takes turns: the kernel of `playtape evaluate causality --toy`, the same steps as numpy operations on all seeds at once, and
PyTorch's autograd one seed after the other, as the notebook has it. Prints the medians of microseconds a step of all seeds by
this process' own processor time, and their ratios, as JSON. One thread.
"""

import argparse
import itertools
import json
import os
import statistics
import time

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from playtape.evaluate.toy import DEPTHS, LANES, RATE, Networks, begun
from playtape.evaluate.toy_kernel import APPEARS, GOES, descend

STEPS = {"compiled": 20_000, "numpy": 300, "autograd": 30}


def compiled(networks: Networks, chances: np.ndarray) -> None:
    parts = (networks.sizes, networks.weights, networks.biases, networks.biased)
    descend(*parts, np.zeros(chances.shape[-1], np.float32), chances, np.float32(RATE))


def in_numpy(networks: Networks, chances: np.ndarray) -> None:
    """Every operation is on all seeds [L] and all of a layer's units."""
    layers = len(networks.sizes) - 1
    obstacle = np.zeros(chances.shape[-1], np.float32)
    for fate, *distractors in chances:
        light, obstacle = obstacle, np.where(obstacle > 0, fate >= GOES, fate < APPEARS).astype(np.float32)
        seen = [np.stack([obstacle, light, *distractors])]
        for k, (inputs, outputs) in enumerate(zip(networks.sizes, networks.sizes[1:])):
            y = np.einsum("oil,il->ol", networks.weights[k, :outputs, :inputs], seen[k]) + networks.biases[k, :outputs]
            seen.append(np.maximum(y, 0) if k + 1 < layers else y)
        wrong = RATE * (1 / (1 + np.exp(-seen[-1])) - obstacle)
        for k in range(layers - 1, -1, -1):
            w = networks.weights[k, : networks.sizes[k + 1], : networks.sizes[k]]
            before = np.einsum("oil,ol->il", w, wrong) * (seen[k] > 0)
            w -= wrong[:, None] * seen[k][None]
            if networks.biased:
                networks.biases[k, : networks.sizes[k + 1]] -= wrong
            wrong = before


def by_autograd(networks: Networks, chances: np.ndarray, seeds: int) -> None:
    widths = networks.sizes.tolist()
    for lane in range(seeds):
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(widths):
            layers += [nn.Linear(inputs, outputs, bias=networks.biased), nn.ReLU()]
        network, there = nn.Sequential(*layers[:-1], nn.Sigmoid()), False
        for fate, *distractors in chances[:, :, lane].tolist():
            light, there = there, (not fate < GOES if there else fate < APPEARS)
            said = network(torch.tensor([float(there), float(light), *distractors]))
            functional.binary_cross_entropy(said, torch.tensor([float(there)])).backward()
            with torch.no_grad():
                for parameter in network.parameters():
                    parameter -= RATE * parameter.grad
            network.zero_grad()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--turns", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    lanes = -(-args.seeds // LANES) * LANES
    draws = [np.random.default_rng(seed) for seed in range(args.seeds)]
    compiled(begun(1, draws, lanes), np.zeros((1, 4, lanes), np.float32))  # compiles
    told: dict[str, dict[str, float]] = {}
    for name, depth in DEPTHS.items():
        spent: dict[str, list[float]] = {way: [] for way in STEPS}
        for _ in range(args.turns):
            for way, steps in STEPS.items():
                networks = begun(depth, draws, lanes if way == "compiled" else args.seeds)
                size = networks.weights.shape[-1]
                chances = np.random.default_rng(0).random((steps, 4, size), np.float32)
                before = time.process_time()
                if way == "autograd":
                    by_autograd(networks, chances, args.seeds)
                else:
                    (compiled if way == "compiled" else in_numpy)(networks, chances)
                spent[way].append((time.process_time() - before) / steps * 1e6)
        medians = {way: statistics.median(times) for way, times in spent.items()}
        ratios = {f"{way}_over_compiled": medians[way] / medians["compiled"] for way in ("numpy", "autograd")}
        told[name] = {key: float(f"{value:.3g}") for key, value in (medians | ratios).items()}
    print(json.dumps({"seeds": args.seeds, "turns": args.turns, "microseconds": told}, indent=1))


if __name__ == "__main__":
    main()
