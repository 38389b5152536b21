"""A world of two rows of knowledge, in which everything is known: its upper half turns as the mouse does, its lower half is white
where a key was held. Played into recordings, foretold rightly or deaf to what is done, and read back."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from playtape.actions import Actions, ActionSpace, Axis, Events
from playtape.models import idm
from playtape.models import world_model as world
from playtape.models.protocols import Labels, Rows
from playtape.recordings import Info, Recording, save_recording
from playtape.recordings.video import Video, write_video
from playtape.training import checkpoint

SPACE = ActionSpace(("key.w",), (Axis("mouse.dx", scale=2.0),))
FPS, SIDE, BIG, CONTEXT = 10, 16, 64, 2  # frames a second, pixels of the model's pictures and the recordings', frames
STEP = 10**9 // FPS
Shown = tuple[Tensor, Tensor]  # frames so far [M, T, 3, H, W] in 0 to 1, and how many futures of each context


def record(folder: Path, name: str, seed: int, count: int = 24) -> Path:
    """`count` frames of smooth random stripes."""
    draw = np.random.default_rng(seed)
    stripes = np.repeat(draw.integers(30, 200, SIDE // 2), 2 * BIG // SIDE)  # two of the model's pixels wide
    dx, held = draw.integers(-2, 3, count), draw.random(count) < 0.4
    frames, rows, heading = [], [], 0
    for t in range(count):
        frame = np.zeros((BIG, BIG, 3), np.uint8)
        frame[: BIG // 2] = np.roll(stripes, heading * BIG // SIDE)[None, :, None]
        frame[BIG // 2 :] = 255 * (t > 0 and held[t - 1])
        frames.append(frame)
        heading += int(dx[t])
        if t < count - 1:
            rows.append((t * STEP + STEP // 2, "mouse.dx", float(dx[t])))
            rows += [(t * STEP + part * STEP // 4, "key.w", down) for part, down in ((1, 1.0), (3, 0.0)) if held[t]]
    folder.mkdir(parents=True, exist_ok=True)
    time_ns = np.arange(count, dtype=np.int64) * STEP
    video = Video(write_video(folder / f"{name}.mp4", frames, time_ns=time_ns, crf=4))
    return save_recording(Recording(video, Events.from_rows(rows), info=Info(game="rolling")), folder / f"{name}.mcap")


def save_world(folder: Path, **changes: Any) -> Path:
    """An untrained world model for it, whose weights matter."""
    torch.manual_seed(0)
    config = replace(world.tiny(), frames=7)
    model = world.build(replace(config, tokenizer=replace(config.tokenizer, fps=float(FPS)), **changes), SPACE)
    for name, parameter in model.named_parameters():
        parameter.data += 0.2 * torch.randn_like(parameter) if "tokenizer" not in name else 0
    return checkpoint.save(folder, "world_model", model, model.state_dict(), {})


def save_reader(folder: Path, *, fps: float = FPS, space: ActionSpace = SPACE) -> Path:
    """An untrained inverse dynamics model of pictures twice as wide."""
    torch.manual_seed(0)
    model = idm.build(replace(idm.tiny(), fps=fps), space)
    return checkpoint.save(folder, "idm", model, model.state_dict(), {})


@dataclass(frozen=True)
class Rolling:
    """A simulator in a world model's place. One that is `deaf` goes on as if nothing were done."""

    deaf: bool = False

    def start(self, frames: Tensor, futures: int = 1, embodiment: Tensor | None = None) -> Tensor:
        return (frames.float() / 255).repeat_interleave(futures, 0)

    def step(self, state: Tensor, actions: Actions, **way: Any) -> Tensor:
        after = state[:, -1:].clone()
        if not self.deaf:
            for future, (held, dx) in enumerate(zip(actions.buttons[:, 0], actions.axes[:, 0])):
                upper = after[future, :, :, : SIDE // 2]
                after[future, :, :, : SIDE // 2] = upper.roll(int(dx), -1)
                after[future, :, :, SIDE // 2 :] = float(held)
        return torch.cat([state, after], 1)

    def frames(self, state: Tensor, last: int) -> Tensor:
        return state[:, -last:]

    def coded(self, frames: Tensor) -> Tensor:
        return frames[:, CONTEXT:] / 255  # without loss

    def replaces(self, monkeypatch: Any) -> None:
        """Any world model that is loaded foretells like this."""
        for name in ("start", "step", "frames", "coded"):
            method = getattr(self, name)
            monkeypatch.setattr(world.WorldModel, name, lambda _, *words, act=method, **way: act(*words, **way))


def look(_: Any, frames: Tensor) -> Rows:
    """How far the upper half turned, and whether the lower half is white: rows [N, T-1, 2]."""
    x = frames.float().mean(2)  # [N, T, H, W]
    height, times = x.shape[2], x.shape[3] // SIDE
    upper = x[:, :, height // 8 : height // 2 - height // 8].mean(2)
    shifts = torch.arange(-4, 5)
    apart = [(upper[:, :-1].roll(int(k) * times, -1) - upper[:, 1:]).abs().mean(-1) for k in shifts]
    turned = shifts[torch.stack(apart).argmin(0)]
    white = x[:, 1:, height * 3 // 4 :].mean((2, 3)) > 128
    return (torch.stack([turned.float(), white.float()], -1),)


def judge(_: Any, rows: Rows) -> Labels:
    turned, white = rows[0][..., :1], rows[0][..., 1:]
    return Labels(white, white, white, turned, torch.ones_like(turned))
