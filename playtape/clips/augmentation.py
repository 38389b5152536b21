"""Changes to a clip that its actions survive: one draw for all its frames, so that motion stays what it was.

Brightness, contrast, colour balance, a small shift or a crop of the picture; where the game allows it, the mirror image with
left and right exchanged in the actions as well; and what Pixels2Play (arXiv 2601.04575) does, in its order: PUBLISHED.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from playtape.actions import Actions, ActionSpace
from playtape.actions.names import is_button
from playtape.clips.clip import Clip
from playtape.clips.colours import colour, noise, planckian
from playtape.clips.optics import Operation, Size, apply, blur, crop, sharpness, tilt, translation
from playtape.errors import BadInput, within
from playtape.recordings.recompress import recompressed

Maker = Callable[[np.random.Generator, Size], Operation]
CHANCES = ("colour", "planckian", "noise", "translation", "blur", "sharpness", "recompression")
LARGEST_SHIFT = 256  # pixels; frames are padded by as much on every side


@dataclass(frozen=True)
class Augmentation:
    """How far each draw may go. All zero changes nothing.

    `mirror` pairs of buttons that are each other's mirror image ("key.a", "key.d"); half of the clips are mirrored if it
    is not empty. Axes ending in "dx" or "_x" then change sign. Where an instruction speaks of left or right, nothing is mirrored.
    """

    brightness: float = 0.15  # added, as a share of full range
    contrast: float = 0.2  # factor 1 - c .. 1 + c
    balance: float = 0.08  # factor of each colour channel
    shift: int = 3  # pixels at model size, up, down, left and right
    mirror: tuple[tuple[str, str], ...] = ()
    crop: float = 0.0  # share of the area that is cut away at most, of every clip; what is left is as large again
    # Pixels2Play's; all but the first are chances, and what is drawn then is in optics.py and colours.py
    tilt: float = 0.0  # degrees either way, of every clip
    colour: float = 0.0  # brightness, contrast, saturation and hue
    planckian: float = 0.0  # the light of another lamp
    noise: float = 0.0  # of a sensor at high ISO
    translation: float = 0.0  # sideways, in parts of pixels
    blur: float = 0.0
    sharpness: float = 0.0
    recompression: float = 0.0  # through H.264 and back, before all else; half of them in RGB, half in yuv420p
    crf: tuple[int, int] = (6, 17)  # best and worst quality of it, as Pixels2Play's videos have

    def __post_init__(self) -> None:
        within("augmentation.crop", self.crop, 0, 0.9)
        for name in ("brightness", "contrast", "balance", *CHANCES):
            within(f"augmentation.{name}", getattr(self, name), 0, 1)
        within("augmentation.tilt", self.tilt, 0, 44)
        within("augmentation.shift", self.shift, 0, LARGEST_SHIFT, whole=True)
        best, worst = self.crf
        within("the first of augmentation.crf", best, 0, 51, whole=True)
        within("the second of augmentation.crf", worst, best, 51, whole=True)
        named = [name for pair in self.mirror for name in pair]
        for name in named:
            if not is_button(name) or named.count(name) > 1:
                why = "is there twice" if is_button(name) else "is an axis"
                raise BadInput(f"augmentation.mirror: {name} {why}; it must be pairs of buttons, each of them once")

    def __call__(self, clip: Clip, space: ActionSpace, draw: np.random.Generator, *, sided: bool = False) -> Clip:
        """One clip without batch shape; `draw` decides everything. `sided` clips have a left and a right that must stay."""
        frames, actions = self.recompressed(clip.frames, draw), clip.actions
        if self.mirror and draw.random() < 0.5 and not sided:
            frames, actions = frames.flip(-1), _mirrored(actions, space, self.mirror)
        frames = self._coloured(self._shifted(frames, draw), draw)
        height, width = frames.shape[-2:]
        return replace(clip, frames=apply(frames, self.operations((height, width), draw)), actions=actions)

    def operations(self, size: Size, draw: np.random.Generator) -> list[Operation]:
        """What is drawn for one clip of (height, width): the crop, then Pixels2Play's in its order. What is off draws nothing."""
        makers: list[tuple[float, Maker]] = [
            (float(self.crop > 0), partial(crop, most=self.crop)),
            (float(self.tilt > 0), partial(tilt, degrees=self.tilt)),
            *((self.colour, colour), (self.planckian, planckian), (self.noise, noise)),
            *((self.translation, translation), (self.blur, blur), (self.sharpness, sharpness)),
        ]
        return [maker(draw, size) for chance, maker in makers if chance and draw.random() < chance]

    def recompressed(self, frames: Tensor, draw: np.random.Generator) -> Tensor:
        if not self.recompression or draw.random() >= self.recompression:
            return frames
        crf, rgb = int(draw.integers(self.crf[0], self.crf[1] + 1)), bool(draw.integers(2))
        return torch.from_numpy(recompressed(frames.movedim(-3, -1).numpy(), crf=crf, rgb=rgb)).movedim(-1, -3)

    def _shifted(self, frames: Tensor, draw: np.random.Generator) -> Tensor:
        if not self.shift:
            return frames
        down, right = draw.integers(-self.shift, self.shift + 1, 2).tolist()
        h, w = frames.shape[-2:]
        padded = functional.pad(frames, (self.shift,) * 4)  # black edges, as letterboxed video has them
        return padded[..., self.shift + down : self.shift + down + h, self.shift + right : self.shift + right + w]

    def _coloured(self, frames: Tensor, draw: np.random.Generator) -> Tensor:
        gain = 1 + self.contrast * draw.uniform(-1, 1)
        lift = 255 * self.brightness * draw.uniform(-1, 1) + 128 * (1 - gain)
        balance = 1 + self.balance * draw.uniform(-1, 1, 3)
        if not (self.contrast or self.brightness or self.balance):
            return frames
        level = (
            np.arange(256)[None] * gain * balance[:, None] + lift
        )  # [3, 256]: a table is ten times quicker than floats
        table = level.clip(0, 255).round().astype(np.uint8)
        return torch.from_numpy(np.stack([table[c].take(frames[..., c, :, :].numpy()) for c in range(3)], -3))


def _mirrored(actions: Actions, space: ActionSpace, pairs: tuple[tuple[str, str], ...]) -> Actions:
    both = [pair for pair in pairs if set(pair) <= set(space.buttons)]
    other = {a: b for pair in both for a, b in (pair, pair[::-1])}
    order = [space.buttons.index(other.get(name, name)) for name in space.buttons]
    sign = torch.tensor([-1.0 if axis.name.endswith(("dx", "_x")) else 1.0 for axis in space.axes])
    return Actions(actions.buttons[..., order], actions.axes * sign)


# Not re-compressed: the original's clips are, because its videos are stored so; our store keeps pictures as they are, and so sees
# in training what it sees in play (docs/decisions/010-augmentation.md).
PUBLISHED = Augmentation(
    *(0, 0, 0, 0), tilt=3.0, colour=0.25, planckian=0.25, noise=0.1, translation=0.25, blur=0.2, sharpness=0.15
)
