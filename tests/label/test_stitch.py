"""Stitched windows give what one pass over everything gives, for any length and any way the frames arrive."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from playtape.actions.games import DOOM
from playtape.label.stitch import stitch
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
