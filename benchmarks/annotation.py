"""The claim: an hour of Pixels2Play's annotation (72,000 frames, 13 events a frame) opens in under 5 s and 500 MB on one core.

    python benchmarks/annotation.py [--minutes 60] [--seed 0]

Makes such a folder from a seed, with a 32x32 video: a hand that moves a mouse, holds keys and clicks, and the levels and sums
that come of that. Then opens it, and writes it back with another game, each in a process of its own. Prints seconds and the
peak of memory, of the interpreter and its libraries as well, as JSON. The baselines: only importing, and protobuf's parsing.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from playtape.recordings import write_video
from playtape.recordings.proto.video_annotation_pb2 import FrameAnnotation, VideoAnnotation

FPS, EVENTS, MS = 20, 13, 1_000_000
KEYS = ("w", "a", "s", "d", "Space", "LeftShift", "1", "e")
IMPORT = "from pathlib import Path; from playtape.recordings.formats import p2p; from playtape.recordings.annotation import load"
JOBS = {
    "import alone": "n = 0",
    "parse alone": "n = len(load(Path({folder!r}) / 'annotation.proto').frame_annotations)",
    "read": "r = p2p.read(Path({folder!r})); n = len(r.events); assert not r.warnings, r.warnings",
    "read and write back with another game": (
        "from dataclasses import replace; r = p2p.read(Path({folder!r})); n = len(r.events); "
        "p2p.write(replace(r, info=replace(r.info, game='other')), Path({folder!r}) / 'back')"
    ),
}
MEASURED = """
import json, resource, time
start, cpu = time.perf_counter(), time.process_time()
{imports}
{job}
seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({{"seconds": round(seconds, 2), "cpu_seconds": round(cpu, 2), "peak_mb": peak, "items": n}}))
"""


class Hand:
    """Presses and releases keys, clicks, and moves."""

    def __init__(self, seed: int):
        self.draw = np.random.default_rng(seed)
        self.held: dict[str, None] = {}
        self.down = False
        self.at = [1920, 1080]

    def act(self, frame: FrameAnnotation, since: int) -> None:
        """13 events since the frame before, and what they come to."""
        times = np.sort(self.draw.integers(since + 1, frame.frame_time, EVENTS)).tolist()
        kinds = self.draw.random(EVENTS).tolist()
        mouse = frame.user_action.mouse
        frame.user_action.is_known = True
        frame.system_action.SetInParent()
        for time, kind in zip(times, kinds):
            event = frame.input_events.add(time=time)
            if kind < 0.05:
                key = KEYS[int(self.draw.integers(len(KEYS)))]
                event.keyboard_event.key, event.keyboard_event.pressed = key, key not in self.held
                self.held.pop(key) if key in self.held else self.held.update({key: None})
            elif kind < 0.06:
                self.down = not self.down
                event.mouse_event.button, event.mouse_event.pressed = "Left", self.down
            elif kind < 0.3:
                x, y = self.draw.integers(1, 30, 2).tolist()
                event.mouse_delta_event.x, event.mouse_delta_event.y = x, -y
                mouse.mouse_delta_px.x, mouse.mouse_delta_px.y = mouse.mouse_delta_px.x + x, mouse.mouse_delta_px.y - y
            else:
                self.at = [place + step for place, step in zip(self.at, self.draw.integers(-9, 10, 2).tolist())]
                event.mouse_move_event.x, event.mouse_move_event.y = self.at
        frame.user_action.keyboard.keys.extend(key for key in self.held if key != "LeftShift")
        mouse.buttons_down.extend(["0"] if self.down else [])
        mouse.mouse_absolute_px.x, mouse.mouse_absolute_px.y = self.at


def make(folder: Path, minutes: float, seed: int) -> Path:
    """A published folder of that length."""
    count, hand = int(minutes * 60 * FPS), Hand(seed)
    message = VideoAnnotation(version=5)
    message.metadata.env.env, message.metadata.frames_per_second = "seeded", FPS
    message.metadata.capture_device_specs.recap_version = 13
    times = 130 * MS + np.arange(count) * 50 * MS + np.random.default_rng(seed).integers(-8 * MS, 8 * MS, count)
    for before, time in zip([0, *times[:-1].tolist()], times.tolist()):
        hand.act(message.frame_annotations.add(frame_time=time), before)
    (folder / "annotation.proto").write_bytes(message.SerializeToString())
    frames = (np.full((32, 32, 3), number % 200, np.uint8) for number in range(count))
    write_video(folder / "video.mp4", frames, fps=FPS)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        with ProcessPoolExecutor(1, get_context("spawn")) as apart:  # a child's peak begins with its parent's
            folder = apart.submit(make, Path(name), args.minutes, args.seed).result()
        size = (folder / "annotation.proto").stat().st_size
        result = {"minutes": args.minutes, "annotation_mb": round(size / 1e6, 1)}
        for job, code in JOBS.items():
            script = MEASURED.format(imports=IMPORT, job=code.format(folder=str(folder)))
            run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
            result[job] = json.loads(run.stdout)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
