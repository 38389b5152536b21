"""A world model's checkpoint as a game: what `envs.find_env` gives for a game's name, this gives for a folder."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playtape import envs
from playtape.errors import BadInput

if TYPE_CHECKING:
    from playtape.imagine.env import ImaginedEnv


@dataclass(frozen=True)
class Inside:
    """How a world is played in. Of a game that is none, nothing of this is legal."""

    passes: int = 0  # of a frame, for a model that has learned the fast way; 0 is exact
    temperature: float = 1.0
    starts: Path | None = None  # recordings to begin from, instead of the moments that the checkpoint holds


@dataclass(frozen=True)
class Dream:
    """A game's module, of a checkpoint. It has no scripted player: a script knows what is behind the picture."""

    run: Path
    inside: Inside = field(default_factory=Inside)
    seed: int = 0
    device: str = "auto"

    def make(self, scenario: str | None = None) -> "ImaginedEnv":
        """Raises BadInput for what is no world model."""
        from playtape.imagine.env import ImaginedEnv, open_world  # torch takes seconds, and games do without
        from playtape.imagine.futures import Way

        world = open_world(self.run, starts=self.inside.starts, seed=self.seed, device=self.device)
        return ImaginedEnv(world, Way(self.inside.passes, self.inside.temperature))

    @property
    def name(self) -> str:
        """What recordings say was played."""
        return f"world {self.run.resolve().name}"


def is_world(game: str) -> bool:
    """Is it a folder, and no game of ours?"""
    return game.partition(":")[0] not in envs.env_names() and Path(game).is_dir()


def find_game(game: str, inside: Inside | None = None, seed: int = 0, device: str = "auto") -> tuple[Any, str, str]:
    """The module of "doom", "doom:SCENARIO" or a world's folder; its name; and the scenario, or "".

    Raises BadInput for what is neither.
    """
    if is_world(game):
        dream = Dream(Path(game), inside or Inside(), seed, device)
        return dream, dream.name, ""
    name, _, scenario = game.partition(":")
    if scenario and is_world(name):
        raise BadInput(f"{name} is a world, which has no scenario {scenario!r}; legal is {name}")
    if "/" in name:
        raise BadInput(f"there is no world {name}; give the folder of a world model's checkpoint, or a game's name")
    if inside not in (None, Inside()):
        raise BadInput(f"{name} is no world model, so it has no --mode and no --starts")
    return envs.find_env(name), name, scenario
