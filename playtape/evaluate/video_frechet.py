"""The Fréchet distance between what two sets of clips look like: of the normal distributions that fit their features.

|m - n|^2 + tr(S + R - 2 (S R)^(1/2)), means m, n and biased covariances S, R (divided by how many there are). The last trace is
the sum of the singular values of F G' for any S = F'F, R = G'G, as a QR decomposition gives: float64, and no root of a large
matrix, which is neither exact nor real where there are fewer clips than features.

How large it is hangs on how many clips there are: values are comparable only at equal counts. Features are those of

- `fvd`: a network over whole clips, 400 numbers, from a file that the user names (the published one is I3D as TorchScript).
- `frechet_lite0`: EfficientNet-Lite0, a picture at a time at 128 x 128 pixels, 1280 numbers; a clip has their mean over its
  frames, and the mean of the absolute differences between neighbouring frames: 2560. Not FVD, and never called so.

Shapes: `N` clips, `T` frames, `D` features, `H W` pixels.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from playtape.clips import resize
from playtape.errors import BadInput
from playtape.nets.lite0 import Lite0

SIDE = 128  # pixels: a quarter of the time that the 224 take at which the network learned
TOGETHER = 64  # pictures, or clips, that a network sees at once

Pictures = Callable[[Tensor], Tensor]  # uint8 [M, 3, H, W] to features [M, D]
Clips = Callable[[Tensor], Tensor]  # uint8 [N, T, 3, H, W] to features [N, D]


def frechet(one: np.ndarray, other: np.ndarray) -> float:
    """The distance between features [N, D] and [N', D]."""
    means, factors = [], []
    for features in (one.astype(np.float64), other.astype(np.float64)):
        means.append(features.mean(0))
        factors.append(np.linalg.qr((features - means[-1]) / len(features) ** 0.5, mode="r"))
    apart = float(np.square(means[0] - means[1]).sum())
    spread = sum(float(np.square(factor).sum()) for factor in factors)
    return apart + spread - 2 * float(np.linalg.svd(factors[0] @ factors[1].T, compute_uv=False).sum())


def seen_by(model: Lite0, device: str) -> Pictures:
    """What EfficientNet-Lite0 says of pictures, wherever they are, on the CPU."""
    model.to(device)

    def see(pictures: Tensor) -> Tensor:
        small = resize(pictures.movedim(-3, -1), (SIDE, SIDE))
        with torch.inference_mode():
            return torch.cat([model(part.to(device).float() / 255).cpu() for part in small.split(TOGETHER)])

    return see


def over_time(seen: Tensor) -> Tensor:
    """Features of pictures [*b, T, D] to those of clips [*b, 2 D]: their mean, and how much they change from frame to frame.

    One picture alone does not change.
    """
    changes = seen.diff(dim=-2).abs().sum(-2) / max(1, seen.shape[-2] - 1)
    return torch.cat([seen.mean(-2), changes], -1)


def i3d(file: Path, device: str) -> Clips:
    """A TorchScript program called as the published one is: float [N, 3, T, H, W] of 0 to 255 to [N, D]. It is run."""
    if not file.is_file():
        raise BadInput(
            f"there is no file {file}; --i3d takes a TorchScript file, such as StyleGAN-V's i3d_torchscript.pt"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch would rather have other files, but this is what is published
            network = torch.jit.load(file, map_location=device).eval()
    except (RuntimeError, ValueError, OSError) as error:
        raise BadInput(f"{file} is not a whole TorchScript file") from error

    def see(clips: Tensor) -> Tensor:
        found = []
        for x in clips.movedim(2, 1).split(TOGETHER):
            try:
                with torch.inference_mode():
                    said = network(x.to(device).float(), rescale=True, resize=True, return_features=True)
            except (RuntimeError, torch.jit.Error, AttributeError) as error:  # it fails, it raises, it has no `forward`
                shape = list(clips.shape[1:])
                why = f"{file} cannot look at clips of {shape} as StyleGAN-V's does: {_reason(error)}"
                raise BadInput(why) from error
            found.append(_features(file, said, len(x)).cpu())
        if len({part.shape[1] for part in found}) > 1:
            raise BadInput(f"{file} says another count of numbers of some clips than of others")
        return torch.cat(found)

    return see


def _features(file: Path, said: object, clips: int) -> Tensor:
    """[N, D] of so many clips. Raises BadInput for anything else."""
    if not isinstance(said, Tensor):
        told = f"a {type(said).__name__}"
    elif said.ndim != 2 or len(said) != clips or not said.shape[1] or not said.is_floating_point():
        told = f"{str(said.dtype).removeprefix('torch.')} {list(said.shape)}"
    else:
        return said
    raise BadInput(f"{file} says {told} of {clips} clips; StyleGAN-V's says floats [{clips}, 400]")


def _reason(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__


@dataclass(eq=False)
class Features:
    """What was seen of the clips so far, by whom: real ones, generated ones, and those of the trivial baselines."""

    name: str
    rows: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def add(self, who: str, features: Tensor) -> None:
        """[*b, D]"""
        self.rows.setdefault(who, []).append(features.reshape(-1, features.shape[-1]).float().numpy())

    def distances(self) -> dict[str, Any]:
        """Of each to the real ones, and how many clips there were. Raises BadInput for features that are not finite.

        `real_halves` is the distance between every other real clip and the rest: what counts like these make of no difference.
        """
        whole = {who: np.concatenate(rows) for who, rows in self.rows.items()}
        if not all(np.isfinite(rows).all() for rows in whole.values()):
            raise BadInput(
                f"the features for {self.name} are not all finite numbers; its file must be a network for clips"
            )
        real = whole.pop("real")
        counts = {"real_clips": len(real), "generated_clips": len(whole["value"]), "features": real.shape[1]}
        halves = {"real_halves": frechet(real[::2], real[1::2]) if len(real) > 1 else None}
        return {who: frechet(real, rows) for who, rows in whole.items()} | halves | counts
