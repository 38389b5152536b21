"""Event tokens: the published counts and examples, exact round trips, and the published faults where they are asked for."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playtape.actions.event_tokens import Codec
from playtape.actions.strokes import HWHEEL, KEYBOARD, MOUSE, NOTCH, SCREEN, STROKE, WHEEL, Stroke
from playtape.errors import BadInput

SCHEMES = ("factorized", "hierarchical")
steady = settings(derandomize=True, deadline=None, max_examples=150, database=None)


def spelled(codec: Codec, stroke: Stroke) -> str:
    return " ".join(codec.words[word] for word in codec.spell(stroke))


@st.composite
def strokes(draw: st.DrawFn, scheme: str) -> np.ndarray:
    """Any line whose times rise by less than a turn."""
    rows, tick = [], 0
    hierarchical = scheme == "hierarchical"
    for _ in range(draw(st.integers(0, 8))):
        tick += draw(st.integers(0, 999))
        counts = st.integers(-2000 if hierarchical else -1999, 1999)
        notches = st.integers(-10 if hierarchical else -9, 9).filter(bool)
        flags, kind = draw(st.integers(0, 0xFFF)), draw(st.sampled_from([KEYBOARD, MOUSE, SCREEN]))
        wheel = draw(notches) * NOTCH if flags & (WHEEL | HWHEEL) else 0
        if kind == KEYBOARD:
            rows.append(Stroke(tick, KEYBOARD, draw(st.integers(0, 255)), draw(st.booleans())))
        elif kind == MOUSE:
            rows.append(Stroke(tick, MOUSE, dx=draw(counts), dy=draw(counts), flags=flags, wheel=wheel))
        else:
            rows.append(Stroke(tick, SCREEN))
    return np.array(rows, STROKE)


def test_the_published_vocabulary() -> None:
    factorized, hierarchical = Codec("factorized"), Codec("hierarchical")
    assert (len(factorized.names), len(hierarchical.names)) == (291, 263)
    assert list(factorized.names) == sorted(factorized.names)
    assert factorized.names.index("<MB_10>") < factorized.names.index("<MB_1>")  # "0" is before ">"
    assert factorized.words[291:] == ("<img>", "</img>", "<IMG_CONTEXT>", "<pad>")
    assert (factorized.turn, hierarchical.turn) == (1000, 1600)


def test_the_published_examples() -> None:
    factorized, hierarchical = Codec("factorized"), Codec("hierarchical")
    w, motion = Stroke(1234, KEYBOARD, 87, True), Stroke(1234, MOUSE, dx=3, dy=-1250)
    head, tail = "<EVENT_START>", "<EVENT_END>"
    assert spelled(factorized, w) == f"{head} <KEYBOARD> <2> <3> <4> <VK_87> <press> {tail}"
    assert spelled(factorized, motion) == (
        f"{head} <MOUSE> <2> <3> <4> <SIGN_PLUS> <0> <0> <0> <3> <SIGN_MINUS> <1> <2> <5> <0> <MB_0> <MB_0> <MB_0> {tail}"
    )
    assert spelled(hierarchical, w) == f"{head} <KEYBOARD> <12> <3> <4> <87> <press> {tail}"
    assert (
        spelled(hierarchical, motion)
        == f"{head} <MOUSE> <12> <3> <4> <0> <1> <0> <7> <0> <5> <3> <0> <0> <0> <0> {tail}"
    )


@pytest.mark.parametrize(("scheme", "counts"), [("factorized", (8, 19, 21, 264)), ("hierarchical", (8, 17, 19, 264))])
def test_the_published_counts(scheme, counts) -> None:
    codec = Codec(scheme)
    wheel = Stroke(0, MOUSE, flags=WHEEL, wheel=NOTCH)
    rows = [Stroke(0, KEYBOARD, 1), Stroke(0, MOUSE), wheel, Stroke(0, SCREEN)]
    assert tuple(np.bincount(codec.encode(np.array(rows, STROKE))[1])) == counts
    assert codec.longest == counts[2]


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_encoded_is_decoded(scheme, published) -> None:
    codec = Codec(scheme, image=3, published=published)

    @steady
    @given(strokes(scheme))
    def check(rows: np.ndarray) -> None:
        line, which = codec.encode(rows)
        back = codec.decode(line)
        assert len(which) == len(line)
        if len(rows):  # a line's own beginning is in its first turn
            rows["tick"] -= rows["tick"][0] // codec.turn * codec.turn
        np.testing.assert_array_equal(back, rows)

    check()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_decoded_is_encoded(scheme) -> None:
    """Walk at random along what is legal: every line has one reading, and that reading this one line."""
    codec = Codec(scheme, image=2)

    @steady
    @given(st.lists(st.integers(0, 10**6), min_size=30, max_size=30))
    def check(draws: list[int]) -> None:
        words: list[int] = []
        while not words or words[-1] != codec.end:
            choices = np.flatnonzero(codec.legal(words))
            assert len(choices)
            words.append(int(choices[draws[len(words)] % len(choices)]))
        stroke = codec.read(words)
        assert stroke is not None
        assert codec.spell(stroke) == words
        assert not codec.legal(words).any()

    check()


def test_times_go_round() -> None:
    codec = Codec(image=1)
    rows = np.array([Stroke(tick, SCREEN) for tick in (995, 1000, 1000, 1004, 1999, 2003)], STROKE)
    np.testing.assert_array_equal(codec.decode(codec.encode(rows)[0]), rows)
    digits = codec.spell(Stroke(3, SCREEN))[2:5]
    assert codec.tick(digits, 3) == 3
    assert codec.tick(digits, 4) == 1003  # a step back of a tick is ten seconds on, as published
    assert codec.tick(digits, 12_003) == 12_003


def test_a_time_that_must_lie_within() -> None:
    codec = Codec()
    words = codec.spell(Stroke(1001, KEYBOARD, 65))
    for place in (2, 3, 4):
        assert codec.timely(words[:place], 998, 1001)[words[place]]
        assert not codec.timely(words[:place], 1002, 1004)[words[place]] or place < 4
    assert {codec.words[k] for k in np.flatnonzero(codec.timely(words[:2], 998, 1001))} == {"<9>", "<0>"}


def test_published_faults_are_kept_only_where_asked() -> None:
    ours, theirs = Codec(), Codec(published=True)
    far = ours.spell(Stroke(0, MOUSE, dx=1999))
    far[6] = ours.numbers["<9>"]  # the thousands
    assert ours.read(far) is None
    assert theirs.read(far) == Stroke(0, MOUSE, dx=9999)
    with pytest.warns(UserWarning, match="are cut"):
        assert theirs.spell(Stroke(0, MOUSE, dx=9999)) == theirs.spell(Stroke(0, MOUSE, dx=1999))
    with pytest.raises(BadInput, match="moves by -1999 to 1999"):
        ours.spell(Stroke(0, MOUSE, dx=9999))

    minus_zero = [
        ours.numbers["<SIGN_MINUS>"] if k == 5 else word for k, word in enumerate(ours.spell(Stroke(0, MOUSE)))
    ]
    assert ours.read(minus_zero) is None
    assert theirs.read(minus_zero) == Stroke(0, MOUSE)

    for fraction, notch in ((-60, -NOTCH), (60, 0)):  # rounded down
        said = theirs.read(theirs.spell(Stroke(0, MOUSE, flags=WHEEL, wheel=fraction)))
        assert said is not None
        assert said.wheel == notch
        with pytest.raises(BadInput, match="whole notches"):
            ours.spell(Stroke(0, MOUSE, flags=WHEEL, wheel=fraction))
    with pytest.raises(BadInput, match="-9 to 9 notches"):
        theirs.spell(Stroke(0, MOUSE, flags=WHEEL, wheel=10 * NOTCH))
    with pytest.raises(BadInput, match="if and only if"):
        ours.spell(Stroke(0, MOUSE, wheel=NOTCH))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        theirs.spell(Stroke(0, MOUSE, wheel=NOTCH))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([Stroke(-1, SCREEN)], "0 or more"),
        ([Stroke(0, 3)], "kind is 0, 1 or 2"),
        ([Stroke(0, KEYBOARD, 256)], "0 to 255"),
        ([Stroke(0, MOUSE, flags=0x1000)], "0 to 0xFFF"),
    ],
)
def test_what_has_no_words(rows, said) -> None:
    with pytest.raises(BadInput, match=said):
        Codec().encode(np.array(rows, STROKE))


def test_a_line_that_is_none_says_where() -> None:
    codec = Codec(image=2)
    line = codec.spell(Stroke(5, SCREEN)) + codec.spell(Stroke(7, KEYBOARD, 65))
    line[12] = codec.start
    with pytest.raises(BadInput, match="word 12 of this line is <EVENT_START>"):
        codec.decode(line)
    with pytest.raises(BadInput, match="the end"):
        codec.decode(line[:9])
    for scheme in ("both", None):
        with pytest.raises(BadInput, match="factorized and hierarchical"):
            Codec(scheme)
