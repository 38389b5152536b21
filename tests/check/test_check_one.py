"""Each kind of finding: in a recording that has the fault, at its place, and not in one that is almost at fault."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from playtape.actions import Events
from playtape.check.check import check_one
from playtape.check.findings import Finding, Limits
from playtape.recordings.video import write_video
from tests.check.conftest import HZ, STEP, Turning

Kinds = Callable[..., list[str]]


def the_one(path: Path, kind: str, limits: Limits | None = None) -> Finding:
    (found,) = [one for one in check_one(path, limits or Limits()).findings if one.kind == kind]
    return found


def test_play_without_a_fault_is_clean(turning: Turning, kinds: Kinds) -> None:
    assert kinds(turning) == []


@pytest.mark.parametrize(("until", "found"), [(7.5, ["held-key"]), (7.0, [])])
def test_a_key_held_too_long(turning: Turning, kinds: Kinds, until: float, found: list[str]) -> None:
    turning.add((0.1, "key.q", 1), (until, "key.q", 0))
    assert kinds(turning, Limits(stuck_s=30)) == found


@pytest.mark.parametrize(("count", "found"), [(7, ["many-keys"]), (6, [])])
def test_more_keys_than_a_hand_holds(
    turning: Turning, kinds: Kinds, tmp_path: Path, count: int, found: list[str]
) -> None:
    for number in range(count):
        turning.add((5.55, f"key.{number}", 1), (6.05, f"key.{number}", 0))
    assert kinds(turning) == found
    if found:
        one = the_one(tmp_path / "take.mcap", "many-keys")
        assert (one.start_ns, one.end_ns) == (int(5.55e9), int(6.05e9))
        assert one.text == "7 keys are held at once (limit 6)"


def test_a_pause_is_told_where_it_is(turning: Turning, kinds: Kinds, tmp_path: Path) -> None:
    start, end = 66 * STEP, 162 * STEP  # no key is down then
    turning.events = Events.concatenate(turning.events.between(0, start), turning.events.between(end, 240 * STEP))
    turning.frames[66:162] = turning.frames[66]
    assert kinds(turning, Limits(idle_s=4)) == ["idle"]
    one = the_one(tmp_path / "take.mcap", "idle", Limits(idle_s=4))
    assert start - 5 * STEP <= one.start_ns <= start
    assert end <= one.end_ns <= end + 5 * STEP
    assert kinds(turning, Limits(idle_s=6)) == []


def test_who_holds_a_key_is_not_idle(turning: Turning, kinds: Kinds) -> None:
    turning.events = Events.from_rows([(3 * 10**9, "key.w", 1), (8 * 10**9, "key.w", 0)])
    turning.frames[:] = turning.frames[0]
    assert "idle" not in kinds(turning, Limits(idle_s=4.5, active_share=0.4, frozen_s=100))
    assert "idle" in kinds(turning, Limits(idle_s=3.5, active_share=0.4, frozen_s=100))
    assert "idle" in kinds(turning, Limits(idle_s=4.5, active_share=0.6, frozen_s=100))


@pytest.mark.parametrize(("told", "found"), [("24", ["rate"]), ("20.3", []), ("", []), ("x", [])])
def test_another_rate_than_is_told(turning: Turning, kinds: Kinds, told: str, found: list[str]) -> None:
    turning.info = replace(turning.info, extra={"hz": told})
    assert kinds(turning) == found


@pytest.mark.parametrize(("lost", "found"), [(2, ["gap"]), (1, [])])
def test_frames_that_are_missing(turning: Turning, kinds: Kinds, tmp_path: Path, lost: int, found: list[str]) -> None:
    kept = np.delete(np.arange(len(turning.frames)), range(100, 100 + lost))
    turning.frames, turning.time_ns = turning.frames[kept], turning.time_ns[kept]
    assert kinds(turning) == found
    if found:
        one = the_one(tmp_path / "take.mcap", "gap")
        assert (one.start_ns, one.end_ns) == (99 * STEP, 102 * STEP)


def test_a_picture_that_stands_while_the_mouse_turns_it(turning: Turning, kinds: Kinds, tmp_path: Path) -> None:
    turning.frames[80:120] = turning.frames[80]
    assert kinds(turning) == ["frozen"]
    one = the_one(tmp_path / "take.mcap", "frozen")
    assert abs(one.start_ns - 80 * STEP) <= 5 * STEP
    assert abs(one.end_ns - 120 * STEP) <= 5 * STEP


def test_a_picture_that_stands_with_its_player_is_right(kinds: Kinds) -> None:
    take = Turning()
    take.events = Events.concatenate(take.events.between(0, 80 * STEP), take.events.between(120 * STEP, 240 * STEP))
    take.frames[80:120] = take.frames[80]
    assert kinds(take) == []


@pytest.mark.parametrize(("every", "found"), [(4, ["duplicates"]), (12, [])])
def test_single_frames_shown_twice(turning: Turning, kinds: Kinds, every: int, found: list[str]) -> None:
    number = np.arange(len(turning.frames))
    turning.frames = turning.frames[number - (number % every == every - 1)]
    assert kinds(turning) == found


@pytest.mark.parametrize("by", [-6, -2, 2, 6])
def test_a_lag_is_told_with_its_length_and_side(turning: Turning, kinds: Kinds, tmp_path: Path, by: int) -> None:
    """Inputs that come `by` frames late: the picture answers earlier than it should."""
    turned = turning.events.of("mouse.dx").shifted(by * STEP).between(0, 12 * 10**9)
    turning.events = Events.concatenate(turning.events.of("key.w"), turned)
    assert kinds(turning) == ["lag"]
    side = "earlier" if by > 0 else "later"
    assert f"answers turns {abs(by)} frames {side} than it should" in the_one(tmp_path / "take.mcap", "lag").text


def test_one_frame_of_lag_is_within_the_limit(turning: Turning, kinds: Kinds) -> None:
    turning.events = turning.events.shifted(STEP).between(0, 12 * 10**9)
    assert kinds(turning) == []
    assert kinds(turning, Limits(lag_frames=1)) == ["lag"]


def test_black_borders_that_come_and_stay(turning: Turning, kinds: Kinds, tmp_path: Path) -> None:
    turning.frames[60:120, :8], turning.frames[60:120, -8:] = 0, 0
    assert kinds(turning) == ["size"]
    one = the_one(tmp_path / "take.mcap", "size")
    assert (one.start_ns, one.end_ns) == (60 * STEP, 119 * STEP) or (one.start_ns, one.end_ns) == (
        60 * STEP,
        120 * STEP,
    )
    assert "160 x 44 of 160 x 60 pixels are of the game" in one.text


def test_borders_that_are_always_there_and_darkness_are_right(turning: Turning, kinds: Kinds) -> None:
    turning.frames[:, :8] = 0
    turning.frames[60:80] = 0
    assert "size" not in kinds(turning)


@pytest.mark.parametrize(("until", "found"), [(8.5, ["stuck"]), (6.0, [])])
def test_a_key_that_is_down_from_the_start(turning: Turning, kinds: Kinds, until: float, found: list[str]) -> None:
    turning.add((0, "key.left_shift", 1), (until, "key.left_shift", 0))
    assert kinds(turning, Limits(held_share=1)) == found


@pytest.mark.parametrize(("even", "found"), [(True, ["auto-repeat"]), (False, [])])
def test_presses_that_no_hand_makes(turning: Turning, kinds: Kinds, even: bool, found: list[str]) -> None:
    draw, when = np.random.default_rng(0), 4.0
    for _ in range(14):
        turning.add((when, "key.e", 1), (when + 0.008, "key.e", 0))
        when += 0.033 if even else draw.uniform(0.01, 0.1)
    assert kinds(turning) == found


def test_what_cannot_be_opened_or_learned_from(turning: Turning, tmp_path: Path) -> None:
    turning.events = Events.empty()
    assert "no input at all" in the_one(turning.save(tmp_path / "still.mcap"), "unusable").text
    path = turning.save(tmp_path / "cut.mcap")
    path.with_suffix(".mp4").write_bytes(path.with_suffix(".mp4").read_bytes()[:3000])
    assert the_one(path, "unusable").text
    alone = turning.save(tmp_path / "alone.mcap")
    alone.with_suffix(".mp4").unlink()
    assert the_one(alone, "unusable").text
    (tmp_path / "none.mcap").write_bytes(b"")
    assert the_one(tmp_path / "none.mcap", "unusable").text


def test_one_frame(turning: Turning, tmp_path: Path) -> None:
    turning.frames, turning.time_ns = turning.frames[:1], turning.time_ns[:1]
    turning.events = Events.from_rows([(0, "key.w", 1), (10**6, "key.w", 0)])
    path = tmp_path / "one.mcap"
    write_video(path.with_suffix(".mp4"), list(turning.frames), fps=HZ)
    assert "one frame" in the_one(turning.save(path), "unusable").text
