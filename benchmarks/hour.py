"""The claims: an hour of a 1,000 Hz mouse opens in under 20 s on one core, and an hour of video streams in under 1.5 GB.

    python benchmarks/hour.py [--minutes 60]

Writes a recording of that length (a 160x120 video at 30 frames a second, and mouse messages a thousand times a second)
into a temporary folder, then opens it, and streams its video as RGB, each in a process of its own. Prints seconds and the
peak of memory as JSON. The trivial baselines: reading the same bytes, and PyAV decoding every frame without converting it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from playtape.actions import Events
from playtape.recordings import Recording, Video, save_recording, write_video

FPS, HZ = 30, 1000
JOBS = {
    "open the recording": "from playtape.recordings import open_recording; r = open_recording({mcap!r}); n = len(r.events)",
    "read its bytes": "n = len(open({mcap!r}, 'rb').read())",
    "stream the video as RGB": "from playtape.recordings import Video; n = sum(1 for _ in Video({video!r}).stream())",
    "decode the video alone": "import av; n = sum(1 for _ in av.open({video!r}).decode(video=0))",
}
MEASURED = """
import json, resource, time
start = time.perf_counter()
{job}
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({{"seconds": round(seconds, 2), "peak_mb": peak, "items": n}}))
"""


def make(folder: Path, minutes: float) -> Path:
    rng = np.random.default_rng(0)
    frames = (
        rng.integers(0, 256, (15, 20, 3), np.uint8).repeat(8, 0).repeat(8, 1) for _ in range(int(minutes * 60 * FPS))
    )
    video = Video(write_video(folder / "hour.mp4", frames, fps=FPS))
    count = int(minutes * 60 * HZ)
    rows = Events.from_rows([(0, "mouse.dx", 1.0), (0, "mouse.dy", 1.0)])
    events = Events(
        np.arange(count) * (10**9 // HZ),
        rows.input[np.arange(count) % 2],
        rng.integers(-9, 10, count).astype(np.float32),
    )
    return save_recording(Recording(video, events), folder / "hour.mcap")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        mcap = make(Path(folder), args.minutes)
        result = {"minutes": args.minutes, "mcap_mb": mcap.stat().st_size // 10**6}
        for name, job in JOBS.items():
            code = MEASURED.format(job=job.format(mcap=str(mcap), video=str(mcap.with_suffix(".mp4"))))
            run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
            result[name] = json.loads(run.stdout)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
