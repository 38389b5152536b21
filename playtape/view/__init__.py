"""A recording to look at: a page that needs nothing but a browser, or a film and a contact sheet."""

from playtape.view.film import contact_sheet, film, film_best_and_worst
from playtape.view.page import write_page

__all__ = ["contact_sheet", "film", "film_best_and_worst", "write_page"]
