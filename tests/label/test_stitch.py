"""Stitched windows give what one pass over everything gives, for any length and any way the frames arrive."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from playtape.actions.games import DOOM
from playtape.label.label import one_thread
from playtape.label.stitch import BATCH, joined, parts, stitch, stitch_part
from playtape.models import idm
from playtape.models.protocols import Labels, Rows


class Positions:
    """Says which frame number stands `reach` before and after each row, or -1 where the pass did not show it."""

    def __init__(self, reach: int):
        self.reach = reach

    def look(self, frames: Tensor) -> Rows:
        number = frames[:, :, 0, 0, 0].float()
        assert torch.equal(number[:, 1:], number[:, :-1] + 1)
        return (number[:, :-1],)

    def judge(self, rows: Rows) -> Labels:
        padded = torch.nn.functional.pad(rows[0], (self.reach, self.reach), value=-1)
        n = rows[0].shape[1]
        seen = torch.stack([rows[0], padded[:, :n], padded[:, 2 * self.reach :][:, :n]], -1)
        return Labels(seen, seen, seen, seen, seen)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(length=st.integers(2, 90), batch=st.integers(1, 40), keep=st.integers(1, 30), reach=st.integers(0, 9))
def test_every_row_sees_its_past_and_future(length: int, batch: int, keep: int, reach: int) -> None:
    video = torch.arange(length, dtype=torch.int32)[:, None, None, None].expand(length, 3, 1, 1)
    model = Positions(reach)
    whole = model.judge(model.look(video[None])).held[0]
    parts = stitch(model, video.split(batch), keep=keep).held
    assert torch.equal(parts[:-1], whole)
    assert torch.equal(parts[-1], whole[-1])


@pytest.mark.parametrize("length", [9, 40, 77])
def test_the_real_model_is_stitched_without_a_seam(length: int) -> None:
    torch.manual_seed(0)
    model = idm.build(idm.tiny(), DOOM).eval()
    video = torch.randint(0, 255, (length, 3, 40, 80), dtype=torch.uint8)
    whole, parts = model.judge(model.look(video[None])), stitch(model, video.split(7), keep=10)
    torch.testing.assert_close(parts.held[:-1], whole.held[0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(parts.mean[:-1], whole.mean[0], atol=1e-2, rtol=1e-4)


@settings(deadline=None, max_examples=80, derandomize=True)
@given(
    length=st.integers(2, 120),
    batch=st.integers(1, 12),
    keep=st.integers(1, 10),
    reach=st.integers(0, 9),
    stretches=st.integers(1, 4),
)
def test_parts_are_fed_what_one_pass_is_fed(length: int, batch: int, keep: int, reach: int, stretches: int) -> None:
    """Not only the same beliefs: every `look` and `judge` of a part is, to the shape, one of the whole's, and none is missing."""
    video = torch.arange(length, dtype=torch.int32)[:, None, None, None].expand(length, 3, 1, 1)
    whole, cut = Recorder(reach), Recorder(reach)
    expected = stitch(whole, video.split(batch), keep=keep).held
    found = []
    for part in parts(length, reach, stretches * keep, keep=keep, batch=batch):
        frames = video[part.start : part.stop]
        batches = (
            [frames[: part.entered], *frames[part.entered :].split(batch)] if part.entered else frames.split(batch)
        )
        assert len(frames) <= stretches * keep + 2 * (keep + reach + batch) + 2 or part.last == length - 1
        found.append(stitch_part(cut, iter(batches), part, keep=keep))
    assert torch.equal(joined(found).held, expected)
    assert set(cut.looked) == set(whole.looked)
    assert cut.judged == whole.judged


class Recorder(Positions):
    """Also remembers which frames were looked at together, and which rows were judged together."""

    def __init__(self, reach: int):
        super().__init__(reach)
        self.looked: list[tuple[int, int]] = []
        self.judged: list[tuple[int, int]] = []

    def look(self, frames: Tensor) -> Rows:
        number = frames[0, :, 0, 0, 0].tolist()
        self.looked.append((number[0], number[-1]))
        return super().look(frames)

    def judge(self, rows: Rows) -> Labels:
        number = rows[0][0].tolist()
        self.judged.append((int(number[0]), int(number[-1])))
        return super().judge(rows)


def test_parts_of_the_real_model_are_equal_to_the_last_bit() -> None:
    torch.manual_seed(0)
    model = idm.build(idm.tiny(), DOOM).eval()
    length, keep = 1_000, 128
    video = torch.randint(0, 255, (length, 3, 40, 80), dtype=torch.uint8)
    cut = parts(length, model.reach, 2 * keep, keep=keep)
    assert len(cut) == 4
    with one_thread():
        whole, found = stitch(model, video.split(BATCH), keep=keep), []
        for part in reversed(cut):
            frames = video[part.start : part.stop]
            batches = [frames[:1], *frames[1:].split(BATCH)] if part.entered else frames.split(BATCH)
            found.append(stitch_part(model, iter(batches), part, keep=keep))
    for name in ("held", "pressed", "released", "mean", "std"):
        assert torch.equal(getattr(whole, name), getattr(joined(found[::-1]), name)), name
