"""A player plays a game, and what it sees and does can be recorded: frame t, then the action from it on, then frame t + 1.

Scripted and random players run as fast as the game does unless `hz` is given. Recordings are streamed: memory does not grow
with the episode. Whatever ends an episode (its end, an error, Ctrl-C, a termination signal), all buttons are let go, the
recording is closed, and the game's process is ended.
"""

import contextlib
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from tqdm import tqdm

from playtape import envs
from playtape.actions import ActionSpace
from playtape.errors import BadInput
from playtape.recordings import Info, RecordingWriter, Span

PLAYERS = ("scripted", "random")


class Hands(Protocol):
    """What plays: `start` before each episode, then `act` once a step."""

    def start(self, seed: int) -> None: ...

    def act(self, obs: np.ndarray, info: dict[str, Any]) -> dict[str, np.ndarray]: ...


def play(
    player: str,
    game: str,
    *,
    episodes: int = 1,
    seed: int = 0,
    record: str | Path | None = None,
    hz: float | None = None,
    max_steps: int | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Play `episodes` of `game` ("doom", or "doom:SCENARIO"), the first with `seed`, each further one with 1 more.

    `record`: a folder; each episode becomes a recording in it. `hz`: steps a second at most, else as fast as it goes.
    `max_steps` ends an episode early. Gives {"outputs": [paths], "episodes", "steps": of all, "return": mean of an
    episode, "seconds"}. Raises BadInput for an unknown player, game or scenario, and for numbers out of range.
    """
    name, _, scenario = game.partition(":")
    _check(player, episodes, seed, hz, max_steps)
    if record is not None and Path(record).exists() and not Path(record).is_dir():
        raise BadInput(f"cannot record into {record}: it is a file; give a folder")
    module = envs.find_env(name)
    with contextlib.closing(module.make(scenario or None)) as env:
        hands = _hands(player, module, env, name)
        names, seeds = (player, game), range(seed, seed + episodes)
        return play_episodes(env, hands, names, seeds, record, hz=hz, max_steps=max_steps, progress=progress)


def play_episodes(
    env: Any,
    hands: Hands,
    names: tuple[str, str],
    seeds: range,
    record: str | Path | None = None,
    *,
    hz: float | None = None,
    max_steps: int | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """`play` with an environment and a player of one's own; `names` are theirs, as the recordings tell them."""
    player, game = names
    start = time.monotonic()
    outputs: list[str] = []
    steps, rewards = 0, 0.0
    with _Stop() as stop, tqdm(desc=f"play {game}", unit="step", disable=not progress) as bar:
        for number in seeds:
            tape = _Tape(env, record, player, game, number)
            with tape:
                count, reward = _episode(env, hands, number, tape, bar, stop, hz, max_steps)
            steps, rewards = steps + count, rewards + reward
            outputs += [str(tape.path)] if tape.path is not None else []
    seconds = time.monotonic() - start
    return {
        "outputs": outputs,
        "episodes": len(seeds),
        "steps": steps,
        "return": rewards / len(seeds),
        "seconds": seconds,
    }


def _check(player: str, episodes: int, seed: int, hz: float | None, max_steps: int | None) -> None:
    if player not in PLAYERS:
        raise BadInput(f"unknown player {player!r}; legal are {' and '.join(PLAYERS)}")
    if episodes < 1 or seed < 0:
        raise BadInput(f"{episodes} episodes from seed {seed} cannot be played; at least 1 from seed 0 are legal")
    if hz is not None and not 0 < hz <= 1000:
        raise BadInput(f"hz is {hz}; above 0 and up to 1000 is legal")
    if max_steps is not None and max_steps < 1:
        raise BadInput(f"max_steps is {max_steps}; at least 1 is legal")


def _hands(player: str, module: ModuleType, env: Any, name: str) -> Hands:
    if player == "random":
        return _Random(env.actions)
    if not hasattr(module, "ScriptedPlayer"):
        raise BadInput(f"the game {name!r} has no scripted player; legal is random")
    return module.ScriptedPlayer(env)


def _episode(
    env: Any, hands: Hands, seed: int, tape: "_Tape", bar: Any, stop: "_Stop", hz: float | None, max_steps: int | None
) -> tuple[int, float]:
    """One episode from its first picture to its last: (steps, sum of rewards)."""
    obs, info = env.reset(seed=seed)
    hands.start(seed)
    tape.begin(obs, info)
    count, rewards, due = 0, 0.0, time.monotonic()
    while max_steps is None or count < max_steps:
        stop.check()
        action = hands.act(obs, info)
        obs, reward, ended, cut, info = env.step(action)
        count, rewards = count + 1, rewards + float(reward)
        bar.update()
        if info.get("picture", True):  # the step that ends a game may have no picture; its action leads nowhere
            tape.add(action, obs)
        if ended or cut:
            break
        if hz is not None:
            due = max(due + 1 / hz, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
    return count, rewards


@dataclass
class _Random:
    """Presses what comes: the player to beat."""

    space: ActionSpace
    rng: np.random.Generator = field(default_factory=np.random.default_rng)

    def start(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def act(self, obs: np.ndarray, info: dict[str, Any]) -> dict[str, np.ndarray]:
        return dict(envs.random_action(self.space, self.rng))


class _Tape:
    """Writes one episode, one interval late: a release is known only when the next action is. Does nothing without a folder.

    Events stand where `ActionSpace.events` puts them: presses at 1/4 of an interval, releases and motion at 3/4.
    """

    def __init__(self, env: Any, folder: str | Path | None, player: str, game: str, seed: int):
        self.env, self.player, self.game, self.seed = env, player, game, seed
        self.target = None if folder is None else Path(folder) / f"{_file_name(player, game, seed)}.mcap"
        self.path: Path | None = None
        self._writer: RecordingWriter | None = None
        self._before = envs.nothing(env.actions)
        self._waiting: tuple[dict[str, np.ndarray], np.ndarray] | None = None
        self._time = 0

    def __enter__(self) -> "_Tape":
        return self

    def begin(self, obs: np.ndarray, info: dict[str, Any]) -> None:
        """Open the recording with the episode's first picture."""
        if self.target is None:
            return
        name, _, scenario = self.game.partition(":")
        extra = {"seed": str(self.seed), "hz": f"{self.env.hz:g}"}
        extra |= {key: str(value) for key, value in (("scenario", scenario), ("map", info.get("map"))) if value}
        about = Info(
            game=name,
            source=getattr(self.env, "source", ""),
            licence=getattr(self.env, "licence", ""),
            screen=(obs.shape[1], obs.shape[0]),
            mouse_scale=getattr(self.env, "mouse_scale", None),
            split="train",
            player=self.player,
            extra=extra,
        )
        self._writer = RecordingWriter(self.target, fps=self.env.hz, info=about).__enter__()
        self._time = self._writer.frame(obs)

    def add(self, action: dict[str, np.ndarray], obs: np.ndarray) -> None:
        """The action from the last picture on, and the picture after it."""
        if self._writer is not None:
            self._write(action)
            self._waiting = action, obs

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        writer = self._writer
        if writer is None:
            return
        if isinstance(error, BadInput) and isinstance(
            error.__cause__, OSError
        ):  # the disk is full: what is there stays
            writer.__exit__(kind, error, trace)
            return
        with contextlib.ExitStack() as stack:
            stack.push(writer)
            self._write(envs.nothing(self.env.actions))
            writer.span(Span(0, self._stamp(writer.frames), "control", self.player))
        self.path = self.target

    def _stamp(self, frame: int) -> int:
        return -int(-frame * 10**9 // int(self.env.hz))

    def _write(self, following: dict[str, np.ndarray]) -> None:
        """Write the waiting interval's events and the picture at its end."""
        if self._waiting is None or self._writer is None:
            return
        action, obs = self._waiting
        self._waiting = None
        space, start = self.env.actions, self._time
        length = self._stamp(self._writer.frames) - start
        early, late = start + length // 4, start + length // 4 * 3 + length % 4 * 3 // 4
        now, was, will = (np.asarray(a["buttons"], bool) for a in (action, self._before, following))
        for k in np.flatnonzero(now & ~was):
            self._writer.event(early, space.buttons[k], 1.0)
        for k in np.flatnonzero(now & ~will):
            self._writer.event(late, space.buttons[k], 0.0)
        for k in np.flatnonzero(action["axes"]):
            self._writer.event(late, space.axes[k].name, float(action["axes"][k]))
        self._before = action
        self._time = self._writer.frame(obs)


def _file_name(player: str, game: str, seed: int) -> str:
    name = "_".join((*game.replace("/", "_").split(":"), player, f"seed{seed}"))
    return "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in name)


class _Stop:
    """Ctrl-C and the termination signal, heeded between two steps: in the middle of one, a recording could lose its order.

    A second signal is heeded at once. In a thread that is not the main one, signals are left as they are.
    """

    def __init__(self) -> None:
        self.number = 0

    def __enter__(self) -> "_Stop":
        main = threading.current_thread() is threading.main_thread()
        numbers = (signal.SIGINT, signal.SIGTERM) if main else ()
        self._before = {number: signal.signal(number, self._heed) for number in numbers}
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        if self.number and not isinstance(error, KeyboardInterrupt | SystemExit):
            self.check()  # the game, which had the signal too, fell over first

    def _heed(self, number: int, frame: Any) -> None:
        again, self.number = self.number, number
        if again:
            self.check()

    def check(self) -> None:
        """End here if a signal came."""
        if self.number == signal.SIGINT:
            raise KeyboardInterrupt
        if self.number:
            raise SystemExit(128 + self.number)
