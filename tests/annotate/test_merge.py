"""Answers put together: each event once, ends where the next begins, nothing beyond what is known."""

from playtape.annotate.answer import Answer, Instruction
from playtape.annotate.chunks import SECOND, Chunk
from playtape.annotate.merge import merged, same, spans

CHUNKS = [Chunk(0, 0, 60 * SECOND), Chunk(1, 50 * SECOND, 110 * SECOND), Chunk(2, 100 * SECOND, 145 * SECOND)]


def answer(*rows: tuple[float, float | None, str]) -> Answer:
    return Answer("", tuple(Instruction(*row) for row in rows))


def told(*answers: Answer | None, chunks: list[Chunk] = CHUNKS, gap_s: float = 8) -> list[tuple[float, float, str]]:
    found, _ = spans(chunks, answers, gap_s)
    assert all(type(span.start_ns) is int and type(span.end_ns) is int and span.kind == "text" for span in found)
    return [(span.start_ns / SECOND, span.end_ns / SECOND, span.value) for span in found]


NONE = answer()


def test_an_open_end_holds_until_the_next_and_the_last_until_the_end():
    got = told(answer((5, None, "a"), (20, 30, "b"), (40, None, "c")), answer((30, None, "d")), NONE)
    assert got == [(5, 20, "a"), (20, 30, "b"), (40, 80, "c"), (80, 145, "d")]


def test_an_event_in_the_overlap_that_both_tell_is_one():
    assert told(answer((53, None, "a")), answer((4, 30, "the same, otherwise said")), NONE) == [(53, 145, "a")]
    assert told(answer((53, 60, "Go to the door")), answer((3, 30, "go to a door!")), NONE) == [
        (53, 80, "Go to the door")
    ]


def test_an_event_just_after_the_border_that_the_earlier_saw_coming_is_one():
    assert told(answer((58, None, "a")), answer((12, None, "b")), NONE) == [(58, 145, "a")]
    assert told(answer((58, None, "a")), answer((16, None, "b")), NONE) == [(58, 66, "a"), (66, 145, "b")]


def test_an_event_in_the_overlap_that_only_the_later_saw_is_kept_in_its_place():
    got = told(answer((10, None, "a"), (30, None, "b")), answer((5, None, "c"), (40, None, "d")), NONE)
    assert got == [(10, 30, "a"), (30, 55, "b"), (55, 90, "c"), (90, 145, "d")]


def test_the_goal_that_holds_already_is_not_told_anew():
    assert told(answer((30, None, "Find the key")), answer((9, None, "Find a key.")), NONE) == [
        (30, 145, "Find the key")
    ]
    assert told(answer((30, None, "Find the key")), answer((0, None, "Look for keys")), NONE) == [
        (30, 145, "Find the key")
    ]


def test_a_goal_at_the_first_picture_counts_where_none_holds():
    assert told(answer((10, 20, "a")), answer((0, 10, "b")), NONE) == [(10, 20, "a"), (50, 60, "b")]
    assert told(NONE, answer((0, 10, "b")), NONE) == [(50, 60, "b")]


def test_a_goal_at_the_first_picture_counts_where_nobody_saw_it_begin():
    apart = [Chunk(0, 0, 50 * SECOND), Chunk(1, 50 * SECOND, 100 * SECOND)]
    assert told(answer((10, None, "a")), answer((0, None, "b")), chunks=apart) == [(10, 50, "a"), (50, 100, "b")]


def test_what_comes_right_after_a_goal_that_is_told_anew_is_not_lost():
    got = told(
        answer((30, None, "Find the key")), answer((0, None, "Carry on"), (1, None, "Flee"), (30, None, "Hide")), NONE
    )
    assert got == [(30, 51, "Find the key"), (51, 80, "Flee"), (80, 145, "Hide")]


def test_the_same_goal_comes_again_where_another_was_between():
    got = told(answer((10, None, "a"), (30, None, "b")), answer((20, None, "a")), NONE)
    assert got == [(10, 30, "a"), (30, 70, "b"), (70, 145, "a")]


def test_two_within_the_gap_are_the_first_and_two_in_the_same_words_one():
    got, mended = spans(CHUNKS[:1], [answer((5, None, "a"), (11, None, "b"), (20, 25, "c"), (40, 50, "C!"))], 8)
    assert [(span.start_ns // SECOND, span.end_ns // SECOND, span.value) for span in got] == [
        (5, 20, "a"),
        (20, 50, "c"),
    ]
    assert mended == {
        "instructions began within 8 s of the one before and were left out": 1,
        "instructions were told twice and are one": 1,
    }


def test_without_a_gap_all_are_kept():
    assert len(told(answer((5, None, "a"), (6, None, "b"), (6, None, "c")), chunks=CHUNKS[:1], gap_s=0)) == 2


def test_an_open_end_does_not_reach_into_what_is_not_known():
    assert told(answer((30, None, "a")), None, answer((20, None, "b"))) == [(30, 60, "a"), (120, 145, "b")]


def test_after_a_hole_everything_counts():
    got = told(answer((55, 60, "a")), None, answer((0, None, "a")))
    assert got == [(55, 60, "a"), (100, 145, "a")]


def test_times_are_exact_and_within():
    chunks = [Chunk(0, 33_333_333, 10_033_333_334)]
    got, _ = spans(chunks, [answer((0, None, "a"), (9.9999999999, 10.0000000009, "b"))], 8)
    assert [(span.start_ns, span.end_ns) for span in got] == [
        (33_333_333, 10_033_333_333),
        (10_033_333_333, 10_033_333_334),
    ]


def test_what_was_told_up_to_now_is_known_midway():
    sofar, _ = merged(CHUNKS, [answer((5, None, "a"))], 8)
    assert [(one.start_ns, one.end_ns, one.text) for one in sofar] == [(5 * SECOND, None, "a")]


def test_same_is_strict():
    assert same("Press the red switch!", "press red switch")
    assert not same("Press the red switch", "Press the blue switch")
