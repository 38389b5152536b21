"""Who plays: `start` before each episode, then `act` once a step. A policy, chance, or a game's own scripted player."""

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from playtape import envs
from playtape.actions import ActionSpace
from playtape.errors import BadInput
from playtape.play.clock import Clock

PLAYERS = ("scripted", "random", "human")


@dataclass(frozen=True)
class Manner:
    """How a policy plays. Raises BadInput for a temperature out of range."""

    temperature: float = 1.0  # 1 plays as it learned, 0 does the likeliest
    text: str | None = None  # what it is told to do; None is what the game says, if it says anything (`info["text"]`)
    device: str = "auto"  # or cpu, cuda, cuda:N

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 100:
            raise BadInput(f"temperature is {self.temperature}; 0 (the likeliest) to 100 is legal")


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
    module: Any,
    env: Any,
    game: str,
    clock: Clock,
    manner: Manner,
) -> Hands:
    """`scripted`, `random`, `human`, or the folder of a policy's checkpoint. Raises BadInput for what cannot play this game."""
    if player not in PLAYERS:
        from playtape.play.policy import Policy, load  # torch takes seconds, and scripts do without

        return Policy(load(player), env, game, clock, manner)
    if manner.text:
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
