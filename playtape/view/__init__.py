"""A recording in a browser: one page that needs nothing but itself."""

from playtape.view.page import write_page

__all__ = ["write_page"]
