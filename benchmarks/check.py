"""The claim: `playtape check` finds planted faults, and finds none where there are none.

    python benchmarks/check.py OUT [--recordings 100] [--each 3] [--seed 0]

Records the scripted player of simple_fps, plants `--each` faults of every kind below into recordings of their own, drawn by the
seed, checks the whole folder and prints recall and precision by kind as JSON. What the play itself holds of a kind is counted
here, from the actions, by other code than the check's: seeds whose play would break a limit by itself are passed over.
"""

import argparse
import contextlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from playtape import envs
from playtape.actions import Events
from playtape.actions.space import Actions
from playtape.check.check import check
from playtape.recordings import Info, Recording, save_recording
from playtape.recordings.video import Video, write_video

GAME, HZ, SECONDS = "simple_fps", 20, 30
STEP_NS = 10**9 // HZ
EXTRA_KEYS = ("key.1", "key.2", "key.3", "key.4", "key.5", "key.r", "key.t", "key.g")


class Take:
    """One episode in memory, to be changed: frames uint8 [T, H, W, 3], their times, events, and what is told of it."""

    def __init__(self, frames: np.ndarray, events: Events, info: Info):
        self.frames, self.events, self.info = frames, events, info
        self.time_ns = np.arange(len(frames), dtype=np.int64) * STEP_NS

    @property
    def end_ns(self) -> int:
        return int(self.time_ns[-1]) + STEP_NS

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        video = Video(write_video(path.with_suffix(".mp4"), list(self.frames), time_ns=self.time_ns))
        inside = self.events.between(0, video.end_ns)
        save_recording(Recording(video=video, events=inside, info=self.info), path)


def played(seed: int) -> Take | None:
    """The scripted player's episode; None if it holds a key in over half of the frames, or early and long, by itself."""
    module = envs.find_env(GAME)
    frames, did = [], []
    with contextlib.closing(module.make()) as env:
        player = module.ScriptedPlayer(env)
        obs, info = env.reset(seed=seed)
        player.start(seed)
        for _ in range(SECONDS * HZ):
            frames.append(obs)
            did.append(player.act(obs, info))
            obs, _, ended, cut, info = env.step(did[-1])
            if ended or cut:
                return None
        space = env.actions
    buttons = np.stack([np.asarray(one["buttons"], bool) for one in did])
    axes = np.stack([one["axes"] for one in did]).astype(np.float32)
    keys = buttons[:, [name.startswith("key.") for name in space.buttons]]
    early = [int(np.argmin(column)) if not column.all() else len(column) for column in keys.T]
    if keys.mean(axis=0).max() > 0.5 or max(early) > 5 * HZ:
        return None
    time = np.arange(len(frames), dtype=np.int64) * STEP_NS
    events = space.events(Actions(buttons, axes), time)
    about = Info(
        game=GAME, source="scripted", licence="Apache-2.0", screen=(192, 192), player="scripted", extra={"hz": str(HZ)}
    )
    return Take(np.stack(frames), events, about)


def without(events: Events, name: str) -> Events:
    """The events of all other inputs."""
    return events.of(*(other for other in events.counts() if other != name))


def held_key(take: Take, draw: np.random.Generator) -> None:
    """Forward in 65 to 90 % of the frames, in four holds, and not from the start on."""
    share, count = draw.uniform(0.65, 0.9), 4
    period = (take.end_ns - 2 * STEP_NS) // count
    rows = []
    for k in range(count):
        start = 2 * STEP_NS + k * period
        rows += [(start, "key.w", 1), (start + int(share * period) + 2 * STEP_NS, "key.w", 0)]
    take.events = Events.concatenate(without(take.events, "key.w"), Events.from_rows(rows))


def many_keys(take: Take, draw: np.random.Generator) -> None:
    """Seven keys or more within a second, as when a hand falls onto the board."""
    start = int(draw.integers(5, SECONDS - 5)) * 10**9
    length = int(draw.uniform(0.3, 1.5) * 1e9)
    rows = [(start + int(draw.integers(STEP_NS // 2)), key, 1) for key in EXTRA_KEYS[: draw.integers(7, 9)]]
    take.events = Events.concatenate(
        take.events, Events.from_rows(rows + [(start + length, key, 0) for _, key, _ in rows])
    )


def idle(take: Take, draw: np.random.Generator) -> None:
    """A pause of 21 to 40 s in a picture that stands."""
    at, length = int(draw.integers(3 * HZ, (SECONDS - 3) * HZ)), int(draw.uniform(21, 40) * HZ)
    while ((take.events.of("mouse.dx").time_ns // STEP_NS) == at).any() and at < len(take.frames) - 2:
        at += 1
    held = [name for name in take.events.counts() if name.startswith(("key.", "mouse.l", "mouse.r"))]
    rows: list[tuple[int, str, float]] = []
    down: dict[str, bool] = {}
    for when, name, value in take.events:
        when += length * STEP_NS if when >= at * STEP_NS else 0
        rows.append((when, name, value))
        if name in held and when < at * STEP_NS:
            down[name] = value != 0
    for name in (name for name, is_down in down.items() if is_down):  # let go for the pause, and pressed again after it
        rows += [(at * STEP_NS - 1, name, 0), ((at + length) * STEP_NS, name, 1)]
    take.frames = np.concatenate(
        [take.frames[:at], np.repeat(take.frames[at : at + 1], length, axis=0), take.frames[at:]]
    )
    take.time_ns = np.arange(len(take.frames), dtype=np.int64) * STEP_NS
    take.events = Events.from_rows(rows)


def rate(take: Take, draw: np.random.Generator) -> None:
    """It says another rate than it has."""
    take.info = replace(take.info, extra={"hz": str(draw.choice([15, 24, 25, 30, 60]))})


def gap(take: Take, draw: np.random.Generator) -> None:
    """Three to ten frames are lost."""
    at, count = int(draw.integers(HZ, (SECONDS - 2) * HZ)), int(draw.integers(3, 11))
    kept = np.delete(np.arange(len(take.frames)), np.arange(at, at + count))
    take.frames, take.time_ns = take.frames[kept], take.time_ns[kept]


def frozen(take: Take, draw: np.random.Generator) -> None:
    """The picture stands for 1.3 to 4 s, where the mouse moves."""
    length = int(draw.uniform(1.3, 4) * HZ)
    turning = (
        np.bincount(take.events.of("mouse.dx").time_ns // STEP_NS, minlength=len(take.frames))[: len(take.frames)] > 0
    )
    busy = np.convolve(turning, np.ones(length), "valid")[HZ : -length - HZ]
    at = HZ + int(draw.choice(np.flatnonzero(busy >= 0.6 * busy.max())))
    take.frames = take.frames.copy()
    take.frames[at : at + length] = take.frames[at]


def duplicates(take: Take, draw: np.random.Generator) -> None:
    """Every second to fourth frame is the one before it again."""
    every = int(draw.integers(2, 5))
    take.frames = take.frames[np.arange(len(take.frames)) - (np.arange(len(take.frames)) % every == every - 1)]


def lag(take: Take, draw: np.random.Generator) -> None:
    """Inputs are 2 to 8 frames early or late."""
    by = int(draw.integers(2, 9)) * int(draw.choice([-1, 1])) * STEP_NS
    rows, down = [], set()
    for when, name, value in take.events.shifted(by).between(0, take.end_ns):
        if value != 0 or name in down:  # not the release of what was pressed before the first frame
            rows.append((when, name, value))
            down.add(name)
    held = [name for name in down if [value for _, other, value in rows if other == name][-1] == 1]
    take.events = Events.from_rows(
        rows + [(int(take.time_ns[-1]) + 1, name, 0) for name in held if not name.startswith("mouse.d")]
    )


def size(take: Take, draw: np.random.Generator) -> None:
    """For 3 to 10 s the picture is smaller, in black borders."""
    at, length = int(draw.integers(HZ, 15 * HZ)), int(draw.uniform(3, 10) * HZ)
    height, width = take.frames.shape[1:3]
    down, across = (int(n * draw.uniform(0.6, 0.9)) // 2 * 2 for n in (height, width))
    rows, columns = np.arange(down) * height // down, np.arange(across) * width // across
    top, left = (height - down) // 2, (width - across) // 2
    take.frames = take.frames.copy()
    small = take.frames[at : at + length][:, rows][:, :, columns]
    take.frames[at : at + length] = 0
    take.frames[at : at + length, top : top + down, left : left + across] = small


def stuck(take: Take, draw: np.random.Generator) -> None:
    """A modifier is down from before the first frame for 9 to 17 s."""
    rows = [(0, "key.left_shift", 1), (int(draw.uniform(9, 17) * 1e9), "key.left_shift", 0)]
    take.events = Events.concatenate(Events.from_rows(rows), without(take.events, "key.left_shift"))


def auto_repeat(take: Take, draw: np.random.Generator) -> None:
    """A key held for half a second or more, as 15 to 60 presses 30 to 40 ms apart."""
    start, step = int(draw.integers(5, SECONDS - 5)) * 10**9, int(draw.uniform(30, 40) * 1e6)
    rows = []
    for k in range(int(draw.integers(15, 61))):
        rows += [(start + k * step, "key.e", 1), (start + k * step + step // 2, "key.e", 0)]
    take.events = Events.concatenate(without(take.events, "key.e"), Events.from_rows(rows))


FAULTS: dict[str, Callable[[Take, np.random.Generator], None]] = {
    "held-key": held_key,
    "many-keys": many_keys,
    "idle": idle,
    "rate": rate,
    "gap": gap,
    "frozen": frozen,
    "duplicates": duplicates,
    "lag": lag,
    "size": size,
    "stuck": stuck,
    "auto-repeat": auto_repeat,
}


def plant(out: Path, recordings: int, each: int, seed: int) -> dict[str, list[str]]:
    """Write the recordings; gives the names of those that hold a fault of each kind. A copy of another is a kind too."""
    draw = np.random.default_rng(seed)
    order = (1 + draw.permutation(recordings - 1)).tolist()  # the first stays as it is, to be copied from
    kinds = [kind for kind in [*FAULTS, "repeated-play"] for _ in range(each)]
    fault = dict(zip(order, kinds, strict=False))
    planted: dict[str, list[str]] = {kind: [] for kind in kinds}
    number, game_seed, first = 0, seed * 100_000, None
    while number < recordings:
        take, game_seed = played(game_seed), game_seed + 1
        if take is None:
            continue
        name, kind = f"take{number:03}", fault.get(number)
        if kind == "repeated-play":
            at, length = int(draw.integers(0, 15 * HZ)), int(draw.uniform(9, 14) * HZ)
            part = slice(at, at + length)
            take.frames[part] = first.frames[int(draw.integers(0, 15 * HZ)) :][:length]
        elif kind is not None:
            FAULTS[kind](take, draw)
        first = first or take
        take.save(out / f"{name}.mcap")
        if kind is not None:
            planted[kind].append(name)
        number += 1
    return planted


def judged(planted: dict[str, list[str]], rows: list[dict]) -> dict[str, dict[str, float]]:
    """Of each kind: planted, found and right recordings, recall and precision."""
    said_of = {Path(row["path"]).stem: {one["kind"] for one in row["findings"]} for row in rows}
    table = {}
    for kind in [*planted, *sorted({kind for kinds in said_of.values() for kind in kinds} - set(planted))]:
        there, said = set(planted.get(kind, ())), {name for name, kinds in said_of.items() if kind in kinds}
        right = len(there & said)
        table[kind] = {
            "planted": len(there),
            "found": len(said),
            "right": right,
            "recall": right / len(there) if there else 1.0,
            "precision": right / len(said) if said else 1.0,
            "missed": sorted(there - said),
            "wrong": sorted(said - there),
        }
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, nargs="?", help="a folder to keep the recordings in; else a temporary one")
    parser.add_argument("--recordings", type=int, default=100)
    parser.add_argument("--each", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", type=Path)
    asked = parser.parse_args()
    with contextlib.ExitStack() as stack:
        out = asked.out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        planted = plant(out, asked.recordings, asked.each, asked.seed)
        result = check(out, picture=asked.picture)
    table = judged(planted, result["recordings"])
    total = {key: sum(row[key] for row in table.values()) for key in ("planted", "found", "right")}
    every = {"recall": total["right"] / total["planted"], "precision": total["right"] / max(total["found"], 1)}
    print(json.dumps({"kinds": table, "all": total | every, "check_seconds": result["seconds"]}, indent=1))


if __name__ == "__main__":
    main()
