"""A page's own files as routes: `/` is its page.html, `page.js` its scripts after dom.js, `page.css` its style after the theme.

Needs starlette (the extra `pages`).
"""

from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playtape.pages import shared


def file_routes(package: str, scripts: tuple[str, ...]) -> list[Route]:
    """Of the package that holds page.html, page.css and the scripts."""
    own = files(package)
    text = {name: own.joinpath(name).read_text("utf-8") for name in ("page.html", "page.css", *scripts)}
    return [
        _fixed("/", text["page.html"], "text/html"),
        _fixed("/page.js", "\n".join([shared("dom.js"), *(text[name] for name in scripts)]), "text/javascript"),
        _fixed("/page.css", shared("theme.css") + text["page.css"], "text/css"),
    ]


def _fixed(path: str, content: str, kind: str) -> Route:
    async def answer(request: Request) -> Response:
        return Response(content, media_type=kind)

    return Route(path, answer)
