"""The claim: the arithmetic of docs/scale.md foretells how long a labelling takes, with machines that die and that dawdle.

    python benchmarks/scale_simulation.py [--hours 10000] [--workers 256] [--seeds 3]
    python benchmarks/scale_simulation.py --hours 1000000 --workers 8192 --seeds 1      # some minutes

A small simulation of discrete events with the rules of playtape/label/schedule.py: videos are read in order and cut in parts,
what is begun comes first, a worker that dies loses its part, which goes to the back, three deaths set a video aside, and one
driver hands out every task and notes every answer. Prints, for each seed and as a mean, the hours it took beside the
arithmetic's, and what was lost.
"""

import argparse
import heapq
import json
import math
import random
import statistics
from collections import deque
from dataclasses import dataclass, field

TRIES = 3


@dataclass(frozen=True)
class World:
    """Assumptions; the defaults are argued for in docs/scale.md. Hours are of video unless they are said to be of work."""

    hours: float = 10_000.0
    workers: int = 256
    speed: float = 10.0  # hours of video a worker labels in an hour of work
    mean_h: float = 0.5  # of a video; lengths are log-normal
    sigma: float = 1.0
    longest_h: float = 30.0
    part_h: float = 0.26  # 32,768 intervals at 35 a second
    slow_share: float = 0.05  # of workers
    slow_by: float = 3.0
    deaths_h: float = 24.0  # hours of work between two deaths of a worker
    restart_s: float = 60.0
    corrupt: float = 0.05  # of videos: found out when they are opened
    killers: float = 0.0005  # of videos: every process that labels them dies
    open_s: float = 2.0  # reading a video's packets, and its digest
    join_s: float = 15.0  # for each hour of video cut in parts
    driver_s: float = 0.004  # a task handed out and its answer noted, with the ledger's fsync


@dataclass(slots=True)
class Video:
    hours: float
    corrupt: bool
    killer: bool
    waiting: int = 0  # parts
    over: bool = False


@dataclass(slots=True)
class Task:
    video: Video
    what: str  # label, part, join
    hours: float  # of video
    tries: int = 0


@dataclass
class Outcome:
    wall_h: float = 0.0
    busy_h: float = 0.0  # of work, all workers
    lost_h: float = 0.0  # of work, by deaths
    tail_h: float = 0.0  # from the first worker that finds nothing to do to the end
    done: int = 0
    aside: int = 0
    deaths: int = 0
    driver_share: float = 0.0


@dataclass
class Simulation:
    world: World
    draw: random.Random
    first: deque[Task] = field(default_factory=deque)
    second: deque[Task] = field(default_factory=deque)

    def run(self) -> Outcome:
        world, found = self.world, Outcome()
        videos = self._videos()
        self.second.extend(Task(video, "label", video.hours) for video in videos)
        speeds = [self._speed() for _ in range(world.workers)]
        idle = list(range(world.workers))
        events: list[tuple[float, int, int, Task | None, bool, float]] = []
        now, driver, count, first_idle, driver_busy = 0.0, 0.0, 0, math.inf, 0.0
        while True:
            while idle and (task := self._choose()):
                worker = idle.pop()
                driver = max(driver, now) + world.driver_s / 3600  # one after the other
                driver_busy += world.driver_s / 3600
                took, died = self._work(task, speeds[worker])
                found.busy_h += took
                end = driver + took + (world.restart_s / 3600 if died else 0)
                count += 1
                heapq.heappush(events, (end, count, worker, task, died, took))
            if idle and events and not (self.first or self.second):
                first_idle = min(first_idle, now)
            if not events:
                break
            now, _, worker, task, died, took = heapq.heappop(events)
            idle.append(worker)
            if task is not None:
                self._answered(task, died, took, found)
        found.wall_h, found.tail_h = now, max(0.0, now - first_idle)
        found.driver_share = driver_busy / now if now else 0.0
        assert found.done + found.aside == len(videos), "a video was lost"
        return found

    def _videos(self) -> list[Video]:
        world, videos, total = self.world, [], 0.0
        mu = math.log(world.mean_h) - world.sigma**2 / 2
        while total < world.hours:
            hours = min(self.draw.lognormvariate(mu, world.sigma), world.longest_h)
            video = Video(hours, self.draw.random() < world.corrupt, self.draw.random() < world.killers)
            videos.append(video)
            total += hours
        return videos

    def _speed(self) -> float:
        return self.world.speed / (self.world.slow_by if self.draw.random() < self.world.slow_share else 1.0)

    def _choose(self) -> Task | None:
        for line in (self.first, self.second):
            while line:
                task = line.popleft()
                if not task.video.over:
                    return task
        return None

    def _work(self, task: Task, speed: float) -> tuple[float, bool]:
        """(hours of work, whether the worker died of or in it)."""
        video, what, hours = task.video, task.what, task.hours
        opening = self.world.open_s / 3600
        if what == "label" and (video.corrupt or hours > self.world.part_h):
            need = opening
        elif what == "join":
            need = opening + hours * self.world.join_s / 3600
        else:
            need = opening + hours / speed
        if video.killer and what != "label":
            return need * self.draw.random(), True
        if video.killer and need > opening:
            return need * self.draw.random(), True
        dies_after = self.draw.expovariate(1 / self.world.deaths_h)
        return (dies_after, True) if dies_after < need else (need, False)

    def _answered(self, task: Task, died: bool, took: float, found: Outcome) -> None:
        video, what, hours = task.video, task.what, task.hours
        if died:
            found.deaths += 1
            found.lost_h += took
            task.tries += 1
            if task.tries >= TRIES and not video.over:
                video.over = True
                found.aside += 1
            elif not video.over:
                (self.second if what == "label" else self.first).append(task)
        elif video.over:
            return
        elif what == "label" and video.corrupt:
            video.over = True
            found.aside += 1
        elif what == "label" and hours > self.world.part_h:
            count = math.ceil(hours / self.world.part_h)
            video.waiting = count
            self.first.extend(Task(video, "part", hours / count) for _ in range(count))
        elif what == "part" and video.waiting > 1:
            video.waiting -= 1
        elif what == "part":
            video.waiting = 0
            self.first.append(Task(video, "join", hours))
        else:
            video.over = True
            found.done += 1


def arithmetic(world: World) -> dict[str, float]:
    """The formulas of docs/scale.md."""
    videos = world.hours / world.mean_h
    sound = world.hours * (1 - world.corrupt)
    mean_speed = world.speed * (1 - world.slow_share + world.slow_share / world.slow_by)
    share_cut = _hours_in_longer(world)  # of all hours, in videos that are cut
    parts = sound * share_cut / world.part_h * 1.15  # the last part of each is a shorter one
    tasks = videos * 2 + parts + sound * share_cut / max(world.mean_h, world.part_h)
    work = sound / mean_speed + (videos + parts) * world.open_s / 3600 + sound * share_cut * world.join_s / 3600
    task_h = min(world.part_h, world.mean_h) / mean_speed
    deaths = 1 + task_h / (2 * world.deaths_h) + world.restart_s / 3600 / world.deaths_h
    spread = work * deaths / world.workers
    last = min(world.part_h, world.longest_h)
    tail = last / (world.speed / world.slow_by if world.slow_share else world.speed)  # at worst
    driver = tasks * world.driver_s / 3600
    return {
        "wall_h": max(spread, driver) + tail,
        "work_h": work * deaths,
        "tail_h": tail,
        "driver_share": driver / (spread + tail),
    }


def _hours_in_longer(world: World) -> float:
    """Of log-normal lengths, the share of all hours that lies in videos longer than a part."""
    mu = math.log(world.mean_h) - world.sigma**2 / 2
    return 0.5 * math.erfc((math.log(world.part_h) - mu - world.sigma**2) / (world.sigma * math.sqrt(2)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=World.hours)
    parser.add_argument("--workers", type=int, default=World.workers)
    parser.add_argument("--speed", type=float, default=World.speed)
    parser.add_argument("--part-hours", type=float, default=World.part_h, help="1000 shows what splitting saves")
    parser.add_argument("--deaths-hours", type=float, default=World.deaths_h)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    world = World(args.hours, args.workers, args.speed, part_h=args.part_hours, deaths_h=args.deaths_hours)
    expected, runs = arithmetic(world), []
    for seed in range(args.seeds):
        found = Simulation(world, random.Random(seed)).run()
        runs.append(found)
        print(
            f"seed {seed}: {found.wall_h:.3f} h (arithmetic {expected['wall_h']:.3f}), tail {found.tail_h:.3f} h, "
            f"{found.done} done, {found.aside} aside, {found.deaths} deaths, {found.lost_h / found.busy_h:.2%} of work lost, "
            f"driver busy {found.driver_share:.1%}"
        )
    wall = statistics.mean(run.wall_h for run in runs)
    work = statistics.mean(run.busy_h for run in runs)
    told = {
        "simulated_wall_h": round(wall, 3),
        "arithmetic_wall_h": round(expected["wall_h"], 3),
        "simulated_over_arithmetic": round(wall / expected["wall_h"], 3),
        "simulated_worker_hours": round(work, 1),
        "arithmetic_worker_hours": round(expected["work_h"], 1),
        "simulated_tail_h": round(statistics.mean(run.tail_h for run in runs), 3),
        "driver_busy": round(statistics.mean(run.driver_share for run in runs), 4),
    }
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
