import torch

from playtape.nets.two_hot import expectation, two_hot

CENTRES = torch.tensor([-10.0, -3.0, 0.0, 1.0, 20.0])


def test_expectation_undoes_two_hot() -> None:
    value = torch.tensor([-10.0, -4.5, -3.0, 0.0, 0.25, 7.0, 20.0])
    target = two_hot(value, CENTRES)
    torch.testing.assert_close(target.sum(-1), torch.ones(7))
    assert (target > 0).sum(-1).max() <= 2
    mean, _ = expectation(target.clamp_min(1e-12).log(), CENTRES)
    torch.testing.assert_close(mean, value, atol=1e-4, rtol=1e-4)


def test_values_beyond_the_ends_are_the_ends() -> None:
    target = two_hot(torch.tensor([-99.0, 99.0]), CENTRES)
    torch.testing.assert_close(target @ CENTRES, torch.tensor([-10.0, 20.0]))


def test_standard_deviation_of_two_equal_outcomes() -> None:
    logits = torch.tensor([-1e9, -1e9, 0.0, -1e9, 0.0])
    mean, std = expectation(logits, CENTRES)
    assert mean.item() == 10
    assert abs(std.item() - 10) < 1e-5
