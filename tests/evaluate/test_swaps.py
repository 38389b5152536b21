"""What stands in a frame's place is of the same game and of another scene, always."""

from collections import Counter

import numpy as np
import pytest

from playtape.errors import BadInput
from playtape.evaluate.swaps import CLIPS, Place, plan

FRAMES = 20


def places(*lengths: int, game: str = "a") -> list[Place]:
    return [Place(f"{game}{k}", game, f"{game}{k}", length) for k, length in enumerate(lengths)]


def test_frames_come_from_clips_of_other_sessions_of_the_same_game() -> None:
    many = [*places(100, 60, 20), *places(300, 300, game="b")]
    batches, notes = plan(many, FRAMES, 3, seed=0)
    assert notes == []
    assert len(batches) == 6  # three of each game
    for batch in batches:
        assert len(batch) == CLIPS
        assert len({many[k].game for k in batch.recording}) == 1
        inside = {(k, start + t) for k, start in zip(batch.recording, batch.start) for t in range(FRAMES)}
        for clip in range(CLIPS):
            assert batch.start[clip] + FRAMES <= many[batch.recording[clip]].intervals
            for k, frame in zip(batch.other_recording[clip], batch.other_frame[clip]):
                assert many[k].game == many[batch.recording[clip]].game
                assert many[k].session != many[batch.recording[clip]].session
                assert (k, frame) in inside


def test_every_session_has_its_turn_and_every_place_in_it() -> None:
    one, two, three = places(500, 40, 40)
    views = [one, two, three, Place("view", "a", two.session, 40)]  # another player of the second session
    batches, _ = plan(views, FRAMES, 50, seed=1)
    drawn = Counter(k for batch in batches for k in batch.recording.tolist())
    total = 50 * CLIPS
    assert [drawn[k] / total for k in range(4)] == pytest.approx([1 / 3, 1 / 6, 1 / 3, 1 / 6], abs=0.03)
    starts = np.concatenate([batch.start[batch.recording == 0] for batch in batches])
    assert starts.min() < 20
    assert starts.max() > 460
    assert np.mean(starts) == pytest.approx(240, abs=25)
    chance = np.concatenate([batch.chance for batch in batches])
    assert (chance < 0.5).mean() == pytest.approx(0.5, abs=0.01)


def test_a_session_alone_gives_moments_far_away() -> None:
    batches, notes = plan(places(6 * FRAMES), FRAMES, 20, seed=0)
    assert notes == ["a0 is the only session of a: other scenes are other moments of it, at least 20 frames away"]
    for batch in batches:
        own = batch.start[:, None]
        assert ((batch.other_frame >= own + 2 * FRAMES) | (batch.other_frame < own - FRAMES)).all()
        assert {*range(5)} <= {*(batch.start // FRAMES).tolist()}  # all over it


def test_two_views_of_one_session_are_one_scene() -> None:
    one = Place("one", "a", "together", 6 * FRAMES)
    batches, notes = plan([one, Place("two", "a", "together", 8 * FRAMES)], FRAMES, 1, seed=0)
    assert set(batches[0].recording) == {1}  # the longer
    assert "two is the only session" in notes[0]


def test_a_plan_is_a_function_of_its_seed() -> None:
    first, again, other = (plan(places(90, 90), FRAMES, 1, seed)[0][0] for seed in (3, 3, 4))
    for name in ("recording", "start", "other_recording", "other_frame", "chance"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.chance, other.chance)


def test_what_is_too_short_is_left_out_or_refused() -> None:
    batches, notes = plan(places(100, 60, 19), FRAMES, 1, seed=0)
    assert set(batches[0].recording) == {0, 1}
    assert notes == ["1 recordings are left out, shorter than a clip and one frame more (21 frames)"]
    with pytest.raises(BadInput, match="every one of the 2 recordings is shorter than 21 frames"):
        plan(places(19, 3), FRAMES, 1, seed=0)
    with pytest.raises(BadInput, match=r"a0 is the only session of a and has 120 frames.* at least 121 frames"):
        plan(places(119), FRAMES, 1, seed=0)
    batches, notes = plan([*places(119), *places(50, 50, game="b")], FRAMES, 1, seed=0)
    assert set(batches[0].recording) == {1, 2}
    assert "a0 is the only session of a and has 120 frames" in notes[0]
