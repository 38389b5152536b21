"""Where pixels come from."""

import pytest
import torch
from torch.nn import functional

from playtape.nets.moved import PIXELS, SAID, TRUST, found, moved


def known(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def test_what_is_trusted_is_the_known_picture_moved() -> None:
    picture, said = known(3, 3, 8, 12), torch.zeros(3, SAID, 8, 12)
    said[:, 5] = 50.0
    torch.testing.assert_close(moved(said, picture), picture)
    said[1, 3], said[2, 4] = 2 / PIXELS, -3 / PIXELS  # two rows below, three columns to the left
    shown = moved(said, picture)
    torch.testing.assert_close(shown[1, :, :6], picture[1, :, 2:])
    torch.testing.assert_close(shown[1, :, 6:], picture[1, :, -1:].expand(-1, 2, -1))  # outside is as the edge
    torch.testing.assert_close(shown[2, :, :, 3:], picture[2, :, :, :9])
    torch.testing.assert_close(shown[0], picture[0])  # the pictures beside it are none the wiser


def test_a_picture_that_is_moved_time_after_time_stays_sharp() -> None:
    """Ten moves of half a pixel, to and fro, of a coarse pattern: a linear reading would leave a fifth of its contrast."""
    picture = known(1, 3, 16, 16).round().repeat_interleave(2, 2).repeat_interleave(2, 3)
    said, shown = torch.zeros(1, SAID, 32, 32), picture
    said[:, 5] = 50.0
    for turn in range(10):
        said[:, 4] = (-1) ** turn * 0.5 / PIXELS
        shown = moved(said, shown)
    assert float(shown[..., 4:-4].std() / picture[..., 4:-4].std()) > 0.8


def test_what_is_not_trusted_is_drawn() -> None:
    said = torch.zeros(1, SAID, 4, 4)
    said[:, :3], said[:, 5] = 0.25, -50.0
    said[:, 5, 0, 0], said[:, 5, 1, 2] = 50.0, -TRUST  # wholly, and by half
    picture = known(1, 3, 4, 4)
    shown = moved(said, picture)[0]
    torch.testing.assert_close(shown[:, 1, 2], (picture[0, :, 1, 2] + 0.25) / 2)
    torch.testing.assert_close(shown[:, 0, 0], picture[0, :, 0, 0])
    torch.testing.assert_close(shown[:, 3, 3], torch.full((3,), 0.25))


def smooth(count: int, side: int = 64) -> torch.Tensor:
    return functional.avg_pool2d(known(count, 3, side + 4, side + 4), 5, 1)


@pytest.mark.parametrize("shift", [(0, 0), (2, -3), (-4, 9), (1, 11), (5, 0)])
def test_a_search_finds_where_a_picture_was(shift: tuple[int, int]) -> None:
    before = smooth(2)
    now = before.roll((-shift[0], -shift[1]), (2, 3))
    inside = found(now, before)[:, :, 16:48, 16:48]
    for k in (0, 1):
        assert float((inside[:, k] - shift[k]).abs().median()) < 0.1


def test_a_search_finds_half_a_pixel_and_moves_a_picture_by_it() -> None:
    """Half a pixel is farthest from the whole ones that are tried."""
    fine = functional.interpolate(smooth(2, 66), scale_factor=2, mode="bicubic")
    before, now = (functional.avg_pool2d(fine[..., at : at + 128, at : at + 128], 2) for at in (0, 3))
    shifts = found(now, before)
    assert float((shifts[:, :, 16:48, 16:48] - 1.5).abs().mean()) < 0.3
    said = torch.zeros(2, SAID, 64, 64)
    said[:, 3:5], said[:, 5] = shifts / PIXELS, 50.0
    inside = slice(8, 56)
    off = (moved(said, before) - now)[..., inside, inside].abs().mean()
    assert float(off) < 0.3 * float((before - now)[..., inside, inside].abs().mean())


def test_nothing_is_found_to_have_moved_where_nothing_is_to_be_seen() -> None:
    flat = torch.full((1, 3, 64, 64), 0.5)
    assert not found(flat, flat).any()
    assert float(found(flat + 0.0005 * smooth(1), flat).abs().mean()) < 0.1


def test_where_to_look_is_learned() -> None:
    """Content that moved by four pixels is found by descent, which can only come through the places."""
    along = torch.linspace(0, 6.3, 32)
    picture = (0.5 + 0.4 * along.sin()).expand(1, 3, 32, 32).contiguous()
    wanted = picture.roll(-4, 3)[..., 4:-4]
    right = torch.zeros((), requires_grad=True)
    optimiser = torch.optim.Adam([right], 0.05)
    for _ in range(100):
        said = torch.zeros(1, SAID, 32, 32)
        said[:, 5] = 50.0
        said = torch.cat([said[:, :4], right.expand(1, 1, 32, 32), said[:, 5:]], 1)
        loss = (moved(said, picture)[..., 4:-4] - wanted).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert abs(float(right) * PIXELS - 4) < 0.1
