"""The files that an Atari demonstration may come in -> what was played and what was done. Plays nothing."""

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from playtape.errors import BadInput, first_line, within
from playtape.recordings.formats import _atari_game as atari
from playtape.recordings.formats._plain_pickle import read_pickle

MOST_BYTES = 64 << 20
MOST_FRAMES = 2 * 24 * 3600 * atari.HZ  # two days
TEXTS = ("game", "actions_of", "player", "source", "licence")
NUMBERS = ("seed", "frameskip", "sticky", "mode", "difficulty")
LISTS = ("actions", "rewards", "lives")
SOURCE = "https://github.com/openai/atari-demo"


@dataclass(frozen=True)
class Demo:
    """N actions, and what is known of how they went."""

    game: atari.Game
    actions: np.ndarray  # int64 [N]
    rewards: np.ndarray | None  # float64 [N], what each earned
    lives: np.ndarray | None  # int64 [N], before each
    told: Mapping[str, str]

    def agrees(self, t: int, reward: float, lives: int) -> bool:
        """Is that what step t earned, with so many lives before it? (What is not told agrees with all.)"""
        same = self.rewards is None or self.rewards[t] == reward
        return bool(same and (self.lives is None or self.lives[t] == lives))

    def tells(self, t: int) -> bool:
        """Does anything happen at step t by which one could see that the game is the same?"""
        earned = self.rewards is not None and self.rewards[t] != 0
        return bool(earned or (self.lives is not None and t > 0 and self.lives[t] != self.lives[t - 1]))


def read_demo(path: Path) -> Demo:
    """The file, whatever its form. Raises BadInput for what is missing, unknown, or of another kind."""
    if path.name.endswith(".npz"):
        fields = _arrays(path)
    elif path.name.endswith(".json"):
        fields = _parsed(path)
    else:
        found = read_pickle(path)
        if not isinstance(found, dict) or "actions" not in found:
            raise BadInput(
                f"{path} holds no demonstration; legal is a dictionary with actions, as of openai/atari-demo"
            )
        fields = {name: found[name] for name in LISTS if name in found}
        fields |= {"game": re.split(r"[^A-Za-z]", path.stem)[0], "source": SOURCE, "licence": "MIT"}
    unknown = sorted(set(fields) - {*TEXTS, *NUMBERS, *LISTS})
    if unknown or not {"game", "actions"} <= fields.keys():
        wrong = f"an unknown field {unknown[0][:60]!r}" if unknown else "no game or no actions"
        raise BadInput(f"{path} has {wrong}; legal are {', '.join((*TEXTS, *NUMBERS, *LISTS))}")
    texts = {name: fields.get(name, "") for name in TEXTS}
    if not all(isinstance(text, str) for text in texts.values()) or texts["actions_of"] not in ("", "minimal", "full"):
        raise BadInput(f"{path} has {', '.join(TEXTS)} that are not texts; actions_of is minimal or full")
    actions = _column(path, "actions", fields["actions"])
    game = _game(path, texts, fields)
    if len(actions) * game.frameskip > MOST_FRAMES:
        raise BadInput(f"{path} has {len(actions)} actions of {game.frameskip} frames; legal are {MOST_FRAMES} frames")
    return Demo(
        game=game,
        actions=actions,
        rewards=_beside(path, "rewards", fields, len(actions), ahead=True),
        lives=_beside(path, "lives", fields, len(actions), ahead=False),
        told={name: texts[name] or "not told" for name in ("source", "licence")} | {"player": texts["player"]},
    )


def _game(path: Path, texts: Mapping[str, str], fields: Mapping[str, Any]) -> atari.Game:
    numbers = {name: fields[name] for name in NUMBERS if fields.get(name) is not None}
    for name, value in numbers.items():
        most = {"frameskip": 60, "sticky": 1}.get(name, 2**31 - 1)
        within(f"{name} in {path}", value, 1 if name == "frameskip" else 0, most, whole=name != "sticky")
    return atari.Game(atari.find_rom(texts["game"]), full=texts["actions_of"] == "full", **numbers)


def _beside(path: Path, name: str, fields: Mapping[str, Any], count: int, *, ahead: bool) -> np.ndarray | None:
    """A column beside the actions; of one number more, the first of rewards (`ahead`) or the last of lives is of no action."""
    if fields.get(name) is None:
        return None
    found = _column(path, name, fields[name])
    if len(found) not in (count, count + 1):
        raise BadInput(f"{path} has {len(found)} {name} for {count} actions; legal are as many, or one more")
    return found if len(found) == count else found[1:] if ahead else found[:-1]


def _column(path: Path, name: str, found: Any) -> np.ndarray:
    """int64 [N], or float64 [N] of rewards."""
    nested = isinstance(found, list | tuple) and any(isinstance(each, list | tuple) for each in found)
    try:  # 200 bytes of a pickle can hold lists in lists that numpy would lay out as 2 ** 60 numbers
        column = np.empty(0, object) if nested else np.asarray(found)
    except (ValueError, TypeError, OverflowError):
        column = np.empty(0, object)
    kinds = "iuf" if name == "rewards" else "iu"
    if column.ndim != 1 or column.dtype.kind not in kinds or not np.isfinite(column).all() or not len(column):
        raise BadInput(f"{name} in {path} must be {'' if name == 'rewards' else 'whole '}numbers, one for each step")
    return column.astype(np.float64 if name == "rewards" else np.int64)


def _parsed(path: Path) -> dict[str, Any]:
    _check_size(path)
    try:
        found = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise BadInput(f"{path} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise BadInput(f'{path} is no demonstration; legal is such as {{"game": "pong", "actions": [0, 2]}}')
    return found


def _arrays(path: Path) -> dict[str, Any]:
    _check_size(path)
    try:
        with zipfile.ZipFile(path) as packed, np.load(path, allow_pickle=False) as arrays:
            if sum(file.file_size for file in packed.infolist()) > 4 * MOST_BYTES:
                raise BadInput(f"{path} unpacks to more than {4 * MOST_BYTES >> 20} MiB; a demonstration is smaller")
            found = {name: arrays[name] for name in arrays.files}
    except BadInput:
        raise
    except Exception as error:  # damaged in any of the ways that zip and npy have, or with objects in it
        raise BadInput(f"{path} is not a readable .npz file of arrays: {first_line(error)}") from error
    return {name: value.item() if value.ndim == 0 else value for name, value in found.items()}


def _check_size(path: Path) -> None:
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise BadInput(f"{path} has {size >> 20} MiB; a demonstration has at most {MOST_BYTES >> 20}")
