import itertools

import numpy as np
import pytest
import torch

from playtape.actions import ActionSpace, Axis
from playtape.label.decode import Calibration, decode, most_probable
from playtape.models.protocols import Labels

SPACE = ActionSpace(("key.w",), (Axis("mouse.dx", "sum", 10.0),))


def score(path: tuple[int, ...], votes: np.ndarray, pressed: np.ndarray, released: np.ndarray, weight: float) -> float:
    total = float(votes[:, 0] @ np.array(path))
    for t in range(1, len(path)):
        p = released[t, 0] if path[t - 1] else pressed[t, 0]
        total += weight * np.log(p if path[t] != path[t - 1] else 1 - p)
    return total


@pytest.mark.parametrize("weight", [0.0, 0.4, 1.0])
def test_the_path_is_the_best_of_all_paths(weight: float) -> None:
    draw = np.random.default_rng(0)
    votes = draw.normal(0, 1, (7, 1))
    pressed, released = draw.uniform(0.05, 0.95, (2, 7, 1))
    paths = itertools.product((0, 1), repeat=7)
    best = max(paths, key=lambda path: score(path, votes, pressed, released, weight))
    assert most_probable(votes, pressed, released, weight)[:, 0].tolist() == [bool(held) for held in best]


def test_thresholds_dead_zone_and_the_last_row() -> None:
    held = torch.tensor([[0.2], [0.4], [0.9], [0.9]])
    mean = torch.tensor([[0.4], [-3.6], [12.2], [99.0]])
    zero = torch.zeros(4, 1)
    calibration = Calibration((1.0,), (0.3,), (1.0,), (1.0,))
    actions = decode(Labels(held, zero, zero, mean, zero + 1), calibration, SPACE)
    assert actions.buttons[:, 0].tolist() == [False, True, True, False]
    assert actions.axes[:, 0].tolist() == [0, -4, 12, 0]


def test_temperature_does_not_move_a_threshold_of_a_half() -> None:
    held = torch.tensor([[0.45], [0.55], [0.5]])
    zero = torch.zeros(3, 1)
    calibration = Calibration((3.0,), (0.5,), (1.0,), (1.0,))
    assert decode(Labels(held, zero, zero, zero, zero), calibration, SPACE).buttons[:, 0].tolist() == [
        False,
        True,
        False,
    ]
