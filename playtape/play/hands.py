"""Who plays: `start` before each episode, then `act` once a step. A policy, chance, or a game's own scripted player."""

from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Protocol, runtime_checkable

import numpy as np

from playtape import envs
from playtape.actions import ActionSpace
from playtape.errors import BadInput
from playtape.play.clock import Clock

PLAYERS = ("scripted", "random", "human")


class Hands(Protocol):
    """What plays. An action is {"buttons": int8 [B], "axes": float32 [A]} of the game's action space."""

    def start(self, seed: int) -> None: ...

    def act(self, obs: np.ndarray, info: dict[str, Any]) -> dict[str, np.ndarray]: ...


@runtime_checkable
class Taught(Hands, Protocol):
    """Hands that can be told that others did something else than they said last."""

    def told(self, action: dict[str, np.ndarray]) -> None: ...


def hands(
    player: str,
    module: ModuleType,
    env: Any,
    game: str,
    clock: Clock,
    *,
    temperature: float = 1.0,
    text: str | None = None,
    device: str = "auto",
) -> Hands:
    """`scripted`, `random`, `human`, or the folder of a policy's checkpoint. Raises BadInput for what cannot play this game."""
    if player not in PLAYERS:
        from playtape.play.policy import Policy, load  # torch takes seconds, and scripts do without

        return Policy(load(player), env, game, clock, temperature, text, device)
    if text:
        raise BadInput(f"the {player} player does not read; --text is for a policy that learned with texts")
    if player == "random":
        return Chance(env.actions)
    if player == "human":
        from playtape.envs._window import HumanPlayer  # needs pygame

        return HumanPlayer(env, hz=clock.hz)
    if not hasattr(module, "ScriptedPlayer"):
        raise BadInput(f"the game {game!r} has no scripted player; legal are random and a policy's checkpoint")
    return module.ScriptedPlayer(env)


@dataclass
class Chance:
    """Presses what comes: the player to beat."""

    space: ActionSpace
    rng: np.random.Generator = field(default_factory=np.random.default_rng)

    def start(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def act(self, obs: np.ndarray, info: dict[str, Any]) -> dict[str, np.ndarray]:
        return dict(envs.random_action(self.space, self.rng))
