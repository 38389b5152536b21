"""Demos of Doom played by people: vanilla demo lumps (v1.04 to v1.09) with a rendered video of each player's view.

A lump is a 13-byte header, then four bytes a tic (1/35 s) for each player present: forward int8, side int8 (right is
positive), turn int8 (in 256 binary angle units, 65536 to the circle; left is positive), and button bits; it ends with
0x80, after which some programs add a footer. One lump lies beside the views of its players:

    freedoom1_demo2.lmp   freedoom1_demo2_player0.mp4   freedoom1_demo2_player1.mp4 ...

Frame k is the picture *after* ticcmd k, so `actions[t]` is ticcmd t + 1, and ticcmd 0 is dropped. A view that is not
there is rendered by dsda-doom when it is read. DEMO4 of each game is the test set: all views of a demo are one session.
"""

import atexit
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from playtape.actions import Actions, ActionSpace
from playtape.actions.games import DOOM
from playtape.errors import BadInput, Truncated
from playtape.recordings import dsda
from playtape.recordings.desync import OUT_OF_STEP, still_fraction
from playtape.recordings.recording import Info, Recording
from playtape.recordings.video import Video, write_video

__all__ = ["FPS", "Lump", "actions_of", "encode", "example", "find", "parse", "read", "split_of"]

FPS = 35
END = 0x80
HEADER = 13
VERSIONS = range(104, 110)  # one layout; 1.2 and before had 7 bytes of header, other ports' versions have other tics
COUNTS_PER_TURN = 32.0  # one unit of turn is 256 of 65536 angle units, and a vanilla mouse count is 8 of them
DEGREES_PER_COUNT = 8 * 360 / 65536
VIEW = re.compile(r"(?P<demo>.+)_player(?P<player>[0-3])")
SOURCE = "https://github.com/freedoom/freedoom"


@dataclass(frozen=True, eq=False)
class Lump:
    """A demo's inputs. The four arrays have a row a tic and a column for each player present, in rising order."""

    version: int
    skill: int
    episode: int
    map: int
    players: tuple[int, ...]  # P numbers out of 0-3
    forward: np.ndarray  # int8 [tics, P]
    side: np.ndarray  # int8 [tics, P], right is positive
    turn: np.ndarray  # int8 [tics, P], left is positive, x256 binary angle units
    buttons: np.ndarray  # uint8 [tics, P]
    rules: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)  # deathmatch, respawn, fast, no monsters, console player

    def __len__(self) -> int:
        return len(self.forward)

    def __repr__(self) -> str:
        return f"Lump(map={self.episode}/{self.map}, players={self.players}, tics={len(self)})"

    def column(self, player: int) -> int:
        """Where the tics of `player` (0-3) stand. Raises BadInput for a player who did not take part."""
        if player not in self.players:
            raise BadInput(f"Player {player} is not in this demo: it has players {', '.join(map(str, self.players))}.")
        return self.players.index(player)


def parse(data: bytes, name: str = "the lump") -> Lump:
    """Read a demo lump. Raises BadInput for something else, and Truncated where it ends inside a tic.

    A lump without an end byte is taken as it is if it ends with a whole tic: some programs leave it out.
    """
    if len(data) < HEADER:
        raise Truncated(f"{name} has {len(data)} bytes: a demo lump starts with a header of {HEADER}.")
    version, skill, episode, level = data[:4]
    rules = (data[4], data[5], data[6], data[7], data[8])
    flags = data[9:HEADER]
    if version not in VERSIONS:
        raise BadInput(
            f"{name} is of version {version}: demo lumps of versions {VERSIONS[0]} to {VERSIONS[-1]} can be read."
        )
    if skill > 4 or max(flags) > 1 or not any(flags):
        raise BadInput(
            f"{name} is not a demo lump: skill {skill} (legal: 0-4), players {list(flags)} (legal: 0 or 1, some 1)."
        )
    players = tuple(i for i in range(4) if flags[i])
    stride = 4 * len(players)
    body = np.frombuffer(data, np.uint8, offset=HEADER)
    ends = np.flatnonzero(body[::stride] == END)
    length = int(ends[0]) * stride if len(ends) else len(body)
    if length % stride:
        raise Truncated(
            f"{name} is cut off inside tic {length // stride}: a tic has {stride} bytes and the lump ends with 0x80."
        )
    if length == 0:
        raise BadInput(f"{name} has no tics: a demo needs at least one.")
    tics = body[:length].reshape(-1, len(players), 4)
    signed = tics.view(np.int8)
    columns = (signed[..., 0], signed[..., 1], signed[..., 2], tics[..., 3])
    return Lump(version, skill, episode, level, players, *columns, rules=rules)


def encode(lump: Lump) -> bytes:
    """The bytes of a lump: the inverse of `parse` but for footers."""
    flags = bytes(int(i in lump.players) for i in range(4))
    header = bytes((lump.version, lump.skill, lump.episode, lump.map, *lump.rules)) + flags
    signed = (np.asarray(column, np.int8).view(np.uint8) for column in (lump.forward, lump.side, lump.turn))
    return header + np.stack([*signed, lump.buttons], axis=-1).tobytes() + bytes((END,))


def actions_of(lump: Lump, player: int, space: ActionSpace = DOOM) -> Actions:
    """What `player` did between the frames of a video with a frame a tic: [tics] rows, the last all zero.

    Row t is ticcmd t + 1. A number key is held in the tic that asks for the weapon; a large enough move tells running.
    """
    k = lump.column(player)
    forward, side, turn = (np.asarray(a[1:, k], np.int16) for a in (lump.forward, lump.side, lump.turn))
    bits = np.where(lump.buttons[1:, k] & 0x80, 0, lump.buttons[1:, k])  # bit 7: pause and the like, not a hand
    held = {
        "key.w": forward > 0,
        "key.s": forward < 0,
        "key.d": side > 0,
        "key.a": side < 0,
        "key.shift": (np.abs(forward) > 25) | (np.abs(side) > 24),
        "mouse.left": bits & 1 != 0,
        "key.space": bits & 2 != 0,
    }
    held |= {f"key.{n + 1}": (bits & 4 != 0) & (bits >> 3 & 7 == n) for n in range(7)}
    buttons = np.zeros((len(lump), len(space.buttons)), bool)
    axes = np.zeros((len(lump), len(space.axes)), np.float32)
    for i, name in enumerate(space.buttons):
        buttons[:-1, i] = held[name]
    axes[:-1, [a.name for a in space.axes].index("mouse.dx")] = -COUNTS_PER_TURN * turn
    return Actions(buttons=buttons, axes=axes)


def split_of(demo: str) -> str:
    """ "test" for DEMO4 of either game and "train" for the rest: by demo, since the views of one share a session."""
    return "test" if re.search(r"demo4$", demo.lower()) else "train"


def find(root: Path) -> list[Path]:
    """The views below `root`, sorted: those that are there, and those that could be drawn of the lumps there (or in WADs)."""
    root = Path(root)
    if not root.exists():
        raise BadInput(f"{root} does not exist: give a folder with demo lumps (*.lmp) and their videos.")
    files = [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.is_file())
    views = {p for p in files if p.suffix == ".mp4" and VIEW.fullmatch(p.stem)}
    for path in files:
        if path.suffix.lower() == ".lmp":
            demos = {path.stem: path.read_bytes()}
        elif path.suffix.lower() == ".wad" and path.stem.lower() in ("freedoom1", "freedoom2"):
            demos = {f"{path.stem}_{name.lower()}": lump for name, lump in dsda.demo_lumps(path).items()}
        else:
            continue
        views |= {
            path.with_name(f"{demo}_player{player}.mp4")
            for demo, data in demos.items()
            for player in parse(data, demo).players
        }
    return sorted(views)


def read(path: Path) -> Recording:
    """One player's recording, from its view `DEMO_playerK.mp4` with `DEMO.lmp` (or the game's WAD) beside it.

    A view that is not there is rendered to a temporary file that lives until the program ends: save with video="copy".
    Raises BadInput for a lump that cannot be read, a player who is not in it, or a video that has not a frame a tic.
    """
    path = Path(path)
    match = VIEW.fullmatch(path.stem)
    if match is None:
        raise BadInput(f"{path.name} is not the name of a demo's view: DEMO_player0.mp4 to DEMO_player3.mp4 are.")
    demo, player = match["demo"], int(match["player"])
    lump = parse(_lump_bytes(path.parent, demo), f"{demo}.lmp")
    lump.column(player)
    video = Video(path if path.exists() else _rendered(path, demo, lump, player))
    if len(video.time_ns) != len(lump):
        raise BadInput(
            f"{path.name} has {len(video.time_ns)} frames, but {demo}.lmp has {len(lump)} tics: they must agree."
        )
    extra = {
        "demo": demo,
        "session": demo,
        "map": f"{lump.episode}/{lump.map}",
        "skill": str(lump.skill + 1),
        "hz": str(FPS),
    }
    info = Info(
        game="doom",
        source=SOURCE,
        licence="BSD-3-Clause",
        screen=(video.width, video.height),
        mouse_scale=DEGREES_PER_COUNT,
        split=split_of(demo),
        player=f"player{player}",
        extra=extra,
    )
    return Recording(video=video, events=DOOM.events(actions_of(lump, player), video.time_ns), info=info)


def example(tmp: Path) -> Path:
    """A folder with two seconds of two players: a made-up demo, and a striped wall that turns as the inputs say."""
    tmp = Path(tmp)
    tmp.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    tics, players = 2 * FPS, (0, 2)
    turn = np.repeat(rng.integers(-6, 7, (tics // 10, len(players))), 10, axis=0).astype(np.int8)
    forward = np.repeat(rng.choice([-50, 0, 25, 50], (tics // 10, len(players))), 10, axis=0).astype(np.int8)
    buttons = np.repeat(rng.choice([0, 1, 2, 4 | 2 << 3], (tics // 10, len(players))), 10, axis=0).astype(np.uint8)
    lump = Lump(109, 2, 1, 1, players, forward, np.zeros_like(turn), turn, buttons)
    (tmp / "example_demo1.lmp").write_bytes(encode(lump))
    wall = np.repeat(rng.integers(0, 256, (120, 256, 3), dtype=np.uint8), 8, axis=1)  # [120, 2048, 3], once around
    for k, player in enumerate(players):
        headings = np.cumsum(turn[:, k].astype(int)) * 8  # 256 turns and 2048 columns make a circle
        frames = [np.roll(wall, heading, axis=1)[:, :160] for heading in headings]
        write_video(tmp / f"example_demo1_player{player}.mp4", frames, fps=float(FPS))
    return tmp


def _lump_bytes(folder: Path, demo: str) -> bytes:
    if (folder / f"{demo}.lmp").is_file():
        return (folder / f"{demo}.lmp").read_bytes()
    game, _, name = demo.rpartition("_")
    wad = folder / f"{game}.wad"
    lumps = dsda.demo_lumps(wad) if wad.is_file() else {}
    if name.upper() not in lumps:
        raise BadInput(f"{demo}.lmp is not beside the views of that demo in {folder}, nor is a WAD that holds it.")
    return lumps[name.upper()]


def _rendered(path: Path, demo: str, lump: Lump, player: int) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="playtape-demo-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / f"{demo}.lmp").write_bytes(encode(lump))
    beside = path.with_name(f"{demo.rpartition('_')[0]}.wad")
    iwad = beside if beside.is_file() else None
    drawn = dsda.render(folder / f"{demo}.lmp", folder / path.name, player, len(lump), iwad=iwad)
    still = still_fraction(Video(drawn).stream(), actions_of(lump, player), DOOM)
    if still > OUT_OF_STEP:
        raise BadInput(
            f"{demo}.lmp does not fit its game: the picture of player {player} stands still in {still:.0%} of the tics "
            f"whose inputs move (at most {OUT_OF_STEP:.0%} is legal); it needs the very WAD it was recorded with."
        )
    return drawn
