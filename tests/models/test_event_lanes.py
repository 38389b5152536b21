"""Lanes say what the plain loop says, word for word, whatever happens in a gap. The model here is a script; see test_event_idm.py
for a trained one."""

import warnings
from dataclasses import replace

import pytest

from playtape.actions.event_tokens import Codec
from playtape.actions.strokes import HWHEEL, KEYBOARD, MOUSE, NOTCH, WHEEL, Stroke
from playtape.models import event_lanes
from playtape.models.event_line import Pace
from playtape.models.event_loop import Gap, Way, plain
from tests.models.scripted_events import Scripted, tail

PACE = Pace(5, 2)
OURS, THEIRS = Codec(image=3), Codec(image=3, published=True)
FRAMES = 12


def script(codec: Codec, first: int = 0) -> dict[int, list[list[int]]]:
    """Something of everything, from the frame `first` on; times are of the line, so a gap after frame f has 5 f to 5 f + 5."""
    free = Codec(image=3, published=True)
    at = 5 * first
    nine = tail(free, Stroke(at + 31, MOUSE, dx=1999, dy=-4))
    nine[5] = free.numbers["<9>"]  # thousands
    wheel = tail(free, Stroke(at + 46, MOUSE, flags=WHEEL, wheel=-3 * NOTCH))
    many = [tail(free, Stroke(at + 50, KEYBOARD, 65 + k, True)) for k in range(7)]
    broken = tail(free, Stroke(at + 22, KEYBOARD, 70, True))
    broken[4] = free.numbers["<press>"]  # where a key must be
    foreign = [*tail(free, Stroke(at + 36, MOUSE, dx=5))[:7], len(free.words)]
    gaps = [
        [tail(free, Stroke(at + 1, KEYBOARD, 87, True)), tail(free, Stroke(at + 3, MOUSE, dx=12, dy=-7))],
        [],  # nothing is done
        [tail(free, Stroke(at + 15, KEYBOARD, 87, False))],  # at the next frame's own time
        [tail(free, Stroke(at + 21, KEYBOARD, 65, True))],  # later than that
        [tail(free, Stroke(at + 21, KEYBOARD, 65, True)), broken],
        [
            tail(free, Stroke(at + 26, KEYBOARD, 65, False)),
            tail(free, Stroke(at + 26, KEYBOARD, 66, True)),
        ],  # at one time
        [nine, tail(free, Stroke(at + 32, KEYBOARD, 66, False))],
        [foreign],
        [tail(free, Stroke(at + 42, MOUSE, dx=-1)), tail(free, Stroke(at + 41, MOUSE, dx=1))],  # back in time
        [wheel, tail(free, Stroke(at + 47, KEYBOARD, 66, True))],
        many,
        [tail(free, Stroke(at + 56, MOUSE, flags=0x1, dx=3)), tail(free, Stroke(at + 59, MOUSE, flags=0x2))],
    ]
    return {(first + frame) % 200: gap for frame, gap in enumerate(gaps)}


def both(way: Way, said: dict[int, list[list[int]]], first: int = 0) -> tuple[list[Gap], list[Gap], Scripted]:
    places = way.context + way.longest + 4
    slow, quick = (Scripted(way.codec, said, 1, places) for _ in range(2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cut motions
        gaps = plain(slow.ask, way, range(first, first + FRAMES))
        (lanes,) = event_lanes.together([event_lanes.lane(way, range(first, first + FRAMES))], quick.read)
        return gaps, lanes, quick


WAYS = {
    "published": Way(THEIRS, PACE, context=60, most=5),
    "published, block": Way(THEIRS, PACE, context=100, keep=2, most=5),
    "ours": Way(OURS, PACE, context=100, keep=3, most=5),
    "ours, sliding": Way(OURS, PACE, context=60, most=5),
    "all of it": Way(OURS, PACE, context=10_000, keep=3, most=50),
}


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("first", [0, 195])
def test_lanes_say_what_the_plain_loop_says(name: str, first: int) -> None:
    """From frame 195 on, times go round: 5 * 200 ticks are ten seconds."""
    way = WAYS[name]
    slow, quick, _ = both(way, script(way.codec, first), first)
    for frame, (a, b) in enumerate(zip(slow, quick, strict=True)):
        assert a == b, f"gap {frame}"
    assert sum(len(gap.strokes) for gap in quick) >= 10


def test_what_the_script_makes_happen() -> None:
    """So that what is compared above is known to have happened."""
    published, _, _ = both(WAYS["published"], script(THEIRS))
    assert [gap.reason for gap in published] == [
        "screen", "screen", "screen", "late", "refused", "screen", "screen", "refused", "late", "refused", "full", "screen",
    ]  # fmt: skip
    assert [len(gap.strokes) for gap in published] == [2, 0, 1, 0, 1, 2, 2, 0, 1, 0, 5, 2]  # a wheel is too long for it
    assert published[6].strokes[0].dx == 9999  # a thousands digit of 9
    assert THEIRS.decode(published[6].words[:19])["dx"] == 1999  # but not in the context
    assert published[5].strokes[0].tick == published[5].strokes[1].tick
    assert sum(gap.dropped for gap in published) > 10
    assert published[10].dropped > 2  # in the middle of a gap

    ours, _, _ = both(WAYS["all of it"], script(OURS))
    assert {gap.reason for gap in ours} == {"screen"}
    assert ours[9].strokes[0] == Stroke(46, MOUSE, flags=WHEEL, wheel=-3 * NOTCH)
    assert len(ours[10].strokes) == 7
    for frame, gap in enumerate(ours):
        assert all(5 * frame <= stroke.tick <= 5 * frame + 5 for stroke in gap.strokes)
        assert [stroke.tick for stroke in gap.strokes] == sorted(stroke.tick for stroke in gap.strokes)
    assert all(not gap.dropped for gap in ours)


def test_times_that_have_gone_round_are_told_from_each_other() -> None:
    _, quick, _ = both(WAYS["ours"], script(OURS, 195), 195)
    ticks = [stroke.tick for gap in quick for stroke in gap.strokes]
    assert ticks[0] == 976
    assert ticks[-1] == 1034
    assert ticks == sorted(ticks)


def test_an_empty_gap_costs_one_pass_and_an_event_few() -> None:
    way = WAYS["all of it"]
    quiet = Scripted(OURS, {}, 1, 2000)
    event_lanes.together([event_lanes.lane(way, range(FRAMES))], quiet.read)
    assert quiet.passes == FRAMES
    assert quiet.read_words == FRAMES * len(OURS.spell(Stroke(0, 2))) + 1  # and each word is read once
    key = {3: [tail(OURS, Stroke(16, KEYBOARD, 65, True))]}
    busy = Scripted(OURS, key, 1, 2000)
    event_lanes.together([event_lanes.lane(way, range(FRAMES))], busy.read)
    # The kind comes with the frame; then two digits, the key and its way; the last brings end and next beginning along.
    assert busy.passes == FRAMES + 5


def test_lanes_do_not_touch_each_other() -> None:
    """In any company and any order; those that are in the middle of a gap are read while others wait for a frame."""
    way = WAYS["ours"]
    scripts = [script(OURS), {}, {4: script(OURS)[0]}, script(OURS)]
    alone = []
    for said in scripts:
        model = Scripted(OURS, said, 1, 200)
        alone += event_lanes.together([event_lanes.lane(way, range(FRAMES))], model.read)
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        models = [Scripted(OURS, scripts[k], len(scripts), 200) for k in order]

        def read(rows, feeds, models=models):
            return [models[row].read([row], [feed])[0] for row, feed in zip(rows, feeds, strict=True)]

        found = event_lanes.together([event_lanes.lane(way, range(FRAMES)) for _ in order], read)
        assert found == [alone[k] for k in order]


def test_a_stretch_without_frames_has_no_gaps() -> None:
    way = WAYS["ours"]
    model = Scripted(OURS, script(OURS), 3, 200)
    stretches = [range(0), range(FRAMES), range(0)]
    found = event_lanes.together([event_lanes.lane(way, stretch) for stretch in stretches], model.read)
    assert [len(gaps) for gaps in found] == [0, FRAMES, 0]
    assert event_lanes.together([event_lanes.lane(way, range(0))], model.read) == [[]]
    assert event_lanes.together([], model.read) == []


def test_what_is_forgotten_is_the_oldest_and_a_block_keeps_its_last_frames() -> None:
    sliding, block = Way(OURS, PACE, context=50), Way(OURS, PACE, context=50, keep=2)
    items = [sliding.screen(0)]
    for frame in range(1, 4):
        items += [event_lanes.Item(tuple(OURS.spell(Stroke(5 * frame, KEYBOARD, 65)))), sliding.screen(frame)]
    assert sum(len(item.words) for item in items) == 4 * 11 + 3 * 8
    kept = list(items)
    assert sliding.evict(kept) == 2
    assert kept == items[2:]
    kept = list(items)
    assert block.evict(kept) == 4
    assert [item.frame for item in kept] == [2, -1, 3]
    assert replace(block, context=10).evict(kept) == 2  # never the last
    assert [item.frame for item in kept] == [3]


def test_a_horizontal_wheel_may_be_said() -> None:
    stroke = Stroke(2, MOUSE, flags=HWHEEL, wheel=9 * NOTCH)
    _, quick, _ = both(WAYS["ours"], {0: [tail(OURS, stroke)]})
    assert quick[0].strokes == [stroke]
