"""What the pages of tools share: one look, and, for pages that answer, a door that only this machine can reach.

Knows no recording and no tool. `theme.css` and `dom.js` are read with `shared`; the server (`serving.py`) needs the extra
`pages`, the look needs nothing.
"""

from importlib.resources import files

__all__ = ["shared"]


def shared(name: str) -> str:
    """The text of a file of this room: theme.css or dom.js."""
    return files("playtape.pages").joinpath(name).read_text("utf-8")
