"""What can be printed, and what is within bounds."""

from pathlib import Path

import pytest

from playtape.errors import BadInput, first_line, one_line, printable, within


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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plain, \u00e9, \U0001f600", "plain, \u00e9, \U0001f600"),
        ("two\nlines\r\t", "two\\nlines\\r\\t"),
        ("\x1b[31mred\x7f\x85", "\\x1b[31mred\\x7f\\x85"),
        (Path("a\u2028b\udcff"), "a\\u2028b\\xff"),
    ],
)
def test_what_would_break_a_line_is_written_out(text: str | Path, said: str) -> None:
    assert one_line(text) == said


@pytest.mark.parametrize(("value", "whole"), [(0, True), (3, True), (3, False), (2.5, False)])
def test_what_is_within_bounds_is_let_through(value: float, whole: bool) -> None:
    within("x", value, 0, 3, whole=whole)


@pytest.mark.parametrize(
    ("value", "whole"),
    [(-1, True), (4, True), (10**30, True), (2.0, True), (True, True), ("2", False), (None, False), ([1, 2], True)]
    + [(float(text), False) for text in ("nan", "inf", "-inf", "3.01")],
)
def test_what_is_out_of_bounds_is_one_sentence(value: object, whole: bool) -> None:
    with pytest.raises(BadInput, match=r"^x is .*; it must be a (whole )?number from 0 to 3$"):
        within("x", value, 0, 3, whole=whole)


def test_a_bound_is_told_to_its_last_digit() -> None:
    with pytest.raises(BadInput, match=r"from 0 to 1,048,576$"):
        within("x", 2**21, 0, 2**20, whole=True)
    with pytest.raises(BadInput, match=r"from 1 to 65535$"):
        within("x", 0, 1, 65535, whole=True)


@pytest.mark.parametrize(
    ("said", "line"), [("cut off", "cut off"), ("\n cut off\nat 12", "cut off"), ("", "OSError"), (" \n", "OSError")]
)
def test_the_first_line_of_what_failed(said: str, line: str) -> None:
    assert first_line(OSError(said)) == line
