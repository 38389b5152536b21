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

        way = Way(_passes(self.mode, self.passes), self.temperature, seed=self.seed)
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


@dataclass(frozen=True)
class EvaluateVideo:
    """Judge what a world model foretells against what happened, as published and in full, and whether it heeds what is done."""

    world: Positional[Path]
    """A world model's checkpoint folder."""
    data: Positional[Path]
    """A recording (.mcap), or a folder of them."""
    out: Path | None = None
    """Also draw PSNR by frame into video.png in this folder."""
    clips: int = 256
    """Moments: one of each recording, from its first frame on, and more of each where there are fewer recordings."""
    samples: int = 100
    """Futures of each."""
    frames: int | None = None
    """How many frames to foretell; without it, as many as the model learned to at once."""
    mode: Literal["exact", "fast"] = "exact"
    """Code by code, or all codes of a frame in a few passes."""
    passes: int = 4
    """Of --mode fast, for each frame: more are better and slower."""
    temperature: float = 1.0
    """Of the draws; 0 takes the likeliest."""
    lpips_weights: tuple[Path, ...] = ()
    """VGG16's weights and LPIPS's for its channels (.safetensors, .pth), in one file or in two."""
    i3d: Path | None = None
    """A network for FVD: a TorchScript program, which is run, so name only one that you trust."""
    idm: Path | None = None
    """An inverse dynamics model's checkpoint folder: what it reads of the actions from what was foretold."""
    seed: int = 0
    """Of the draws and of the bootstrap intervals."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""

    def run(self) -> Result:
        from playtape.evaluate.video import Counts, evaluate_video
        from playtape.evaluate.video_panel import Files
        from playtape.imagine.futures import Way

        return evaluate_video(
            self.world,
            self.data,
            Counts(self.clips, self.samples, self.frames),
            files=Files(self.lpips_weights, self.i3d, self.idm),
            way=Way(_passes(self.mode, self.passes), self.temperature, seed=self.seed),
            out=self.out,
            device=self.device,
        )

    def text(self, result: Result) -> str:
        from playtape.evaluate.video_table import video_table

        return "\n".join([video_table(result), *([f"Drew {result['picture']}"] if "picture" in result else [])])


def _passes(mode: str, passes: int) -> int:
    """Of a frame: 0 is code by code."""
    if passes < 1:
        raise BadInput(f"--passes is {passes}; it must be 1 or more")
    return passes if mode == "fast" else 0
