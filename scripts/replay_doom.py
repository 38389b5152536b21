"""Play people's recorded inputs again, elsewhere: unlimited true actions with the timing of real hands.

    python scripts/replay_doom.py data/doom data/replay --episodes 240 --leave-out '*demo4*' 'freedoom2_demo1*' 'freedoom2_demo3*'

Stretches of a few seconds of the recordings' inputs are played one after another in ViZDoom, on the maps of Freedoom 1 and 2,
from a random place, with every weapon and without dying: the pictures are new, the presses and turns are those of people.
Hands that look at nothing run into walls; where walking gets them nowhere for half a second, they turn away in one quick stroke.
The maps of the demos left out are left out too, so that neither their inputs nor their places are seen. People flick the mouse
a few times a minute, which is too seldom to learn flicks from; `--flicks 0.03` adds one about every second, up to half around.
"""

import argparse
import contextlib
import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

from playtape.actions.games import DOOM
from playtape.envs import nothing
from playtape.envs._doom_player import AROUND, GRAIN
from playtape.envs._hand import Hand
from playtape.envs.doom import HZ, MAPS, Doom
from playtape.play import play_episodes
from playtape.recordings import Recording, find_recordings, open_recording
from playtape.recordings.desync import MOVES

WALKING = [DOOM.buttons.index(name) for name in MOVES]
WEAPONS = [f"key.{n}" for n in range(2, 8)]


class Anywhere(Doom):
    """A whole map by the seed, begun at the place of one of its things, with every weapon, and without dying."""

    def __init__(self, game: str, maps: list[str]):
        super().__init__(game, max_tics=10**9)
        self.maps = maps

    def _configured(self, folder: Path) -> Any:
        game = super()._configured(folder)
        game.set_objects_info_enabled(True)
        return game

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        rng = np.random.default_rng(seed)
        self.map = str(rng.choice(self.maps))
        if self._game is not None:
            self._game.set_doom_map(self.map)
        super().reset(seed=seed)
        game = self._game
        for cheat in ("god", "give all"):
            game.send_game_command(cheat)
        things = [thing for thing in game.get_state().objects if "Player" not in thing.name]
        if things:
            thing = things[rng.integers(len(things))]
            game.send_game_command(f"warp {thing.position_x:.0f} {thing.position_y:.0f}")
        rest = nothing(DOOM)
        turn = {**rest, "axes": rng.uniform(-1500, 1500, 1).astype(np.float32)}
        weapon = rng.choice(WEAPONS)
        draw = {**rest, "buttons": np.array([name == weapon for name in DOOM.buttons], np.int8)}
        for action in (
            *[turn] * 3,
            *[draw] * 3,
            *[rest] * 40,
        ):  # cheats act in the tics that follow; the weapon comes up
            picture, _, _, _, info = self.step(action)
        return picture, info


class Replay:
    """Plays stretches of recorded (buttons, axes); turns away where it has not moved for a second; flicks with a chance a tic."""

    def __init__(self, inputs: list[tuple[np.ndarray, np.ndarray]], flicks: float = 0.0):
        self.inputs, self.flicks = inputs, flicks
        self.lengths = np.array([len(buttons) for buttons, _ in inputs], float)

    def start(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.places: list[tuple[float, float]] = []
        self.flick: list[float] = []  # counts of the tics to come
        self.hand = Hand(self.rng, 0.7, 32.0)
        self._draw()

    def _draw(self) -> None:
        buttons, axes = self.inputs[self.rng.choice(len(self.inputs), p=self.lengths / self.lengths.sum())]
        steps = int(self.rng.uniform(2, 10) * HZ)
        first = int(self.rng.integers(max(1, len(buttons) - steps)))
        self.left = list(zip(buttons[first : first + steps], axes[first : first + steps], strict=True))

    def act(self, obs: np.ndarray, info: dict[str, Any]) -> dict[str, np.ndarray]:
        if not self.left:
            self._draw()
        buttons, axes = self.left.pop(0)
        walking = buttons[WALKING].any()
        self.places = [*self.places[-HZ // 2 :], (info["position_x"], info["position_y"])] if walking else []
        if len(self.places) > HZ // 2 and not self.hand.moving and np.ptp(self.places, axis=0).max() < 60:
            self.hand.stroke(float(self.rng.choice([-1, 1]) * self.rng.uniform(0.3, 1.0) * AROUND), slowness=0.6)
            self.places.clear()
        if self.hand.moving:
            axes = np.array([self.hand.step()[1]], np.float32)
        elif self.flicks and not self.flick and self.rng.random() < self.flicks:
            whole = self.rng.choice([-1, 1]) * self.rng.uniform(0.08, 1.0) * AROUND
            tics = self.rng.dirichlet(np.full(self.rng.integers(1, 5), 2.0)) * whole
            self.flick = [GRAIN * round(counts / GRAIN) for counts in tics]
        if self.flick:
            axes = np.array([self.flick.pop(0)], np.float32)
        return {"buttons": np.asarray(buttons, np.int8), "axes": np.asarray(axes, np.float32)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, help="converted demos (format doom_demo)")
    parser.add_argument("out", type=Path)
    parser.add_argument("--episodes", type=int, default=240)
    parser.add_argument("--steps", type=int, default=525, help="of an episode")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--flicks", type=float, default=0.0, help="chance a tic that a flick begins")
    parser.add_argument(
        "--leave-out", nargs="*", default=["*demo4*"], help="recordings by name; their maps go with them"
    )
    args = parser.parse_args()
    recordings = [open_recording(path) for path in find_recordings(args.recordings)]
    left_out = [r for r in recordings if any(fnmatch.fnmatch(r.path.stem, pattern) for pattern in args.leave_out)]
    inputs = [recorded(r) for r in recordings if r not in left_out]
    unseen = {map_of(r) for r in left_out}
    for k, (game, levels) in enumerate(MAPS.items()):
        maps = [level for level in levels if f"{game}/{level}" not in unseen]
        seeds = range(args.seed + k, args.seed + args.episodes, len(MAPS))
        with contextlib.closing(Anywhere(game, maps)) as env:
            play_episodes(
                env, Replay(inputs, args.flicks), ("replay", f"doom:{game}"), seeds, args.out, max_steps=args.steps
            )
    print(f"inputs of {len(inputs)} recordings; not played: {', '.join(sorted(unseen))}")


def recorded(recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    actions = DOOM.actions(recording.events, recording.time_ns)
    return actions.buttons, actions.axes


def map_of(recording: Recording) -> str:
    """ "freedoom1/E2M4" or "freedoom2/MAP22"."""
    game = recording.path.stem.split("_")[0]
    episode, level = map(int, recording.info.extra["map"].split("/"))
    return f"{game}/E{episode}M{level}" if game == "freedoom1" else f"{game}/MAP{level:02d}"


if __name__ == "__main__":
    main()
