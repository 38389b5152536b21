"""One line on standard error for whoever runs the server."""

import sys


def note(sentence: str) -> None:
    """Whatever a stranger sent in it cannot move the cursor or colour the terminal."""
    said = "".join(letter if letter.isprintable() else "?" for letter in sentence)
    print(f"playtape serve: {said}", file=sys.stderr, flush=True)
