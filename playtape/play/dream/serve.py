"""`playtape play human WORLD`: the page, served until it is stopped."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playtape.errors import need, within
from playtape.pages.serving import serve_page
from playtape.play.tape import check_free
from playtape.play.worlds import Inside
from playtape.recordings.atomic import check_folder


def dream(
    run: Path,
    ready: Callable[[dict[str, Any]], None],
    *,
    inside: Inside,
    seed: int = 0,
    record: Path | None = None,
    port: int = 0,
    device: str = "auto",
) -> None:
    """Serve a world on this machine until Ctrl-C (KeyboardInterrupt) or a termination signal.

    `ready` is called with {"address", "world"} once the page can be opened. Episodes take their seeds from `seed` on; each
    becomes a recording in `record`. Raises BadInput for what is no world model, and a port that is taken.
    """
    need("starlette", "pages")
    within("--seed", seed, 0, 2**62, whole=True)
    if record is not None:
        check_folder(record, "record")
        check_free(record, "human", f"world {run.resolve().name}", range(seed, seed + 1))
    from playtape.imagine.env import open_world
    from playtape.imagine.futures import Way
    from playtape.play.dream.page import Dreams

    world = open_world(run, starts=inside.starts, seed=seed, device=device)
    with Dreams(world, Way(inside.passes, inside.temperature, seed=seed), record) as dreams:
        try:
            told = {"world": str(run)}
            serve_page(dreams.application(), port, lambda address: ready({"address": address, **told}), talks=True)
        finally:
            print(f"{dreams.frames} frames were dreamt in {dreams.episodes} episodes", file=sys.stderr)
