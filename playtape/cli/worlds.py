"""The commands of world models."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from playtape.cli.command import Result
from playtape.errors import BadInput


@dataclass(frozen=True)
class Predict:
    """Show what a world model says comes next, over what did: a picture and a film."""

    world: Positional[Path]
    """A world model's checkpoint folder."""
    data: Positional[Path]
    """A recording (.mcap), or a folder of them; what was done in them is what the model is told."""
    out: Path | None = None
    """Where futures.png and futures.mp4 go; without it WORLD/predicted."""
    frames: int = 14
    """How many frames to foretell."""
    samples: int = 4
    """Futures of each moment."""
    clips: int = 4
    """Moments."""
    mode: Literal["exact", "fast"] = "exact"
    """Code by code, or all codes of a frame in a few passes."""
    passes: int = 4
    """Of --mode fast, for each frame: more are better and slower."""
    temperature: float = 1.0
    """Of the draws; 0 takes the likeliest."""
    seed: int = 0
    """Of the draws."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""

    def run(self) -> Result:
        from playtape.imagine.futures import Way
        from playtape.imagine.predict import Counts, predict

        if self.passes < 1:
            raise BadInput(f"--passes is {self.passes}; it must be 1 or more")
        way = Way(self.passes if self.mode == "fast" else 0, self.temperature, seed=self.seed)
        out = self.out or self.world / "predicted"
        counts = Counts(self.frames, self.samples, self.clips)
        return predict(self.world, self.data, out, counts, way=way, device=self.device)

    def text(self, result: Result) -> str:
        lines = [
            f"{len(result['clips'])} moments, PSNR {result['psnr']:.2f} dB, best sample {result['psnr_best']:.2f}; "
            f"last frame held {result['psnr_still']:.2f}; {result['frames_per_s']:.1f} frames a second",
            *(f"note: {text}" for text in result["warnings"]),
        ]
        return "\n".join([*lines, f"Drew {result['picture']} and {result['film']}"])
