"""Demonstrations of Atari games as actions: kilobytes, of which the emulator (ale-py) makes the pictures again.

| file | what |
|---|---|
| `GAME.demo` | openai/atari-demo (MIT), whose form later collections keep: a pickle of `actions`, `rewards` and perhaps `lives` |
| `NAME.atari.json` | ours: `{"game": "ALE/Pong-v5", "seed": 7, "frameskip": 4, "sticky": 0.25, "actions": [0, 3, ...]}` |
| `NAME.atari.npz` | the same fields as arrays, without objects |

- Picture t is what action t was answered to, so `actions[t]` is action t; T actions make T + 1 pictures, 60 / frameskip a second.
- An action counts the positions of the joystick that the game knows; with `"actions_of": "full"`, all 18. What is not told is
  that of a .demo: frameskip 1, sticky 0. `seed` is what gymnasium's `reset(seed=)` was given. `rewards`, `lives`, `mode`,
  `difficulty`, `player`, `source` and `licence` may be told as well.
- The joystick is a gamepad's d-pad, its button pad.south.
- Where rewards or lives are told, the emulator must come to the same. Where it does not (another version of it, or time travel in
  what was recorded), what comes after the last reward or lost life that agrees is left out, and told.
- Rewards become spans "reward" of their interval, and a game over a span "end".

The pickle is never unpickled: _plain_pickle.py reads it as data.
"""

from pathlib import Path

import numpy as np
import orjson

from playtape.actions import Actions, ActionSpace
from playtape.errors import BadInput
from playtape.recordings.formats import _atari_game as atari
from playtape.recordings.formats._atari_files import NUMBERS, Demo, read_demo
from playtape.recordings.formats._coded import coded
from playtape.recordings.nouns import Info, Recording, Span

__all__ = ["example", "find", "read"]

ENDINGS = (".demo", ".atari.json", ".atari.npz")
SPACE = ActionSpace(tuple(atari.BUTTONS.values()), ())


def find(root: Path) -> list[Path]:
    """The demonstrations at or below `root`, sorted."""
    root = Path(root)
    if root.is_file():
        return [root]
    return sorted(path for path in root.rglob("*") if path.name.endswith(ENDINGS) and path.is_file())


def read(path: Path) -> Recording:
    """Play a demonstration again. Its video is a temporary file that lives as long as the recording: save with video="copy".

    Raises BadInput for what is no such file, for a game that the emulator cannot play, and where nothing that was earned agrees.
    """
    path = Path(path)
    demo = read_demo(path)
    game = demo.game
    warnings: list[str] = []
    played = atari.Played(game)
    rewards, over = _replayed(path, demo, played, warnings)
    actions = demo.actions[: len(rewards)]
    fps = atari.HZ / game.frameskip
    video = coded(path.stem, atari.pictures(game, actions, rewards), atari.SIZE, fps)
    buttons = np.append(played.held(actions), np.zeros((1, len(SPACE.buttons)), bool), 0)
    events = SPACE.events(Actions(buttons, np.zeros((len(buttons), 0), np.float32)), video.time_ns)
    how = [(name, getattr(game, name)) for name in NUMBERS]
    extra = {name: f"{value}" for name, value in how if value is not None}
    info = Info(
        game=game.name,
        source=demo.told["source"],
        licence=demo.told["licence"],
        screen=atari.SIZE,
        player=demo.told["player"],
        extra={"hz": f"{fps:g}", "emulator": f"ale-py {atari.version()}", **extra},
    )
    return Recording(video, events, _spans(video.time_ns, rewards, over), info, warnings=tuple(warnings))


def _replayed(path: Path, demo: Demo, played: atari.Played, warnings: list[str]) -> tuple[np.ndarray, bool]:
    """float64 [n <= N]: what each action that counts earned; and whether the game was over after the last of them."""
    last = len(played.positions) - 1
    if demo.actions.max() > last or demo.actions.min() < 0:
        raise BadInput(f"{path} has actions from {demo.actions.min()} to {demo.actions.max()}; legal are 0 to {last}")
    rewards, agreed, count = np.zeros(len(demo.actions)), 0, len(demo.actions)
    for t, action in enumerate(demo.actions.tolist()):
        lives = played.lives
        rewards[t] = played.step(action)
        if not demo.agrees(t, rewards[t], lives):
            if not agreed:
                raise BadInput(
                    f"{path} does not fit {demo.game.name}: nothing that it earned agrees before step {t} of {count}"
                )
            warnings.append(
                f"the emulator comes to other rewards or lives from step {t} of {count} on; what is after step "
                f"{agreed - 1}, the last that agrees, was left out"
            )
            return rewards[:agreed], False
        agreed = t + 1 if demo.tells(t) else agreed
        if played.over:
            if t + 1 < count:
                warnings.append(f"the game is over after step {t} of {count}; the rest was left out")
            return rewards[: t + 1], True
    return rewards, False


def _spans(time_ns: np.ndarray, rewards: np.ndarray, over: bool) -> tuple[Span, ...]:
    time = time_ns.tolist()
    found = [Span(time[t], time[t + 1], "reward", f"{rewards[t]:g}") for t in np.flatnonzero(rewards)]
    found = found or [Span(0, time[-1], "reward", "0")]  # told, and nothing was earned
    return tuple(sorted([*found, Span(time[-2], time[-1], "end", "")] if over else found))


def example(tmp: Path) -> Path:
    """Two seconds of Breakout and of Boxing, as actions."""
    tmp = Path(tmp)
    tmp.mkdir(parents=True, exist_ok=True)
    breakout = {"game": "ALE/Breakout-v5", "seed": 3, "frameskip": 4, "sticky": 0.25, "licence": "Apache-2.0"}
    actions = [0, 1, 1, *[2] * 8, *[3] * 10, *[0, 1] * 4]  # noop, fire, right, left
    (tmp / "breakout.atari.json").write_bytes(orjson.dumps(breakout | {"actions": actions}))
    actions = np.repeat([0, 2, 11, 3, 1, 4], 5)
    np.savez(tmp / "boxing.atari.npz", game="Boxing", frameskip=4, actions_of="full", actions=actions)
    return tmp
