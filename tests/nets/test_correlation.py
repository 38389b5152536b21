"""The cost volume against a direct reading of its definition, and on motion that we made."""

import pytest
import torch
from torch.nn import functional

from playtape.nets.correlation import Correlation, displacements


def direct(before: torch.Tensor, after: torch.Tensor, bands: int, cells: int, reach: int) -> torch.Tensor:
    m, h, w = before.shape
    thick, broad = h // bands, w // cells
    unit = [x.reshape(m, bands, thick, w) for x in (before, after)]
    unit = [x / (x.square().sum(2, keepdim=True) + 0.01).sqrt() for x in unit]
    out = torch.zeros(m, bands, cells, 2 * reach + 1, dtype=before.dtype)
    for cell in range(cells):
        for d in range(-reach, reach + 1):
            for x in range(cell * broad, (cell + 1) * broad):
                if 0 <= x + d < w:
                    out[:, :, cell, d + reach] += (unit[0][..., x] * unit[1][..., x + d]).sum(2) / broad
    return out


def test_displacements_equal_their_definition() -> None:
    torch.manual_seed(0)
    before, after = torch.randn(2, 3, 8, 12, dtype=torch.float64)
    torch.testing.assert_close(displacements(before, after, 4, 3, 5), direct(before, after, 4, 3, 5))


@pytest.mark.parametrize("shift", [-3, 0, 2])
def test_a_shifted_picture_peaks_at_its_shift(shift: int) -> None:
    torch.manual_seed(1)
    wall = functional.avg_pool2d(torch.randn(1, 1, 40, 100), 3, 1, 1)[0]
    before, after = wall[:, :, 10:90], wall[:, :, 10 - shift : 90 - shift]
    volume = displacements(before, after, 5, 5, 6).mean((0, 1, 2))
    assert volume.argmax().item() - 6 == shift


def test_a_pair_knows_only_its_two_frames() -> None:
    torch.manual_seed(2)
    motion = Correlation(reach=3, hidden=4, width=8).eval()
    frames = torch.rand(1, 5, 3, 40, 40)
    changed = frames.clone()
    changed[:, 3] = 0
    same = motion(frames) == motion(changed)
    assert same[:, :2].all()
    assert not same[:, 2].all()
    assert not same[:, 3].all()


def test_light_does_not_look_like_motion() -> None:
    torch.manual_seed(3)
    motion = Correlation(reach=3, hidden=4, width=8)
    frames = torch.rand(1, 2, 3, 40, 40) * 0.5 + 0.1
    bright = torch.stack([frames[:, 0], frames[:, 1] + 0.3], 1)
    for still, lit in zip(motion.volumes(frames), motion.volumes(bright), strict=True):
        torch.testing.assert_close(still, lit, atol=1e-4, rtol=1e-4)
