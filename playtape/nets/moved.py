"""A picture made of another one: each pixel taken from near it, or drawn anew.

Much of a video's next frame is in the last one, elsewhere. So a decoder may say, for each pixel, where to look in a picture that
is known and how far to trust what is there, beside what to draw instead (arXiv 1605.07157 and many since).

Shapes: `N` clips, `F` pictures of each, `H W` their size.
"""

import torch
from torch import Tensor
from torch.nn import functional

SAID = 6  # numbers of a pixel: three colours, how far below and to the right to look, and how far to trust it
PIXELS = 8.0  # that a shift of 1 looks away
TRUST = 2.0  # added to what is said, so that at first 88 % of a picture is the known one


def moved(said: Tensor, known: Tensor) -> Tensor:
    """[N, F, 6, H, W], of which shifts and trust are raw, beside pictures [N, 3, H, W] to pictures [N, F, 3, H, W].

    What lies outside of the known picture is as its edge.
    """
    f, _, height, width = said.shape[1:]
    colours, down, right, trust = said.float().split([3, 1, 1, 1], 2)
    y = torch.arange(height, device=said.device).view(-1, 1) + PIXELS * down[:, :, 0]  # [N, F, H, W]
    x = torch.arange(width, device=said.device) + PIXELS * right[:, :, 0]
    places = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], -1)
    taken = functional.grid_sample(
        known.float(), places.flatten(1, 2), mode="bilinear", padding_mode="border", align_corners=False
    ).unflatten(2, (f, height))  # all pictures of a clip at once, one below the other: [N, 3, F, H, W]
    share = torch.sigmoid(TRUST + trust)
    return share * taken.transpose(1, 2) + (1 - share) * colours
