"""Who judges generated video by its pictures: measures of every frame, and networks whose features of clips are gathered.

Weights that no package carries are files that the user names. Without them their score is left out, and said to be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from playtape.errors import BadInput
from playtape.evaluate.video_frechet import Clips, Features, Pictures, i3d, over_time, seen_by
from playtape.evaluate.video_scores import Measure, Shown, measures
from playtape.training import features

DISTANCES = ("fvd", "frechet_lite0", "frechet_lite0_future")
MISSING = {
    "lpips": "LPIPS is left out: --lpips-weights takes VGG16's weights (torchvision's vgg16-397923af.pth) and its channels' "
    "(weights/v0.1/vgg.pth of the package lpips), or one file with both, as they are or as .safetensors",
    "fvd": "FVD is left out: --i3d takes a TorchScript file that is called as StyleGAN-V's i3d_torchscript.pt is",
    "frechet_lite0": "frechet_lite0 is left out: {}",
}


@dataclass(frozen=True)
class Files:
    """What other networks judge by: LPIPS's weights, a TorchScript file for FVD, an inverse dynamics model's checkpoint."""

    lpips: Sequence[Path] = ()
    i3d: Path | None = None
    idm: Path | None = None


@dataclass(frozen=True, eq=False)
class Panel:
    """Who judges by pictures: measures by name, and networks whose features are gathered."""

    measures: dict[str, Measure]
    pictures: Pictures | None
    whole: Clips | None
    features: dict[str, Features]

    @classmethod
    def of(cls, files: Files, device: str) -> "tuple[Panel, dict[str, str]]":
        """And what is missing for those that are left out."""
        missing = dict(MISSING)
        lpips = pictures = whole = None
        if files.lpips:
            lpips = features.lpips(files.lpips)
            del missing["lpips"]
        if files.i3d is not None:
            whole = i3d(files.i3d, device)
            del missing["fvd"]
        try:
            pictures = seen_by(features.lite0(), device)
            del missing["frechet_lite0"]
        except BadInput as error:
            missing["frechet_lite0"] = missing["frechet_lite0"].format(error)
        gathered = {name: Features(name) for name in DISTANCES if (whole if name == "fvd" else pictures)}
        return cls(measures(lpips, device), pictures, whole, gathered), missing

    def see(self, shown: Shown) -> None:
        """Gather the features of n clips."""
        if self.whole:
            videos = {"real": shown.happened, "value": shown.whole("drawn").flatten(0, 1)}
            videos |= {who: shown.whole(who)[:, 0] for who in ("still", "average")}
            for who, video in videos.items():
                self.features["fvd"].add(who, self.whole(video))
        if self.pictures:
            self._see_pictures(self.pictures, shown)

    def _see_pictures(self, look: Pictures, shown: Shown) -> None:
        """Each picture once, however often it is shown."""

        def seen(video: Tensor) -> Tensor:
            return look(video.flatten(0, -4)).unflatten(0, video.shape[:-3])  # [..., D]

        k, frames = shown.context.shape[2], shown.drawn.shape[2]
        happened, context = seen(shown.happened), seen(shown.context)
        still, average = happened[:, None, k - 1 : k], seen(shown.average[:1, :, :1])
        held = [each.expand(len(happened), -1, frames, -1) for each in (still, average)]
        whole, future = self.features["frechet_lite0"], self.features["frechet_lite0_future"]
        whole.add("real", over_time(happened))
        future.add("real", over_time(happened[:, k:]))
        for who, later in (("value", seen(shown.drawn)), ("still", held[0]), ("average", held[1])):
            whole.add(who, over_time(torch.cat([context.expand(-1, later.shape[1], -1, -1), later], 2)))
            future.add(who, over_time(later))
