"""The Fréchet distance against closed forms and against the root of the product of covariances."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import Tensor

from playtape.errors import BadInput
from playtape.evaluate.video_frechet import Features, frechet, i3d, over_time, seen_by
from playtape.nets.lite0 import Lite0


def exactly(mean: np.ndarray, covariance: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Samples whose own mean and biased covariance are these."""
    raw = np.random.default_rng(seed).normal(size=(count, len(mean)))
    raw -= raw.mean(0)
    white = raw @ np.linalg.inv(np.linalg.cholesky(raw.T @ raw / count)).T
    return white @ np.linalg.cholesky(covariance).T + mean


def test_of_independent_features_it_is_the_sum_of_squares() -> None:
    """Where covariances are diagonal: |m - n|^2 and the squared differences of the standard deviations."""
    m, n = np.array([0.0, 1.0, -2.0]), np.array([1.0, 1.0, 0.5])
    s, r = np.array([1.0, 0.5, 3.0]), np.array([2.0, 0.1, 3.0])
    one, other = exactly(m, np.diag(s**2), 40, 0), exactly(n, np.diag(r**2), 700, 1)
    assert frechet(one, other) == pytest.approx(np.square(m - n).sum() + np.square(s - r).sum(), rel=1e-9)
    assert frechet(one, one) == pytest.approx(0, abs=1e-9)
    assert frechet(other, one) == pytest.approx(frechet(one, other), rel=1e-9)


def test_of_any_features_it_is_that_of_the_matrix_root() -> None:
    draw = np.random.default_rng(2)
    one = draw.normal(size=(60, 12)) @ draw.normal(size=(12, 12))
    other = draw.normal(size=(50, 12)) @ draw.normal(size=(12, 12)) + 1
    s, r = np.cov(one.T, bias=True), np.cov(other.T, bias=True)
    root = sqrtm(s @ r)
    want = np.square(one.mean(0) - other.mean(0)).sum() + np.trace(s + r - 2 * root.real)
    assert frechet(one, other) == pytest.approx(want, rel=1e-6)


def test_fewer_clips_than_features_are_no_trouble() -> None:
    """One clip has no spread: then it is the distance of means and the other's own spread."""
    draw = np.random.default_rng(3)
    one, other = draw.normal(size=(1, 30)), draw.normal(size=(5, 30))
    want = np.square(one[0] - other.mean(0)).sum() + other.var(0).sum()
    assert frechet(one, other) == pytest.approx(want, rel=1e-9)


def test_a_clip_is_its_mean_and_its_changes() -> None:
    seen = torch.tensor([[0.0, 1.0], [2.0, 1.0], [1.0, 4.0]])
    assert over_time(seen).tolist() == [1.0, 2.0, 1.5, 1.5]
    assert over_time(seen[:1]).tolist() == [0.0, 1.0, 0.0, 0.0]


def test_pictures_are_seen_alike_in_any_company() -> None:
    torch.manual_seed(0)
    see, pictures = seen_by(Lite0(), "cpu"), torch.randint(256, (66, 3, 16, 20), dtype=torch.uint8)
    together = see(pictures)
    assert together.shape == (66, 1280)
    torch.testing.assert_close(see(pictures[65:]), together[65:], rtol=1e-3, atol=1e-4)


class Mean(torch.nn.Module):
    """The mean colour, called as I3D is."""

    def forward(self, x: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False) -> Tensor:
        assert rescale
        assert resize
        assert return_features
        assert x.size(1) == 3
        return x.mean((2, 3, 4))


def test_a_torchscript_file_is_given_colours_before_frames(tmp_path: Path) -> None:
    file = tmp_path / "mean.pt"
    torch.jit.script(Mean()).save(file)
    clips = torch.randint(256, (70, 4, 3, 8, 8), dtype=torch.uint8)
    found = i3d(file, "cpu")(clips)
    torch.testing.assert_close(found, clips.float().mean((1, 3, 4)))
    with pytest.raises(BadInput, match=r"cannot look at clips of \[4, 1, 8, 8\]"):
        i3d(file, "cpu")(clips[:, :, :1])


class Scalar(torch.nn.Module):
    def forward(self, x: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False) -> Tensor:
        return x.mean()


class Flat(torch.nn.Module):
    def forward(self, x: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False) -> Tensor:
        return x.mean((1, 2, 3, 4))


class Fewer(torch.nn.Module):
    def forward(self, x: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False) -> Tensor:
        return x.mean((2, 3, 4))[1:]


class Complex(torch.nn.Module):
    def forward(self, x: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False) -> Tensor:
        return torch.complex(x.mean((2, 3, 4)), x.mean((2, 3, 4)))


class Text(torch.nn.Module):
    def forward(self, x: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False) -> str:
        return "a"


class Growing(torch.nn.Module):
    def forward(self, x: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False) -> Tensor:
        return x.mean((2, 3, 4))[:, : min(3, x.size(0))]


class Raising(torch.nn.Module):
    def forward(self, x: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False) -> Tensor:
        raise ValueError("it will not")


class Failing(torch.nn.Module):
    def forward(self, x: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False) -> Tensor:
        return x[:, 9]


class Uncalled(torch.nn.Module):
    @torch.jit.export
    def other(self, x: Tensor) -> Tensor:
        return x


class Unlike(torch.nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


@pytest.mark.parametrize("program", [Raising, Failing, Uncalled, Unlike])
def test_a_program_that_fails_is_refused(tmp_path: Path, program: type) -> None:
    torch.jit.script(program()).save(tmp_path / "odd.pt")
    with pytest.raises(BadInput, match=r"odd\.pt cannot look at clips of \[2, 3, 4, 4\] as StyleGAN-V's does: .+"):
        i3d(tmp_path / "odd.pt", "cpu")(torch.zeros(1, 2, 3, 4, 4, dtype=torch.uint8))


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (Scalar, r"float32 \[\] of 64 clips"),
        (Flat, r"float32 \[64\] of 64 clips"),
        (Fewer, r"float32 \[63, 3\] of 64 clips"),
        (Complex, r"complex64 \[64, 3\] of 64 clips"),
        (Text, "a str of 64 clips"),
        (Growing, "another count of numbers of some clips than of others"),
    ],
)
def test_a_program_that_says_no_features_is_refused(tmp_path: Path, program: type, said: str) -> None:
    torch.jit.script(program()).save(tmp_path / "odd.pt")
    with pytest.raises(BadInput, match=rf"odd\.pt says {said}"):
        i3d(tmp_path / "odd.pt", "cpu")(torch.zeros(65, 2, 3, 4, 4, dtype=torch.uint8))


def test_other_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no file .*i3d_torchscript.pt"):
        i3d(tmp_path / "none.pt", "cpu")
    (tmp_path / "text.pt").write_text("not a program")
    with pytest.raises(BadInput, match="text.pt is not a whole TorchScript file"):
        i3d(tmp_path / "text.pt", "cpu")


def test_distances_are_to_the_real_ones() -> None:
    features = Features("fvd")
    features.add("real", torch.tensor([[0.0], [2.0]]))
    features.add("value", torch.tensor([[[3.0], [5.0]]]))
    features.add("value", torch.tensor([[3.0], [5.0]]))
    features.add("still", torch.tensor([[0.0], [2.0]]))
    found = features.distances()
    assert found["value"] == pytest.approx(9)
    assert found["still"] == pytest.approx(0, abs=1e-12)
    assert found["real_halves"] == pytest.approx(4)  # one clip each, at 0 and at 2
    assert (found["real_clips"], found["generated_clips"], found["features"]) == (2, 4, 1)
    features.add("value", torch.tensor([[torch.nan]]))
    with pytest.raises(BadInput, match="the features for fvd are not all finite"):
        features.distances()
