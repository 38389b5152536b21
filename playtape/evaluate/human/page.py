"""The page that raters see, and what it asks for. Nothing that leaves here says who played: no name, no path, no date.

Videos go out under their episodes' ids, of which only those in the table are known: there is no path to be walked.
"""

from collections.abc import Callable
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from playtape.errors import BadInput
from playtape.evaluate.human.episodes import Episode
from playtape.evaluate.human.faults import FAULTS
from playtape.evaluate.human.order import pair_queue, pairs, queue, why_no_pairs
from playtape.evaluate.human.ratings import Ratings, Stale
from playtape.evaluate.human.said import SEEN, Rating, choice_of, rater_of, rating_of
from playtape.pages.static import file_routes

Answer = Callable[[Request], Any]
SCRIPTS = ("saver.js", "player.js", "count.js", "compare.js", "rate.js")


def application(episodes: list[Episode], ratings: Ratings, seed: int, left_out: int = 0) -> Starlette:
    """An ASGI application; `ratings` must be open for writing while it is asked. `left_out`: recordings that cannot be shown."""
    desk = Desk(episodes, ratings, seed, left_out)
    routes = [
        *file_routes("playtape.evaluate.human", SCRIPTS),
        Route("/about", _told(desk.about)),
        Route("/session", _told(desk.session)),
        Route("/rating", _told(desk.rating)),
        Route("/video/{id}", desk.video),
        Route("/rating", _told(desk.save_rating), methods=["POST"]),
        Route("/choice", _told(desk.save_choice), methods=["POST"]),
    ]
    return Starlette(routes=routes)


class Desk:
    """What is on the raters' desk. Every method takes a request and gives what is answered."""

    def __init__(self, episodes: list[Episode], ratings: Ratings, seed: int, left_out: int):
        self.episodes = {episode.id: episode for episode in episodes}
        self.ratings, self.seed, self.left_out = ratings, seed, left_out
        self.pairs = pairs(episodes, seed)

    async def about(self, request: Request) -> dict[str, Any]:
        """What the first screen says."""
        return {
            "faults": [vars(fault) for fault in FAULTS],
            "raters": self.ratings.raters(),
            "episodes": len(self.episodes),
            "seconds": sum(episode.seconds for episode in self.episodes.values()),
            "left_out": self.left_out,
            "pairs": len(self.pairs),
            "no_pairs": "" if self.pairs else why_no_pairs(list(self.episodes.values())),
            "seen": SEEN,
        }

    async def session(self, request: Request) -> dict[str, Any]:
        """What a rater has before them, in their order."""
        rater = rater_of(request.query_params.get("rater"))
        mine = queue(self.episodes.values(), self.seed, rater)
        shown = []
        for left, right in pair_queue(self.pairs, self.seed, rater):
            two = (min(left.id, right.id), max(left.id, right.id))
            said = self.ratings.choices.get((rater, two))
            state = "open" if said is None else "skipped" if said.choice == "skipped" else "done"
            shown.append({"left": _public(left), "right": _public(right), "state": state})
        return {
            "rater": rater,
            "episodes": [{**_public(episode), "state": self._rating(rater, episode.id).state} for episode in mine],
            "pairs": shown,
        }

    async def rating(self, request: Request) -> dict[str, Any]:
        """What a rater said of an episode so far."""
        rater, episode = rater_of(request.query_params.get("rater")), self._known(request.query_params.get("episode"))
        return vars(self._rating(rater, episode.id))

    async def save_rating(self, request: Request) -> dict[str, Any]:
        """Keep what was said. A finished rating needs an episode that was seen."""
        rating = rating_of(await _json(request))
        episode = self._known(rating.episode)
        if rating.state == "done" and rating.seen_s < SEEN * episode.seconds:
            raise BadInput(f"only {rating.seen_s:.1f} of {episode.seconds:.1f} seconds were seen; watch it, or skip it")
        self.ratings.save(rating)
        return {"revision": rating.revision}

    async def save_choice(self, request: Request) -> dict[str, Any]:
        """Keep what was chosen, of a pair that this rater was shown."""
        choice = choice_of(await _json(request))
        shown = [(left.id, right.id) for left, right in pair_queue(self.pairs, self.seed, choice.rater)]
        if (choice.left, choice.right) not in shown:
            raise Unknown("there is no such pair")
        self.ratings.save(choice)
        return {"saved": True}

    async def video(self, request: Request) -> Response:
        """A file, whole or in part."""
        episode = self.episodes.get(request.path_params["id"])
        if episode is None or not episode.video.is_file():
            return _answer({"error": "there is no such video"}, 404)
        return FileResponse(episode.video, media_type="video/mp4")

    def _known(self, name: object) -> Episode:
        episode = self.episodes.get(name) if isinstance(name, str) else None
        if episode is None:
            raise Unknown("there is no such episode")
        return episode

    def _rating(self, rater: str, episode: str) -> Rating:
        return self.ratings.ratings.get((rater, episode)) or Rating(rater, episode, 0)


class Unknown(BadInput):
    """Something that nobody was shown."""


def _public(episode: Episode) -> dict[str, Any]:
    """All that a rater may know of an episode."""
    return {"id": episode.id, "game": episode.game, "seconds": episode.seconds, "frame_s": episode.frame_s}


async def _json(request: Request) -> object:
    try:
        return orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        raise BadInput("this is not JSON") from None


def _told(ask: Callable[[Request], Any]) -> Answer:
    """An endpoint that answers with what `ask` gives, and with a sentence where that refuses."""

    async def answer(request: Request) -> Response:
        try:
            return _answer(await ask(request))
        except Unknown as error:
            return _answer({"error": str(error)}, 404)
        except Stale as error:
            return _answer({"error": str(error)}, 409)
        except BadInput as error:
            return _answer({"error": str(error)}, 400)
        except OSError as error:  # the disk is full; the page keeps what it has and asks again
            return _answer({"error": f"it could not be saved: {error.strerror}"}, 507)

    return answer


def _answer(content: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
