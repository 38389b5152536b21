"""Where pixels come from."""

import torch

from playtape.nets.moved import PIXELS, SAID, TRUST, moved


def known(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def test_what_is_trusted_is_the_known_picture_moved() -> None:
    picture, said = known(2, 3, 8, 12), torch.zeros(2, 3, SAID, 8, 12)
    said[:, :, 5] = 50.0
    assert torch.allclose(moved(said, picture), picture[:, None].expand(-1, 3, -1, -1, -1), atol=1e-6)
    said[:, 1, 3], said[:, 2, 4] = 2 / PIXELS, -3 / PIXELS  # two rows below, three columns to the left
    shown = moved(said, picture)
    torch.testing.assert_close(shown[:, 1, :, :6], picture[:, :, 2:])
    torch.testing.assert_close(shown[:, 1, :, 6:], picture[:, :, -1:].expand(-1, -1, 2, -1))  # outside is as the edge
    torch.testing.assert_close(shown[:, 2, :, :, 3:], picture[:, :, :, :9])
    torch.testing.assert_close(shown[:, 0], picture)  # the frames beside it are none the wiser


def test_what_is_not_trusted_is_drawn() -> None:
    said = torch.zeros(1, 1, SAID, 4, 4)
    said[:, :, :3], said[:, :, 5] = 0.25, -50.0
    said[:, :, 5, 0, 0], said[:, :, 5, 1, 2] = 50.0, -TRUST  # wholly, and by half
    picture = known(1, 3, 4, 4)
    shown = moved(said, picture)[0, 0]
    torch.testing.assert_close(shown[:, 1, 2], (picture[0, :, 1, 2] + 0.25) / 2)
    torch.testing.assert_close(shown[:, 0, 0], picture[0, :, 0, 0])
    torch.testing.assert_close(shown[:, 3, 3], torch.full((3,), 0.25))


def test_where_to_look_is_learned() -> None:
    """Content that moved by four pixels is found by descent, which can only come through the places."""
    along = torch.linspace(0, 6.3, 32)
    picture = (0.5 + 0.4 * along.sin()).expand(1, 3, 32, 32).contiguous()
    wanted = picture.roll(-4, 3)[..., 4:-4]
    right = torch.zeros((), requires_grad=True)
    optimiser = torch.optim.Adam([right], 0.05)
    for _ in range(100):
        said = torch.zeros(1, 1, SAID, 32, 32)
        said[:, :, 5] = 50.0
        said = torch.cat([said[:, :, :4], right.expand(1, 1, 1, 32, 32), said[:, :, 5:]], 2)
        loss = (moved(said, picture)[:, 0, :, :, 4:-4] - wanted).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert abs(float(right) * PIXELS - 4) < 0.1
