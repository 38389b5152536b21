"""What Pixels2Play does to a clip: each operation by itself on pictures whose outcome is known, then all of them by chance."""

from dataclasses import fields, replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from playtape.actions import Actions, ActionSpace, Axis
from playtape.clips import Clip
from playtape.clips.augmentation import PUBLISHED, Augmentation
from playtape.clips.colours import LAMPS, coloured, lit, noise, noisy
from playtape.clips.optics import (
    apply,
    blurred,
    crop,
    cropped,
    gaussian,
    motion,
    placed,
    sharpened,
    tilted,
    translated,
    warped,
)
from playtape.errors import BadInput
from playtape.models.pixels2play import RECIPES

OFF = Augmentation(0, 0, 0, 0)
EVERY = replace(OFF, crop=0.2, tilt=3.0, colour=1, planckian=1, noise=1, translation=1, blur=1, sharpness=1)
SPACE = ActionSpace(("key.a",), (Axis("mouse.dx", "sum"),))
PLAIN = partial(coloured, brightness=0.0, contrast=1.0, saturation=1.0, hue=0.0)


def clip(frames: Tensor) -> Clip:
    t = len(frames)
    actions = Actions(torch.rand(t, 1) > 0.5, torch.randn(t, 1))
    return Clip(frames, actions, torch.ones(t, dtype=torch.bool), torch.ones(t))


def scene(t: int = 5, height: int = 64, width: int = 96) -> Tensor:
    """Smooth colours with a bright box that moves: uint8 [T, 3, H, W]."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    frames = (255 * torch.stack([x, 0.3 + 0.5 * y, 0.8 - 0.5 * x * y])).byte().repeat(t, 1, 1, 1)
    for i in range(t):
        frames[i, :, 20:30, 10 + i : 20 + i] = 230
    return frames


def augmented(frames: Tensor, how: Augmentation, seed: int = 0) -> Tensor:
    return how(clip(frames), SPACE, np.random.default_rng(seed)).frames


def psnr(a: Tensor, b: Tensor) -> float:
    return float(10 * torch.log10(255**2 / (a.float() - b.float()).square().mean()))


@pytest.mark.parametrize("size", [(1, 64, 96), (5, 65, 97), (3, 2, 3), (2, 1, 1)])
@pytest.mark.parametrize("how", [EVERY, replace(OFF, recompression=1.0)])
def test_shape_and_type_stay_and_the_same_draw_gives_the_same_clip(
    how: Augmentation, size: tuple[int, int, int]
) -> None:
    frames = scene(*size) if size[1] > 30 else torch.randint(0, 256, (size[0], 3, *size[1:]), dtype=torch.uint8)
    before = clip(frames)
    for seed in range(4):
        after, again = (how(before, SPACE, np.random.default_rng(seed)) for _ in range(2))
        assert after.frames.shape == frames.shape
        assert after.frames.dtype == torch.uint8
        assert torch.equal(after.frames, again.frames)
        assert after.actions is before.actions


def test_all_off_is_the_same_clip_and_draws_as_before() -> None:
    frames, draw = scene(), np.random.default_rng(0)
    assert OFF(clip(frames), SPACE, draw).frames is frames
    untouched = np.random.default_rng(0)
    untouched.random(4), untouched.uniform(size=1)  # contrast, brightness and three channels, as ever
    assert draw.random() == untouched.random()


@pytest.mark.parametrize("seed", range(6))
def test_one_draw_for_all_frames(seed: int) -> None:
    still = scene(1).repeat(9, 1, 1, 1)
    changed = augmented(still, replace(EVERY, noise=0.0), seed)
    assert (changed == changed[:1]).all()
    assert not torch.equal(changed, still)


def test_frames_do_not_depend_on_their_neighbours() -> None:
    frames = scene(40)
    whole, alone = augmented(frames, replace(EVERY, noise=0.0)), augmented(frames[17:18], replace(EVERY, noise=0.0))
    assert torch.equal(whole[17:18], alone)


def test_a_crop_is_a_part_made_as_large_as_all() -> None:
    whole = torch.rand(2, 3, 24, 24)
    half = placed(np.array([0.5, 0.25]), np.array([0.5, 0.5]), (12, 12))
    torch.testing.assert_close(cropped(whole, half), whole[..., 6:18, 12:24], rtol=1e-5, atol=1e-5)
    bright = torch.ones(1, 3, 24, 24)
    torch.testing.assert_close(cropped(bright, placed(np.zeros(2), np.full(2, 0.9), (24, 24))), bright)  # no dark rim


def test_crops_are_the_published_ones() -> None:
    areas, ratios = [], []
    for seed in range(300):
        grid = crop(np.random.default_rng(seed), (64, 64), 0.2).keywords["grid"][0]  # type: ignore[union-attr]
        wide, high = (float(far) * 64 / 63 / 2 for far in grid[-1, -1] - grid[0, 0])
        assert float(grid.abs().max()) < 1
        areas.append(wide * high)
        ratios.append(wide / high)
    assert 0.799 < min(areas) < 0.82
    assert 0.97 < max(areas) < 1.001
    assert 0.899 < min(ratios) < 0.92
    assert 1.08 < max(ratios) < 1.101
    assert abs(np.log(ratios).mean()) < 0.02


def test_a_tilt_turns_the_upper_edge_and_leaves_the_left_one() -> None:
    size = 200
    picture = torch.zeros(1, 3, size, size)
    picture[..., 2:4, :] = 1  # two bars of a cross near the corner that stays
    picture[..., :, 2:4] = 1
    turned = warped(picture, tilted(3, (size, size)))[0, 0]
    at = torch.arange(size, dtype=torch.float32)
    row = (turned[:, 60:180] * at[:, None]).sum(0) / turned[:, 60:180].sum(0)
    slope = (row[-1] - row[0]) / 119
    assert float(slope.atan().rad2deg()) == pytest.approx(3, abs=0.2)
    column = (turned[60:180] * at).sum(1) / turned[60:180].sum(1)
    assert abs(column[-1] - column[0]) < 0.5
    assert warped(torch.ones(1, 3, size, size), tilted(3, (size, size)))[0, 0, 0, -1] == 0  # black comes in
    assert torch.allclose(warped(picture, tilted(0, (size, size))), picture, atol=1e-4)


@pytest.mark.parametrize("pixels", [2.0, -2.0, 0.25, -1.75, 0.0])
def test_a_translation_moves_sideways(pixels: float) -> None:
    picture = torch.zeros(1, 3, 4, 40)
    picture[..., 20] = 1
    moved = translated(picture, pixels)[0, 0]
    centre = (moved * torch.arange(40)).sum(1) / moved.sum(1)
    assert torch.allclose(centre, torch.full((4,), 20 + pixels), atol=1e-4)


def test_translations_are_within_three_hundredths_of_the_width() -> None:
    draws = [replace(OFF, translation=1.0).operations((48, 100), np.random.default_rng(i))[0] for i in range(300)]
    pixels = np.array([draw.keywords["pixels"] for draw in draws])
    assert 2.8 < np.abs(pixels).max() <= 3
    assert abs(pixels.mean()) < 0.4


@pytest.mark.parametrize("kernel", [gaussian(7, 2.0)[None], motion(3, 30, 0), motion(7, 200, -0.7), motion(5, 90, 1)])
def test_a_blur_keeps_the_mean_and_smooths(kernel: np.ndarray) -> None:
    picture = torch.zeros(2, 3, 40, 40)
    picture[..., 12:28, 12:28] = torch.rand(3, 16, 16)
    smooth = blurred(picture, (kernel,))
    assert float(smooth.mean()) == pytest.approx(float(picture.mean()), rel=1e-4)
    assert smooth.std() < picture.std()
    assert torch.allclose(blurred(torch.ones(1, 3, 9, 9), (kernel,)), torch.ones(1, 3, 9, 9), atol=1e-5)  # no dark rim


def test_motion_lies_along_its_angle() -> None:
    assert np.allclose(motion(5, 0, 0), np.pad(np.full((1, 5), 0.2), ((2, 2), (0, 0))))
    assert np.allclose(motion(5, 90, 0), motion(5, 0, 0).T)
    assert np.allclose(motion(5, 0, 1)[2], [0.4, 0.3, 0.2, 0.1, 0])


def test_sharpness_of_one_is_nothing_and_above_it_sharpens() -> None:
    picture = scene(1).float() / 255
    assert torch.equal(sharpened(picture, 1.0), picture)
    contrast = [float(sharpened(picture, f).diff(dim=-1).abs().mean()) for f in (0.5, 1.0, 1.5)]
    assert contrast[0] < contrast[1] < contrast[2]


def test_colours() -> None:
    picture = torch.rand(2, 3, 20, 30)
    assert torch.allclose(PLAIN(picture), picture, atol=1e-5)
    assert torch.allclose(PLAIN(picture, hue=1 / 3), picture.roll(1, 1), atol=1e-5)  # red becomes green
    assert torch.allclose(PLAIN(picture, saturation=0.0), picture.amax(1, keepdim=True).expand_as(picture), atol=1e-5)
    assert torch.allclose(PLAIN(picture, brightness=0.1), (picture + 0.1).clamp(max=1), atol=1e-5)
    assert torch.allclose(PLAIN(picture, contrast=0.8), picture * 0.8, atol=1e-5)


def test_a_warm_lamp_makes_red_gain_on_blue() -> None:
    grey = torch.full((1, 3, 2, 2), 0.5)
    ratio = [float(light[0, 0, 0, 0] / light[0, 2, 0, 0]) for light in (lit(grey, lamp) for lamp in LAMPS)]
    assert ratio[0] > 1 > ratio[1] > ratio[2] > ratio[3]
    assert lit(grey, LAMPS[3])[0, 1, 0, 0] == 0.5


def test_noise_is_new_in_each_frame_and_as_strong_as_drawn() -> None:
    still = (0.2 + 0.5 * torch.rand(1, 1, 120, 120)).expand(4, 3, -1, -1)  # grey: the noise is of lightness alone
    light = noisy(still, 0.3, torch.zeros(120, 120), np.random.default_rng(0))
    assert not torch.equal(light[0], light[1])
    counts = 255 * (light - still) / (1 - still)
    rate = 255 * 0.3 * float(still.std())
    assert float(counts.mean()) == pytest.approx(rate, rel=0.02)
    assert float(counts.var()) == pytest.approx(rate, rel=0.05)
    assert noise(np.random.default_rng(0), (8, 9)).keywords["hues"].shape == (8, 9)
    flat = torch.full((1, 3, 8, 8), 0.4)  # no contrast, no noise
    assert torch.allclose(noisy(flat, 0.6, torch.zeros(8, 8), np.random.default_rng(0)), flat, atol=1e-5)


@pytest.mark.parametrize("size", [(64, 96), (65, 97)])
def test_recompression_changes_little_and_not_nothing(size: tuple[int, int]) -> None:
    grain = np.random.default_rng(0).integers(-20, 21, (12, 1, *size), np.int16)
    frames = (scene(12, *size).short() + torch.from_numpy(grain)).clamp(0, 255).byte()
    some = [augmented(frames, replace(OFF, recompression=1.0), seed) for seed in range(6)]
    assert all(28 < psnr(frames, one) < 60 for one in some)
    assert len({one.numpy().tobytes() for one in some}) > 3  # one draw a clip, and it differs
    worse = augmented(frames, replace(OFF, recompression=1.0, crf=(40, 40)))
    assert psnr(frames, worse) < min(psnr(frames, one) for one in some) - 3


def test_chances_are_the_published_ones() -> None:
    n, size = 4000, (4, 4)
    draw = np.random.default_rng(0)
    found = [[op.func.__name__ for op in PUBLISHED.operations(size, draw)] for _ in range(n)]
    table = {"coloured": 0.25, "lit": 0.25, "noisy": 0.1, "translated": 0.25, "blurred": 0.2, "sharpened": 0.15}
    order = ["warped", *table]
    assert all(names[0] == "warped" and names == sorted(names, key=order.index) for names in found)
    for name, chance in table.items():
        assert sum(name in names for names in found) / n == pytest.approx(
            chance, abs=4 * (chance * (1 - chance) / n) ** 0.5
        )
    assert all(
        recipe.data.augmentation == PUBLISHED
        for name, recipe in RECIPES.items()
        if name[-1] == "m" and name != "p2p-tiny"
    )


def test_operations_are_rounded_once() -> None:
    frames = torch.arange(256, dtype=torch.uint8).expand(2, 3, 2, 256)
    assert torch.equal(apply(frames, [PLAIN, PLAIN, partial(translated, pixels=0.0)]), frames)


@pytest.mark.parametrize("name", [each.name for each in fields(Augmentation) if isinstance(each.default, int | float)])
@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -0.1, -3, 10**9])
def test_numbers_out_of_range_are_refused(name: str, wrong: float) -> None:
    with pytest.raises(BadInput, match=rf"^augmentation.{name} is .*; it must be a (whole )?number from 0 to"):
        replace(OFF, **{name: wrong})


@pytest.mark.parametrize("crf", [(20, 10), (0, 60), (-1, 3), (1.5, 3)])
def test_what_is_no_quality_is_refused(crf: tuple[int, int]) -> None:
    with pytest.raises(BadInput, match=r"augmentation.crf is .*; it must be a whole number from"):
        replace(OFF, crf=crf)


@pytest.mark.parametrize(
    ("mirror", "message"),
    [
        ((("foo", "bar"),), "unknown input name 'foo'"),
        ((("key.a", "key.dd"),), "unknown input name 'key.dd'; did you mean"),
        ((("key.a", "mouse.dx"),), "mouse.dx is an axis; it must be pairs of buttons"),
        ((("key.a", "key.d"), ("key.q", "key.a")), "key.a is there twice; it must be pairs of buttons"),
        ((("key.a", "key.a"),), "key.a is there twice"),
    ],
)
def test_only_buttons_are_mirrored_and_each_into_one(mirror: tuple[tuple[str, str], ...], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        replace(OFF, mirror=mirror)


@pytest.mark.parametrize(
    "most", [{"shift": 256}, {"brightness": 1.0}, {"contrast": 1.0}, {"balance": 1.0}, {"tilt": 44.0}]
)
def test_what_is_just_legal_works(most: dict) -> None:
    assert augmented(scene(2, 16, 24), replace(OFF, **most)).shape == (2, 3, 16, 24)
