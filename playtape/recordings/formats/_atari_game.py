"""Atari's emulator (ale-py, its games in the wheel): actions -> rewards, lives and pictures, always the same ones."""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from playtape.errors import BadInput, need

HZ = 60
SIZE = (160, 210)  # width, height
BUTTONS = {
    "UP": "pad.dpad_up",
    "DOWN": "pad.dpad_down",
    "LEFT": "pad.dpad_left",
    "RIGHT": "pad.dpad_right",
    "FIRE": "pad.south",
}


@dataclass(frozen=True)
class Game:
    """A game, and how it was played: what its emulator must be told to play the same again."""

    name: str  # as its ROM is called, "montezuma_revenge"
    seed: int = 0  # what gymnasium's `reset` was given; means nothing where nothing is drawn by chance
    frameskip: int = 1  # frames an action
    sticky: float = 0.0  # chance that a frame repeats the last action
    full: bool = False  # actions count all 18 positions of the joystick, not those alone that the game knows
    mode: int | None = None
    difficulty: int | None = None


class Played:
    """A game in progress. Each one is played from its start."""

    def __init__(self, game: Game):
        self.game = game
        self.ale = _emulator(game)
        self.positions = self.ale.getLegalActionSet() if game.full else self.ale.getMinimalActionSet()
        self.ale.reset_game()

    def step(self, action: int) -> float:
        """What an action earned, over all its frames."""
        return float(sum(self.ale.act(self.positions[action]) for _ in range(self.game.frameskip)))

    @property
    def lives(self) -> int:
        return self.ale.lives()

    @property
    def over(self) -> bool:
        return self.ale.game_over(with_truncation=False)

    def held(self, actions: np.ndarray) -> np.ndarray:
        """int [T] -> bool [T, 5]: which of BUTTONS each of them holds."""
        table = np.array([[part in position.name for part in BUTTONS] for position in self.positions])
        return table[actions]


def pictures(game: Game, actions: np.ndarray, rewards: np.ndarray) -> Iterator[np.ndarray]:
    """uint8 [210, 160, 3], one more than actions. Raises BadInput if it earns anything but `rewards`, as it did before."""
    played = Played(game)
    yield played.ale.getScreenRGB()
    for t, action in enumerate(actions):
        if played.step(int(action)) != rewards[t]:
            raise BadInput(f"{game.name} does not play the same twice: step {t} earned {rewards[t]:g} the first time")
        yield played.ale.getScreenRGB()


def find_rom(said: str) -> str:
    """What the ROM of a game is called: of "MontezumaRevenge", "ALE/Pong-v5", "PongNoFrameskip-v4". Raises BadInput."""
    from difflib import get_close_matches

    roms = {rom.replace("_", ""): rom for rom in _roms()}
    short = re.sub(r"[^a-z0-9]", "", re.sub(r"(NoFrameskip|Deterministic)?(-v\d+)?$", "", said.split("/")[-1]).lower())
    if short in roms:
        return roms[short]
    near = get_close_matches(short, roms, n=3, cutoff=0.5)
    known = f"did you mean {' or '.join(roms[name] for name in near)}?" if near else "legal are such as pong"
    raise BadInput(f"the emulator has no game {said[:60]!r}; {known}")


def version() -> str:
    return str(need("ale_py", "atari").__version__)


def _roms() -> list[str]:
    return list(need("ale_py.roms", "atari").get_all_rom_ids())


def _emulator(game: Game) -> Any:
    """An emulator with the game in it, set up as gymnasium's environments of it are."""
    ale_py, roms = need("ale_py", "atari"), need("ale_py.roms", "atari")
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    with warnings.catch_warnings(action="ignore"):
        rom = roms.get_rom_path(game.name)
    if rom is None or ale_py.ALEInterface.isSupportedROM(rom) is None:  # it would end the process
        raise BadInput(f"the emulator cannot play {game.name!r}; legal are games for one player, such as pong")
    ale = ale_py.ALEInterface()
    ale.setFloat("repeat_action_probability", game.sticky)
    ale.setInt("random_seed", np.random.SeedSequence(game.seed).generate_state(2)[1].astype(np.int32))
    ale.loadROM(rom)
    for what, asked, legal, put in (
        ("mode", game.mode, ale.getAvailableModes(), ale.setMode),
        ("difficulty", game.difficulty, ale.getAvailableDifficulties(), ale.setDifficulty),
    ):
        if asked is not None and asked not in legal:
            raise BadInput(f"{game.name} has no {what} {asked}; legal are {', '.join(map(str, legal))}")
        if asked is not None:
            put(asked)
    return ale
