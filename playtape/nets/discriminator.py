"""Tells drawn pictures from recorded ones, square by square: the discriminator of Paella (arXiv 2211.07292), as iVideoGPT has it.

Convolutions of bounded slope (spectral norm, arXiv 1802.05957), each halving the side; instance norm after all but the first.
Learned by the hinge (arXiv 1705.02894): recorded squares above 1, drawn ones below -1.

Shapes: `M` pictures, `H W` pixels, 32 or more; `h w` a sixteenth of them, rounded up.
"""

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

CHANNELS = (64, 128, 256, 512)
SLOPE = 0.2  # below 0
AGAINST = 0.8  # of its pull against that of the guide, as iVideoGPT has it
LEAST_SIDE = 32  # pixels: the last norm needs more than one cell


class Discriminator(nn.Module):
    """See the module. `steps` is how often it was there while its model learned; its model counts."""

    steps: Tensor

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inside, outside in zip((3, *CHANNELS), CHANNELS):
            layers.append(spectral_norm(nn.Conv2d(inside, outside, 3, stride=2, padding=1)))
            layers += [nn.InstanceNorm2d(outside)] if inside > 3 else []
            layers.append(nn.LeakyReLU(SLOPE))
        self.encoder, self.shuffle = nn.Sequential(*layers), nn.Conv2d(CHANNELS[-1], 1, 1)
        self.register_buffer("steps", torch.tensor(0))

    def forward(self, pictures: Tensor) -> Tensor:
        """float [M, 3, H, W] in 0 to 1 to how much it takes each square for recorded, [M, 1, h, w]."""
        return self.shuffle(self.encoder(pictures))

    def fooled(self, drawn: Tensor) -> Tensor:
        """How little it takes pictures for recorded. Its gradients are the pictures' alone."""
        return -functional_call(self, {name: weight.detach() for name, weight in self.named_parameters()}, drawn).mean()

    def mistaken(self, recorded: Tensor, drawn: Tensor) -> Tensor:
        """The hinge. Its gradients are the weights' alone."""
        right, wrong = self(recorded.detach()), self(drawn.detach())
        return (functional.relu(1 - right).mean() + functional.relu(1 + wrong).mean()) / 2

    def against(
        self, drawn: Tensor, recorded: Tensor, guide: Tensor, weight: Tensor, begin: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What it adds to a model's loss, from step `begin` on: what draws pictures to where it errs, as strong as the loss
        `guide` at the `weight` by which they leave the model, and what it learns by. Each moves what it should and nothing else,
        so that both go into one step."""
        begun = self.steps >= begin
        self.steps += 1
        if not begun:
            return drawn.new_zeros(()), {}
        fooled, mistaken = self.fooled(drawn), self.mistaken(recorded, drawn)
        pull = AGAINST * balance(guide, fooled, weight)
        told = {"adversary_fooled": fooled, "adversary_mistaken": mistaken, "adversary_weight": pull}
        return pull * fooled + mistaken, told


def balance(guide: Tensor, push: Tensor, weight: Tensor, most: float = 1e4) -> Tensor:
    """What `push` counts so that it moves a `weight` as much as `guide` does (arXiv 2012.09841, equation 7): a number."""
    pulls, pushes = (torch.autograd.grad(each, weight, retain_graph=True)[0].norm() for each in (guide, push))
    return (pulls / pushes.clamp(min=1e-12)).clamp(max=most).detach()
