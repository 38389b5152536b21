"""Freedoom's demos as video: the WAD directory, and Debian's dsda-doom as a renderer without a display.

The program plays a demo lump and pipes raw pictures to a named pipe, from which they are encoded here; neither ffmpeg
nor an X server is needed. The settings are those that give one picture a tic, and no picture that tells more than the game
would: no interpolation between tics, and no progress bar (it leaks the time). Knows nothing of actions.
"""

import contextlib
import importlib.util
import os
import select
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from playtape.errors import BadInput

__all__ = ["demo_lumps", "drawn", "find_program", "iwad_for", "render", "rendered_frames"]

PLACES = ("/usr/games", "/usr/local/games", "/usr/local/bin", "/opt/homebrew/bin")  # Debian's is not on every PATH
RENDERED = (480, 640)  # height, width of the software renderer; stored at half of it
SILENCE_SECONDS = 60.0  # the program starts within 2 s and draws 50-100 pictures a second
SETTINGS = """screen_resolution "640x480"
videomode "Software"
render_vsync 0
uncapped_framerate {between:d}
hudadd_demoprogressbar 0
cap_fps {fps}
cap_wipescreen 0
cap_soundcommand "cat"
cap_videocommand "cat > pictures"
cap_muxcommand "true"
"""


def demo_lumps(wad: Path) -> dict[str, bytes]:
    """The demos inside a WAD file, by lump name ("DEMO1"). Raises BadInput for anything that is not a WAD."""
    data = wad.read_bytes()
    if len(data) < 12 or data[:4] not in (b"IWAD", b"PWAD"):
        raise BadInput(f"{wad} is not a WAD file: it must start with IWAD or PWAD.")
    count, directory = struct.unpack_from("<ii", data, 4)
    if count < 0 or not 12 <= directory <= len(data) - 16 * count:
        raise BadInput(f"{wad} is cut off: its directory of {count} lumps lies past its {len(data)} bytes.")
    entries = (struct.unpack_from("<ii8s", data, directory + 16 * i) for i in range(count))
    named = ((name.rstrip(b"\0").decode("latin-1").upper(), data[at : at + size]) for at, size, name in entries)
    return {name: lump for name, lump in named if name.startswith("DEMO") and lump}


def iwad_for(stem: str) -> Path:
    """The IWAD that a demo called `freedoom1_...` or `freedoom2_...` was played in, from the installed vizdoom wheel."""
    spec = importlib.util.find_spec("vizdoom")
    folder = Path(spec.origin).parent if spec is not None and spec.origin else None
    name = stem.split("_")[0].lower()
    if name not in ("freedoom1", "freedoom2"):
        raise BadInput(f"{stem} does not say which game it was played in: name it freedoom1_... or freedoom2_....")
    if folder is None or not (folder / f"{name}.wad").exists():
        raise BadInput(f"{name}.wad is not here: it comes with the package vizdoom (pip install 'playtape[doom]').")
    return folder / f"{name}.wad"


def find_program() -> Path:
    """dsda-doom, from PATH or the places where systems put games. Raises BadInput that says how to get it."""
    found = shutil.which("dsda-doom", path=os.pathsep.join((os.environ.get("PATH", ""), *PLACES)))
    if found is None:
        raise BadInput("dsda-doom, which draws demos that have no video, is not installed: apt-get install dsda-doom.")
    return Path(found)


def drawn(lump: Path, player: int, count: int, *, iwad: Path | None = None, fps: int = 35) -> Iterator[np.ndarray]:
    """The first `count` pictures of `player` (0-3) in a demo, uint8 [480, 640, 3] RGB.

    At 35 a second there is one after each tic; any other rate is drawn between the tics as well. Raises BadInput where the
    program is missing, stops early, or has more pictures to draw.
    """
    program = find_program()
    with tempfile.TemporaryDirectory(prefix="playtape-dsda-") as work:
        yield from _play(program, lump.resolve(), player, count, iwad or iwad_for(lump.stem), fps, Path(work))


def rendered_frames(lump: Path, player: int, tics: int, *, iwad: Path | None = None) -> Iterator[np.ndarray]:
    """The pictures of `player` in a demo, one after each of its `tics`, uint8 [240, 320, 3] RGB. Raises as `drawn`."""
    return map(_halved, drawn(lump, player, tics, iwad=iwad))


def render(lump: Path, out: Path, player: int, tics: int, *, iwad: Path | None = None) -> Path:
    """Draw one player's view of a demo into `out` (h264, 320x240, 35 frames a second). Nothing half-written stays."""
    from playtape.recordings.video import write_video

    return write_video(out, rendered_frames(lump, player, tics, iwad=iwad), fps=35.0, gop=35)


def _play(program: Path, lump: Path, player: int, count: int, iwad: Path, fps: int, work: Path) -> Iterator[np.ndarray]:
    (work / "settings.cfg").write_text(SETTINGS.format(between=fps != 35, fps=fps))
    os.mkfifo(work / "pictures")
    environment = {**os.environ, "SDL_AUDIODRIVER": "dummy", "SDL_VIDEODRIVER": "dummy"}
    environment |= {"HOME": str(work), "XDG_RUNTIME_DIR": str(work)}
    arguments = ["-iwad", str(iwad), "-vidmode", "software", "-config", str(work / "settings.cfg")]
    arguments += ["-timedemo", str(lump), "-consoleplayer", str(player), "-viddump", "unused.mkv"]
    pipe = os.open(work / "pictures", os.O_RDONLY | os.O_NONBLOCK)
    with (work / "log").open("wb") as log:
        game = subprocess.Popen(
            [str(program), *arguments], cwd=work, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        for k in range(count):
            raw = _read(pipe, game, RENDERED[0] * RENDERED[1] * 3)
            if raw is None:
                raise BadInput(
                    f"dsda-doom drew {k} pictures of {lump.name}, where {count} were to come: {_last_line(work)}"
                )
            yield np.frombuffer(raw, np.uint8).reshape(*RENDERED, 3)
        if _read(pipe, game, 1) is not None:
            raise BadInput(f"dsda-doom drew more pictures of {lump.name} than {count}.")
    finally:
        os.close(pipe)
        with contextlib.suppress(ProcessLookupError):
            game.kill()
        game.wait()


def _read(pipe: int, game: subprocess.Popen[bytes], size: int) -> bytearray | None:
    """`size` bytes from the pipe, or None once the game has ended (or hangs) without them."""
    raw = bytearray()
    while len(raw) < size:
        ended = game.poll() is not None
        ready = select.select([pipe], [], [], SILENCE_SECONDS)[0]
        try:
            part = os.read(pipe, size - len(raw)) if ready else b""
        except BlockingIOError:
            part = b""
        if not part and (ended or not ready):
            return None
        if not part:  # the pipe is not opened at the other end yet, or just closed
            with contextlib.suppress(subprocess.TimeoutExpired):
                game.wait(0.05)
        raw += part
    return raw


def _halved(picture: np.ndarray) -> np.ndarray:
    """Mean of each 2x2 block: uint8 [H, W, 3] -> [H/2, W/2, 3]."""
    wide = picture.astype(np.uint16)
    rows = wide[0::2] + wide[1::2]
    return ((rows[:, 0::2] + rows[:, 1::2] + 2) >> 2).astype(np.uint8)


def _last_line(work: Path) -> str:
    lines = (work / "log").read_text(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing.")
