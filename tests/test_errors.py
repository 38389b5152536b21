"""What can be printed."""

from pathlib import Path

import pytest

from playtape.errors import printable


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        ("plain, \u00e9, \U0001f600", "plain, \u00e9, \U0001f600"),
        ("bad\udcff.mp4", "bad\\xff.mp4"),
        ("half \ud83d", "half \\ud83d"),
        (Path("a/b\udc80"), "a/b\\x80"),
        ({"\udcff": ["\udcfe", ("\udcfd",)], 3: None}, {"\\xff": ["\\xfe", ["\\xfd"]], 3: None}),
        (2.5, 2.5),
    ],
)
def test_what_utf8_cannot_say_is_written_out(thing: object, said: object) -> None:
    assert printable(thing) == said
