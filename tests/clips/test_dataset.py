import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from playtape.actions import Actions, ActionSpace, Axis
from playtape.clips import Clip, Clips, Source, observed_space, resize, store
from playtape.clips.augmentation import Augmentation
from playtape.clips.dataset import cut
from playtape.errors import BadInput
from playtape.recordings import Span
from playtape.recordings.formats import doom_demo

PLAIN = Augmentation(0, 0, 0, 0)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory):
    root = doom_demo.example(tmp_path_factory.mktemp("demo"))
    return doom_demo.read(doom_demo.find(root)[0])


@pytest.fixture
def stored(recording):
    return store(recording, observed_space([recording], 35), (40, 80), 35)


def clips(stored, **changes) -> Clips:
    space = changes.pop("space")
    settings = {"window": 16, "batch": 3, "seed": 7, "augmentation": PLAIN} | changes
    return Clips([stored], [1.0], space, **settings)


def test_frames_and_actions_stay_together(recording, stored) -> None:
    space = observed_space([recording], 35)
    batch = clips(stored, space=space)[0]
    assert batch.frames.shape == (3, 16, 3, 40, 80)
    for frames, buttons in zip(batch.frames, batch.actions.buttons, strict=True):
        start = next(i for i in range(len(stored)) if np.array_equal(stored.frames[i : i + 16], frames.numpy()))
        assert np.array_equal(stored.actions.buttons[start : start + 16], buttons.numpy())


def test_where_a_clip_was_cut_is_told(recording, stored) -> None:
    batches = clips(
        stored, space=observed_space([recording], 35), augmentation=Augmentation(shift=0, recompression=0.5)
    )
    plain = clips(stored, space=observed_space([recording], 35), batch=1)
    said = re.fullmatch(rf"{stored.name} frames \[(\d+), (\d+)\) from ([\d.]+) s", batches.where(5)[2])
    assert said is not None, batches.where(5)
    start, stop = int(said[1]), int(said[2])
    assert float(said[3]) == pytest.approx(stored.time_ns[start] / 1e9, abs=0.01)
    assert torch.equal(batches[5].actions.buttons[2], torch.from_numpy(stored.actions.buttons[start:stop]))
    assert plain.where(0) != plain.where(1)


def test_a_step_is_a_pure_function_of_seed_and_number(recording, stored) -> None:
    space = observed_space([recording], 35)
    one, two = (clips(stored, space=space, augmentation=Augmentation()) for _ in range(2))
    two[3]
    assert torch.equal(one[5].frames, two[5].frames)
    assert not torch.equal(one[5].frames, one[6].frames)


def test_rewards_add_up_where_they_were_earned(recording) -> None:
    space, time_ns = observed_space([recording], 35), recording.time_ns
    spans = [
        Span(int(time_ns[t]), int(time_ns[t + 1]), "reward", value) for t, value in ((4, "1"), (5, "-0.25"), (9, "2"))
    ]
    spans.append(Span(int(time_ns[9]), int(time_ns[10]), "end", ""))
    slow = store(replace(recording, spans=tuple(spans)), space, (40, 80), 17.5)  # every other frame
    clip = cut(slow, 0, len(slow))
    assert {t: value for t, value in enumerate(clip.reward.tolist()) if value} == {2: 0.75, 4: 2.0}
    assert clip.ended.nonzero().flatten().tolist() == [4]
    silent = cut(store(recording, space, (40, 80), 17.5), 0, 5)
    assert bool(silent.reward.isnan().all())
    assert not silent.ended.any()
    wrong = replace(recording, spans=(Span(0, 1, "reward", "much"),))
    with pytest.raises(BadInput, match="has a span reward of 'much'; it must be a finite number"):
        store(wrong, space, (40, 80), 17.5)
    much = tuple(Span(int(time_ns[t]), int(time_ns[t + 1]), "reward", "3e38") for t in (4, 5))
    assert store(replace(recording, spans=much), space, (40, 80), 35).reward[4:6].tolist() == [np.float32(3e38)] * 2
    for spans, how in ((much, {"hz": 17.5}), (much, {}), ((replace(much[0], value="1e300"),), {})):
        with pytest.raises(BadInput, match=r"has rewards that add up to more than 3\.40282e\+38"):
            store(replace(recording, spans=spans), space, (40, 80), 35 if how else 17.5, **how)


def test_what_is_done_is_observed_at_any_pace(recording) -> None:
    """A minute and 40 seconds from frame to frame, of some two seconds: it is taken as closely as a window of 8 needs."""
    space, slow = observed_space([recording], 35), observed_space([recording], 35, [0.01], 8)
    assert slow.buttons == space.buttons
    assert [axis.name for axis in slow.axes] == [axis.name for axis in space.axes]
    assert slow.axes[0].scale > space.axes[0].scale  # of longer intervals


def test_a_body_that_a_model_does_not_know(recording) -> None:
    space = observed_space([recording], 35)
    known = ("crane", recording.info.game)
    assert int(cut(store(recording, space, (40, 80), 35, embodiments=known), 0, 2).embodiment) == 1
    with pytest.raises(BadInput, match="the model's embodiments are crane, arm"):
        store(recording, space, (40, 80), 35, embodiments=("crane", "arm"))


def test_the_last_frame_and_masked_spans_are_not_learned(recording) -> None:
    time_ns = recording.time_ns
    span = Span(int(time_ns[10]), int(time_ns[13]), "masked", "confidence below 0.7")
    masked = store(replace(recording, spans=(span,)), observed_space([recording], 35), (40, 80), 35)
    learnable = cut(masked, 0, len(masked)).mask
    assert (~learnable).nonzero().flatten().tolist() == [10, 11, 12, len(masked) - 1]


def test_augmentation_is_the_same_for_all_frames(recording, stored) -> None:
    space = observed_space([recording], 35)
    still = Clip(
        torch.randint(0, 255, (1, 3, 40, 80), dtype=torch.uint8).expand(16, 3, 40, 80),
        cut(stored, 0, 16).actions,
        torch.ones(16, dtype=torch.bool),
        torch.ones(16),
    )
    changed = Augmentation(mirror=(("key.a", "key.d"),))(still, space, np.random.default_rng(1))
    assert (changed.frames == changed.frames[:1]).all()
    assert not torch.equal(changed.frames, still.frames)


def test_the_mirror_exchanges_left_and_right(stored, recording) -> None:
    space = observed_space([recording], 35)
    clip = cut(stored, 0, 40)
    pairs = (("key.a", "key.d"),) if {"key.a", "key.d"} <= set(space.buttons) else (("key.w", "key.s"),)
    mirror = replace(PLAIN, mirror=pairs)
    draws = (np.random.default_rng(seed) for seed in range(20))
    mirrored = next(c for c in (mirror(clip, space, draw) for draw in draws) if not torch.equal(c.frames, clip.frames))
    assert torch.equal(mirrored.frames, clip.frames.flip(-1))
    assert torch.equal(mirrored.actions.axes, -clip.actions.axes)


def test_sources_carry_weights() -> None:
    assert Source.parse("data/a:4") == Source(Path("data/a"), 4.0)
    assert Source.parse("data/a") == Source(Path("data/a"), 1.0)
    assert Source.parse("c:/odd") == Source(Path("c:/odd"), 1.0)
    for weight in ("0", "-1", "nan", "inf", "1e308", "5e-324"):  # times a length, and added up, they must stay numbers
        with pytest.raises(BadInput, match=f"the weight of 'a:{weight}' is {weight}; it must be from 1e-09 to 1e\\+09"):
            Source.parse(f"a:{weight}")


def test_mixture_weights_decide_what_is_drawn(recording, stored) -> None:
    space = observed_space([recording], 35)
    dark = replace(stored, frames=np.zeros_like(stored.frames))
    mix = Clips([stored, dark], [3.0, 1.0], space, 16, 200, 0, PLAIN)
    share = (mix[0].frames.flatten(1).max(1).values == 0).float().mean()
    assert 0.15 < share < 0.35


def test_the_store_is_read_again_and_never_stale(recording) -> None:
    space = observed_space([recording], 35)
    first = store(recording, space, (40, 80), 35)
    again = store(recording, space, (40, 80), 35)
    assert again.frames.filename == first.frames.filename
    assert store(recording, space, (20, 40), 35).frames.filename != first.frames.filename
    assert not list(Path(first.frames.filename).parent.glob("*.part"))


def test_what_is_cropped_is_stored_apart_from_what_is_squashed(recording) -> None:
    space = observed_space([recording], 35)
    squashed, cropped = (store(recording, space, (40, 40), 35, crop=crop) for crop in (False, True))
    first = np.stack(list(recording.video.stream(indices=np.arange(2))))
    assert first.shape[2] > first.shape[1]
    assert np.array_equal(squashed.frames[:2], resize(first, (40, 40)))
    assert np.array_equal(cropped.frames[:2], resize(first, (40, 40), crop=True))
    assert not np.array_equal(squashed.frames[:2], cropped.frames[:2])


def test_a_row_of_a_stride_is_of_all_that_lies_between_its_frames(recording) -> None:
    time_ns = recording.time_ns
    spans = [
        Span(int(time_ns[10]), int(time_ns[11]), "masked", "unsure"),
        Span(int(time_ns[25]), int(time_ns[26]), "end", ""),
    ]
    spans += [Span(int(time_ns[t]), int(time_ns[t + 1]), "reward", "0.5") for t in (14, 15, 16, 20)]
    recording = replace(recording, spans=tuple(spans))
    space = observed_space([recording], 35)
    assert space.axes
    one, three = store(recording, space, (40, 80), 35), store(recording, space, (40, 80), 5, hz=35 / 3)
    assert (one.stride, three.stride, len(three)) == (1, 3, len(recording.time_ns))
    clip, frames = cut(three, 2, 2 + 3 * 9 + 1), len(one)
    assert len(clip.frames) == 10
    for k in range(10):
        t = 2 + 3 * k
        assert np.array_equal(clip.frames[k], one.frames[t])
        assert np.array_equal(clip.actions.buttons[k], one.actions.buttons[t : t + 3].any(0))
        np.testing.assert_allclose(clip.actions.axes[k], one.actions.axes[t : t + 3].sum(0), rtol=1e-6)
        assert bool(clip.mask[k]) == one.mask[t : t + 3].all() == (not t <= 10 < t + 3)
    assert clip.reward.tolist() == [0, 0, 0, 0, 1.5, 0, 0.5, 0, 0, 0]
    assert clip.ended.nonzero().flatten().tolist() == [7]
    assert three.mask.nonzero()[0].max() == frames - 4  # what comes after is not whole
    state = ActionSpace((), (Axis("arm.0", "state"),))
    put = np.arange(frames, dtype=np.float32)[:, None]
    events = state.events(Actions(np.zeros((frames, 0), bool), put), time_ns)
    held = store(replace(recording, events=events), state, (40, 80), 35, hz=35 / 3)
    assert held.actions.axes[5, 0] == 7  # where it was at the end


def test_clips_of_a_stride_reach_from_end_to_end(recording) -> None:
    space = observed_space([recording], 35)
    three = store(recording, space, (40, 80), 35, hz=35 / 3, window=16)
    numbered = np.arange(len(three), dtype=np.uint8)[:, None, None, None].repeat(3, 1)
    drawn = clips(replace(three, frames=numbered), space=space, batch=2000)[0].frames[:, :, 0, 0, 0].int()
    assert (drawn.diff(dim=1) == 3).all()
    assert (drawn.min(), drawn.max()) == (0, len(three) - 1)
    assert len(drawn[:, 0].unique()) == len(three) - 45


def test_first_and_last_frames_are_seen_half_as_often_as_others(recording, stored) -> None:
    numbered = replace(stored, frames=np.arange(len(stored), dtype=np.uint8)[:, None, None, None].repeat(3, 1))
    assert len(stored) < 256
    drawn = clips(numbered, space=observed_space([recording], 35), batch=4000)[0].frames[:, :, 0, 0, 0]
    seen = np.bincount(drawn.flatten().numpy(), minlength=len(stored)) / 4000
    usual = 16 / len(stored)
    assert np.allclose(seen[16:-16], usual, rtol=0.35)
    for k in (0, -1):
        assert 0.4 * usual < seen[k] < 0.7 * usual


def test_a_recording_shorter_than_a_window_is_seen_whole_and_filled_up(recording, stored) -> None:
    space = observed_space([recording], 35)
    short = store(recording, space, (40, 80), 35)
    short = replace(
        short,
        frames=short.frames[5:14],
        time_ns=short.time_ns[5:14],
        actions=Actions(short.actions.buttons[5:14], short.actions.axes[5:14]),
        mask=np.arange(9) < 8,
        confidence=short.confidence[5:14],
        text=replace(short.text, row=short.text.row[5:14], began=short.text.began[5:14]),
    )
    batch = Clips([stored, short], [1e-9, 1.0], space, 16, 3, 0, PLAIN)[0]
    assert batch.frames.shape[1] == batch.mask.shape[1] == 16
    assert batch.mask.tolist() == [[True] * 8 + [False] * 8] * 3
    for n in range(3):
        assert np.array_equal(batch.frames[n, :9].numpy(), short.frames)
        assert np.array_equal(batch.actions.buttons[n, :9].numpy(), short.actions.buttons)
        assert (batch.frames[n, 9:] == batch.frames[n, 8]).all()
        assert not batch.actions.buttons[n, 9:].any()
        assert not batch.actions.axes[n, 9:].any()


def test_data_without_a_recording_as_long_as_a_window_are_refused(recording, stored) -> None:
    with pytest.raises(BadInput, match="no recording is as long as one window of 5000 frames"):
        clips(stored, space=observed_space([recording], 35), window=5000)
