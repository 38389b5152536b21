"""What a model can be asked for. A model implements those it can; state is explicit, there are no hidden caches.

Shapes: `*b` any leading batch, `T` frames, `B` buttons, `A` axes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from torch import Generator, Tensor, nn

from playtape.actions import Actions, ActionSpace
from playtape.clips import Clip


@dataclass(frozen=True)
class Labels:
    """What a labeller believes of each interval.

    - `held` [*b, T, B]: probability that the button is down at any moment of it.
    - `pressed`, `released` [*b, T, B]: probability that the state changes to held, to free, from the interval before.
    - `mean`, `std` [*b, T, A]: the axis' distribution in its own unit.
    """

    held: Tensor
    pressed: Tensor
    released: Tensor
    mean: Tensor
    std: Tensor


class Model(nn.Module):
    """A network with all that a checkpoint needs to build it again: `config` (a frozen dataclass) and `space`."""

    config: Any
    space: ActionSpace


@runtime_checkable
class Trainable(Protocol):
    """`losses(clip)["loss"]` is minimised, the other entries are only logged."""

    def losses(self, clip: Clip) -> Mapping[str, Tensor]: ...


Rows = tuple[Tensor, ...]
"""What a labeller sees in neighbouring frames: tensors of [N, T-1, ...], each model's own business."""


@runtime_checkable
class Labeler(Protocol):
    """Beliefs in two steps, so that a video of any length costs each frame but one look.

    `look(frames uint8 [N, T, 3, H, W])` gives rows of T-1 intervals, each from its own two frames alone; `judge` mixes them
    along time, past and future, to beliefs of T-1 rows. Rows further than `reach` from t do not matter to t.
    """

    reach: int

    def look(self, frames: Tensor) -> Rows: ...

    def judge(self, rows: Rows) -> Labels: ...


@runtime_checkable
class Follower(Protocol):
    """Beliefs of a whole video, from its start on: what it said before bears on what it says next, so no stretch stands alone.

    `follow` takes all frames in order, uint8 in batches of [n, 3, H, W], T in all, and gives Labels of T rows on the CPU, without
    a batch; memory is bounded whatever T is. `reach` is how many frames after row t's own have to be there for it to be judged.
    """

    reach: int

    def follow(self, batches: Iterable[Tensor]) -> Labels: ...


class Playing(Protocol):
    """A Player's state: what N players saw and did. They come and go without touching each other.

    An index names players, each once.
    """

    def rows(self, index: Sequence[int]) -> Any:
        """The state of these players alone. It may share memory with the whole, which is not to be used before `put`."""
        ...

    def put(self, index: Sequence[int], part: Any) -> Any:
        """The whole, after `rows(index)` of it has become `part`."""
        ...

    def fresh(self, index: Sequence[int]) -> Any:
        """The whole, where these players begin anew."""
        ...


@runtime_checkable
class Player(Protocol):
    """p(a_t given x_<=t, a_<t), a frame at a time, for N players side by side. A state is used up by the call it is given to."""

    def start(self, players: int = 1) -> Playing: ...

    def act(
        self,
        state: Any,
        frames: Tensor,  # uint8 [N, 3, H, W]
        text: Tensor | None = None,  # [N, E]
        *,
        temperature: float | Tensor = 1.0,  # of all, or [N]
        generator: Generator | None = None,
    ) -> tuple[Actions, Any]: ...  # buttons [N, B], axes [N, A]

    def told(self, state: Any, actions: Actions) -> Any:
        """The state, if hands did something else than `act` said last."""
        ...


@runtime_checkable
class Foreteller(Protocol):
    """What a player holds likely at every frame of clips, told what was truly done before it (teacher-forced).

    `foretell(clip [N, T])` gives logits of each kind of choice, [N, T, slots, classes]; row t is of the action at frame t, which
    only later slots of the same row are told.
    """

    def foretell(self, clip: Clip) -> Mapping[str, Tensor]: ...


@runtime_checkable
class Simulator(Protocol):
    """p(x_{t+1} given x_<=t, a_<=t), a frame at a time, for S futures of each of N contexts: M = N * S side by side.

    A state is used up by the call that it is given to.
    """

    earns: bool  # has it learned to foretell what a step earns, and whether it is the last?
    fast: bool  # has it learned to foretell a frame in a few passes?

    @property
    def ends(self) -> tuple[Tensor, Tensor]:
        """The least and the most of each axis that it tells apart from what lies beyond, [A] each."""
        ...

    def beginning(self, frames: Tensor) -> Tensor:
        """Of clips uint8 [N, T, 3, H, W] the part that `start` takes, [N, K, 3, H, W]."""
        ...

    def start(self, frames: Tensor, futures: int = 1, embodiment: Tensor | None = None) -> Any:
        """Contexts uint8 [N, K, 3, H, W] to the state of M futures; those of one context are neighbours.

        `embodiment` int64 [N] is whose actions it will be told, where it knows several bodies.
        """
        ...

    def coded(self, frames: Tensor) -> Tensor:
        """Clips uint8 [N, K + F, 3, H, W] that begin as `start` takes them to their later frames [N, F, 3, H, W] in 0 to 1, as
        well as the model can say them: nothing is foretold."""
        ...

    def step(
        self,
        state: Any,
        actions: Actions,  # what is done now: buttons [M, B], axes [M, A]
        *,
        passes: int = 0,  # 0 is exact; else how many passes a frame takes
        temperature: float = 1.0,
        top: int = 100,
        generator: Generator | None = None,
    ) -> Any:
        """The state a frame later."""
        ...

    def frames(self, state: Any, last: int) -> Tensor:
        """The last frames of each future, [M, last, 3, H, W] in 0 to 1."""
        ...

    def outcome(self, state: Any) -> tuple[Tensor, Tensor]:
        """What the last step earned, and the chance that it ended everything, [M] each; to be asked once a step at most.

        Raises BadInput for a model that has not learned to, `earns`.
        """
        ...


@runtime_checkable
class Tokenizer(Protocol):
    """Frames to codes and back: a context of whole frames, and later ones in its light. Knows no actions.

    Codes are int64, those of K context frames [N, K, I] and of F later ones [N, F, J].
    """

    def encode(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 [N, K + F, 3, H, W] to both."""
        ...

    def draw(self, codes: Tensor) -> Any:
        """A context's codes to what later frames are drawn beside; its `frames` are [N, K, 3, H, W] in 0 to 1."""
        ...

    def decode(self, codes: Tensor, drawn: Any) -> Tensor:
        """Later frames' codes to [N, F, 3, H, W] in 0 to 1."""
        ...


@runtime_checkable
class Fitted(Protocol):
    """Has values that are measured on the training data before the first step: `fit(numpy actions of T rows)`.

    `embodiment` int64 [T] says which body each row is of; left out, all are of the first.
    """

    def fit(self, actions: Actions, embodiment: np.ndarray | None = None) -> None: ...


@runtime_checkable
class Comparing(Protocol):
    """Learns by how far apart pictures are for a frozen network that is no part of it, and which its config names (`perceptual`).

    `see_by` takes it before the first step: float [M, 3, H, W] in 0 to 1, twice, to [M].
    """

    def see_by(self, apart: nn.Module) -> None: ...
