"""`playtape evaluate causality --toy`: when does a network learn the cause, and when what merely goes along with it?

The toy problem of Pixels2Play (arXiv 2601.04575; its notebook in elefant-ai/open-p2p). One sees an obstacle (0 or 1), one's own
brake light and three numbers that mean nothing, and is to brake when there is an obstacle. The light shows whether one braked a
step ago, which is nearly always the right answer too. Learned by cross-entropy on one example after the other, with a rate of
1e-4, by a linear model without bias and by networks of ReLU layers, ten units wide, that begin as PyTorch's linear layers do.

The measure is c = log p(brake | obstacle, light off) - log p(brake | no obstacle, light on), distractors at 0: how much more the
obstacle counts than the light. All in float32, as the original. Every network and seed has its own weights and its own stream of
examples, as there. Shapes: `K` layers, `W` = 10 units at most, `L` lanes, of which the first are the seeds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from playtape.errors import BadInput, within
from playtape.evaluate.bootstrap import LEVEL
from playtape.evaluate.causality_picture import draw_toy
from playtape.recordings.atomic import check_picture

DEPTHS = {"linear": 0, "mlp-1": 1, "mlp-2": 2, "mlp-3": 3, "mlp-4": 4}  # layers of ReLUs
SEES, UNITS = 5, 10
RATE = 1e-4
LANES = 16  # seeds are filled up to a multiple: what one instruction does at once, on the widest processors
BLOCK = 2048  # steps whose random numbers are drawn together
MARKS = 40  # points of the curve
CASES = ((1, 0, 0, 0, 0), (0, 1, 0, 0, 0))  # one should begin to brake; one should stop
STEPS, SEEDS = 3_000_000, 10  # where the paper's figure ends; it has 3 seeds
MOST_STEPS, MOST_SEEDS = 10**9, 1000


@dataclass(frozen=True, eq=False)
class Networks:
    """Networks of one depth, one a lane. The kernel changes weights and biases in place."""

    sizes: np.ndarray  # int64 [K + 1]
    weights: np.ndarray  # float32 [K, W, W, L], out by in
    biases: np.ndarray  # float32 [K, W, L]

    @classmethod
    def empty(cls, depth: int, lanes: int) -> "Networks":
        """All zeros."""
        sizes = np.array([SEES] + [UNITS] * depth + [1])
        shape = (depth + 1, UNITS, UNITS, lanes)
        return cls(sizes, np.zeros(shape, np.float32), np.zeros((depth + 1, UNITS, lanes), np.float32))

    @property
    def biased(self) -> bool:
        """The linear model has no bias (in the notebook; the paper says that it has)."""
        return len(self.sizes) > 2

    def causality(self) -> np.ndarray:
        """c of each lane, float64 [L]."""
        x = np.repeat(np.array(CASES, float).T[:, :, None], self.weights.shape[-1], 2)  # [units, cases, L]
        for k, (inputs, outputs) in enumerate(zip(self.sizes, self.sizes[1:])):
            w, b = self.weights[k, :outputs, :inputs].astype(float), self.biases[k, :outputs, None]
            x = np.einsum("oil,icl->ocl", w, x) + b
            x = np.maximum(x, 0) if k + 2 < len(self.sizes) else x
        log_p = -np.logaddexp(0, -x[0])  # [cases, L]
        return log_p[0] - log_p[1]


def toy(
    *, steps: int = STEPS, seeds: int = SEEDS, seed: int = 0, picture: Path | None = None, progress: bool = True
) -> dict[str, Any]:
    """Train the five networks from `seeds` seeds (`seed`, `seed` + 1, ...). Returns a JSON dictionary.

    For each network: `mean` of c over seeds with Student's 95 % `interval` (None for one seed), `sd`, the `values`, and along
    training `curve` (`steps`, and `mean`, `low`, `high` at each). `by_hand` is c of a linear model that was not learned, with
    20 for the obstacle and a bias of -10. Raises BadInput for numbers out of range, and where `numba` is not installed.
    """
    within("--steps", steps, 1, MOST_STEPS, whole=True)
    within("--seeds", seeds, 1, MOST_SEEDS, whole=True)
    within("--seed", seed, 0, 10**12, whole=True)
    check_picture(picture)
    descend = _descend()
    marks = marks_of(steps)
    result: dict[str, Any] = {"steps": steps, "seeds": seeds, "seed": seed, "by_hand": by_hand()}
    with tqdm(total=steps * len(DEPTHS), desc="toy", unit="step", unit_scale=True, disable=not progress) as shown:
        for name, depth in DEPTHS.items():
            draws = [np.random.default_rng([seed + number, depth]) for number in range(seeds)]
            result[name] = _told(marks, learned(depth, draws, marks, descend, shown))
    if picture is not None:
        result["picture"] = str(draw_toy({name: result[name]["curve"] for name in DEPTHS}, result["by_hand"], picture))
    return result


def learned(
    depth: int, draws: list[np.random.Generator], marks: np.ndarray, descend: Callable[..., None], shown: tqdm
) -> np.ndarray:
    """c after so many steps, float64 [marks, seeds]. What a seed learns depends on no other, and not on the marks."""
    lanes = -(-len(draws) // LANES) * LANES
    networks = begun(depth, draws, lanes)
    obstacle, done, found = np.zeros(lanes, np.float32), 0, []
    for mark in marks:
        while done < mark:
            chances = np.zeros((min(BLOCK, mark - done), 4, lanes), np.float32)
            for lane, draw in enumerate(draws):
                chances[:, :, lane] = draw.random(chances.shape[:2], np.float32)
            parts = (networks.sizes, networks.weights, networks.biases, networks.biased)
            descend(*parts, obstacle, chances, np.float32(RATE))
            done += len(chances)
            shown.update(len(chances))
        found.append(networks.causality()[: len(draws)])
    return np.array(found)


def begun(depth: int, draws: list[np.random.Generator], lanes: int) -> Networks:
    """New networks, weights and biases even within 1 / sqrt(inputs), which is what `torch.nn.Linear` begins with."""
    networks = Networks.empty(depth, lanes)
    for lane, draw in enumerate(draws):
        for k, (inputs, outputs) in enumerate(zip(networks.sizes, networks.sizes[1:])):
            reach = inputs**-0.5
            networks.weights[k, :outputs, :inputs, lane] = draw.uniform(-reach, reach, (outputs, inputs))
            if networks.biased:
                networks.biases[k, :outputs, lane] = draw.uniform(-reach, reach, outputs)
    return networks


def by_hand() -> float:
    """c of the solution that anyone would write down: 20 for the obstacle, a bias of -10, nothing for the rest."""
    network = Networks.empty(0, 1)
    network.weights[0, 0, 0], network.biases[0, 0] = 20, -10
    return float(network.causality()[0])


def marks_of(steps: int) -> np.ndarray:
    """Where the curve has its points: evenly on a logarithmic axis, from 10,000 steps on; the last is the end."""
    return np.unique(np.geomspace(min(10_000, steps), steps, MARKS).round().astype(np.int64))


def _descend() -> Callable[..., None]:
    try:
        from playtape.evaluate.toy_kernel import descend
    except ImportError as error:
        raise BadInput(
            f"the toy problem needs the package {error.name}, which is not installed; pip install 'playtape[toy]' installs it"
        ) from None
    return descend


def _told(marks: np.ndarray, values: np.ndarray) -> dict[str, Any]:
    """Statistics over seeds of c [marks, seeds]."""
    seeds = values.shape[1]
    mean, last = values.mean(1), values[-1].tolist()
    curve: dict[str, Any] = {"steps": marks.tolist(), "mean": mean.tolist(), "low": None, "high": None}
    if seeds == 1:
        return {"mean": last[0], "interval": None, "sd": None, "values": last, "curve": curve}
    from scipy import stats  # takes seconds to import, and a mistake should be told before

    sd = values.std(1, ddof=1)
    reach = stats.t.ppf((1 + LEVEL) / 2, seeds - 1) * sd / seeds**0.5
    low, high = mean - reach, mean + reach
    curve |= {"low": low.tolist(), "high": high.tolist()}
    interval = [float(low[-1]), float(high[-1])]
    return {"mean": float(mean[-1]), "interval": interval, "sd": float(sd[-1]), "values": last, "curve": curve}


def toy_table(result: dict[str, Any]) -> str:
    """As text: a line a network."""
    lines = [f"c after {result['steps']:,} steps, {result['seeds']} seeds; by hand {result['by_hand']:.2f}"]
    for name in DEPTHS:
        one = result[name]
        spread = (
            f" ({one['interval'][0]:.2f} to {one['interval'][1]:.2f}), sd {one['sd']:.2f}" if one["interval"] else ""
        )
        lines.append(f"  {name:<8}{one['mean']:6.2f}{spread}")
    return "\n".join([*lines, *([f"Wrote {result['picture']}"] if "picture" in result else [])])
