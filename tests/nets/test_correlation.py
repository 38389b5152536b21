"""The cost volume against a direct reading of its definition, and on motion that we made."""

import math

import pytest
import torch
from torch.nn import functional

from playtape.nets.correlation import Camera, Correlation, cylinder, displacements


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


def room(yaw: float, height: int, width: int, fov: float) -> torch.Tensor:
    """[1, 1, H, W]: painted walls all around, seen by a flat camera turned by `yaw` degrees to the right."""
    half = math.radians(fov / 2)
    x = torch.linspace(-1, 1, 2 * width + 1)[1::2] * math.tan(half)
    y = torch.linspace(-1, 1, 2 * height + 1)[1::2, None]
    angle, up = x.atan() + math.radians(yaw), y * x.atan().cos()  # on a cylinder of radius 1
    waves = torch.randn(40, 3, generator=torch.Generator().manual_seed(4)) * torch.tensor([25.0, 12.0, 3.0])
    walls = torch.stack([(a * angle + b * up + c).sin() for a, b, c in waves.tolist()]).mean(0)
    return walls[None, None] + 0.5


@pytest.mark.parametrize("yaw", [-40, -15, 4.5, 27])
def test_a_turn_shifts_the_whole_cylinder_alike(yaw: float) -> None:
    height, width, fov = 60, 180, 90
    flat = cylinder(height, width, fov)[None]
    before, after = (
        functional.grid_sample(room(angle, height, width, fov), flat, align_corners=False)[0, 0] for angle in (0, yaw)
    )
    shift = round(yaw / fov * width)
    low, high = max(0, shift), min(width, width + shift)
    torch.testing.assert_close(before[:, low:high], after[:, low - shift : high - shift], atol=0.02, rtol=0)


def test_a_flick_of_half_the_view_is_seen() -> None:
    motion = Correlation((120, 160), fov=90, hidden=4, width=8)
    frames = torch.stack([room(angle, 120, 160, 90)[0].expand(3, -1, -1) for angle in (0, 45)])[None]
    volumes = dict(zip(motion.LEVELS, motion.volumes(frames), strict=True))
    for level in [level for level in motion.LEVELS if level[1:] == ("rows", 3 / 4) and level[0] <= 4]:
        votes = volumes[level].mean((0, 1, 2))
        places = 160 // level[0]
        assert abs(votes.argmax().item() - len(votes) // 2 + places / 2) <= 2, level  # half the picture to the left


@pytest.mark.parametrize("turn", [-4.0, -0.5, 0.0, 0.25, 1.0, 2.5, 5.0])
def test_an_untrained_camera_reads_turns_of_every_size(turn: float) -> None:
    torch.manual_seed(6)
    fov, gain = 90, 0.1  # so one typical magnitude is 9 degrees
    motion = Correlation((120, 160), fov, hidden=4, width=8)
    centres = torch.linspace(-1, 1, 81).sign() * 6 * (21 ** torch.linspace(-1, 1, 81).abs() - 1) / 20
    camera = Camera("rows", (120, 160), gain, 8, centres)
    frames = torch.stack([room(angle, 120, 160, fov)[0].expand(3, -1, -1) for angle in (0, turn * gain * fov)])[None]
    seen, votes = motion(frames)
    read = centres[camera(seen, votes).argmax(-1)].item()
    assert abs(read - turn) <= 0.15 + 0.1 * abs(turn)


def test_mirrored_frames_turn_the_other_way() -> None:
    torch.manual_seed(7)
    motion = Correlation((40, 80), fov=90, hidden=4, width=8)
    with torch.no_grad():
        motion.weighing.zero_()  # all cells alike, so that the two sides weigh the same
    camera = Camera("rows", (40, 80), 0.1, 8, torch.linspace(-5, 5, 21))
    frames = torch.rand(1, 3, 3, 40, 80)
    ahead, mirrored = (camera(torch.zeros(1, 2, 8), motion(view)[1]) for view in (frames, frames.flip(-1)))
    torch.testing.assert_close(ahead, mirrored.flip(-1), atol=1e-4, rtol=1e-4)


def test_a_pair_knows_only_its_two_frames() -> None:
    torch.manual_seed(2)
    motion = Correlation((40, 40), fov=90, hidden=4, width=8).eval()
    frames = torch.rand(1, 5, 3, 40, 40)
    changed = frames.clone()
    changed[:, 3] = 0
    same = motion(frames)[0] == motion(changed)[0]
    assert same[:, :2].all()
    assert not same[:, 2].all()
    assert not same[:, 3].all()


def test_light_does_not_look_like_motion() -> None:
    torch.manual_seed(3)
    motion = Correlation((40, 40), fov=90, hidden=4, width=8)
    frames = torch.rand(1, 2, 3, 40, 40) * 0.5 + 0.1
    bright = torch.stack([frames[:, 0], frames[:, 1] + 0.3], 1)
    for still, lit in zip(motion.volumes(frames), motion.volumes(bright), strict=True):
        torch.testing.assert_close(still, lit, atol=1e-4, rtol=1e-4)
