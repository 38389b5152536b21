"""Changes to a clip that its actions survive: one draw for all its frames, so that motion stays what it was.

Brightness, contrast, colour balance and a small shift of the picture; and, where the game allows it, the mirror image with
left and right exchanged in the actions as well.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from playtape.actions import Actions, ActionSpace
from playtape.clips.clip import Clip


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

    def __call__(self, clip: Clip, space: ActionSpace, draw: np.random.Generator, *, sided: bool = False) -> Clip:
        """One clip without batch shape; `draw` decides everything. `sided` clips have a left and a right that must stay."""
        frames, actions = clip.frames, clip.actions
        if self.mirror and draw.random() < 0.5 and not sided:
            frames, actions = frames.flip(-1), _mirrored(actions, space, self.mirror)
        frames = self._coloured(self._shifted(frames, draw), draw)
        return replace(clip, frames=frames, actions=actions)

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
