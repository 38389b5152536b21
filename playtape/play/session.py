"""A player plays a game, and what it sees and does can be recorded: frame t, then the action from it on, then frame t + 1.

Scripted and random players run as fast as the game does unless `hz` is given. Recordings are streamed: memory does not grow
with the episode. Whatever ends an episode (its end, an error, Ctrl-C, a termination signal), all buttons are let go, the
recording is closed, and the game's process is ended.
"""

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from playtape.errors import BadInput
from playtape.play.clock import Clock, Stop
from playtape.play.corrected import Corrected
from playtape.play.hands import PLAYERS, Hands, Manner, Taught, hands
from playtape.play.tape import Tape, check_free
from playtape.play.watch import Watched
from playtape.play.worlds import Inside, find_game
from playtape.recordings.atomic import check_folder


def play(
    player: str,
    game: str,
    *,
    episodes: int = 1,
    seed: int = 0,
    record: str | Path | None = None,
    hz: float | None = None,
    max_steps: int | None = None,
    manner: Manner | None = None,
    inside: Inside | None = None,
    window: bool = False,
    corrections: bool = False,
    progress: bool = True,
) -> dict[str, Any]:
    """Play `episodes` of `game` ("doom", "doom:SCENARIO", or the folder of a world model's checkpoint, which is played in as
    `inside` says), the first with `seed`, each further one with 1 more.

    `player`: scripted, random, human (in a window), or the folder of a policy's checkpoint. `record`: a folder; each episode
    becomes a recording in it. `hz`: steps a second at most, else as fast as it goes. `max_steps` ends an episode early. Of a
    policy: `manner` is how it plays, `window` shows it, for a person who may take over, and with `corrections` the game's
    script does so now and then. Gives what `play_episodes` does. Raises BadInput for an unknown player, game or scenario, and
    for numbers out of range.
    """
    _check(episodes, seed, hz, max_steps)
    if record is not None:
        check_folder(Path(record), "record")
    manner, clock = manner or Manner(), Clock(hz)
    module, name, scenario = find_game(game, inside, seed, manner.device)
    with contextlib.closing(module.make(scenario or None)) as env:
        who = hands(player, module, env, name, clock, manner)
        licences = getattr(who, "licences", ())
        label = player if player in PLAYERS else f"policy {Path(player).resolve().name}"
        if isinstance(who, Taught) and (window or hz is not None):  # a game that waits for its player needs no watch
            who = Watched(who, env.actions, clock)
        if corrections:
            who = _corrected(who, label, module, env, window)
        if window and player != "human":
            who = _shared(who, label, env, hz)
        if window or player == "human":  # which keep the beat themselves
            clock.period = None
        names, seeds = (label, f"{name}:{scenario}" if scenario else name), range(seed, seed + episodes)
        return play_episodes(
            env,
            who,
            names,
            seeds,
            record,
            clock=clock,
            max_steps=max_steps,
            licences=licences,
            progress=progress,
        )


def play_episodes(
    env: Any,
    who: Hands,
    names: tuple[str, str],
    seeds: range,
    record: str | Path | None = None,
    *,
    clock: Clock | None = None,
    max_steps: int | None = None,
    licences: Sequence[str] = (),
    progress: bool = True,
) -> dict[str, Any]:
    """`play` with an environment and a player of one's own; `names` are theirs, as the recordings tell them,
    `licences` those of what the player learned from.

    Gives {"outputs": [paths], "episodes", "steps": of all, "scores": one an episode, "score_mean", "score_interval" (95 %, by
    Student's t, cut at the game's `score_range` if it has one; none for one episode), "fps": steps a second, "latency_ms" and
    "stages_ms": percentiles, "late": steps behind their beat, "stalled": steps without an answer, "seconds"}. A score is what
    the game says at the end (`info["score"]`), or the sum of the rewards. Raises BadInput, before anything is played, where a
    recording would replace what `record` holds already.
    """
    player, game = names
    if record is not None:
        check_free(Path(record), player, game, seeds)
    start = time.monotonic()
    outputs: list[str] = []
    steps, scores = 0, []
    clock = clock or Clock(None)
    with Stop() as stop, tqdm(desc=f"play {game}", unit="step", disable=not progress) as bar:
        for number in seeds:
            with Tape(env, record, player, game, number, licences) as tape:
                count, score = _episode(env, who, number, tape, bar, stop, clock, max_steps)
            steps, scores = steps + count, [*scores, score]
            outputs += [str(tape.path)] if tape.path is not None else []
    seconds = time.monotonic() - start
    return {
        "outputs": outputs,
        "episodes": len(seeds),
        "steps": steps,
        "scores": [round(score, 4) for score in scores],
        "score_mean": round(sum(scores) / len(scores), 4),
        "score_interval": _interval(scores, getattr(env, "score_range", (-np.inf, np.inf))),
        "fps": round(steps / seconds, 1),
        **clock.report(),
        "seconds": round(seconds, 3),
    }


def _interval(scores: list[float], score_range: tuple[float, float]) -> list[float] | None:
    """95 % of the mean over episodes. Student's t knows no bounds; a mean stays within those of the scores: nothing is lost."""
    if len(scores) < 2:
        return None
    from scipy.special import stdtrit  # a tenth of scipy.stats to import

    half = float(stdtrit(len(scores) - 1, 0.975)) * float(np.std(scores, ddof=1)) / len(scores) ** 0.5
    mean = sum(scores) / len(scores)
    low, high = np.clip([mean - half, mean + half], *score_range).tolist()
    return [round(low, 4), round(high, 4)]


def _corrected(who: Hands, label: str, module: Any, env: Any, window: bool) -> Hands:
    if not isinstance(who, Taught) or window or not hasattr(module, "ScriptedPlayer"):
        raise BadInput("--corrections is for a policy without a window, in a game that has a scripted player")
    return Corrected(who, module.ScriptedPlayer(env), label)


def _shared(who: Hands, label: str, env: Any, hz: float | None) -> Hands:
    if not isinstance(who, Taught):
        raise BadInput(f"--window is for a policy, which a person may take over from; {label} needs none")
    from playtape.envs._window import Window  # needs pygame
    from playtape.play.shared import Shared

    window = Window(env.actions, env.observation_space.shape, f"{label} plays")
    return Shared(who, label, window, hz or env.hz)


def _check(episodes: int, seed: int, hz: float | None, max_steps: int | None) -> None:
    if episodes < 1 or seed < 0:
        raise BadInput(f"{episodes} episodes from seed {seed} cannot be played; at least 1 from seed 0 are legal")
    if seed + episodes > 2**63:
        raise BadInput(f"{episodes} episodes from seed {seed} cannot be played; the largest legal seed is 2^63 - 1")
    if hz is not None and not 0.1 <= hz <= 1000:
        raise BadInput(f"hz is {hz}; 0.1 to 1000 is legal")
    if max_steps is not None and max_steps < 1:
        raise BadInput(f"max_steps is {max_steps}; at least 1 is legal")


def _episode(
    env: Any, who: Hands, seed: int, tape: Tape, bar: Any, stop: Stop, clock: Clock, max_steps: int | None
) -> tuple[int, float]:
    """One episode from its first picture to its last: (steps, score)."""
    obs, info = env.reset(seed=seed)
    who.start(seed)
    tape.begin(obs, info)
    count, rewards = 0, 0.0
    clock.start()
    while max_steps is None or count < max_steps:
        stop.check()
        action = who.act(obs, info)
        clock.lap("act")
        obs, reward, ended, cut, info = env.step(action)
        clock.lap("game")
        count, rewards = count + 1, rewards + float(reward)
        bar.update()
        if info.get("picture", True):  # the step that ends a game may have no picture; its action leads nowhere
            tape.add(action, obs, info, getattr(who, "who", ""), reward=float(reward), ended=bool(ended))
            clock.lap("record")
        if ended or cut:
            break
        clock.wait()
    return count, float(info.get("score", rewards))
