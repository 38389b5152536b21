"""Does the prediction run early or late? Correlates it with the truth at every shift of up to 3 s.

A constant shift makes a good model look useless: released D2E weights scored Pearson -0.03, but 0.65 when shifted
by 2.4 s (PJH6029/fdm-d2e-reproduction).
"""

import numpy as np

from playtape.evaluate.rows import Pair, Rows

REACH_NS = 3_000_000_000
GAIN = 0.05  # how much better than at zero shift a correlation must be to be worth a warning


def lag(pair: Pair) -> dict[str, float | int | None]:
    """Where the prediction fits best (positive: it comes late), and the correlations there and at 0.

    All inputs are put on one scale and correlated together; None where either side never changes.
    """
    step = float(np.median(np.diff(pair.time_ns)))
    reach = min(int(REACH_NS / step), int(pair.covered.sum()) // 4)
    truth, side = _signal(pair.truth, pair.covered), _signal(pair.predicted, pair.covered)
    size = np.sqrt((truth**2).sum() * (side**2).sum())
    if size == 0:
        return {"intervals": None, "seconds": None, "correlation": None, "correlation_at_0": None}
    length = 1 << (2 * len(truth) - 1).bit_length()
    product = np.conj(np.fft.rfft(truth, length, axis=0)) * np.fft.rfft(side, length, axis=0)
    curve = np.fft.irfft(product.sum(axis=1), length)
    shifts = np.arange(-reach, reach + 1)
    best = int(shifts[np.argmax(curve[shifts])])
    return {
        "intervals": best,
        "seconds": best * step / 1e9,
        "correlation": float(curve[best] / size),
        "correlation_at_0": float(curve[0] / size),
    }


def warning(name: str, found: dict[str, float | int | None]) -> str | None:
    """A sentence if the prediction fits clearly better elsewhere."""
    shift, there, here = found["intervals"], found["correlation"], found["correlation_at_0"]
    if shift is None or there is None or here is None or there - here < GAIN:
        return None
    where = "later" if shift > 0 else "earlier"
    return (
        f"{name}: the prediction fits the truth best {abs(shift)} intervals {where} "
        f"(correlation {there:.2f}, {here:.2f} as it is); check the clocks before you trust a score"
    )


def _signal(side: Rows, covered: np.ndarray) -> np.ndarray:
    """[T, B + A], each input centred and of unit variance, so that no input outweighs another."""
    values = np.concatenate([side.buttons.astype(np.float64), side.axes], axis=1)[covered]
    values = values - values.mean(axis=0)
    spread = values.std(axis=0)
    return values / np.where(spread > 1e-12, spread, 1) * (spread > 1e-12)
