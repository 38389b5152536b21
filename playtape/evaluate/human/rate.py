"""The page, served until it is stopped. What was rated is on the disk already; results are never told here, since whoever goes on
rating after seeing them is blind no more."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playtape.errors import need
from playtape.evaluate.human.episodes import find_episodes
from playtape.evaluate.human.ratings import Ratings
from playtape.evaluate.human.results import ratings_beside
from playtape.pages.serving import serve_page


def rate(
    folder: Path, out: Path | None, ready: Callable[[dict[str, Any]], None], *, port: int = 0, seed: int = 0
) -> None:
    """Serve the episodes below `folder` on this machine until Ctrl-C (KeyboardInterrupt) or a termination signal.

    `ready` is called with {"address", "ratings", "episodes", "notes"} once the page can be opened. Raises BadInput for a folder
    without episodes, a file that holds no ratings, and a port that is taken.
    """
    need("starlette", "pages")
    from playtape.evaluate.human.page import application

    episodes, notes = find_episodes(folder)
    ratings = Ratings(out or ratings_beside(folder))
    told = {"ratings": str(ratings.path), "episodes": len(episodes), "notes": notes}
    with ratings.writing():
        app = application(episodes, ratings, seed, left_out=len(notes))
        try:
            serve_page(app, port, lambda address: ready({"address": address, **told}))
        finally:
            done = sum(one.state == "done" for one in ratings.ratings.values())
            print(f"{done} finished ratings and {len(ratings.choices)} choices are in {ratings.path}", file=sys.stderr)
