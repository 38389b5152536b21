"""What a stretch of a game brought, from one vector: how much it earned, and whether it was the last.

The reward is learned as its symlog (DreamerV3, arXiv 2301.04104, equation 9), by one layer and squared error, as iVideoGPT does;
the end as a chance. Before anything is learned nothing is earned and nothing ends. Shapes: `*b` any lead, `D` width.
"""

from torch import Tensor, nn
from torch.nn import functional

NEVER = -6.0  # the logit of an end before learning: one in 400


def symlog(x: Tensor) -> Tensor:
    """sign(x) ln(1 + |x|)."""
    return x.sign() * x.abs().log1p()


def symexp(x: Tensor) -> Tensor:
    """Its inverse, of at most some 5e8, so that one wild guess stays a number."""
    return x.sign() * x.abs().clamp(max=20).expm1()


class Outcomes(nn.Module):
    """[*b, D] to a reward and a chance of the end, each [*b]."""

    def __init__(self, width: int):
        super().__init__()
        self.reward, self.end = nn.Linear(width, 1), nn.Linear(width, 1)
        for layer in (self.reward, self.end):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.end.bias, NEVER)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return symexp(self.reward(x)[..., 0].float()), self.end(x)[..., 0].float().sigmoid()

    def losses(self, x: Tensor, reward: Tensor, ended: Tensor, weight: Tensor) -> dict[str, Tensor]:
        """Squared error of the symlog, and nats of the end, over rows by `weight` [*b] whose reward [*b] is told (not NaN)."""
        weight = weight * ~reward.isnan()
        weight = weight / weight.sum().clamp(min=1e-9)
        missed = (self.reward(x)[..., 0].float() - symlog(reward.nan_to_num())).square()
        nats = functional.binary_cross_entropy_with_logits(self.end(x)[..., 0].float(), ended.float(), reduction="none")
        return {"reward": (missed * weight).sum(), "end": (nats * weight).sum()}
