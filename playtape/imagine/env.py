"""A world model as a game: gymnasium's interface, pictures that were imagined, and nothing behind them.

Knows no rules: what a button does is what the model believes it does. The first picture of an episode is a true one; what
follows from it is drawn, by a seed. How long a line of tokens is does not show: the model goes on from its own last frames.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from playtape.actions import Actions, ActionSpace
from playtape.clips import Clips, pixels
from playtape.envs import gym_space
from playtape.errors import BadInput
from playtape.imagine.futures import Way, able, generator
from playtape.models.protocols import Simulator
from playtape.recordings import find_recordings, open_recording
from playtape.training import checkpoint
from playtape.training.checkpoint import Loaded
from playtape.training.device import seat
from playtape.training.starts import Starts, draw_starts, read_starts

PUBLISHED = Way()
ENDS = 0.5  # chance of an end above which an episode ends


@dataclass(frozen=True, eq=False)
class World:
    """A loaded world model and the moments that it can be entered at. Environments may share one."""

    name: str
    model: Simulator
    space: ActionSpace
    fps: float
    starts: Starts
    told: bool = True  # what is done; else it shows what it expects to be done
    hash: str = ""  # the weights' SHA-256
    device: str = "cpu"
    licences: tuple[str, ...] = ()  # of the recordings that it learned from
    ends: tuple[np.ndarray, np.ndarray] | None = None  # float32 [A] each: beyond them axes are cut off


def open_world(run: Path, *, starts: Path | None = None, seed: int = 0, device: str = "auto") -> World:
    """A checkpoint as a world. `starts`: recordings to begin from, drawn by the seed, instead of the moments that it holds.

    Raises BadInput for what is no world model, and for one that holds no moments where no recordings are given.
    """
    loaded = checkpoint.load(run, to="foretell")
    config = loaded.model.config
    size = config.height, config.width_px
    bodies = max(1, len(getattr(config, "embodiments", ())))
    found = (
        read_starts(run, config.tokenizer.context, size, bodies) if starts is None else _recorded(loaded, starts, seed)
    )
    if found is None:
        raise BadInput(f"{run} holds no moments to begin from; give recordings of its game with --starts DATA")
    place = seat(loaded.model, device)
    model: Any = loaded.model
    told = getattr(config, "acts", True)
    name, licences = run.resolve().name, tuple(loaded.licences)
    low, high = (each.cpu().numpy() for each in model.ends)
    return World(name, model, loaded.space, loaded.hz, found, told, loaded.hash, place, licences, (low, high))


def axis_ends(world: World) -> tuple[list[float], list[float]]:
    """The least and the most of each axis that is worth telling a world: beyond lies what it has never seen done."""
    box = gym_space(world.space)["axes"]
    assert isinstance(box, spaces.Box)
    low, high = world.ends or (box.low, box.high)
    return np.maximum(box.low, low).tolist(), np.minimum(box.high, high).tolist()


def _recorded(loaded: Loaded, data: Path, seed: int) -> Starts:
    model: Any = loaded.model
    recordings = [open_recording(path) for path in find_recordings(data)]
    done = {name for recording in recordings for name in recording.events.counts()}
    if strange := loaded.strange(done) if model.config.acts else []:
        print(
            f"in {data} {', '.join(strange)} is done, which the world does not know: is it its game?", file=sys.stderr
        )
    stored = [loaded.stored(recording) for recording in recordings]
    return draw_starts(model, Clips(stored, [1.0] * len(stored), loaded.space, model.config.clip, 1, seed))


class ImaginedEnv(gymnasium.Env[np.ndarray, Mapping[str, Any]]):
    """One dream at a time. `way` may be changed between two steps.

    The reward is what the model foretells, and an episode ends where it says so; 0 and never for a model that does neither.
    Raises BadInput for a way that the model has not learned.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012  # gymnasium's own form

    def __init__(self, world: World, way: Way = PUBLISHED, *, render_mode: str | None = "rgb_array"):
        self.world, self.render_mode = world, render_mode
        self.actions, self.hz = world.space, world.fps
        self.metadata = {**self.metadata, "render_fps": self.hz}
        self.source = f"imagined by {world.name}"
        low, high = (np.array(end, np.float32) for end in axis_ends(world))
        self.action_space = spaces.Dict(
            {"buttons": gym_space(world.space)["buttons"], "axes": spaces.Box(low, high, dtype=np.float32)}
        )
        self.observation_space = spaces.Box(0, 255, (*world.starts.frames.shape[-2:], 3), np.uint8)
        self.way = way
        self._state: Any = None  # until the first reset
        self._picture = np.zeros(self.observation_space.shape, np.uint8)

    @property
    def way(self) -> Way:
        """How the next frames are drawn. Its seed is not used: `reset` has one."""
        return self._way

    @way.setter
    def way(self, way: Way) -> None:
        self._way = able(self.world.model, way, self.world.name)

    @property
    def licences(self) -> tuple[str, ...]:
        """Of the recordings that the world learned from."""
        return self.world.licences

    @property
    def facts(self) -> dict[str, str]:
        """What a recording made in here says of itself."""
        how = f"fast {self.way.passes}" if self.way.passes else "exact"
        return {"imagined": self.world.hash or "yes", "mode": how, "temperature": f"{self.way.temperature:g}"}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        number = int(self.np_random.integers(len(self.world.starts)))
        self._draw = generator(self.world.device, int(self.np_random.integers(2**63)))
        starts, device = self.world.starts, self.world.device
        context, body = starts.frames[number].to(device), starts.embodiment[number : number + 1].to(device)
        self._state = self.world.model.start(context[None], 1, body)
        self._show(context[-1])
        return self._picture.copy(), {"start": number}

    def step(self, action: Mapping[str, Any]) -> tuple[np.ndarray, SupportsFloat, bool, bool, dict[str, Any]]:
        if self._state is None:
            raise BadInput("reset the world before the first step")
        device = self.world.device
        buttons = torch.as_tensor(np.asarray(action["buttons"]).astype(bool), device=device)[None]
        axes = torch.as_tensor(np.asarray(action["axes"], np.float32), device=device)[None]
        way = self.way
        how = {"passes": way.passes, "temperature": way.temperature, "top": way.top}
        self._state = self.world.model.step(self._state, Actions(buttons, axes), **how, generator=self._draw)
        self._show(pixels(self.world.model.frames(self._state, 1)[0, 0]))
        if not self.world.model.earns:
            return self._picture.copy(), 0.0, False, False, {}
        reward, chance = (float(told[0]) for told in self.world.model.outcome(self._state))
        return self._picture.copy(), reward, chance > ENDS, False, {"end_chance": chance}

    def render(self) -> np.ndarray:
        return self._picture.copy()

    def _show(self, frame: Tensor) -> None:
        """uint8 [3, H, W] to the picture [H, W, 3]."""
        self._picture = frame.permute(1, 2, 0).contiguous().cpu().numpy()
