"""The steps of the toy problem, compiled by `numba` (extra `toy`): a step is too small for a call into numpy or torch each.

Knows the problem and plain gradient descent, and draws no random number. Seeds are the innermost axis, so that one instruction
does several of them; lanes never meet. Shapes: `K` layers, `W` = 10 units at most, `L` lanes (one a seed), `T` steps.
"""

import numpy as np
from numba import njit

APPEARS, GOES = (
    np.float32(0.1),
    np.float32(0.025),
)  # chances a step that the obstacle does; notebook of elefant-ai/open-p2p
ONE, ZERO = np.float32(1), np.float32(0)

# A product and a sum may be one instruction, and zeros lose their signs; sums keep their order. Each process compiles anew,
# which takes some two seconds: numba would keep what it made as a pickle beside the package.
_compiled = njit(fastmath={"contract", "nsz"}, error_model="numpy", nogil=True)


@_compiled
def descend(
    sizes: np.ndarray,  # int64 [K + 1]: units of each layer, the observation's first
    weights: np.ndarray,  # float32 [K, W, W, L], out by in; changed in place
    biases: np.ndarray,  # float32 [K, W, L]; changed in place
    biased: bool,  # else biases stay as they are
    obstacle: np.ndarray,  # float32 [L], 0 or 1: was it there a step ago? Changed in place
    chances: np.ndarray,  # float32 [T, 4, L], each in [0, 1): the obstacle's fate, three distractors
    rate: float,
) -> None:
    """T steps: observation, label, forward, the gradient of the cross-entropy, a step of size `rate` against it."""
    layers, lanes = len(sizes) - 1, obstacle.shape[0]
    seen = np.zeros((layers + 1, weights.shape[1], lanes), np.float32)  # of each layer, after its ReLU
    wrong = np.zeros_like(seen)  # rate * d loss / d the sum before the ReLU
    for step in range(len(chances)):
        _look(seen[0], obstacle, chances[step])
        for k in range(layers):
            _forward(weights[k], biases[k], seen[k], seen[k + 1], sizes[k], sizes[k + 1], k + 1 < layers)
        for lane in range(lanes):  # of a sigmoid and the cross-entropy together: p - label
            wrong[layers, 0, lane] = rate * (ONE / (ONE + np.exp(-seen[layers, 0, lane])) - obstacle[lane])
        for k in range(layers - 1, -1, -1):
            _backward(weights[k], biases[k], biased, seen[k], wrong[k], wrong[k + 1], sizes[k], sizes[k + 1])


@_compiled
def _look(seen: np.ndarray, obstacle: np.ndarray, chances: np.ndarray) -> None:
    """The obstacle comes or goes, and the brake light shows what the last label was: whether it was there before."""
    for lane in range(obstacle.shape[0]):
        seen[1, lane] = obstacle[lane]
        stays = chances[0, lane] >= GOES
        comes = chances[0, lane] < APPEARS
        obstacle[lane] = ONE if (stays if obstacle[lane] > ZERO else comes) else ZERO
        seen[0, lane] = obstacle[lane]
        for distractor in range(3):
            seen[2 + distractor, lane] = chances[1 + distractor, lane]


@_compiled
def _forward(w: np.ndarray, b: np.ndarray, x: np.ndarray, y: np.ndarray, inputs: int, outputs: int, relu: bool) -> None:
    lanes = x.shape[1]
    for o in range(outputs):
        for lane in range(lanes):
            y[o, lane] = b[o, lane]
        for i in range(inputs):
            for lane in range(lanes):
                y[o, lane] += w[o, i, lane] * x[i, lane]
        if relu:
            for lane in range(lanes):
                y[o, lane] = max(y[o, lane], ZERO)


@_compiled
def _backward(
    w: np.ndarray, b: np.ndarray, biased: bool, x: np.ndarray, dx: np.ndarray, dy: np.ndarray, inputs: int, outputs: int
) -> None:
    """Each weight is read once: for the gradient of what it multiplied, and to be changed."""
    lanes = x.shape[1]
    for i in range(inputs):
        for lane in range(lanes):
            dx[i, lane] = ZERO
    for o in range(outputs):
        for i in range(inputs):
            for lane in range(lanes):
                dx[i, lane] += w[o, i, lane] * dy[o, lane]
                w[o, i, lane] -= dy[o, lane] * x[i, lane]
        if biased:
            for lane in range(lanes):
                b[o, lane] -= dy[o, lane]
    for i in range(inputs):
        for lane in range(lanes):
            dx[i, lane] = dx[i, lane] if x[i, lane] > ZERO else ZERO
