"""A transformer over a line of tokens: the codes of a few whole frames, and then for each later one a slot and few codes.

The body is LLaMA's. Each code is foretold by the token before it; a slot is never foretold. Beside that way, in which a code is
given all before it, there is a second over the same past: a frame's codes are asked for side by side, given those of them that
are known (MaskGIT, arXiv 2202.04200).

Shapes: `N` lines, `K` whole frames of `I` codes, `F` later frames of `J` codes, `D` width; `P` = K (I + 1) - 1 tokens of the
former, `L` = P + F (1 + J).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from playtape.nets.transformer import Block, Memory, RMSNorm, rotary

EPS = 1e-6  # of the norms, LLaMA's


@dataclass(frozen=True)
class Said:
    """Of later frames: their tokens as the body leaves them, slots first, `given` [N, F, 1 + J, D]; and in the second way their
    codes as they were asked for, `asked` [N, F, J, D], and which of them were not known, `hid` bool [N, F, J]."""

    given: Tensor
    asked: Tensor | None = None
    hid: Tensor | None = None


class Line(nn.Module):
    """`contexts` and `codes`: how many codes a whole frame and a later one can have."""

    def __init__(self, contexts: int, codes: int, width: int, layers: int, heads: int, hidden: int, dropout: float):
        super().__init__()
        self.contexts, self.codes, self.size = contexts, codes, width // heads
        self.embed = nn.Embedding(contexts + codes + 2, width)  # the last two: between whole frames, and slots
        self.blocks = nn.ModuleList(
            Block(width, heads, dropout, hidden=hidden, normed=False, eps=EPS) for _ in range(layers)
        )
        self.norm = RMSNorm(width, EPS)
        self.head = nn.Linear(width, codes, bias=False)
        self.blank = nn.Parameter(torch.zeros(width))  # a code that is not known yet, in the second way
        for module in (self.embed, self.head, *self.blocks.modules()):
            if isinstance(module, nn.Embedding | nn.Linear):
                nn.init.normal_(module.weight, std=(3 * width) ** -0.5)  # the published 0.02 at its width of 768

    # ---- codes to tokens

    def whole(self, codes: Tensor) -> Tensor:
        """Codes of whole frames [N, K, I] to tokens [N, P, D]: frame by frame, with one between two."""
        between = torch.full_like(codes[..., :1], self.contexts + self.codes)
        return self.embed(torch.cat([between, codes], 2).flatten(1)[:, 1:])

    def later(self, codes: Tensor) -> Tensor:
        """Codes of later frames [*b] to tokens [*b, D]."""
        return self.embed(codes + self.contexts)

    @property
    def slot(self) -> Tensor:
        """The token that opens a later frame, [D]."""
        return self.embed.weight[self.contexts + self.codes + 1]

    # ---- tokens to what they foretell

    def forward(self, whole: Tensor, slots: Tensor, codes: Tensor, *, parallel: bool = False) -> Said:
        """Tokens of whole frames [N, P, D], slots [N, F, D] and codes [N, F, J] of later ones. `parallel` asks in both ways."""
        n, f, j = codes.shape
        own = self.later(codes)
        line = torch.cat([whole, torch.cat([slots[:, :, None], own], 2).flatten(1, 2)], 1)
        length, start = line.shape[1], whole.shape[1]
        position = torch.arange(length, device=line.device)
        mask = position[:, None] >= position[None]
        if not parallel:
            return Said(self.body(line, position, mask)[:, start:].unflatten(1, (f, 1 + j)))
        hid = self._hidden(n, f, j)
        asked = torch.where(hid[..., None], self.blank, own).flatten(1, 2)
        of = torch.arange(f, device=line.device).repeat_interleave(j)  # which frame each asked code is of
        before = position[None] < (start + of * (1 + j) + 1)[:, None]  # the past, and the frame's own slot
        mask = torch.cat([functional.pad(mask, (0, f * j)), torch.cat([before, of[:, None] == of[None]], 1)])
        places = start + torch.arange(f * (1 + j), device=line.device).view(f, 1 + j)[:, 1:].flatten()
        x = self.body(torch.cat([line, asked], 1), torch.cat([position, places]), mask)
        return Said(x[:, start:length].unflatten(1, (f, 1 + j)), x[:, length:].unflatten(1, (f, j)), hid)

    def body(
        self, x: Tensor, position: Tensor, mask: Tensor | None, memories: Sequence[Memory] | None = None
    ) -> Tensor:
        """Tokens [N, T, D] at positions [T], mixed under `mask` bool [T, all that may be looked at]."""
        angles = rotary(position, self.size)
        for k, block in enumerate(self.blocks):
            x = block(x, angles, mask, None if memories is None else memories[k])
        return self.norm(x)

    def nats(self, hidden: Tensor, codes: Tensor) -> Tensor:
        """How much later frames' codes [*b] surprise, given what foretells them, [*b, D]."""
        logits = self.head(hidden).float()
        return functional.cross_entropy(logits.flatten(0, -2), codes.flatten(), reduction="none").view(codes.shape)

    def _hidden(self, *shape: int) -> Tensor:
        """Which codes [N, F, J] the second way has to guess: in training as many as it meets on its way, else all."""
        device = self.blank.device
        if not self.training:
            return torch.ones(shape, dtype=torch.bool, device=device)
        share = torch.rand(*shape[:2], 1, device=device).acos() * 2 / torch.pi  # MaskGIT's cosine: often much is hidden
        at_least = functional.one_hot(torch.randint(shape[2], shape[:2], device=device), shape[2]).bool()
        return (torch.rand(shape, device=device) < share) | at_least
