"""A model's hands: the picture at its size, one step of it, its action in the game's terms."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from playtape import envs
from playtape.actions import Actions
from playtape.clips import embed, resize, user_cache
from playtape.errors import BadInput, deaf
from playtape.models.protocols import Player
from playtape.nets.drawing import seeded
from playtape.play.clock import Clock
from playtape.play.hands import PLAYERS, Manner
from playtape.training import checkpoint
from playtape.training.checkpoint import Loaded
from playtape.training.device import seat


def load(folder: str) -> Loaded:
    """Raises BadInput for what is no checkpoint of a policy."""
    if not Path(folder).exists():
        raise BadInput(
            f"unknown player {folder!r}; legal are {', '.join(PLAYERS)}, and the folder of a policy's checkpoint"
        )
    return checkpoint.load(Path(folder), to="play")


class Policy:
    """Plays with a loaded checkpoint. Raises BadInput for one whose actions or rate are not the game's."""

    def __init__(
        self,
        loaded: Loaded,
        env: Any,
        game: str,
        clock: Clock,
        manner: Manner,
    ):
        model = loaded.model
        assert isinstance(model, Player)
        self.model, self.config, self.clock = model, loaded.model.config, clock
        self.space, self.manner = env.actions, manner
        self.licences = loaded.licences  # of the recordings that it learned from
        mine = loaded.space
        here = [*self.space.buttons, *(axis.name for axis in self.space.axes)]
        if unknown := [name for name in (*mine.buttons, *(axis.name for axis in mine.axes)) if name not in here]:
            raise BadInput(
                f"the policy acts with {', '.join(unknown)}, which {game} does not have; it has {', '.join(here)}"
            )
        if abs(self.config.fps / env.hz - 1) > 0.03:
            raise BadInput(
                f"the policy acts {self.config.fps:g} times a second, and {game} has {env.hz:g} steps a second"
            )
        self.buttons = [self.space.buttons.index(name) for name in mine.buttons]
        names = [axis.name for axis in self.space.axes]
        self.axes = [names.index(axis.name) for axis in mine.axes]
        self.limit = env.action_space["axes"].high
        self.device = seat(loaded.model, manner.device)
        self.encoder = loaded.encoder
        if manner.text and self.encoder is None:
            raise deaf(manner.text)
        self.heard, self.vector = "", None

    def start(self, seed: int) -> None:
        self.state = self.model.start(1)
        self.draw = seeded(self.device, seed)

    def act(self, obs: np.ndarray, info: dict[str, Any]) -> dict[str, np.ndarray]:
        frame = resize(obs, (self.config.height, self.config.width_px))[None].to(self.device)
        self.clock.lap("resize")
        text = self._told(info.get("text", "") if self.manner.text is None else self.manner.text)
        self.clock.lap("text")
        actions, self.state = self.model.act(
            self.state, frame, text, temperature=self.manner.temperature, generator=self.draw
        )
        chosen = envs.nothing(self.space)
        chosen["buttons"][self.buttons] = actions.buttons[0].cpu().numpy()
        axes = np.zeros(len(self.limit), np.float32)
        axes[self.axes] = actions.axes[0].cpu().numpy()
        chosen["axes"][:] = np.clip(axes, -self.limit, self.limit)
        self.clock.lap("model")
        return chosen

    def _told(self, text: str) -> torch.Tensor | None:
        """The instruction as a vector [1, E]; made only when it changes."""
        if self.encoder is None:
            return None
        if text != self.heard or self.vector is None:
            found = embed(self.encoder, [text], user_cache()) if text else np.zeros((1, self.encoder.width), np.float32)
            self.heard, self.vector = text, torch.from_numpy(found).to(self.device)
        return self.vector

    def told(self, action: dict[str, np.ndarray]) -> None:
        """Hands did this instead of what `act` said last."""
        buttons = torch.from_numpy(np.asarray(action["buttons"], bool)[None, self.buttons])
        axes = torch.from_numpy(np.asarray(action["axes"], np.float32)[None, self.axes])
        self.state = self.model.told(self.state, Actions(buttons.to(self.device), axes.to(self.device)))
