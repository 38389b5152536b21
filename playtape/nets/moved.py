"""A picture made of another one: each pixel taken from near it, or drawn anew.

Much of a video's next frame is in the last one, elsewhere. So a decoder may say, for each pixel, where to look in a picture that
is known and how far to trust what is there, beside what to draw instead (arXiv 1605.07157 and many since).

Shapes: `M` pictures, `H W` their size.
"""

import torch
from torch import Tensor
from torch.nn import functional

SAID = 6  # numbers of a pixel: three colours, how far below and to the right to look, and how far to trust it
PIXELS = 8.0  # that a shift of 1 looks away
TRUST = 4.0  # added to what is said, so that at first 98 % of a picture is the known one
# A search: pixels down and right that it looks to, side of its blocks and from one to the next, and the brightness, 0 to 1, by
# which a shift must be better than one that is a pixel less.
FAR, NEAR = (2, 5, 8, 4, 0.002), (2, 2, 8, 4, 0.002)


def moved(said: Tensor, known: Tensor) -> Tensor:
    """[M, 6, H, W], of which shifts and trust are raw, beside pictures [M, 3, H, W] to pictures [M, 3, H, W].

    What lies outside of the known picture is as its edge. Between its pixels it is cubic: a picture that is moved time after time
    stays sharp so, where a linear one would blur.
    """
    height, width = said.shape[2:]
    colours, down, right, trust = said.float().split([3, 1, 1, 1], 1)
    y = torch.arange(height, device=said.device).view(-1, 1) + PIXELS * down[:, 0]  # [M, H, W]
    x = torch.arange(width, device=said.device) + PIXELS * right[:, 0]
    places = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], -1)
    taken = functional.grid_sample(known.float(), places, mode="bicubic", padding_mode="border", align_corners=False)
    share = torch.sigmoid(TRUST + trust)
    return share * taken + (1 - share) * colours


@torch.no_grad()
def found(now: Tensor, before: Tensor) -> Tensor:
    """Where the content of pictures [M, 3, H, W] in 0 to 1 was in those before: shifts down and right in pixels, [M, 2, H, W].

    By blocks, as video codecs search (ITU-T H.264): each takes the whole shift with the least absolute difference of brightness,
    and between it and its neighbours the one where a parabola is least. First far, in half the size, then near what that found.
    """
    light, was = (each.float().mean(1, keepdim=True) for each in (now, before))
    far = 2 * _searched(*(functional.avg_pool2d(each, 2) for each in (light, was)), *FAR)
    rough = functional.interpolate(far, now.shape[2:], mode="nearest").round()
    height, width = now.shape[2:]
    y = (torch.arange(height, device=now.device).view(-1, 1) + rough[:, 0]).clamp(0, height - 1)
    x = (torch.arange(width, device=now.device) + rough[:, 1]).clamp(0, width - 1)
    taken = was.flatten(1).gather(1, (y * width + x).long().flatten(1)).view_as(was)
    shift = functional.interpolate(_searched(light, taken, *NEAR), (height, width), mode="bilinear")
    return rough + shift


def _searched(light: Tensor, was: Tensor, down: int, right: int, block: int, stride: int, still: float) -> Tensor:
    """The best shift of each block of pictures [M, 1, H, W]: [M, 2, H / stride, W / stride]."""
    (height, width), across = light.shape[2:], 2 * right + 1
    wide = functional.pad(was, (right, right, down, down), mode="replicate")
    moves = [(y, x) for y in range(-down, down + 1) for x in range(-right, right + 1)]
    apart = torch.cat(
        [(light - wide[:, :, down + y : down + y + height, right + x : right + x + width]).abs() for y, x in moves], 1
    )
    cost = functional.avg_pool2d(apart, block, stride, (block - stride) // 2, count_include_pad=False)
    cost = cost + still * torch.tensor(moves, device=light.device, dtype=torch.float32).norm(dim=1)[:, None, None]
    best = cost.argmin(1, keepdim=True)
    rows, columns = best // across, best % across
    return torch.cat(
        [
            rows - down + _between(cost, best, across, (rows > 0) & (rows < 2 * down)),
            columns - right + _between(cost, best, 1, (columns > 0) & (columns < 2 * right)),
        ],
        1,
    )


def _between(cost: Tensor, best: Tensor, step: int, inside: Tensor) -> Tensor:
    """From the least of costs [M, shifts, R, C] to where a parabola through it and its neighbours is least: -0.5 to 0.5."""
    most = cost.shape[1] - 1
    left, middle, right = (cost.gather(1, (best + k * step).clamp(0, most)) for k in (-1, 0, 1))
    curve = (left + right - 2 * middle).clamp(min=1e-6)
    return torch.where(inside, ((left - right) / (2 * curve)).clamp(-0.5, 0.5), torch.zeros_like(curve))
