"""A fixed number of players side by side at one model; those whose turn it is are asked in one call.

Knows no socket and no clock. Shapes: `N` turns, `B` buttons, `A` axes, `E` text width.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from playtape.actions import Actions
from playtape.clips import resize
from playtape.nets.drawing import seeded
from playtape.serve.guests import Turn
from playtape.training.checkpoint import Loaded
from playtape.training.device import seat


class Seats:
    """Used by one thread. Draws come from one generator, so that a guest's depend on who else is there."""

    def __init__(self, loaded: Loaded, count: int, seed: int = 0, device: str = "auto"):
        model: Any = loaded.model
        self.model, self.config, self.device = model, model.config, seat(model, device)
        self.state = self.model.start(count)
        self.draw = seeded(self.device, seed)

    def act(self, turns: Sequence[Turn]) -> tuple[np.ndarray, np.ndarray]:
        """At least one turn, each of another seat, to what to do: buttons bool [N, B] and axes float32 [N, A]."""
        if fresh := [turn.guest.seat for turn in turns if turn.fresh]:
            self.state = self.state.fresh(fresh)
        for turn in turns:
            self._tell(turn)
        seats = [turn.guest.seat for turn in turns]
        actions, part = self.model.act(
            self.state.rows(seats),
            self._frames(turns),
            self._texts(turns),
            temperature=torch.tensor([turn.temperature for turn in turns], device=self.device),
            generator=self.draw,
        )
        self.state = self.state.put(seats, part)
        return actions.buttons.cpu().numpy(), actions.axes.cpu().numpy()

    def _tell(self, turn: Turn) -> None:
        if turn.did is not None:
            buttons, axes = (torch.from_numpy(row[None]).to(self.device) for row in (turn.did.buttons, turn.did.axes))
            seat = [turn.guest.seat]
            self.state = self.state.put(seat, self.model.told(self.state.rows(seat), Actions(buttons, axes)))

    def _frames(self, turns: Sequence[Turn]) -> torch.Tensor:
        size = (self.config.height, self.config.width_px)
        # A copy, because what came over the network may not be written to, which torch wants to be able to.
        return torch.stack([resize(np.array(turn.frame.picture), size) for turn in turns]).to(self.device)

    def _texts(self, turns: Sequence[Turn]) -> torch.Tensor | None:
        """[N, E], zeros where nothing is said; None if nobody says anything."""
        said = [turn.text for turn in turns]
        width = next((len(text) for text in said if text is not None), 0)
        if not width:
            return None
        rows = [np.zeros(width, np.float32) if text is None else text for text in said]
        return torch.from_numpy(np.stack(rows)).to(self.device)
