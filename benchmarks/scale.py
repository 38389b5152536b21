"""The claim: a labelling that is killed twenty times ends as one that nobody disturbed, and costs no more than decode and model.

    python benchmarks/scale.py                                            # the whole claim: 200 videos, 10 bad, 20 kills
    python benchmarks/scale.py --videos 24 --bad 2 --kills 3 --no-ray     # a small form of it

Cuts videos of different lengths from the sample (or --source), spoils some, and labels them
- by decode and model alone (no label, no ledger: the beliefs are thrown away),
- by `playtape label` in one process, and in --workers processes,
- by `--engine ray` with as many actors,
- in a process of its own that is killed by SIGKILL at --kills moments and begun again each time.

Prints JSON: seconds of wall and processor side by side, rates from the first label to the last (so that the starts of processes
and of Ray do not count), and what the kills did: labels compared byte by byte, what was lost, what was done twice. On a
machine that does other work too, the processor's seconds are what to compare.
"""

import argparse
import json
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playtape.demo import SAMPLE
from playtape.label import label
from playtape.label.label import Watched
from playtape.label.ledger import DONE, QUARANTINED, Ledger
from playtape.label.run import SHIPPED
from playtape.recordings import Video, write_video
from playtape.training import checkpoint
from playtape.training.memory import keep_freed_memory


def make(folder: Path, source: Path, count: int, bad: int, seconds: float) -> None:
    """So many videos of `seconds` on average, each of its own frames; the first `bad` of them are spoiled in one of three
    ways."""
    frames, draw = Video(source)[:], random.Random(0)
    fps = Video(source).fps
    for number in range(count):
        length = min(len(frames), max(60, round(seconds * fps * draw.uniform(0.5, 1.5))))
        start = draw.randrange(len(frames) - length + 1)
        path = write_video(folder / f"{number % 7}" / f"video{number:04}.mp4", frames[start : start + length], fps=fps)
        if number < bad:
            data = path.read_bytes()
            path.write_bytes((data[: len(data) // 2], draw.randbytes(len(data)), b"")[number % 3])


def timed(work: Callable[[], Any]) -> tuple[dict[str, float], Any]:
    """Wall and processor seconds, of processes begun and ended meanwhile too."""
    before, start = cpu(), time.perf_counter()
    found = work()
    return {"wall": round(time.perf_counter() - start, 2), "processor": round(cpu() - before, 2)}, found


def cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def alone(videos: Path) -> int:
    """Decode and model, and nothing else, of every video that can be."""
    loaded, done = checkpoint.load(SHIPPED, to="label"), 0
    for path in sorted(videos.rglob("*.mp4")):
        try:
            Watched(Video(path), loaded).beliefs()
        except ValueError:
            continue
        done += 1
    return done


def rate(out: Path) -> float:
    """Labels a second, from the first to the last."""
    times = sorted(path.stat().st_mtime for path in out.rglob("*.mcap"))
    return round((len(times) - 1) / max(1e-9, times[-1] - times[0]), 3)


def bytes_of(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*.mcap"))}


def written(out: Path) -> dict[str, int]:
    if not out.exists():
        return {}
    lines = Ledger(out).lines.values()
    return {line.name: (out / line.output).stat().st_mtime_ns for line in lines if line.state == DONE}


def labelling(videos: Path, out: Path, workers: int, *more: str) -> list[str]:
    """The command."""
    whole = [sys.executable, "-m", "playtape", "label", str(videos), "--out", str(out), "--workers", str(workers)]
    return [*whole, *more]


def killed(videos: Path, out: Path, kills: int, workers: int, total: int) -> dict[str, Any]:
    """Label in a process that is killed whenever some more labels are there, and at last is let be."""
    command = labelling(videos, out, workers, "--json")
    draw, before, twice, done = random.Random(0), written(out), 0, 0
    for number in range(kills):
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wanted = len(before) + draw.uniform(0, 2) * (total - len(before)) / (kills - number + 1)
        while run.poll() is None and len(list(out.rglob("[!.]*.mcap"))) < wanted:
            time.sleep(0.005)
        time.sleep(draw.uniform(0, 0.3))
        done += run.poll() is None
        run.send_signal(signal.SIGKILL)
        run.wait()
        now = written(out)
        twice += sum(now[name] != at for name, at in before.items())
        before = now
    last = subprocess.run(command, capture_output=True, text=True, check=True)
    twice += sum(written(out)[name] != at for name, at in before.items())
    return {
        "kills": done,
        "labelled_twice": twice,
        "at_last": {k: json.loads(last.stdout)[k] for k in ("done", "resumed")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=200)
    parser.add_argument("--bad", type=int, default=10)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=6.0, help="of a video, on average")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--source", type=Path, default=SAMPLE)
    parser.add_argument("--no-ray", action="store_true")
    args = parser.parse_args()
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        videos, outs = Path(folder) / "videos", Path(folder)
        make(videos, args.source, args.videos, args.bad, args.seconds)
        alone_first = next(iter(sorted(videos.rglob("*.mp4"), reverse=True)))
        label(alone_first, outs / "warm", progress=False)  # imports, and what a first picture costs
        shutil.rmtree(outs / "warm")
        times: dict[str, dict[str, float]] = {}
        times["decode_and_model"], good = timed(lambda: alone(videos))
        times["one_process"], result = timed(lambda: label(videos, outs / "one", progress=False))
        hours = result["video_hours"]
        times["workers"], _ = timed(lambda: label(videos, outs / "many", workers=args.workers, progress=False))
        if not args.no_ray:
            ray = labelling(videos, outs / "ray", args.workers, "--engine", "ray")
            times["ray"], _ = timed(lambda: subprocess.run(ray, check=True, capture_output=True))
        kills = killed(videos, outs / "killed", args.kills, args.workers, good)
        whole = bytes_of(outs / "one")
        sides = [name for name in ("many", "ray", "killed") if (outs / name).exists()]
        aside = {
            name: sum(line.state == QUARANTINED for line in Ledger(outs / name).lines.values())
            for name in ("one", *sides)
        }
        rates = {name: rate(outs / name) for name in ("many", "ray") if (outs / name).exists()}
        told = {
            "videos": args.videos,
            "hours_of_video": round(hours, 4),
            "seconds": times,
            "one_process_over_decode_and_model": {
                kind: round(times["one_process"][kind] / times["decode_and_model"][kind], 3)
                for kind in ("wall", "processor")
            },
            "video_seconds_a_processor_second": round(3600 * hours / times["one_process"]["processor"], 2),
            "labels_a_second": rates,
            "ray_over_workers": round(rates["ray"] / rates["many"], 3) if "ray" in rates else None,
            "killed": kills,
            "quarantined": aside,
            "the_same_bytes": {name: bytes_of(outs / name) == whole for name in sides},
        }
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
