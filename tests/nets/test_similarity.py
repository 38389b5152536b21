"""PSNR and SSIM against their definitions, the latter as scipy's filters give it."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from playtape.errors import BadInput
from playtape.nets.similarity import psnr, ssim


def test_psnr_is_that_of_the_definition() -> None:
    black = torch.zeros(3, 4, 4, dtype=torch.uint8)
    assert float(psnr(black, black)) == pytest.approx(80)
    assert float(psnr(black, black + 51)) == pytest.approx(-20 * np.log10(0.2), abs=1e-4)


def plain(one: np.ndarray, other: np.ndarray) -> float:
    """SSIM of uint8 [3, H, W] in float64: Gaussian windows of 11 pixels, those that touch the border cut away."""

    def blurred(x: np.ndarray) -> np.ndarray:
        return gaussian_filter(x, 1.5, truncate=3.5)[5:-5, 5:-5]  # scipy's radius: int(3.5 * 1.5 + 0.5) = 5

    found = []
    for x, y in zip(one / 255.0, other / 255.0):
        mean_x, mean_y = blurred(x), blurred(y)
        var_x, var_y = blurred(x**2) - mean_x**2, blurred(y**2) - mean_y**2
        both = blurred(x * y) - mean_x * mean_y
        above = (2 * mean_x * mean_y + 1e-4) * (2 * both + 9e-4)
        found.append(above / ((mean_x**2 + mean_y**2 + 1e-4) * (var_x + var_y + 9e-4)))
    return float(np.mean(found))


def test_ssim_is_that_of_plain_filters() -> None:
    draw = np.random.default_rng(0)
    smooth = gaussian_filter(draw.random((3, 3, 24, 31)), (0, 0, 3, 3))
    truth = (255 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.uint8)
    noisy = np.clip(truth.astype(int) + draw.integers(-40, 41, (4, *truth.shape)), 0, 255).astype(np.uint8)
    found = ssim(torch.from_numpy(noisy), torch.from_numpy(truth)[None])  # [4, 3]
    want = [[plain(picture, right) for picture, right in zip(each, truth)] for each in noisy]
    np.testing.assert_allclose(found.numpy(), want, atol=1e-5)
    assert 0.05 < found.min() < found.max() < 0.95
    assert torch.allclose(ssim(torch.from_numpy(truth), torch.from_numpy(truth)), torch.ones(3))


def test_pictures_without_a_window_are_told() -> None:
    small = torch.zeros(3, 10, 40, dtype=torch.uint8)
    with pytest.raises(BadInput, match="pictures are 10 x 40 pixels; SSIM needs at least 11 x 11"):
        ssim(small, small)
