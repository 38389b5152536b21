"""The command that asks for causes: of a toy, and of policies."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from playtape.cli.command import Result
from playtape.errors import BadInput


@dataclass(frozen=True)
class EvaluateCausality:
    """Say whether policies act on what they see or on what they did: Pixels2Play's causality score, and its toy problem."""

    paths: Annotated[Positional[tuple[Path, ...]], arg(metavar="RUN... DATA")] = ()
    """Policies' checkpoint folders, and last a recording (.mcap) or a folder of them."""
    toy: bool = False
    """The toy problem instead: five networks learn to brake for an obstacle, beside a brake light."""
    steps: int | None = None
    """Of the toy: examples that each network sees; 3 million without it."""
    seeds: int | None = None
    """Of the toy: how often each network is trained; 10 without it."""
    seed: int = 0
    """Seed of the draws and of the bootstrap intervals; of the toy, the first of its seeds."""
    picture: Path | None = None
    """Also draw the curves over training steps into this file (.png, .svg)."""
    device: str | None = None
    """Of policies: cpu, cuda or cuda:N; without it a GPU if there is one."""

    def run(self) -> Result:
        if self.toy:
            return self._toy()
        if len(self.paths) < 2:
            raise BadInput(f"{len(self.paths)} paths given; legal are RUN... DATA, or --toy")
        if self.steps is not None or self.seeds is not None:
            raise BadInput("--steps and --seeds are of the toy problem; add --toy, or leave them out")
        from playtape.evaluate.causality import causality

        *runs, data = self.paths
        return causality(runs, data, seed=self.seed, picture=self.picture, device=self.device or "auto")

    def _toy(self) -> Result:
        if self.paths or self.device is not None:
            raise BadInput("--toy needs no policy, no recordings and no --device; leave them out, or --toy")
        from playtape.evaluate.toy import SEEDS, STEPS, toy

        steps, seeds = STEPS if self.steps is None else self.steps, SEEDS if self.seeds is None else self.seeds
        return toy(steps=steps, seeds=seeds, seed=self.seed, picture=self.picture)

    def text(self, result: Result) -> str:
        if self.toy:
            from playtape.evaluate.toy import toy_table

            return toy_table(result)
        from playtape.evaluate.causality import causality_table

        return causality_table(result)
