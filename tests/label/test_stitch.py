"""Stitched windows give what one pass over everything gives, for any length and any way the frames arrive."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from playtape.actions.games import DOOM
from playtape.label.stitch import stitch
from playtape.models import idm
from playtape.models.protocols import Labels


class Positions:
    """Says which frame number stands `reach` before and after each row, or -1 where the pass did not show it."""

    def __init__(self, reach: int):
        self.reach = reach

    def label(self, frames: Tensor) -> Labels:
        number = frames[:, 0, 0, 0].float()
        padded = torch.nn.functional.pad(number, (self.reach, self.reach + 1), value=-1)
        n = len(number)
        rows = torch.stack([number, padded[:n], padded[2 * self.reach + 1 :][:n]], -1)
        return Labels(rows, rows, rows, rows, rows)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(length=st.integers(1, 90), batch=st.integers(1, 40), keep=st.integers(1, 30), reach=st.integers(0, 9))
def test_every_row_sees_its_past_and_future(length: int, batch: int, keep: int, reach: int) -> None:
    video = torch.arange(length, dtype=torch.int32)[:, None, None, None].expand(length, 3, 1, 1)
    whole = Positions(reach).label(video).held
    parts = stitch(Positions(reach), video.split(batch), keep=keep).held
    assert torch.equal(parts, whole)


@pytest.mark.parametrize("length", [9, 40, 77])
def test_the_real_model_is_stitched_without_a_seam(length: int) -> None:
    torch.manual_seed(0)
    model = idm.build(idm.tiny(), DOOM).eval()
    video = torch.randint(0, 255, (length, 3, 40, 80), dtype=torch.uint8)
    whole, parts = model.label(video), stitch(model, video.split(7), keep=10)
    torch.testing.assert_close(parts.held[:-1], whole.held[:-1], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(parts.mean[:-1], whole.mean[:-1], atol=1e-2, rtol=1e-4)
