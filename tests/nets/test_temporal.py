import torch

from playtape.nets.temporal import TemporalStack


def test_reach_is_exact() -> None:
    torch.manual_seed(0)
    stack = TemporalStack(8, depth=2, kernel=5).eval()
    assert stack.reach == 4
    x = torch.randn(1, 30, 8)
    changed = x.clone()
    changed[:, 15] += 1
    touched = (stack(x) != stack(changed)).any(-1)[0].nonzero().flatten()
    assert touched.min() == 11
    assert touched.max() == 19


def test_no_position_is_special() -> None:
    torch.manual_seed(0)
    stack = TemporalStack(8, depth=2, kernel=5).eval()
    x = torch.randn(1, 40, 8)
    torch.testing.assert_close(stack(x)[:, 10:20], stack(x[:, 5:30])[:, 5:15], atol=1e-6, rtol=1e-5)
