"""How alike futures are to what happened: a score a clip for each measure, and what is told of all clips.

Of the N futures of a clip: `mean` is that of them all, `best` the best, chosen for each measure by itself as published. Beside
them two futures that need no model: `still`, the last frame of the context held, and `average`, the mean picture of all
contexts; and `coded`, what happened as the model's codes can tell it, which shows how much is lost before anything is foretold. A
clip's score is the mean over its frames: over the future's alone, and as published over all, with the context as the
model draws it, which `still` and `average` are then given too.

Shapes: `n` clips, `S` futures of each, `K` frames of the context, `F` of the future, `H W` pixels.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from playtape.evaluate.bootstrap import Bootstrap
from playtape.nets.lpips import Lpips
from playtape.nets.similarity import psnr, ssim

Measure = Callable[[Tensor, Tensor], Tensor]  # uint8 [n, S, F, 3, H, W] and [n, F, 3, H, W] to [n, S, F]
Key = tuple[str, ...]
MEASURES = ("psnr", "ssim", "lpips")
SPANS = ("future", "all")
SMALLER_IS_BETTER = ("lpips",)
BESIDE = ("still", "average", "coded")  # one future of each clip, of which nothing is foretold


def measures(lpips: Lpips | None, device: str) -> dict[str, Measure]:
    """By name; what they are given may lie anywhere, what they give is on the CPU."""
    found: dict[str, Measure] = {
        "psnr": lambda drawn, truth: psnr(drawn.to(device), truth[:, None].to(device)).cpu(),
        "ssim": lambda drawn, truth: ssim(drawn.to(device), truth[:, None].to(device)).cpu(),
    }
    if lpips is not None:
        judge = lpips.to(device)

        def far(drawn: Tensor, truth: Tensor) -> Tensor:
            rows = []
            with torch.inference_mode():
                for futures, happened in zip(drawn.to(device).float() / 255, truth.to(device).float() / 255):
                    known = judge.maps(happened)
                    rows.append(torch.stack([judge.apart(judge.maps(future), known) for future in futures]))
            return torch.stack(rows).cpu()

        found["lpips"] = far
    return found


@dataclass(frozen=True, eq=False)
class Shown:
    """Pictures of n clips, uint8: `happened` [n, K + F, 3, H, W]; the context as the model draws it, `drawn` futures, those that
    need no model, and the true one `coded`, each [n, S, frames, 3, H, W] with an S of 1 but for the drawn."""

    happened: Tensor
    context: Tensor
    drawn: Tensor
    still: Tensor
    average: Tensor
    coded: Tensor

    @classmethod
    def of(cls, happened: Tensor, context: Tensor, drawn: Tensor, average: Tensor, coded: Tensor) -> "Shown":
        """`context` [n, K, ...] as drawn, `average` [3, H, W], `coded` [n, F, ...]."""
        k, frames = context.shape[1], drawn.shape[2]
        still = happened[:, k - 1 : k].expand(-1, frames, -1, -1, -1)
        return cls(happened, context[:, None], drawn, still[:, None], average.expand_as(still)[:, None], coded[:, None])

    def future(self) -> Tensor:
        """What happened after the context: [n, F, 3, H, W]."""
        return self.happened[:, self.context.shape[2] :]

    def whole(self, who: str) -> Tensor:
        """The context as drawn and then the futures of `drawn`, `still` or `average`: [n, S, K + F, 3, H, W]."""
        later = getattr(self, who)
        return torch.cat([self.context.expand(-1, later.shape[1], -1, -1, -1, -1), later], 2)


@dataclass(eq=False)
class Tally:
    """Numbers of clips, by name and in order, of each part that was added: `columns` [n], NaN for none, and `frames` [n, F]."""

    columns: dict[Key, list[np.ndarray]] = field(default_factory=dict)
    frames: dict[Key, list[np.ndarray]] = field(default_factory=dict)

    def add(self, key: Key, values: Tensor) -> None:
        """[n]"""
        self.columns.setdefault(key, []).append(values.double().numpy())

    def score(self, name: str, measure: Measure, shown: Shown) -> Tensor:
        """Add one measure of n clips. Gives that of each frame of their futures, [n, S, F]."""
        k, truth = shown.context.shape[2], shown.future()
        context = measure(shown.context, shown.happened[:, :k])
        found = {who: measure(getattr(shown, who), truth) for who in ("drawn", *BESIDE)}
        best = torch.amin if name in SMALLER_IS_BETTER else torch.amax
        for span in SPANS:
            clip = {who: _over(span, context, frames) for who, frames in found.items()}  # [n, S]
            values = {"mean": clip["drawn"].mean(1), "best": best(clip["drawn"], 1)}
            values |= {who: clip[who][:, 0] for who in BESIDE}
            values["gain"] = (values["mean"] - values["still"]) * (-1 if name in SMALLER_IS_BETTER else 1)
            for who, value in values.items():
                self.add((span, name, who), value)
        for who, frames in found.items():
            self.by_frame((name, "mean" if who == "drawn" else who), frames.mean(1))
        chosen = found["drawn"].mean(2).argsort(1, descending=name not in SMALLER_IS_BETTER)[:, :1, None]
        self.by_frame((name, "best"), found["drawn"].take_along_dim(chosen, 1)[:, 0])
        return found["drawn"]

    def by_frame(self, key: Key, values: Tensor) -> None:
        """[n, F]"""
        self.frames.setdefault(key, []).append(values.double().numpy())

    def leaves(self, units: np.ndarray, bootstrap: Bootstrap) -> dict[str, Any]:
        """Means over clips, nested by the parts of their names: {"value", "low", "high"} at the end of each."""
        keys = list(self.columns)
        values = np.stack([np.concatenate(self.columns[key]) for key in keys], 1)  # [N, columns]
        known = np.isfinite(values)
        both = np.stack([np.where(known, values, 0), known], 1)
        sums = np.stack([both[units == unit].sum(0) for unit in range(bootstrap.weights.shape[1])])

        def mean(drawn: np.ndarray) -> np.ndarray:
            with np.errstate(invalid="ignore", divide="ignore"):
                return drawn[..., 0, :] / drawn[..., 1, :]

        return nested(dict(zip(keys, leaves_of(*bootstrap.interval(mean, sums)))))

    def curves(self) -> dict[str, Any]:
        """Means over clips of each frame of the future, nested by name: lists of F."""
        return nested({key: np.concatenate(parts).mean(0).tolist() for key, parts in self.frames.items()})


def leaves_of(value: np.ndarray, low: np.ndarray, high: np.ndarray) -> list[dict[str, float | None]]:
    """One {"value", "low", "high"} for each place of arrays [n]; None for what is not known."""
    known = [[None if not np.isfinite(x) else float(x) for x in row] for row in (value, low, high)]
    return [dict(zip(("value", "low", "high"), row)) for row in zip(*known)]


def nested(flat: Mapping[Key, Any]) -> dict[str, Any]:
    """{("a", "b"): x} as {"a": {"b": x}}."""
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        place = tree
        for part in key[:-1]:
            place = place.setdefault(part, {})
        place[key[-1]] = value
    return tree


def _over(span: str, context: Tensor, frames: Tensor) -> Tensor:
    """Scores of the context [n, 1, K] and of futures [n, S, F] to those of clips [n, S]."""
    if span == "all":
        frames = torch.cat([context.expand(-1, frames.shape[1], -1), frames], 2)
    return frames.mean(2)
