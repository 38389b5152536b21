"""The claim: labelling 640x360@60 h264 on a CPU runs at half the speed of merely decoding it, or better, and 4x real time.

    python benchmarks/label.py ../shared/data/doom/freedoom1_demo4.lmp [--seconds 60] [--repeats 3]
    python benchmarks/label.py data/doom/freedoom1_demo4_player0.mp4

Has dsda-doom draw a person's demo (a .lmp) at 640x480 and 60 pictures a second and squashes them to 640x360; or blows up
the frames of a smaller video, which is quicker to decode than a game drawn at this size. Then takes turns: PyAV decoding
every frame of it with all cores, PyAV decoding as it comes (one thread for most files), and `playtape label`. Prints the
medians and their ratios as JSON. Whole wall-clock times of one process, model loading included.
"""

import argparse
import itertools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import torch

from playtape.clips import resize
from playtape.label import label
from playtape.recordings import Video, dsda, write_video
from playtape.training.memory import keep_freed_memory

FPS, SIZE = 60, (360, 640)


def make(source: Path, out: Path, seconds: float) -> Path:
    if source.suffix == ".lmp":
        frames = dsda.drawn(source, 0, int(seconds * FPS) + 1, fps=FPS)  # one more than is taken, so it may go on
    else:
        frames = Video(source).stream()
    shown = itertools.islice(frames, int(seconds * FPS))
    return write_video(out, (resize(frame, SIZE).permute(1, 2, 0).numpy() for frame in shown), fps=FPS)


def decode(path: Path, threads: str) -> int:
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = threads
        return sum(1 for _ in container.decode(video=0))


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--seconds", type=float, default=50)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--model", type=Path, default=None)
    args = parser.parse_args()
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        video = make(args.source, Path(folder) / "video.mp4", args.seconds)
        seconds, size = Video(video).end_ns / 1e9, video.stat().st_size
        jobs = {
            "decode_all_cores": lambda: decode(video, "AUTO"),
            "decode_default": lambda: decode(video, "SLICE"),
            "label": lambda: label(video, Path(folder) / "out", model=args.model, replace=True, progress=False),
        }
        times: dict[str, list[float]] = {name: [] for name in jobs}
        for _ in range(args.repeats):
            for name, job in jobs.items():
                times[name].append(timed(job))
    median = {name: statistics.median(values) for name, values in times.items()}
    print(
        json.dumps(
            {
                "video": f"{SIZE[1]}x{SIZE[0]}@{FPS} h264 of {args.source.name}, {seconds:.1f} s, {size / 1e6:.1f} MB",
                "cores": os.cpu_count(),
                "torch_threads": torch.get_num_threads(),
                "seconds": {name: [round(value, 2) for value in values] for name, values in times.items()},
                "label_speed_over_decode_all_cores": round(median["decode_all_cores"] / median["label"], 3),
                "label_speed_over_decode_default": round(median["decode_default"] / median["label"], 3),
                "times_real_time": round(seconds / median["label"], 2),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
