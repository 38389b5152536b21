"""The claim: Pixels2Play's augmentation takes a loader's worker at most 2 ms a frame of 192 by 192.

    OMP_NUM_THREADS=1 python benchmarks/augment.py [--repeats 5]

Prints, for clips of a small and of the published size, milliseconds of processor time a clip: read from the memory map as the
dataset reads it, the published chances (mean over 20 draws), every operation at once, each by itself, re-compression; and the
ratio to plain reading. Processor time, because a busy machine stretches the other kind.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from playtape.clips.augmentation import CHANCES, PUBLISHED, Augmentation
from playtape.clips.optics import apply

OFF = Augmentation(0, 0, 0, 0)
EVERY = replace(PUBLISHED, **dict.fromkeys(CHANCES[:-1], 1.0))


def milliseconds(job: Callable[[], object], repeats: int) -> float:
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        job()
        taken.append(time.process_time() - start)
    return 1e3 * float(np.median(taken))


def rows(frames: np.ndarray, repeats: int) -> dict[str, float]:
    """What is measured, in milliseconds a clip."""
    clip = torch.from_numpy(np.array(frames))
    size = (frames.shape[-2], frames.shape[-1])

    def once(how: Augmentation, seed: int = 0) -> None:
        apply(clip, how.operations(size, np.random.default_rng(seed)))

    jobs: dict[str, Augmentation] = {"every operation": EVERY, "tilt": replace(OFF, tilt=3.0)}
    jobs |= {name: replace(OFF, **{name: 1.0}) for name in CHANCES[:-1]}
    found = {"read": milliseconds(lambda: np.array(frames), repeats)}
    found["published"] = milliseconds(lambda: [once(PUBLISHED, i) for i in range(20)], 1) / 20
    found |= {name: milliseconds(lambda how=how: once(how), repeats) for name, how in jobs.items()}
    again = replace(OFF, recompression=1.0)
    for codec, seed in (("yuv420p", 0), ("rgb", 1)):
        found[f"recompression {codec}"] = milliseconds(
            lambda seed=seed: again.recompressed(clip, np.random.default_rng(seed)), repeats
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    for count, side in ((48, 96), (200, 192)):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "frames.npy"
            blocks = np.random.default_rng(0).integers(0, 256, (count, 3, side // 8, side // 8), np.uint8)
            np.save(path, blocks.repeat(8, 2).repeat(8, 3))
            found = rows(np.load(path, mmap_mode="r"), args.repeats)
        for name, taken in found.items():
            print(f"{count}x{side}x{side}  {name:22s} {taken:8.1f} ms  {taken / max(found['read'], 1e-3):7.1f} x read")


if __name__ == "__main__":
    main()
